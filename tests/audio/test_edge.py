"""The odd files of the samples: each gives what its note in labels.csv expects; none brings anything down."""

import csv
from pathlib import Path

import pytest

from domain.adapters.audio.analyse import analyse
from domain.audio.analysis import Analysis
from tests.bench.audio_edge import BEAT, KNOWN, NO_BEAT, NO_KEY, unexpected, unexpected_music
from tests.shared import shared_folder

pytestmark = pytest.mark.shared

QUICK = frozenset({"quality", "loudness"})
MUSIC = QUICK | {"tempo", "key"}


@pytest.fixture(scope="module")
def folder() -> Path:
    shared = shared_folder()
    assert shared is not None, "tests marked as shared do not run without it"
    return shared / "samples" / "audio"


def analysed(path: Path, parts: frozenset[str] = QUICK) -> Analysis:
    found = analyse(path, parts)
    assert isinstance(found, Analysis), found
    return found


def test_every_odd_file_is_analysed_or_refused_as_expected(folder: Path) -> None:
    with (folder / "labels.csv").open(newline="") as listed:
        names = [Path(row["file"]).name for row in csv.DictReader(listed) if row["source"] == "edge"]
    assert len(names) >= 38
    assert set(names) <= KNOWN
    wrong = {name: unexpected(name, analyse(folder / "edge" / name, QUICK)) for name in names}
    assert {name: said for name, said in wrong.items() if said} == {}


def test_loudness_says_nothing_of_silence_and_little_of_what_is_loud(folder: Path) -> None:
    assert analysed(folder / "edge" / "silence.flac").loudness.integrated_lufs is None
    loud = analysed(folder / "edge" / "clipped_loud.mp3").loudness.integrated_lufs
    assert loud is not None
    assert -3 < loud < 3


@pytest.mark.parametrize("name", sorted(NO_BEAT | NO_KEY | set(BEAT)))
def test_what_has_no_beat_or_no_key_is_not_given_one(folder: Path, name: str) -> None:
    assert unexpected_music(name, analysed(folder / "edge" / name, MUSIC)) == []
