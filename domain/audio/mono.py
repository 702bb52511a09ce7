"""One channel at the rate that an analysis wants."""

import numpy as np
import soxr
from numpy.typing import NDArray

from domain.audio.analysis import Samples, Sound

# When the mix is so much weaker than the louder channel, the channels cancel each other.
_CANCELLED = 10 ** (-12 / 20)


def mono(sound: Sound, rate_hz: int) -> Samples:
    """One channel of a sound at a rate: the mean of all, or the loudest where the mean cancels itself out.

    Low-frequency effects are left out of the mean.
    """
    return resampled(mixed(sound), sound.rate_hz, rate_hz)


def resampled(one: Samples, from_hz: int, to_hz: int) -> Samples:
    """One channel at another rate."""
    if from_hz != to_hz and len(one):
        one = np.asarray(soxr.resample(one, from_hz, to_hz), np.float32)
    return np.ascontiguousarray(one, np.float32)


def mixed(sound: Sound) -> Samples:
    """One channel of a sound at its own rate."""
    samples: Samples = sound.samples
    heard = [at for at in range(samples.shape[0]) if sound.layout[at : at + 1] not in (("LFE",), ("LFE2",))]
    if len(heard) < 2:
        return _row(samples, heard[0] if heard else 0)
    mix = _row(samples, heard[0]).copy()
    for at in heard[1:]:
        mix += samples[at]
    mix /= len(heard)
    levels = [_level(samples[at]) for at in heard]
    if _level(mix) < max(levels) * _CANCELLED / (len(heard) / 2):
        return _row(samples, heard[int(np.argmax(levels))])
    return mix


def _row(samples: Samples, at: int) -> Samples:
    row: Samples = samples[at]
    return row


def _level(one: NDArray[np.float32]) -> float:
    return float(np.sqrt(float(one @ one) / max(len(one), 1)))
