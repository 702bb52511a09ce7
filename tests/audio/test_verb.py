"""`analyze`: prints what files say when they are listened to; its exit status says whether all could be."""

import json
from pathlib import Path

import pytest

from api.cli.frame import run
from tests.audio.made import encoded, tone
from tests.audio.test_taggers import clip
from tests.weights import weights_folder


@pytest.fixture(autouse=True)
def without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched for these tests; those of the taggers have their weights."""
    monkeypatch.setenv("CATALOGRAPH_WEIGHTS_FOLDER", str(tmp_path / "weights"))
    monkeypatch.setenv("CATALOGRAPH_WEIGHTS_FETCH", "false")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    (folder / "disc 2").mkdir(parents=True)
    (folder / "b.wav").write_bytes(encoded(tone(seconds=1.0)))
    (folder / "disc 2" / "naïve 名前.flac").write_bytes(encoded(tone(seconds=1.0), "flac", "flac"))
    (folder / "notes.txt").write_text("no sound")
    return folder


def test_a_folder_is_told_in_a_table_with_a_bar_beside_it(
    album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["analyze", str(album)]) == 0
    told = capsys.readouterr()
    for name in ("file", "bpm", "key", "LUFS", "genre", "confidence", "b.wav", "naïve 名前.flac", "-6."):
        assert name in told.out
    assert "notes.txt" not in told.out
    assert "2/2" in told.err
    assert "Genre, mood, instruments and neighbours are not heard: no weights are installed" in told.err


def test_json_is_one_object_a_line_and_a_bad_file_is_told_by_the_status(
    album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["analyze", str(album / "b.wav"), str(album / "notes.txt"), "--json"]) == 1
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert (good["file"], good["container"], good["duration_s"]) == (str(album / "b.wav"), "wav", 1.0)
    assert good["loudness"]["true_peak_dbtp"] == pytest.approx(-6.0, abs=0.1)
    assert {"tempo", "key", "quality", "spectral", "tags", "models", "sha256"} <= set(good)
    assert (bad["file"], bad["code"]) == (str(album / "notes.txt"), "audio_unknown")


def test_what_is_not_there_is_a_wrong_call(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyze", str(album / "none.wav")]) == 2
    assert "does not exist" in capsys.readouterr().err
    (album / "empty").mkdir()
    assert run(["analyze", str(album / "empty")]) == 2
    assert run(["analyze"]) == 2


def test_with_their_weights_the_taggers_are_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOGRAPH_WEIGHTS_FOLDER", str(weights_folder()))
    path = tmp_path / "machine.wav"
    path.write_bytes(encoded(clip("machine", 12.0)[None], rate_hz=16_000))
    assert run(["analyze", str(path), "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["tagged"]["labels"]["genre"][0]["confidence"] > 0.3
    assert len(found["tagged"]["embedding"]) == 400
    assert "not heard" not in told.err
