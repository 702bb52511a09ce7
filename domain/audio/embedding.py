"""The vector by which two sounds are compared: 400 numbers, of unit length."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from domain.audio.reference import reference

DIMENSIONS = 400
# Beyond so many deviations a number says only that it is out of the ordinary.
_MOST_DEVIATIONS = 4.0


def embedding(vector: NDArray[np.float32]) -> tuple[float, ...] | None:
    """The averaged penultimate layers of both taggers, standardised and of length one.

    Without standardising, the few numbers that are large for every sound would make all sounds alike. The
    means and deviations are those of `taggers.json` (docs/enrichment.md says of which sounds).
    """
    mean, deviation = _reference()
    if vector.shape != (DIMENSIONS,) or not np.isfinite(vector).all():
        return None
    standard = np.clip((vector - mean) / deviation, -_MOST_DEVIATIONS, _MOST_DEVIATIONS)
    length = float(np.linalg.norm(standard))
    if length == 0:
        return None
    return tuple(round(float(number), 6) for number in standard / length)


def similarity(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """How alike two sounds are: the cosine of their vectors, -1 to 1."""
    return float(np.dot(np.array(one), np.array(other)))


@cache
def _reference() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    stored = reference()["embedding"]
    return np.array(stored["mean"]), np.array(stored["deviation"])
