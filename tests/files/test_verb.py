"""`inspect`: prints the verdict on files, and its exit status says whether all would be taken."""

import json
from pathlib import Path

import pytest

from api.cli.frame import run
from tests.files import made


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.flac"
    path.write_bytes(made.flac(made.flac_picture(made.picture())))
    return path


def test_a_good_file_is_told_in_a_table_and_in_json(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", str(song)]) == 0
    assert "audio/flac" in capsys.readouterr().out
    assert run(["inspect", str(song), "--json"]) == 0
    (verdict,) = json.loads(capsys.readouterr().out)
    cover = verdict.pop("cover")
    assert verdict == {
        "file": str(song),
        "media_type": "audio/flac",
        "kind": "audio",
        "ok": True,
        "code": None,
        "text": "FLAC audio",
        "width": None,
        "height": None,
    }
    assert cover == {"media_type": "image/png", "width": 8, "height": 6, "size_bytes": len(made.picture())}


def test_a_file_that_would_not_be_taken_is_told_by_the_status(
    song: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    false = song.rename(song.with_suffix(".wav"))
    assert run(["inspect", str(false), "--json"]) == 1
    (verdict,) = json.loads(capsys.readouterr().out)
    assert (verdict["ok"], verdict["code"]) == (False, "file_type_mismatch")
    assert run(["inspect", str(false), "--declared", "text/html"]) == 1
    assert "file_refused" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", str(tmp_path / "none.wav")]) == 1
    assert "No such file" in capsys.readouterr().err
