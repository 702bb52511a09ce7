"""Which of the twelve pitch classes sound, frame by frame, whatever concert pitch is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.audio.analysis import Samples

FRAME_S, HOP_S = 8192 / 22_050, 4096 / 22_050
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 4000.0
_FAINTEST = 0.003  # of the loudest in the frame
_BASS, _HIGH = 52, 76  # E3 and E5: what lies below is bass, above it overtones and tunes
_AT_ONCE = 16  # frames, so that their spectra stay in the cache

Doubles = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Peaks:
    """The peaks of every frame's spectrum: which frame, its pitch as a MIDI number, and how high it is.

    peaked: by frame, the share of sound that is in peaks, low for clicks.
    """

    frame: Whole
    pitch: Doubles
    height: Doubles
    peaked: Doubles
    hop_s: float


@dataclass(frozen=True, kw_only=True)
class Chroma:
    """What sounds, by frame and pitch class from C on, in four ways of listening.

    frames: all voices, the low ones more. high: all, the middle and soft ones more. bass, middle: below E3,
    and between E3 and E5. tuning_cents: how far concert pitch lies from A = 440. tuned: how well all agree on
    it, 0 for noise to 1. peaked: by frame, the share of sound in spectral peaks.
    """

    frames: Doubles
    high: Doubles
    bass: Doubles
    middle: Doubles
    tuning_cents: float
    tuned: float
    peaked: Doubles
    hop_s: float

    def between(self, first: int, last: int) -> "Chroma":
        """The same, of some frames."""
        return Chroma(
            frames=self.frames[first:last],
            high=self.high[first:last],
            bass=self.bass[first:last],
            middle=self.middle[first:last],
            tuning_cents=self.tuning_cents,
            tuned=self.tuned,
            peaked=self.peaked[first:last],
            hop_s=self.hop_s,
        )


def peaks(samples: Samples, rate_hz: int) -> Peaks:
    """The spectral peaks of a sound, five frames a second."""
    size, hop = round(FRAME_S * rate_hz), round(HOP_S * rate_hz)
    if samples.size < size:
        samples = np.pad(samples, (0, size - samples.size))
    whole = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    window = np.hanning(size).astype(np.float32)
    loudest = np.float32(max(1e-9, float(np.abs(samples).max())) * size / 4)
    found = []
    for start in range(0, len(whole), _AT_ONCE):
        spectrum = np.fft.rfft(whole[start : start + _AT_ONCE] * window, axis=1)
        heights = np.asarray(np.abs(spectrum) / loudest, np.float32)
        frame, pitch, height, share = _peaks(heights, rate_hz / size)
        found.append((frame + start, pitch, height, share))
    frame, pitch, height, share = (np.concatenate(part) for part in zip(*found, strict=True))
    return Peaks(frame=frame, pitch=pitch, height=height, peaked=share, hop_s=hop / rate_hz)


def chroma(found: Peaks) -> Chroma:
    """The pitch classes that the peaks belong to, once concert pitch is taken off."""
    weight = found.height * _around(found.pitch, 57)
    # Each peak is a hand of a clock that goes round once a semitone; where they agree is the tuning.
    turn = complex((weight * np.exp(2j * np.pi * found.pitch)).sum()) if weight.size else 0j
    tuning = float(np.angle(turn)) / (2 * np.pi)
    pitch = found.pitch - tuning
    low = pitch < _BASS

    # One that lies between two classes goes to neither in full.
    nearest = np.round(pitch)
    close = np.cos(np.pi * (pitch - nearest)) ** 2
    index = found.frame * 12 + nearest.astype(np.int64) % 12
    count = len(found.peaked)

    def folded(weights: Doubles) -> Doubles:
        """Peaks summed into twelve classes, frame by frame."""
        return np.bincount(index, weights * close, minlength=count * 12).astype(float).reshape(count, 12)

    return Chroma(
        frames=folded(weight),
        high=folded(np.sqrt(found.height) * _around(found.pitch, 69)),
        bass=folded(found.height * low),
        middle=folded(found.height * (~low & (pitch < _HIGH))),
        tuning_cents=100 * tuning,
        tuned=abs(turn) / max(1e-12, float(weight.sum())),
        peaked=found.peaked,
        hop_s=found.hop_s,
    )


def _peaks(spectrum: NDArray[np.float32], bin_hz: float) -> tuple[Whole, Doubles, Doubles, Doubles]:
    """Frame, pitch and height of every peak; each frame's share that is in peaks."""
    low, high = max(1, int(_LOWEST_HZ / bin_hz)), min(spectrum.shape[1] - 1, int(_HIGHEST_HZ / bin_hz))
    middle, left, right = (spectrum[:, low + by : high + by] for by in (0, -1, 1))
    floor = np.maximum(1e-7, _FAINTEST * middle.max(axis=1, keepdims=True))
    frame, at = np.nonzero((middle > left) & (middle >= right) & (middle > floor))
    logs = [np.log(np.maximum(side[frame, at], 1e-12)).astype(np.float64) for side in (left, middle, right)]
    bend = logs[0] - 2 * logs[1] + logs[2]
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (logs[0] - logs[2]) / np.where(bend == 0, 1, bend), 0.0)
    height = middle[frame, at].astype(np.float64)
    inside = np.bincount(frame, height**2, minlength=len(spectrum))
    share = inside / np.maximum(1e-18, (middle.astype(np.float64) ** 2).sum(axis=1))
    return frame, 12 * np.log2((at + low + shift) * bin_hz / 440) + 69, height, share


def _around(pitch: Doubles, middle: float) -> Doubles:
    """1 at the middle, less and less an octave and more away."""
    return np.asarray(np.exp(-0.5 * ((pitch - middle) / 12) ** 2))
