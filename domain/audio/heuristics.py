"""Energy and danceability, 0 to 1: formulas of the house, after no norm, made to be told and argued with.

    energy       = 0.45 loud + 0.35 busy + 0.20 bright
    danceability = 0.45 pulse + 0.25 bass + 0.30 pace

    loud    loudness from -30 LUFS (0) to -7 LUFS (1)
    busy    how much comes anew in each frame (spectral flux), from 0.02 (0) to 0.30 (1)
    bright  the frequency below which half of that lies, from 300 Hz (0) to 4 kHz (1), by octaves
    pulse   how well what comes anew repeats itself beat by beat (autocorrelation), from 0.10 (0) to 0.75 (1)
    bass    the same below 200 Hz, where one dances to
    pace    1 from 100 to 130 BPM, falling by half for each quarter of an octave beyond

Each part is clipped to 0 … 1 and rises with what it measures, so the sums do too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.audio import mel
from domain.audio.analysis import Heuristic

VERSION = "1"

_LOUD_LUFS = (-30.0, -7.0)
_BUSY = (0.02, 0.30)
_BRIGHT_HZ = (300.0, 4_000.0)
_PULSE = (0.10, 0.75)
_BASS_HZ = 200.0
_DANCED_BPM = (100.0, 130.0)
# Beats lie between 40 and 240 a minute.
_LAGS_S = (0.25, 1.5)
_LEAST_S = 3.0

Samples1d = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Motion:
    """How a sound moves. flux: mean of what comes anew, by frame and band, in decades; bright_hz: half of it
    lies below; pulse, bass_pulse: the highest autocorrelation of what comes anew, at the lag of a beat.
    """

    flux: float
    bright_hz: float
    pulse: float
    bass_pulse: float


def motion(samples: Samples1d, whole: mel.Picture | None = None) -> Motion | None:
    """How 16 kHz mono sound moves; None for less than three seconds, and where nothing comes anew.

    whole: its picture, where somebody made it already.
    """
    if samples.size < _LEAST_S * mel.RATE_HZ:
        return None
    picture = mel.log_mel(samples, 0, mel.frame_count(samples.size)) if whole is None else whole
    anew = np.maximum(0, picture[1:] - picture[:-1]).astype(np.float64)
    by_band = anew.sum(axis=0)
    if by_band.sum() <= 1e-6 * anew.size:
        return None
    centres = mel.to_hz(np.linspace(0, mel.to_mel(mel.RATE_HZ / 2), mel.BANDS + 2))[1:-1]
    half = int(np.searchsorted(np.cumsum(by_band), by_band.sum() / 2))
    return Motion(
        flux=float(anew.mean()),
        bright_hz=float(centres[min(half, mel.BANDS - 1)]),
        pulse=_repeats(anew.sum(axis=1)),
        bass_pulse=_repeats(anew[:, centres < _BASS_HZ].sum(axis=1)),
    )


def energy(loudness_lufs: float | None, moves: Motion | None) -> Heuristic:
    """How much goes on: louder, busier and brighter is more."""
    if loudness_lufs is None or moves is None:
        return Heuristic(value=None, reason="no loudness" if loudness_lufs is None else "nothing moves")
    loud = _share(loudness_lufs, *_LOUD_LUFS)
    busy = _share(moves.flux, *_BUSY)
    bright = _share(np.log2(max(moves.bright_hz, 1.0)), *np.log2(_BRIGHT_HZ))
    return Heuristic(value=round(0.45 * loud + 0.35 * busy + 0.20 * bright, 3))


def danceability(bpm: float | None, moves: Motion | None) -> Heuristic:
    """How well one can dance to it: a steady beat, in the bass too, at a pace for legs.

    bpm: the first candidate, also where it is not sure enough to be shown; None where there is no beat.
    """
    if bpm is None or moves is None:
        return Heuristic(value=None, reason="no beat" if bpm is None else "nothing moves")
    pulse, bass = _share(moves.pulse, *_PULSE), _share(moves.bass_pulse, *_PULSE)
    return Heuristic(value=round(0.45 * pulse + 0.25 * bass + 0.30 * _danced(bpm), 3))


def _danced(bpm: float) -> float:
    slowest, fastest = _DANCED_BPM
    beyond = max(0.0, float(np.log2(slowest / bpm)), float(np.log2(bpm / fastest)))
    return float(0.5 ** (beyond / 0.25))


def _share(value: float, lowest: float, highest: float) -> float:
    return float(np.clip((value - lowest) / (highest - lowest), 0, 1))


def _repeats(anew: NDArray[np.float64]) -> float:
    """The highest normalised autocorrelation at a lag of a beat, of what differs from its surroundings."""
    step_s = mel.HOP / mel.RATE_HZ
    around = np.convolve(anew, np.ones(63) / 63, mode="same")
    level = anew - around
    size = 1 << (2 * level.size - 1).bit_length()
    spectrum = np.fft.rfft(level, size)
    lags = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[: level.size]
    if lags[0] <= 0:
        return 0.0
    counted = np.arange(level.size, 0, -1)
    normal = lags / lags[0] * (level.size / counted)
    first, last = int(_LAGS_S[0] / step_s), min(int(_LAGS_S[1] / step_s), level.size // 2)
    return float(np.clip(normal[first : last + 1].max(), 0, 1))
