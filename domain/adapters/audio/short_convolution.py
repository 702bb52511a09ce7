"""Convolutions in fewer products: as a polynomial is known by its values at as many places as it has terms.

A run of samples is a polynomial, and so is a short filter. Both are told by their values at some places,
multiplied place by place, and the product is put together again: six results of a filter of seven taps take
twelve products instead of 42. The places are small, so that single precision loses next to nothing.

Source: Toom and Cook; Winograd, "Arithmetic Complexity of Computations", 1980.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Exact = NDArray[np.float64]

_PLACES = tuple(
    Fraction(place) for place in ("0", "1", "-1", "2", "-2", "1/2", "-1/2", "3", "-3", "1/3", "-1/3")
)  # and the one at infinity


def matrices(moves: int, taps: int) -> tuple[Exact, Exact, Exact]:
    """What reads a run of samples, what reads a filter, and what makes of their product the filtered samples.

    (places, places), (places, taps) and (moves, places), where there are moves + taps - 1 places:
    filtered = last @ ((second @ filter) * (first @ samples)), with `filter` as it lies on the samples.
    """
    count = moves + taps - 1
    if count - 1 > len(_PLACES):
        raise ValueError(f"{count} places; at most {len(_PLACES) + 1} are known")
    places = _PLACES[: count - 1]
    samples, filters, made = np.zeros((count, count)), np.zeros((count, taps)), np.zeros((moves, count))
    for row, place in enumerate(places):
        others = [other for other in places if other != place]
        apart = Fraction(1)
        for other in others:
            apart *= place - other
        samples[row, : count - 1] = _product(others)
        filters[row] = [float(place**power / apart) for power in range(taps)]
        made[:, row] = [float(place**power) for power in range(moves)]
    samples[-1] = _product(places)
    filters[-1, -1] = made[-1, -1] = 1
    # Numbers of one size everywhere; the filters, which are read once and exactly, take the rest.
    sizes, lengths = np.abs(samples).sum(axis=1), np.abs(made).max(axis=0)
    return samples / sizes[:, None], filters * (sizes * lengths)[:, None], made / lengths


def _product(roots: Sequence[Fraction]) -> list[float]:
    """The polynomial that is zero at these places, lowest power first."""
    terms = [Fraction(1)]
    for root in roots:
        raised, lowered = [Fraction(0), *terms], [*terms, Fraction(0)]
        terms = [high - root * low for high, low in zip(raised, lowered, strict=True)]
    return [float(term) for term in terms]
