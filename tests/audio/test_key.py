"""Key: what is found, when nothing is said, what must not change it, and the numbers it rests on."""

import numpy as np
import pytest
import soxr

from domain.audio.analysis import Samples
from domain.audio.camelot import SCALES, TONICS, camelot, open_key
from domain.audio.key import key
from domain.audio.profiles import PROFILES, likeness
from tests.audio.music import RATE_HZ, drum, noise, song

SONG = song(104.0, 2, "major")


@pytest.mark.parametrize("tonic", range(0, 12, 3))
@pytest.mark.parametrize("scale", SCALES)
def test_a_clear_song_has_its_key(tonic: int, scale: str) -> None:
    found = key(song(100.0, tonic, scale, seconds=12, cents=-30), RATE_HZ)
    assert found.best is not None
    assert found.runner_up is not None
    assert (found.best.tonic, found.best.scale) == (TONICS[tonic], scale)
    assert found.best.camelot == camelot(TONICS[tonic], scale)
    assert found.best.open_key == open_key(TONICS[tonic], scale)
    assert found.best.confidence > found.runner_up.confidence > 0
    assert found.tuning_cents == pytest.approx(-30, abs=6)


@pytest.mark.parametrize(
    "changed",
    [SONG * 0.01, SONG * -1, np.pad(SONG, (60_000, 90_000)), soxr.resample(SONG, RATE_HZ, 44_100)],
    ids=["quieter", "upside down", "silence around it", "another rate"],
)
def test_what_is_no_music_changes_no_key(changed: Samples) -> None:
    rate_hz = 44_100 if changed.size == 2 * SONG.size else RATE_HZ
    found = key(changed.astype(np.float32), rate_hz)
    assert found.best is not None
    assert (found.best.tonic, found.best.scale) == ("D", "major")


@pytest.mark.parametrize("semitones", [-1, 1, 2])
def test_a_faster_copy_is_higher(semitones: int) -> None:
    copy = soxr.resample(SONG, RATE_HZ * 2 ** (semitones / 12), RATE_HZ).astype(np.float32)
    found = key(copy, RATE_HZ)
    assert found.best is not None
    assert (found.best.tonic, found.best.scale) == (TONICS[2 + semitones], "major")


def _fifth(hertz: float) -> Samples:
    """One steady tone of an open fifth."""
    return np.asarray(np.sin(np.arange(8 * RATE_HZ) * 2 * np.pi * hertz / RATE_HZ) / 2, np.float32)


def _drums() -> Samples:
    out = np.zeros(12 * RATE_HZ, np.float32)
    for at in range(24):
        hit = drum(0.2, low=False, seed=at)
        out[round(at * 0.45 * RATE_HZ) :][: hit.size] += hit
    return out


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (np.zeros(8 * RATE_HZ, np.float32), "of pitched sound"),
        (np.zeros(0, np.float32), "of pitched sound"),
        (song(110, 0, "major", seconds=1.0), "of pitched sound"),
        (noise(8), "no steady pitch"),
        (_drums(), "no steady pitch"),
        (_fifth(440.0), "less than three pitches"),
        (_fifth(440.0) + _fifth(660.0), "less than three pitches"),
    ],
    ids=["silence", "nothing", "too short", "noise", "drums", "one tone", "an open fifth"],
)
def test_where_there_is_no_pitch_nothing_is_said(sound: Samples, reason: str) -> None:
    found = key(sound, RATE_HZ)
    assert (found.best, found.runner_up) == (None, None)
    assert found.reason is not None
    assert reason in found.reason


def test_places_on_the_wheels() -> None:
    names = (("C", "major"), ("A", "minor"), ("Ab", "minor"), ("E", "major"), ("F", "minor"))
    assert [camelot(*name) for name in names] == ["8B", "8A", "1A", "12B", "4A"]
    assert [open_key(*name) for name in (("C", "major"), ("A", "minor"), ("F", "major"), ("E", "minor"))] == [
        "1d", "1m", "12d", "2m",
    ]  # fmt: skip
    assert len({camelot(tonic, scale) for tonic in TONICS for scale in SCALES}) == 24
    assert len({open_key(tonic, scale) for tonic in TONICS for scale in SCALES}) == 24


def test_profiles_have_the_published_numbers() -> None:
    sums = {name: (round(major.sum(), 4), round(minor.sum(), 4)) for name, (major, minor) in PROFILES.items()}
    assert sums == {
        "krumhansl": (41.79, 44.51),
        "temperley": (4.246, 4.183),
        "braw": (4.6232, 4.73),
        "bgate": (3.98, 3.79),
    }
    assert tuple(PROFILES["krumhansl"][0]) == (
        6.35,
        2.23,
        3.48,
        2.33,
        4.38,
        4.09,
        2.52,
        5.19,
        2.39,
        3.66,
        2.29,
        2.88,
    )
    assert tuple(PROFILES["temperley"][1]) == (
        0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330,
    )  # fmt: skip
    assert tuple(PROFILES["bgate"][0]) == (1, 0, 0.42, 0, 0.53, 0.37, 0, 0.77, 0, 0.38, 0.21, 0.30)


@pytest.mark.parametrize("name", list(PROFILES))
def test_a_profile_is_most_like_itself(name: str) -> None:
    major, minor = PROFILES[name]
    assert int(likeness(np.roll(major, 5), PROFILES[name]).argmax()) == 5
    assert int(likeness(np.roll(minor, 9), PROFILES[name]).argmax()) == 12 + 9


def test_a_change_of_key_gives_segments_and_less_confidence() -> None:
    found = key(np.concatenate([song(104, 0, "major", 16), song(104, 4, "minor", 12)]), RATE_HZ)
    assert [name for *_, name in found.segments] == ["C major", "E minor"]
    (start, change, _), (again, end, _) = found.segments
    assert start == 0
    assert change == again == pytest.approx(16, abs=4)
    assert end == pytest.approx(28, abs=1)
    assert found.best is not None
    assert (found.best.tonic, found.best.scale) == ("C", "major")
    assert found.best.confidence < 0.75
