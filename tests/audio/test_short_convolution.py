"""Convolutions in fewer products give what plain ones give."""

import numpy as np
import pytest

from domain.adapters.audio.short_convolution import matrices


@pytest.mark.parametrize(("moves", "taps"), [(1, 7), (2, 3), (4, 4), (6, 7)])
def test_the_filtered_samples_are_those_of_the_plain_sum(moves: int, taps: int) -> None:
    dice = np.random.default_rng(moves)
    samples, filters = dice.normal(size=(moves + taps - 1, 500)), dice.normal(size=(taps, 500))
    read, weigh, make = matrices(moves, taps)
    plain = [(samples[at : at + taps] * filters).sum(axis=0) for at in range(moves)]
    np.testing.assert_allclose(make @ ((weigh @ filters) * (read @ samples)), plain, atol=1e-11)
    single = make.astype(np.float32) @ (
        (weigh @ filters).astype(np.float32) * (read.astype(np.float32) @ samples.astype(np.float32))
    )
    np.testing.assert_allclose(single, plain, atol=2e-4)


def test_more_places_than_are_known_are_refused() -> None:
    with pytest.raises(ValueError, match="13 places; at most 12 are known"):
        matrices(7, 7)
