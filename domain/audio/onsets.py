"""Where notes begin: how much louder each of five bands grows from frame to frame."""

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from domain.audio.analysis import Samples

FRAME_S, HOP_S = 1024 / 22_050, 256 / 22_050
BANDS = 5
_MELS = 80
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 10_000.0
_GAP_S = 2.0  # a longer pause is silence
_BLOCK = 2048  # frames at once, so that an hour takes no more memory than a minute
_AT_ONCE = 64

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Onsets:
    """Growth of loudness by band and frame, low band first.

    active: 1 where there is sound, 0 in silence: it is left out of whatever is counted.
    """

    bands: Floats
    active: Floats
    rate_hz: float

    @property
    def active_s(self) -> float:
        """How many seconds have sound."""
        return float(self.active.sum()) / self.rate_hz

    def between(self, start_s: float, end_s: float) -> "Onsets":
        """The same, of one stretch."""
        part = slice(round(start_s * self.rate_hz), round(end_s * self.rate_hz))
        return Onsets(bands=self.bands[:, part], active=self.active[part], rate_hz=self.rate_hz)


def onsets(samples: Samples, rate_hz: int) -> Onsets:
    """How strongly notes begin, 86 times a second. The gain of the sound does not matter.

    samples: one channel. rate_hz: any; bands reach no higher than half of it.
    """
    size, hop = round(FRAME_S * rate_hz), max(1, round(HOP_S * rate_hz))
    if samples.size < 4 * size:
        return Onsets(
            bands=np.zeros((BANDS, 0), np.float32), active=np.zeros(0, np.float32), rate_hz=rate_hz / hop
        )
    whole = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    power = np.einsum("ij,ij->i", whole, whole) / np.float32(size)
    loud = power > max(1e-10, float(power.max()) * 1e-6)
    level = float(np.sqrt(power[loud].mean())) if loud.any() else 1.0
    window = np.hanning(size).astype(np.float32) * np.float32(4 / size / level)
    bands, before = [], np.zeros((3, _MELS), np.float32)
    for start in range(0, len(whole), _BLOCK):
        loudness = np.log(1 + 20 * _in_mels(whole[start : start + _BLOCK], window, rate_hz))
        rows = np.concatenate([before, loudness])
        # The loudest of three neighbours, so that a vibrato is no new note.
        widest = rows[:-3].copy()
        np.maximum(widest[:, 1:], rows[:-3, :-1], out=widest[:, 1:])
        np.maximum(widest[:, :-1], rows[:-3, 1:], out=widest[:, :-1])
        growth = np.maximum(0, loudness - widest)
        bands.append(growth.reshape(-1, BANDS, _MELS // BANDS).mean(axis=2))
        before = rows[-3:]
    grown = np.concatenate(bands).T.astype(np.float32)
    grown[:, :3] = 0  # nothing was before
    return Onsets(
        bands=grown, active=_without_gaps(loud, round(_GAP_S * rate_hz / hop)), rate_hz=rate_hz / hop
    )


def _without_gaps(loud: NDArray[np.bool_], longest: int) -> Floats:
    """1 where there is sound or a pause short enough to belong to the music."""
    active = loud.astype(np.float32)
    sounding = np.flatnonzero(loud)
    for begin, end in itertools.pairwise(sounding):
        if 1 < end - begin <= longest:
            active[begin:end] = 1
    return active


def _in_mels(frames: Floats, window: Floats, rate_hz: int) -> Floats:
    """How loud each mel band is, frame by frame."""
    mel = _mel(rate_hz, window.size)
    found = np.empty((len(frames), _MELS), np.float32)
    # So few at once that their spectra stay in the cache.
    for start in range(0, len(frames), _AT_ONCE):
        spectrum = np.fft.rfft(frames[start : start + _AT_ONCE] * window, axis=1)
        np.matmul(np.abs(spectrum), mel, out=found[start : start + _AT_ONCE])
    return found


@lru_cache(maxsize=8)
def _mel(rate_hz: int, size: int) -> Floats:
    """Eighty overlapping triangles, evenly spaced in mel, each of height 1."""
    bins = np.fft.rfftfreq(size, 1 / rate_hz)
    edges = _hertz(np.linspace(_mels(_LOWEST_HZ), _mels(_HIGHEST_HZ), _MELS + 2))
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0, np.minimum(rising, falling))
    # Low triangles may be narrower than a bin and miss all of them: give those the nearest one.
    for lost in np.flatnonzero(triangles.sum(axis=0) == 0):
        if edges[lost + 1] < rate_hz / 2:
            triangles[np.abs(bins - edges[lost + 1]).argmin(), lost] = 1
    return triangles.astype(np.float32)


def _mels(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(700 * (10 ** (mels / 2595) - 1))
