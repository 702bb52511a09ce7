"""Files that mean harm: each gets its verdict, for bounded reading and memory, and does nothing else."""

import codecs
import io
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from domain.adapters.inspecting import inspect
from domain.files.verdict import CODES, Verdict
from tests.files.hostile import SOUNDS, Hostile
from tests.files.hostile_packed import PACKED, SLOW, TEXTS
from tests.files.hostile_pictures import PICTURES
from tests.files.made import valid
from tests.shared import CHECKOUT

HOSTILE = (*SOUNDS, *PICTURES, *PACKED, *TEXTS)
# Beyond the bytes of the file itself.
MOST_MEMORY = 48 << 20
# What a process may do that an inspection never does.
DEEDS = ("open", "socket", "subprocess", "os.", "shutil", "tempfile", "import", "exec", "compile", "ctypes")
_deeds: list[str] | None = None
_watched = 0


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    # Servers of other tests have threads in this process, and work of their own.
    if _deeds is not None and threading.get_ident() == _watched and event.startswith(DEEDS):
        _deeds.append(f"{event} {arguments}")


sys.addaudithook(_watch)


@contextmanager
def watched() -> Iterator[list[str]]:
    """What this thread does to the world meanwhile: files, sockets, other processes, imports."""
    global _deeds, _watched
    found: list[str] = []
    _deeds, _watched = found, threading.get_ident()
    try:
        yield found
    finally:
        _deeds = None


class Counted(io.BytesIO):
    """A file that counts what is read of it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.calls = self.given = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.calls += 1
        self.given += len(data)
        return data


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Libraries load parts of themselves at the first file of a kind; that is no deed of a file."""
    for name, data, _, _ in valid():
        inspect(io.BytesIO(data), len(data), name, None)
    for encoding in ("utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "latin-1", "cp437", "cp1252"):
        codecs.lookup(encoding)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(
    "case",
    [*HOSTILE, *(pytest.param(case, marks=pytest.mark.long) for case in SLOW)],
    ids=lambda case: case.name.replace(" ", "_"),
)
def test_a_hostile_file_gets_its_verdict(case: Hostile) -> None:
    data = case.build()
    source = Counted(data)
    tracemalloc.start()
    try:
        with watched() as deeds:
            verdict = inspect(source, len(data), case.file_name, case.declared)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert (verdict.code, verdict.media_type) == (case.code, case.media_type), verdict.text
    assert verdict.ok == (case.code is None)
    assert verdict.cover is None
    assert deeds == []
    assert peak < MOST_MEMORY
    # A picture is read twice, and pages of 16 kB are read around what is asked for.
    assert source.given <= 4 * len(data) + (256 << 10)
    assert source.calls <= 64 + len(data) // 64


def test_there_are_enough_of_them_and_every_code_is_met() -> None:
    assert len(HOSTILE) >= 60
    assert len({case.name for case in HOSTILE}) > len(HOSTILE) - 3
    assert {case.code for case in HOSTILE if case.code} == set(CODES)


def test_no_hostile_file_makes_the_process_grow(tmp_path: Path) -> None:
    """Also what libraries take outside Python's own memory, which tracing doesn't see."""
    for number, case in enumerate(HOSTILE):
        (tmp_path / f"{number:03}").write_bytes(case.build())
    before = sorted(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path), *(case.file_name for case in HOSTILE)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert int(done.stdout) < 64 << 10, f"grew by {done.stdout} kB"
    assert sorted(tmp_path.iterdir()) == before


GROWTH = """
import io, resource, sys
from pathlib import Path
from domain.adapters.inspecting import inspect
from tests.files.made import valid
for name, data, _, _ in valid():
    inspect(io.BytesIO(data), len(data), name, None)
del data
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path, name in zip(sorted(Path(sys.argv[1]).iterdir()), sys.argv[2:]):
    with path.open("rb") as source:
        inspect(source, path.stat().st_size, name, None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)
"""


@pytest.mark.parametrize(("name", "data", "media_type", "kind"), valid(), ids=[one[0] for one in valid()])
def test_a_valid_file_is_told(name: str, data: bytes, media_type: str, kind: str) -> None:
    verdict = look(data, name)
    assert (verdict.media_type, verdict.kind, verdict.code) == (media_type, kind, None), verdict.text
    assert (verdict.width is not None) == (kind == "image")


def look(data: bytes, name: str, declared: str | None = None) -> Verdict:
    return inspect(io.BytesIO(data), len(data), name, declared)
