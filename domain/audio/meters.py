"""How a long sound is measured in one pass: it is heard block by block, and no meter holds what it heard."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from domain.audio.analysis import Samples, Sound

# Values of one block: long enough for the transforms to be quick, short enough to stay in the cache.
BLOCK_VALUES = 1 << 19


class Meter(Protocol):
    """Hears all blocks of a sound in order, then tells."""

    def begin(self, rate_hz: int, layout: Sequence[str]) -> None:
        """The rate and the channels, once, before the first block."""
        ...

    def add(self, block: Samples) -> None:
        """The next block: (channels, frames). It may be used until this returns, and is not changed."""
        ...


def hear(sound: Sound, *meters: Meter) -> None:
    """Let meters hear a sound that is held whole."""
    for meter in meters:
        meter.begin(sound.rate_hz, sound.layout)
    for block in blocks(sound.samples):
        for meter in meters:
            meter.add(block)


def blocks(samples: Samples) -> Iterator[Samples]:
    """The samples in blocks, without copying them."""
    step = max(BLOCK_VALUES // max(samples.shape[0], 1), 1)
    for at in range(0, samples.shape[1], step):
        yield samples[:, at : at + step]
