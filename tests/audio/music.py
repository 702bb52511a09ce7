"""Sound made up in the tests: chords, a beat and noise, from sines and a seed."""

import numpy as np

from domain.audio.analysis import Samples

RATE_HZ = 22_050
_MAJOR, _MINOR = (0, 4, 7), (0, 3, 7)


def tone(pitch: float, seconds: float, rate_hz: int = RATE_HZ) -> Samples:
    """A plucked note with six harmonics. pitch: MIDI number."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    base = 440 * 2 ** ((pitch - 69) / 12)
    wave = sum(np.sin(2 * np.pi * base * k * t) / k**1.5 for k in range(1, 7))
    return np.asarray(wave * np.minimum(1, t / 0.005) * np.exp(-2.5 * t), np.float32)


def drum(seconds: float, low: bool, seed: int, rate_hz: int = RATE_HZ) -> Samples:
    """A kick (low) or a snare."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    if low:
        return np.asarray(np.sin(2 * np.pi * (50 * t - 4 * np.exp(-30 * t))) * np.exp(-18 * t), np.float32)
    noise = np.random.default_rng(seed).standard_normal(t.size)
    return np.asarray(0.7 * noise * np.exp(-25 * t), np.float32)


def song(
    bpm: float,
    tonic: int,
    scale: str,
    seconds: float = 16.0,
    cents: float = 0.0,
    beat: bool = True,
    seed: int = 1,
) -> Samples:
    """Four chords that leave no doubt of the key, a bass, and kick and snare in turn."""
    out = np.zeros(round((seconds + 2) * RATE_HZ), np.float32)
    step = 60 / bpm
    chords = ((0, _MAJOR), (5, _MAJOR), (7, _MAJOR), (0, _MAJOR)) if scale == "major" else (
        (0, _MINOR), (5, _MINOR), (7, _MAJOR), (0, _MINOR)
    )  # fmt: skip
    dice = np.random.default_rng(seed)
    at = 0
    while at * step < seconds:
        root, shape = chords[at // 4 % 4]
        now = round((at * step + 0.1) * RATE_HZ)
        notes = [tone(36 + (tonic + root) % 12 + cents / 100, step)] if at % 2 == 0 else []
        notes += [0.5 * tone(60 + (tonic + root + third) % 12 + cents / 100, step) for third in shape]
        if beat:
            notes.append(drum(0.2, low=at % 2 == 0, seed=int(dice.integers(1 << 30))))
        for note in notes:
            out[now : now + note.size] += 0.3 * note[: out.size - now]
        at += 1
    return out[: round(seconds * RATE_HZ)]


def noise(seconds: float, seed: int = 1) -> Samples:
    """White noise."""
    return np.asarray(0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ)), np.float32)
