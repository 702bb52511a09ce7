"""Energy and danceability: each part rises with what it measures, and null is an answer."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from domain.audio.heuristics import Motion, danceability, energy, motion
from domain.audio.mel import RATE_HZ

STILL = Motion(flux=0.05, bright_hz=800.0, pulse=0.3, bass_pulse=0.3)


def value(found: object) -> float:
    number = getattr(found, "value", None)
    assert isinstance(number, float)
    return number


def rises(values: list[float]) -> bool:
    return values == sorted(values) and values[0] < values[-1]


def test_energy_rises_with_each_part() -> None:
    assert rises([value(energy(lufs, STILL)) for lufs in (-40, -30, -20, -14, -7, -2)])
    assert rises(
        [value(energy(-14, dataclasses.replace(STILL, flux=flux))) for flux in (0, 0.05, 0.2, 0.3, 1)]
    )
    bright = (0, 100, 500, 2_000, 8_000)
    assert rises([value(energy(-14, dataclasses.replace(STILL, bright_hz=hz))) for hz in bright])
    lowest, highest = (
        Motion(flux=0, bright_hz=0, pulse=0, bass_pulse=0),
        Motion(flux=9, bright_hz=9_000, pulse=1, bass_pulse=1),
    )
    assert (value(energy(-70, lowest)), value(energy(0, highest))) == (0, 1)


def test_danceability_rises_with_the_beat_and_falls_beyond_a_dancers_pace() -> None:
    for part in ("pulse", "bass_pulse"):
        moves = [dataclasses.replace(STILL, **{part: share}) for share in (0, 0.2, 0.5, 0.75, 1)]
        assert rises([value(danceability(120, one)) for one in moves])
    assert rises([value(danceability(bpm, STILL)) for bpm in (40, 60, 80, 100)])
    assert rises([-value(danceability(bpm, STILL)) for bpm in (130, 150, 180, 230)])
    assert value(danceability(100, STILL)) == value(danceability(130, STILL))
    assert value(danceability(90, STILL)) == pytest.approx(value(danceability(130 / 0.9, STILL)), abs=1e-3)


def test_without_a_beat_or_loudness_there_is_a_reason() -> None:
    assert danceability(None, STILL).reason == "no beat"
    assert danceability(120, None).reason == "nothing moves"
    assert energy(None, STILL).reason == "no loudness"
    assert energy(-14, None).reason == "nothing moves"
    assert {energy(None, None).value, danceability(None, None).value} == {None}


def beats(per_minute: float, level: float = 0.5, jitter: float = 0.0) -> NDArray[np.float32]:
    """Ten seconds of a low drum."""
    dice = np.random.default_rng(1)
    made = np.zeros(10 * RATE_HZ, dtype=np.float32)
    t = np.arange(RATE_HZ // 5) / RATE_HZ
    drum = (level * np.sin(2 * np.pi * 80 * t) * np.exp(-20 * t)).astype(np.float32)
    for at in np.arange(0.2, 9.5, 60 / per_minute):
        begin = int((at + dice.uniform(-jitter, jitter)) * RATE_HZ)
        made[begin : begin + drum.size] += drum
    return made


def test_a_steady_beat_repeats_itself_and_a_straying_one_less() -> None:
    steady, straying = motion(beats(120)), motion(beats(120, jitter=0.2))
    assert steady is not None
    assert straying is not None
    assert steady.pulse > straying.pulse + 0.2
    assert steady.bass_pulse > straying.bass_pulse
    faster = motion(beats(240))
    assert faster is not None
    assert faster.flux > steady.flux


def test_nothing_moves_in_silence_and_in_too_little() -> None:
    assert motion(np.zeros(10 * RATE_HZ, dtype=np.float32)) is None
    assert motion(beats(120)[: 2 * RATE_HZ]) is None


def test_a_bright_sound_is_told_from_a_dark_one() -> None:
    gate = (np.arange(5 * RATE_HZ) // 2000 % 2).astype(np.float32)
    t = np.arange(5 * RATE_HZ) / RATE_HZ
    dark, bright = (
        motion((0.3 * np.sin(2 * np.pi * hz * t) * gate).astype(np.float32)) for hz in (200, 5_000)
    )
    assert dark is not None
    assert bright is not None
    assert bright.bright_hz > 2 * dark.bright_hz
