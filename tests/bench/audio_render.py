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
Mono = NDArray[np.float32]


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

    def follow(
        self, events: Sequence[tuple[float, int, tuple[int, ...]]], begin_s: float, end_s: float
    ) -> Floats:
        """What MIDI events sound like between two moments. events: seconds, status byte and data, in order.

        What was set before the first moment holds; notes begun before are not heard.
        """
        synth, parts, now = self._synth, [], begin_s
        for chan in range(16):
            synth.program_select(chan, self._font, 128 if chan == 9 else 0, 0, chan == 9)
        for when, status, data in events:
            if when >= end_s:
                break
            if (frames := round((when - now) * self.rate_hz)) > 0:
                parts.append(self._generate(frames))
                now += frames / self.rate_hz
            kind, chan = status & 0xF0, status & 0x0F
            if kind == 0x90 and data[1]:
                if when >= begin_s:
                    synth.noteon(chan, data[0], data[1])
            elif kind in (0x80, 0x90):
                synth.noteoff(chan, data[0])
            elif kind == 0xB0:
                synth.control_change(chan, data[0], data[1])
            elif kind == 0xC0 and chan != 9:
                synth.program_select(chan, self._font, 0, data[0])
            elif kind == 0xE0:
                synth.pitchbend(chan, data[0] | data[1] << 7)
        parts.append(self._generate(max(1, round((end_s - now) * self.rate_hz))))
        synth.sounds_off()
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


def aged(one: Mono, rate_hz: int, dice: Random) -> Mono:
    """One channel as it may have come through: a band left out or raised, its loudness levelled."""
    size = _length(one.size)
    hertz = np.maximum(20, np.fft.rfftfreq(size, 1 / rate_hz))
    decibels = np.zeros(hertz.size)
    for _ in range(dice.choice((0, 1, 2, 3))):
        middle, wide, gain = dice.uniform(5.6, 13), dice.uniform(0.4, 1.6), dice.uniform(-10, 8)
        decibels += gain * np.exp(-0.5 * ((np.log2(hertz) - middle) / wide) ** 2)
    if dice.random() < 0.3:
        decibels -= 12 * np.maximum(0, np.log2(hertz / dice.uniform(2500, 8000)))
    if dice.random() < 0.2:
        decibels -= 12 * np.maximum(0, np.log2(dice.uniform(60, 200) / hertz))
    made = np.fft.irfft(np.fft.rfft(one, size) * 10 ** (decibels / 20), size)[: one.size]
    if dice.random() < 0.4:
        # A compressor: what is louder than usual over a quarter of a second is turned down.
        frame = rate_hz // 20
        level = np.sqrt(np.convolve(made**2, np.ones(frame) / frame, mode="same")[::frame] + 1e-9)
        level = np.convolve(level, np.hanning(7) / np.hanning(7).sum(), mode="same")
        gain = (np.maximum(level, level.mean()) / level.mean()) ** -dice.uniform(0.3, 0.8)
        made = made * np.interp(np.arange(made.size), np.arange(gain.size) * frame, gain)
    return np.asarray(made, np.float32)


def _length(least: int) -> int:
    """The next length of few small factors, quick to transform."""
    return min(
        factor << shift
        for factor in (1, 3, 5, 9, 15)
        if (shift := max(0, (-(-least // factor) - 1).bit_length())) >= 0
    )
