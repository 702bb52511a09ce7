"""Real files: each is told by its content, and the odd ones get the verdict that their notes ask for."""

import csv
from pathlib import Path

import pytest

from domain.adapters.inspecting import inspect
from domain.files.verdict import Verdict
from tests.shared import shared_folder

MEDIA_TYPES = {
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".wav": "audio/wav",
    ".aiff": "audio/aiff",
}
# What is not what its name says: the code, and the type that it is.
ODD = {
    "edge/zero_bytes.mp3": ("file_empty", "application/octet-stream"),
    "edge/random_bytes.m4a": ("file_type_unknown", "application/octet-stream"),
    "edge/text_file.mp3": ("file_type_mismatch", "text/plain"),
    "edge/png_file.wav": ("file_type_mismatch", "image/png"),
    "edge/wrong_ext_is_mp3.flac": ("file_type_mismatch", "audio/mpeg"),
    "edge/wrong_ext_is_ogg.mp3": ("file_type_mismatch", "audio/ogg"),
}


def look(path: Path, declared: str | None = None) -> Verdict:
    with path.open("rb") as source:
        return inspect(source, path.stat().st_size, path.name, declared)


@pytest.fixture(scope="module")
def samples() -> Path:
    shared = shared_folder()
    assert shared is not None, "tests marked as shared do not run without it"
    return shared / "samples"


@pytest.mark.shared
def test_every_real_recording_is_told_by_its_content(samples: Path) -> None:
    folder = samples / "audio"
    with (folder / "labels.csv").open(newline="") as listed:
        names = [row["file"] for row in csv.DictReader(listed)]
    assert len(names) >= 90
    wrong = []
    for name in names:
        verdict = look(folder / name)
        code, media_type = ODD.get(name, (None, MEDIA_TYPES[Path(name).suffix]))
        if (verdict.code, verdict.media_type, verdict.ok) != (code, media_type, code is None):
            wrong.append((name, verdict))
    assert wrong == []


@pytest.mark.shared
def test_a_declared_type_must_be_what_the_content_is(samples: Path) -> None:
    song = samples / "audio" / "edge" / "silence.flac"
    assert look(song, "audio/x-flac; charset=binary").ok
    assert look(song, "application/octet-stream").ok
    assert look(song, "audio/wav").code == "file_type_mismatch"
    assert look(song, "video/x-something").code == "file_type_mismatch"
    assert look(song, "text/html").code == "file_refused"
