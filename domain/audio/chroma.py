"""Which of the twelve pitch classes sound, frame by frame, whatever concert pitch is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.audio.analysis import Samples

FRAME_S, HOP_S = 8192 / 22_050, 4096 / 22_050
_LOWEST_HZ, _HIGHEST_HZ = 55.0, 3520.0
_MIDDLE_HZ, _OCTAVES = 220.0, 1.0
_BASS_HZ = 220.0
_BLOCK = 256

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Chroma:
    """What sounds, by frame and pitch class from C on.

    frames: all voices. bass: what lies below 220 Hz. tuning_cents: how far concert pitch lies from A = 440.
    tuned: how well all agree on it, 0 for noise to 1. peaked: by frame, the share of sound in spectral peaks.
    """

    frames: Doubles
    bass: Doubles
    tuning_cents: float
    tuned: float
    peaked: Doubles
    hop_s: float


def chroma(samples: Samples, rate_hz: int) -> Chroma:
    """The pitch classes of a sound, five frames a second, from the peaks of its spectrum."""
    size, hop = round(FRAME_S * rate_hz), round(HOP_S * rate_hz)
    if samples.size < size:
        samples = np.pad(samples, (0, size - samples.size))
    whole = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    window = np.hanning(size).astype(np.float32)
    frames, pitches, weights, peaked = [], [], [], []
    for start in range(0, len(whole), _BLOCK):
        spectrum = np.abs(np.fft.rfft(whole[start : start + _BLOCK] * window, axis=1))
        at, pitch, weight, share = _peaks(spectrum, rate_hz / size)
        frames.append(at + start)
        pitches.append(pitch)
        weights.append(weight)
        peaked.append(share)
    frame, pitch, weight = np.concatenate(frames), np.concatenate(pitches), np.concatenate(weights)
    # Each peak is a hand of a clock that goes round once a semitone; where they agree is the tuning.
    turn = complex((weight * np.exp(2j * np.pi * pitch)).sum()) if weight.size else 0j
    tuning = float(np.angle(turn)) / (2 * np.pi)
    tuned = abs(turn) / max(1e-12, float(weight.sum()))
    return Chroma(
        frames=_folded(frame, pitch - tuning, weight, len(whole)),
        bass=_folded(frame, pitch - tuning, weight * (pitch < _pitch(_BASS_HZ)), len(whole)),
        tuning_cents=100 * tuning,
        tuned=tuned,
        peaked=np.concatenate(peaked),
        hop_s=hop / rate_hz,
    )


def _peaks(
    spectrum: NDArray[np.float32], bin_hz: float
) -> tuple[NDArray[np.int64], Doubles, Doubles, Doubles]:
    """Frame, pitch (semitones, C = 0) and weight of every peak; each frame's share that is in peaks."""
    low, high = int(_LOWEST_HZ / bin_hz), min(spectrum.shape[1] - 1, int(_HIGHEST_HZ / bin_hz))
    middle, left, right = (
        spectrum[:, low:high],
        spectrum[:, low - 1 : high - 1],
        spectrum[:, low + 1 : high + 1],
    )
    floor = np.maximum(1e-6, 0.01 * middle.max(axis=1, keepdims=True))
    frame, at = np.nonzero((middle > left) & (middle >= right) & (middle > floor))
    heights = [np.log(np.maximum(side[frame, at], 1e-9)).astype(np.float64) for side in (left, middle, right)]
    bend = heights[0] - 2 * heights[1] + heights[2]
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (heights[0] - heights[2]) / bend, 0.0)
    pitch = _pitch(((at + low + shift) * bin_hz).astype(np.float64))
    away = (pitch - _pitch(_MIDDLE_HZ)) / 12 / _OCTAVES
    weight = middle[frame, at].astype(np.float64) * np.exp(-0.5 * away**2)
    inside = np.bincount(frame, middle[frame, at].astype(np.float64) ** 2, minlength=len(spectrum))
    share = inside / np.maximum(1e-12, (middle.astype(np.float64) ** 2).sum(axis=1))
    return frame, pitch, weight, share


def _pitch(hertz: Doubles | float) -> Doubles:
    """Semitones above a C, at A = 440 Hz."""
    return np.asarray(12 * np.log2(np.asarray(hertz) / 440) + 69)


def _folded(frame: NDArray[np.int64], pitch: Doubles, weight: Doubles, count: int) -> Doubles:
    """Peaks summed into twelve classes; one between two classes goes to neither in full."""
    nearest = np.round(pitch)
    close = np.cos(np.pi * (pitch - nearest)) ** 2
    index = frame * 12 + nearest.astype(np.int64) % 12
    return np.bincount(index, weight * close, minlength=count * 12).astype(np.float64).reshape(count, 12)
