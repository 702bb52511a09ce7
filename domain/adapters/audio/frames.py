"""Decoded frames put together into blocks: there are hundreds a second, and each is the less work for it."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from domain.audio.analysis import Samples

_ENOUGH = 1 << 16
_TYPES: dict[str, type[np.generic]] = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "flt": np.float32,
    "dbl": np.float64,
}
_SCALES = {"u8": 1 / 128, "s16": 1 / 32_768, "s32": 1 / 2_147_483_648}
# What a damaged packet of a lossy codec gives can be noise far beyond full scale: no music swings so wide.
_WILDEST = 8.0


@dataclass(frozen=True, kw_only=True)
class Block:
    """Frames in a row. samples: (channels, values), full scale ±1.0; broken: frames of noise, now silent."""

    samples: Samples
    rate_hz: int
    layout: tuple[str, ...]
    broken: int


class Frames:
    """Frames that wait until they are enough. lossless: what the codec gives is believed, however wide."""

    def __init__(self, *, lossless: bool) -> None:
        self._lossless = lossless
        self._kind: tuple[str, int, int] | None = None
        self._start_anew()

    def fits(self, frame: AudioFrame) -> bool:
        """Whether one more may wait with the others: of the same kind, and not too many."""
        return not self._lengths or (self._values < _ENOUGH and self._kind == _kind(frame))

    def add(self, frame: AudioFrame) -> None:
        """One more, that fits. Raises ValueError where samples are of a format that is not read."""
        if not self._lengths:
            self._kind = _kind(frame)
            self._layout = tuple(one.name for one in frame.layout.channels)
            name = frame.format.name
            self._planar = frame.format.is_planar
            self._format = name.removesuffix("p")
            if self._format not in _TYPES:
                raise ValueError(f"its samples are {name}, which is not read")
        if not frame.samples:
            return
        count = frame.samples if self._planar else frame.samples * frame.layout.nb_channels
        kind = _TYPES[self._format]
        planes = [np.frombuffer(cast(memoryview, plane), kind, count) for plane in frame.planes]
        self._planes.append(planes)
        self._lengths.append(frame.samples)
        self._values += count * len(planes)

    def take(self) -> Block | None:
        """All that wait; None where none do."""
        if not self._lengths or self._kind is None:
            return None
        _, channels, rate_hz = self._kind
        if self._planar:
            samples = np.empty((len(self._planes[0]), sum(self._lengths)), np.float32)
            for row, parts in zip(samples, zip(*self._planes, strict=True), strict=True):
                np.concatenate(parts, out=row, casting="same_kind")
        else:
            parts = [planes[0] for planes in self._planes]
            samples = np.concatenate(parts, dtype=np.float32, casting="same_kind").reshape(-1, channels).T
        if self._format == "u8":
            samples -= 128
        if self._format in _SCALES:
            samples *= np.float32(_SCALES[self._format])
        broken = 0 if self._lossless else _silenced(samples, self._lengths)
        self._start_anew()
        return Block(samples=samples, rate_hz=rate_hz, layout=self._layout, broken=broken)

    def _start_anew(self) -> None:
        self._planes: list[list[NDArray[np.generic]]] = []
        self._lengths: list[int] = []
        self._values = 0


def _kind(frame: AudioFrame) -> tuple[str, int, int]:
    return frame.format.name, frame.layout.nb_channels, frame.sample_rate


def _silenced(samples: Samples, lengths: list[int]) -> int:
    """How many frames are nothing but noise; they are made silent."""
    # Not "wider than": where one is no number, each frame is looked at.
    if np.ptp(samples) <= _WILDEST:
        return 0
    broken = at = 0
    for length in lengths:
        if np.ptp(samples[:, at : at + length]) > _WILDEST:
            samples[:, at : at + length] = 0
            broken += 1
        at += length
    return broken
