"""`analyze`: prints what files say when they are listened to; its exit status says whether all could be."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from api.cli.frame import run
from tests.audio.made import encoded, flooded, tone
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


def test_a_name_that_steers_a_terminal_or_is_no_unicode_costs_nobody_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = encoded(tone(seconds=0.2))
    names = [b"a \x1b[31mred\x1b]0;title\x07.wav", "b \u202egnp.wav".encode(), b"c \xff\xfe.wav", b"d.wav"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(sound)
    assert run(["analyze", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "d.wav" in told
    assert not set(told) & {"\x1b", "\x07", "\u202e", "\udcff"}
    assert run(["analyze", str(tmp_path), "--json"]) == 0
    files = [json.loads(line)["file"] for line in capsys.readouterr().out.splitlines()]
    assert [Path(file).name[0] for file in files] == ["a", "b", "c", "d"]


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert run(["analyze", str(tmp_path / "pipe.wav"), "/dev/zero", "--json"]) == 1
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["code"], "no regular file" in one["text"]) for one in found] == [
        ("audio_unreadable", True),
        ("audio_unreadable", True),
    ]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_ending_it_ends_its_processes_in_the_middle_of_a_file(tmp_path: Path, end: signal.Signals) -> None:
    path = tmp_path / "flood.flac"
    path.write_bytes(flooded(700_000))  # to open it would take minutes
    verb = subprocess.Popen(
        [sys.executable, "-m", "api", "analyze", str(path)],
        env=os.environ | {"CATALOGRAPH_BOOTSTRAP": "skip"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Whatever is run in the background of a shell is deaf to it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        child = waited(lambda: next((id for id in children(verb.pid) if ticks(id) > 100), 0))
        verb.send_signal(end)
        assert verb.wait(60) == (130 if end is signal.SIGINT else -end)
        waited(lambda: not Path(f"/proc/{child}").exists() or state(child) == "Z")
    finally:
        verb.kill()
        verb.wait()


def waited(wanted: Callable[[], int]) -> int:
    until = time.monotonic() + 90
    while not (found := wanted()):
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.05)
    return found


def children(process: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").iterdir():
        with suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


def state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def ticks(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


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
