"""Turns a score into sound: a sound font through tinysoundfont, a room, a tone, a loudness.

Neither is a dependency: `pip install tinysoundfont` (MIT) into an environment of one's own, and any General
MIDI sound font (FluidR3 and TimGM6mb are in Debian).
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.audio_scores import DRUMS, Note

RATE_HZ = 44_100

Floats = NDArray[np.float32]


class Player:
    """A sound font that plays notes."""

    def __init__(self, sound_font: str, rate_hz: int = RATE_HZ) -> None:
        import tinysoundfont

        self.rate_hz = rate_hz
        self._synth: Any = tinysoundfont.Synth(gain=-12, samplerate=rate_hz)
        self._font = self._synth.sfload(sound_font)

    def play(self, notes: Sequence[Note], bpm: float, cents: float = 0.0, tail_s: float = 0.5) -> Floats:
        """The notes as sound, (2, frames), each program on a channel of its own."""
        synth = self._synth
        programs = [program for program in dict.fromkeys(note.program for note in notes) if program != DRUMS][
            :15
        ]
        channels: dict[int, int] = dict(
            zip(programs, [chan for chan in range(16) if chan != 9], strict=False)
        )
        for program, chan in channels.items():
            synth.program_select(chan, self._font, 0, program)
            synth.set_tuning(chan, cents / 100)
        synth.program_select(9, self._font, 128, 0, True)
        events = []
        for at, note in enumerate(notes):
            if note.program != DRUMS and note.program not in channels:
                continue
            chan = 9 if note.program == DRUMS else channels[note.program]
            events.append((note.start * 60 / bpm, 1, at, chan, note.pitch, note.velocity))
            events.append(((note.start + note.length) * 60 / bpm, 0, at, chan, note.pitch, 0))
        parts, now = [], 0
        for when, on, _, chan, pitch, velocity in sorted(events):
            frame = round(when * self.rate_hz)
            if frame > now:
                parts.append(self._generate(frame - now))
                now = frame
            if on:
                synth.noteon(chan, pitch, velocity)
            else:
                synth.noteoff(chan, pitch)
        parts.append(self._generate(round(tail_s * self.rate_hz)))
        synth.sounds_off()
        self._generate(self.rate_hz // 10)
        return np.ascontiguousarray(np.concatenate(parts).T)

    def _generate(self, frames: int) -> Floats:
        return np.frombuffer(self._synth.generate_simple(frames), np.float32).reshape(-1, 2).copy()


def produce(sound: Floats, rate_hz: int, dice: Random) -> Floats:
    """The sound in a room, with a tilt of tone and a level, as a studio would leave it."""
    wet, tail_s = dice.choice((0.0, 0.1, 0.2, 0.35)), dice.uniform(0.3, 1.6)
    size = _length(sound.shape[1] + int(rate_hz * tail_s))
    spectrum = np.fft.rfft(sound, size, axis=1)
    if wet:
        noise = np.random.default_rng(dice.randrange(1 << 30)).standard_normal((2, int(rate_hz * tail_s)))
        noise *= np.exp(-6.9 * np.arange(noise.shape[1]) / noise.shape[1])
        noise /= np.sqrt((noise**2).sum(axis=1, keepdims=True))
        spectrum = spectrum * (1 + wet * np.fft.rfft(noise, size, axis=1))
    hertz = np.maximum(20, np.fft.rfftfreq(size, 1 / rate_hz))
    tilt = 10 ** (dice.uniform(-1.5, 1.5) * np.log2(hertz / 800) / 20)
    made = np.fft.irfft(spectrum * np.clip(tilt, 0.2, 5), size, axis=1)[:, : sound.shape[1]]
    level = 10 ** (dice.uniform(-20, -9) / 20) / max(1e-9, float(np.sqrt((made**2).mean())))
    loud = made * level
    return np.asarray(
        np.where(np.abs(loud) < 0.7, loud, np.sign(loud) * (0.7 + 0.3 * np.tanh((np.abs(loud) - 0.7) / 0.3))),
        np.float32,
    )


def _length(least: int) -> int:
    """The next length of few small factors, quick to transform."""
    return min(
        factor << shift
        for factor in (1, 3, 5, 9, 15)
        if (shift := max(0, (-(-least // factor) - 1).bit_length())) >= 0
    )
