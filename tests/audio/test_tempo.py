"""Tempo: what is found, when nothing is said, and what must not change it."""

import numpy as np
import pytest
import soxr

from domain.audio.analysis import Samples
from domain.audio.tempo import tempo
from tests.audio.music import RATE_HZ, drum, noise, song, tone

SONG = song(104.0, 2, "major")


def _off(found: float | None, asked: float) -> float:
    assert found is not None
    return abs(found / asked - 1)


@pytest.mark.parametrize("bpm", [76.4, 92.0, 104.0, 123.7, 138.2])
def test_a_steady_song_has_its_tempo_to_a_tenth(bpm: float) -> None:
    found = tempo(song(bpm, 2, "major"), RATE_HZ, threshold=0.0)
    assert any(_off(one.bpm, bpm) < 0.002 for one in found.candidates[:3])
    assert found.candidates[0].relation == "1"
    assert found.confidence == found.candidates[0].confidence
    assert sum(one.confidence for one in found.candidates) <= 1.0001
    assert found.stability is not None
    assert found.stability > 0.7
    assert found.segments == ()


@pytest.mark.parametrize(
    "changed",
    [SONG * 0.01, SONG * -1, np.pad(SONG, (60_000, 90_000)), soxr.resample(SONG, RATE_HZ, 44_100)],
    ids=["quieter", "upside down", "silence around it", "another rate"],
)
def test_what_is_no_music_changes_no_tempo(changed: Samples) -> None:
    rate_hz = 44_100 if changed.size == 2 * SONG.size else RATE_HZ
    before, after = (
        tempo(SONG, RATE_HZ, threshold=0.0),
        tempo(changed.astype(np.float32), rate_hz, threshold=0.0),
    )
    assert _off(after.bpm, before.bpm or 0) < 0.005


@pytest.mark.parametrize("speed", [0.93, 1.06])
def test_a_faster_copy_is_faster(speed: float) -> None:
    copy = soxr.resample(SONG, RATE_HZ * speed, RATE_HZ).astype(np.float32)
    before = tempo(SONG, RATE_HZ, threshold=0.0)
    candidates = tempo(copy, RATE_HZ, threshold=0.0).candidates
    assert any(_off(one.bpm, (before.bpm or 0) * speed) < 0.005 for one in candidates[:2])


def _swelling(hertz: tuple[float, ...]) -> Samples:
    """Steady tones that are a third louder and softer once in five seconds."""
    t = np.arange(12 * RATE_HZ) / RATE_HZ
    steady = sum(np.sin(2 * np.pi * one * t) for one in hertz) / len(hertz)
    return np.asarray(steady * (1 + 0.3 * np.sin(0.4 * np.pi * t)), np.float32)


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (np.zeros(8 * RATE_HZ, np.float32), "0.0 s of sound"),
        (np.zeros(0, np.float32), "0.0 s of sound"),
        (song(110, 0, "major", seconds=1.0), "s of sound"),
        (noise(8), "no beat"),
        (noise(20, seed=2), "no beat"),
        (np.asarray(np.sin(np.arange(12 * RATE_HZ) * 0.06), np.float32), "no beat"),
        (_swelling((220, 277.2, 329.6)), "hardly any note begins"),
        (_swelling((50, 150, 250, 350, 450)), "hardly any note begins"),
    ],
    ids=["silence", "nothing", "too short", "noise", "more noise", "a drone", "a swelling chord", "hum"],
)
def test_where_there_is_no_beat_nothing_is_said(sound: Samples, reason: str) -> None:
    found = tempo(sound, RATE_HZ)
    assert (found.bpm, found.confidence, found.candidates) == (None, None, ())
    assert found.reason is not None
    assert reason in found.reason


def test_rubato_is_not_shown_as_a_tempo() -> None:
    dice, out, at = np.random.default_rng(5), np.zeros(22 * RATE_HZ, np.float32), 0.1
    while at < 20:
        note = tone(60 + int(dice.integers(12)), 1.0)
        out[round(at * RATE_HZ) :][: note.size] += note
        at += float(dice.uniform(0.35, 1.3))
    assert tempo(out, RATE_HZ).bpm is None


def test_a_change_of_tempo_gives_segments() -> None:
    found = tempo(
        np.concatenate([song(96, 2, "major", 14), song(140, 2, "major", 14)]), RATE_HZ, threshold=0.0
    )
    first, second = found.segments
    assert first.start_s == 0
    assert second.end_s == pytest.approx(28, abs=0.1)
    assert first.end_s == second.start_s == pytest.approx(14, abs=3)
    assert min(_off(first.bpm, 96 * times) for times in (0.5, 1, 2)) < 0.02
    assert min(_off(second.bpm, 140 * times) for times in (0.5, 1, 2)) < 0.02
    assert found.confidence is not None
    assert found.confidence < 0.7
    # 96 is two thirds of 140 within 4 %, which in one tempo would be alike.
    longest = max(one.end_s - one.start_s for one in found.segments)
    assert found.stability is not None
    assert found.stability <= longest / second.end_s + 0.001


def test_below_the_threshold_a_tempo_stays_a_candidate() -> None:
    sure = tempo(SONG, RATE_HZ, threshold=0.0)
    unsure = tempo(SONG, RATE_HZ, threshold=1.01)
    assert sure.bpm == sure.candidates[0].bpm
    assert unsure.bpm is None
    assert unsure.candidates == sure.candidates
    assert unsure.reason == "less sure than 1.01"


def test_clicks_with_silence_between_have_a_tempo() -> None:
    out = np.zeros(16 * RATE_HZ, np.float32)
    for at in range(26):
        out[round(at * 0.6 * RATE_HZ) :][: RATE_HZ // 20] += drum(0.05, low=False, seed=at)
    found = tempo(out, RATE_HZ, threshold=0.0)
    assert _off(found.bpm, 100) < 0.005
    assert found.stability == 1.0
