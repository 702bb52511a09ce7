"""Whether there is anything to hear that a tagger could name: not in silence, noise or one steady tone.

A tagger always answers. Played white noise it says "ambient", played nothing it says "classical"; so it is
asked only where the sound moves as music does.
"""

import numpy as np
from numpy.typing import NDArray

from domain.audio import mel

Samples1d = NDArray[np.float32]

_SILENT_DBFS = -60.0
# What is looked at is brought to this level, so that a quiet sound is judged as a loud one is.
_LEVEL = 0.1
# An eighth of a second: white noise moves from frame to frame, but not from one eighth to the next.
_SMOOTHED = 8
# Decades. White and pink noise move by 0.12 and 0.13, steady tones by less than 0.05; of the music looked at
# (docs/enrichment.md) the stillest, dense metal and drones, moves by 0.19 and more.
_LEAST_MOVEMENT = 0.155
_LOOKED_AT = 6


def nothing_to_hear(samples: Samples1d) -> str | None:
    """Why no tagger should be asked; None where there is something to hear. samples: 16 kHz mono."""
    if samples.size < mel.LEAST_S * mel.RATE_HZ:
        return f"less than {mel.LEAST_S:.0f} s of sound"
    if not np.isfinite(samples).all():
        return "the samples are not finite"
    loudest = _loudest_second_dbfs(samples)
    if loudest < _SILENT_DBFS:
        return f"silence: the loudest second is at {loudest:.0f} dBFS"
    if movement(samples) < _LEAST_MOVEMENT:
        return "nothing moves: noise or a steady tone"
    return None


def movement(samples: Samples1d) -> float:
    """How much each mel band moves over three seconds, in decades, weighed by how loud it is."""
    level = samples - samples.mean()
    level *= _LEVEL / max(float(np.sqrt(level @ level / level.size)), 1e-9)
    pictures = mel.patches(level, most=_LOOKED_AT)
    summed = np.cumsum(pictures, axis=1)
    smooth = (summed[:, _SMOOTHED:] - summed[:, :-_SMOOTHED]) / _SMOOTHED
    loud = smooth.mean(axis=1)
    moved = (smooth.std(axis=1) * loud).sum(axis=1) / np.maximum(loud.sum(axis=1), 1e-9)
    return float(np.median(moved))


def _loudest_second_dbfs(samples: Samples1d) -> float:
    seconds = samples[: samples.size // mel.RATE_HZ * mel.RATE_HZ].reshape(-1, mel.RATE_HZ)
    power = float(np.einsum("ij,ij->i", seconds, seconds).max()) / mel.RATE_HZ
    return 10 * float(np.log10(max(power, 1e-12)))
