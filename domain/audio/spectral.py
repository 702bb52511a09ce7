"""Figures of the spectrum, each by its formula: heuristics that describe a sound, and judge nothing.

All are means over frames of 2,048 samples that follow each other, weighed by the power of the frame, so that
silence says nothing. P is the power of a frequency f in a frame.
"""

import numpy as np

from domain.audio.analysis import Samples

VERSION = "1"

_SIZE = _STEP = 2_048
_AT_ONCE = 64
_ROLLED_OFF = 0.85
# Where the lows end and the highs begin.
_LOW_HZ, _HIGH_HZ = 250.0, 4_000.0


def spectral(samples: Samples, rate_hz: int) -> dict[str, float]:
    """Figures by name; none for silence and for less than one frame.

    centroid_hz: Σ f·P / Σ P, where the weight of the spectrum lies. bandwidth_hz: √(Σ (f-centroid)²·P / Σ P).
    rolloff_hz: the frequency under which 85 % of the power lies. flatness: geometric by arithmetic mean of
    P, 0 for a tone, towards 1 for noise. flux: half-wave difference of √P between frames, by Σ √P.
    low_share, mid_share, high_share: of the power, up to 250 Hz, up to 4 kHz, above. zero_crossings_hz:
    how often the wave crosses zero in a second. crest_db: highest level over the root mean square.
    """
    frames = 1 + (len(samples) - _SIZE) // _STEP
    if frames < 1 or not samples.any():
        return {}
    window = np.hanning(_SIZE).astype(np.float32)
    frequencies = np.fft.rfftfreq(_SIZE, 1 / rate_hz).astype(np.float32)
    low, high = np.searchsorted(frequencies, (_LOW_HZ, _HIGH_HZ))
    sums = np.zeros(8)
    total = 0.0
    before: Samples | None = None
    for at in range(0, frames, _AT_ONCE):
        some = min(_AT_ONCE, frames - at)
        piece = samples[at * _STEP : at * _STEP + (some - 1) * _STEP + _SIZE]
        framed = np.lib.stride_tricks.sliding_window_view(piece, _SIZE)[::_STEP] * window
        magnitude = np.abs(np.fft.rfft(framed, axis=1))
        power = np.square(magnitude)
        weight = power.sum(axis=1, dtype=np.float64)
        safe = np.maximum(weight, 1e-20)
        centroid = power @ frequencies / safe
        spread = np.maximum(power @ np.square(frequencies) / safe - np.square(centroid), 0)
        summed = np.cumsum(power, axis=1)
        rolled = frequencies[np.argmax(summed >= _ROLLED_OFF * summed[:, -1:], axis=1)]
        flatness = np.exp(np.log(power + 1e-20).mean(axis=1)) / (power.mean(axis=1) + 1e-20)
        earlier = magnitude[:1] if before is None else before
        rise = np.maximum(np.diff(np.concatenate((earlier, magnitude)), axis=0), 0)
        flux = rise.sum(axis=1) / np.maximum(magnitude.sum(axis=1), 1e-20)
        before = magnitude[-1:]
        shares = np.stack((power[:, :low].sum(axis=1), power[:, high:].sum(axis=1))) / safe
        figures = np.stack((centroid, np.sqrt(spread), rolled, flatness, flux, *shares, np.ones(some)))
        sums += figures @ weight
        total += float(weight.sum())
    if total <= 0:
        return {}
    names = ("centroid_hz", "bandwidth_hz", "rolloff_hz", "flatness", "flux", "low_share", "high_share")
    found = {name: float(value / total) for name, value in zip(names, sums, strict=False)}
    found["mid_share"] = max(1 - found["low_share"] - found["high_share"], 0.0)
    crossings = np.count_nonzero(np.signbit(samples[1:]) != np.signbit(samples[:-1]))
    found["zero_crossings_hz"] = float(crossings * rate_hz / len(samples))
    level = float(np.sqrt(np.square(samples).mean(dtype=np.float64)))
    found["crest_db"] = float(20 * np.log10(float(np.abs(samples).max()) / level))
    return {name: round(value, 4) for name, value in found.items()}
