"""A fingerprint of our own, for where chromaprint is not installed: how the twelve pitch classes move.

The sound becomes a picture of twelve pitch classes over time. For each eighth of a second, two seconds of
the picture are folded into 32 bits; each says which of two halves of a pattern is the stronger. Loudness,
codecs and where a recording begins change few of them. It is not AcoustID's and is never called so.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

ALGORITHM = "catalograph-chroma"
VERSION = "1"
RATE_HZ = 11_025
STEP_S = 1365 / RATE_HZ
# As much as chromaprint takes: what comes later tells no more apart.
LONGEST_S = 120

_WINDOW, _HOP = 4096, 1365
_LOWEST_HZ, _HIGHEST_HZ = 55.0, 3520.0
_SPAN = 16
_AT_ONCE = 16
_CLASSES = 12
# Quieter than this (full scale is 1) a frame says nothing.
_QUIET = 1e-4

Samples1d = NDArray[np.float32]
Bits = NDArray[np.uint32]


def chroma_print(samples: Samples1d) -> Bits:
    """32 bits for each eighth of a second but the last two seconds; empty where nothing sounds.

    samples: 11025 Hz mono; what comes after two minutes is left out.
    """
    frames = _chroma(samples[: LONGEST_S * RATE_HZ])
    if len(frames) <= _SPAN or not frames.any():
        return np.zeros(0, dtype=np.uint32)
    windows = np.lib.stride_tricks.sliding_window_view(frames, _SPAN, axis=0)
    sides = np.tensordot(windows, _patterns(), axes=([1, 2], [1, 2]))
    places = np.left_shift(np.uint32(1), np.arange(32, dtype=np.uint32))
    return np.asarray(((sides > 0) * places).sum(axis=1), dtype=np.uint32)


def _chroma(samples: Samples1d) -> NDArray[np.float64]:
    """(frames, 12): the share of each pitch class, smoothed a little over time."""
    if samples.size < _WINDOW:
        return np.zeros((0, _CLASSES))
    framed = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    window, folding = np.hanning(_WINDOW).astype(np.float32), _folding()
    shares = np.empty((len(framed), _CLASSES))
    for at in range(0, len(framed), _AT_ONCE):
        spectrum = np.abs(np.fft.rfft(framed[at : at + _AT_ONCE] * window, axis=1))
        # Roots let quiet notes count beside loud ones, which codecs change more.
        shares[at : at + _AT_ONCE] = np.sqrt(spectrum @ folding)
    shares[np.einsum("ij,ij->i", framed, framed) < _QUIET**2 * _WINDOW] = 0
    length = np.linalg.norm(shares, axis=1, keepdims=True)
    shares = np.divide(shares, length, out=np.zeros_like(shares), where=length > 0)
    kernel = np.array([0.25, 0.75, 1.0, 0.75, 0.25]) / 3
    return np.stack([np.convolve(row, kernel, mode="same") for row in shares.T], axis=1)


@cache
def _folding() -> NDArray[np.float32]:
    """(frequencies, 12): which pitch class a frequency belongs to."""
    frequencies = np.arange(_WINDOW // 2 + 1) * RATE_HZ / _WINDOW
    heard = (frequencies >= _LOWEST_HZ) & (frequencies <= _HIGHEST_HZ)
    folding = np.zeros((frequencies.size, _CLASSES), np.float32)
    semitones = np.round(12 * np.log2(frequencies[heard] / 440)).astype(int)
    folding[np.flatnonzero(heard), semitones % _CLASSES] = 1
    return folding


@cache
def _patterns() -> NDArray[np.float64]:
    """(32, 12, 16): each is positive where one side lies and negative where the other does.

    Every pattern compares two times, none two pitch classes alone: those would be alike in all music of one
    key.
    """
    early = np.where(np.arange(_SPAN) < _SPAN // 2, 1.0, -1.0)
    middle = np.where(np.abs(np.arange(_SPAN) - (_SPAN - 1) / 2) < _SPAN / 4, 1.0, -1.0)
    made = []
    for first in range(_CLASSES):
        one = np.zeros((_CLASSES, _SPAN))
        one[first] = early
        made.append(one)
    for first in range(_CLASSES):
        crossed = np.zeros((_CLASSES, _SPAN))
        crossed[first], crossed[(first + 1) % _CLASSES] = middle, -middle
        made.append(crossed)
    for first in range(8):
        third = np.zeros((_CLASSES, _SPAN))
        third[first], third[(first + 4) % _CLASSES] = middle, early
        made.append(third)
    return np.stack(made)
