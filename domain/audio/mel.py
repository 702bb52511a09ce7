"""What the taggers see: three seconds of sound as a picture, 187 frames of 96 mel bands.

16 kHz mono, Hann windows of 512 samples every 256, power spectrum, Slaney's mel scale with filters of equal
area, log10(1 + 10000 x). The picture is the one the taggers were trained on; any other gives other tags.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
WINDOW = 512
HOP = 256
BANDS = 96
FRAMES = 187
# Below this there is too little of a three-second picture for the taggers to go by.
LEAST_S = 1.0

# At 20 a minute the taggers would hear everything; two fifths of it cost two fifths, and the genre is right
# as often. More than two minutes of sound have the most of them anyhow.
_PATCHES_A_MINUTE = 8
_FEWEST = 2
_AT_ONCE = 128
MOST_PATCHES = 16

Samples1d = NDArray[np.float32]
Picture = NDArray[np.float32]


def patches(samples: Samples1d, whole: Picture | None = None, most: int = MOST_PATCHES) -> Picture:
    """Pictures (patches, 187, 96) spread evenly over the sound, few enough to be quick.

    samples: 16 kHz mono, at least LEAST_S of it. A sound of less than three seconds is repeated. whole: its
    picture, where somebody made it already. most: how many of the first ones are wanted.
    """
    total = frame_count(samples.size)
    count = min(FRAMES, total)
    seen = [
        log_mel(samples, start, count) if whole is None else whole[start : start + count]
        for start in _starts(samples.size)[:most]
    ]
    return np.stack(seen) if total >= FRAMES else np.resize(seen[0], (1, FRAMES, BANDS))


def _starts(samples: int) -> list[int]:
    """The first frame of each picture."""
    total = frame_count(samples)
    wanted = round(samples / RATE_HZ / 60 * _PATCHES_A_MINUTE)
    count = min(max(wanted, _FEWEST), MOST_PATCHES, total // FRAMES)
    if count < 2:
        return [max(total - FRAMES, 0) // 2]
    return [round(start) for start in np.linspace(0, total - FRAMES, count).tolist()]


def frame_count(samples: int) -> int:
    """How many frames a sound has; each is centred on its place."""
    return 1 + samples // HOP


def log_mel(samples: Samples1d, start: int, count: int) -> Picture:
    """Frames `start` to `start + count` as (count, 96); beyond the ends the sound is mirrored."""
    first = start * HOP - WINDOW // 2
    after = first + (count - 1) * HOP + WINDOW
    ends = (np.arange(first, 0), np.arange(samples.size, after))
    piece = samples[max(first, 0) : after]
    if first < 0 or after > samples.size:
        piece = np.concatenate((_mirrored(samples, ends[0]), piece, _mirrored(samples, ends[1])))
    frames = np.lib.stride_tricks.sliding_window_view(piece, WINDOW)[::HOP]
    found, filters = np.empty((count, BANDS), np.float32), mel_filters().T
    # So few at once that their spectra stay in the cache.
    for at in range(0, count, _AT_ONCE):
        spectrum = np.abs(np.fft.rfft(frames[at : at + _AT_ONCE] * _hann(), axis=1))
        np.matmul(np.square(spectrum, out=spectrum), filters, out=found[at : at + _AT_ONCE])
    return np.asarray(np.log10(1 + 10_000 * found), np.float32)


def _mirrored(samples: Samples1d, places: NDArray[np.int64]) -> Samples1d:
    """The samples at these places; beyond the first and the last, which are not repeated, they come back."""
    period = max(2 * (samples.size - 1), 1)
    places = np.abs(places) % period
    return samples[np.where(places >= samples.size, period - places, places)]


@cache
def _hann() -> Samples1d:
    turn = 2 * np.pi * np.arange(WINDOW) / WINDOW
    return (0.5 - 0.5 * np.cos(turn)).astype(np.float32)


@cache
def mel_filters() -> NDArray[np.float32]:
    """The 96 triangular filters over 257 frequencies, each of area two over its width in Hz."""
    edges = to_hz(np.linspace(to_mel(0.0), to_mel(RATE_HZ / 2), BANDS + 2))
    frequencies = np.arange(WINDOW // 2 + 1) * RATE_HZ / WINDOW
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (frequencies - left) / (middle - left)
    falling = (right - frequencies) / (right - middle)
    heights = np.maximum(0, np.minimum(rising, falling)) * 2 / (right - left)
    return heights.astype(np.float32)


# Slaney's scale: even up to 1 kHz, 15 mels there; above it 27 mels to each factor of 6.4.
_EVEN_HZ = 200 / 3
_KNEE_HZ, _KNEE_MEL = 1000.0, 15.0
_STEP = np.log(6.4) / 27


def to_mel(hz: float) -> float:
    """A frequency on Slaney's mel scale."""
    if hz < _KNEE_HZ:
        return hz / _EVEN_HZ
    return float(_KNEE_MEL + np.log(hz / _KNEE_HZ) / _STEP)


def to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mels as frequencies."""
    even = mel * _EVEN_HZ
    return np.where(mel < _KNEE_MEL, even, _KNEE_HZ * np.exp(_STEP * (mel - _KNEE_MEL)))
