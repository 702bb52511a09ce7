"""A hostile file costs one finding: the process it takes down is replaced, and the next file is analysed."""

import os
import re
import signal
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.adapters.audio.analyse import analyse
from domain.adapters.audio.pool import Limits, Pool
from domain.audio.analysis import Analysis, NotAnalysed
from domain.audio.written import as_json, from_json
from tests.audio.made import encoded, flooded, tone

QUICK = frozenset({"quality", "loudness"})


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    path.write_bytes(encoded(tone(seconds=2.0)))
    return path


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Six hours of silence that take no room: a file with a hole."""
    path = tmp_path / "endless.wav"
    length = 44_100 * 4 * 3_600 * 6
    with path.open("wb") as out:
        form = struct.pack("<IHHIIHH", 16, 1, 2, 44_100, 176_400, 4, 16)
        out.write(b"RIFF" + struct.pack("<I", length + 36) + b"WAVEfmt " + form)
        out.write(b"data" + struct.pack("<I", length))
        out.truncate(44 + length)
    return path


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    # One second is plenty for good files: the clock of a file starts when its process is ready.
    with Pool(1, Limits(cpu_s=1, cpu_s_a_mib=0, wall_s=60)) as made:
        yield made


def finding(pool: Pool, path: Path) -> str:
    found = pool.analyse(path, QUICK)
    return found.code if isinstance(found, NotAnalysed) else "analysed"


def test_a_file_that_computes_for_too_long_is_given_up_and_the_pool_lives(
    pool: Pool, song: Path, endless: Path
) -> None:
    found = pool.analyse(endless, QUICK)
    assert isinstance(found, NotAnalysed)
    assert (found.code, "1 s of computing" in found.text) == ("audio_too_complex", True)
    assert finding(pool, song) == "analysed"


def test_a_flood_of_comments_is_given_up_before_sound_would_be(tmp_path: Path, song: Path) -> None:
    path = tmp_path / "flood.flac"
    path.write_bytes(flooded(600_000))
    with Pool(1, Limits(cpu_s=60, cpu_s_a_mib=0, opening_s=1, wall_s=60)) as pool:
        found = pool.analyse(path, QUICK)
        assert isinstance(found, NotAnalysed)
        assert (found.code, "1 s to be opened" in found.text) == ("audio_too_complex", True)
        assert finding(pool, song) == "analysed"


def test_a_file_that_takes_too_long_is_given_up(endless: Path) -> None:
    with Pool(1, Limits(wall_s=0.1)) as pool:
        # The first answer waits for the process to start as well.
        pool.analyse(endless.parent / "gone.wav", QUICK)
        assert finding(pool, endless) == "audio_too_complex"


def test_a_file_that_wants_too_much_memory_is_given_up_and_the_pool_lives(song: Path, endless: Path) -> None:
    with Pool(1) as pool:
        assert finding(pool, song) == "analysed"
        (child,) = pool.processes
        needed = re.search(r"VmPeak:\s+(\d+) kB", Path(f"/proc/{child}/status").read_text())
    assert needed is not None
    # Six hours are held for twelve minutes, which takes 250 MB more.
    with Pool(1, Limits(memory_bytes=int(needed[1]) * 1_024 + (100 << 20), cpu_s=60)) as pool:
        assert finding(pool, song) == "analysed"
        found = pool.analyse(endless, QUICK)
        assert isinstance(found, NotAnalysed)
        assert (found.code, "memory" in found.text) == ("audio_too_complex", True)
        assert finding(pool, song) == "analysed"


def test_a_process_that_is_killed_is_a_finding_and_is_replaced(song: Path, endless: Path) -> None:
    with Pool(1, Limits(cpu_s=120)) as pool:
        assert finding(pool, song) == "analysed"
        for deadly, code in (
            (signal.SIGKILL, "audio_interrupted"),
            (signal.SIGTERM, "audio_interrupted"),
            (signal.SIGSEGV, "audio_decoder_failed"),
        ):
            (child,) = pool.processes
            found: list[str] = []
            work = threading.Thread(target=lambda f=found: f.append(finding(pool, endless)))
            work.start()
            before, until = cpu_ticks(child), time.monotonic() + 30
            while cpu_ticks(child) < before + 3 and time.monotonic() < until:
                time.sleep(0.02)
            os.kill(child, deadly)
            work.join(30)
            assert found == [code]
            assert finding(pool, song) == "analysed"
            assert pool.processes != [child]


def test_a_process_that_does_not_start_says_nothing_about_the_file(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.adapters.audio.pool._ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    with Pool(1) as pool:
        assert finding(pool, song) == "audio_interrupted"


def test_closing_ends_the_processes(song: Path) -> None:
    with Pool(1) as pool:
        assert finding(pool, song) == "analysed"
        (child,) = pool.processes
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_the_processes_have_none_of_our_environment(pool: Pool, song: Path) -> None:
    assert finding(pool, song) == "analysed"
    (child,) = pool.processes
    names = {entry.partition(b"=")[0] for entry in Path(f"/proc/{child}/environ").read_bytes().split(b"\0")}
    assert b"PATH" in names
    assert b"PYTEST_CURRENT_TEST" in {name.encode() for name in os.environ}
    assert b"PYTEST_CURRENT_TEST" not in names


def test_a_file_that_is_not_there_is_a_finding(pool: Pool, tmp_path: Path) -> None:
    assert finding(pool, tmp_path / "gone.mp3") == "audio_unreadable"
    assert finding(pool, tmp_path) == "audio_unreadable"


def test_an_analysis_comes_back_from_json_as_it_was(song: Path) -> None:
    found = analyse(song, QUICK)
    assert isinstance(found, Analysis)
    assert from_json(as_json(found)) == found
    refused = NotAnalysed(code="audio_empty", text="it has no bytes")
    assert from_json(as_json(refused)) == refused


def cpu_ticks(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
