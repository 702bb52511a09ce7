"""Files of sound analysed in processes of their own, each file within limits of time and of memory.

A file that is hostile or broken costs one finding: the process that it took down is replaced. The processes
have none of the house's environment, and speak JSON, so that one taken over has nothing to tell but figures.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import LifoQueue
from types import TracebackType
from typing import IO, Self

import orjson

from domain.adapters.audio.orders import ALL, Settings
from domain.audio.analysis import Analysis, NotAnalysed
from domain.audio.refused import not_analysed
from domain.audio.written import from_json

_ROOT = Path(__file__).resolve().parents[3]
# What a process may still need of the environment: where programs and libraries are, and the language.
_KEPT = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SYSTEMROOT",
    "VIRTUAL_ENV",
)
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
# Memory that a library lost does not pile up for ever.
_MOST_FILES = 500
_LONGEST_ANSWER = 16 << 20
_STARTS_WITHIN_S = 60.0
# Our own limits end a process by other signals.
_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one file may take: memory_bytes of address space, seconds of computing, wall_s from begin to end.

    cpu_s and cpu_s_a_mib: so many, and more for each MiB of it, but no more than most_cpu_s. opening_s: of
    these until it is open.
    """

    memory_bytes: int = 3 << 30
    cpu_s: int = 90
    cpu_s_a_mib: float = 8.0
    most_cpu_s: int = 900
    opening_s: int = 15
    wall_s: float = 3_600.0

    def cpu_of(self, size_bytes: int) -> int:
        """How long a file of a size may compute."""
        return min(self.cpu_s + int(size_bytes / (1 << 20) * self.cpu_s_a_mib), self.most_cpu_s)


class Pool:
    """Analyses files, at most `size` at once; may be called from any thread. Close it after use."""

    def __init__(self, size: int = 1, limits: Limits | None = None, settings: Settings | None = None) -> None:
        self._limits = limits or Limits()
        self._settings = settings or Settings()
        # The one that was used last is asked first: the others need not be started at all.
        self._idle: LifoQueue[_Child | None] = LifoQueue()
        self._lock = threading.Lock()
        self._children: set[_Child] = set()
        self._closed = False
        for _ in range(max(size, 1)):
            self._idle.put(None)

    def analyse(self, path: Path, parts: frozenset[str] = ALL) -> Analysis | NotAnalysed:
        """Everything that can be said of one file, or the one finding why nothing can.

        It waits for seconds: call it in a thread.
        """
        child = self._idle.get()
        try:
            if child is None or not child.fresh:
                self._forget(child)
                child = self._start()
            found = child.ask(path, parts)
            if not child.alive:
                self._forget(child)
                child = None
        except BaseException:
            # Whoever was waiting gave up; the answer of this process would be taken for another's.
            self._forget(child)
            child = None
            raise
        finally:
            self._idle.put(child)
        return found

    @property
    def processes(self) -> list[int]:
        """The processes there are, by their ids."""
        with self._lock:
            return sorted(child.process_id for child in self._children)

    def close(self) -> None:
        """End all processes, those at work too."""
        with self._lock:
            self._closed = True
            children = list(self._children)
        for child in children:
            self._forget(child)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> "_Child":
        child = _Child(self._limits, self._settings)
        with self._lock:
            if not self._closed:
                self._children.add(child)
                return child
        child.end()
        raise RuntimeError("the pool is closed")

    def _forget(self, child: "_Child | None") -> None:
        if child is not None:
            with self._lock:
                self._children.discard(child)
            child.end()


class _Child:
    """One process that analyses one file after the other."""

    def __init__(self, limits: Limits, settings: Settings) -> None:
        self._limits = limits
        self._settings = asdict(settings)
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= dict.fromkeys(_ONE_THREAD, "1") | {"PYTHONPATH": str(_ROOT)}
        # Our own interpreter and our own module: nothing of it comes from outside.
        self._process = subprocess.Popen(  # noqa: S603
            [
                sys.executable,
                "-m",
                "domain.adapters.audio.child",
                str(limits.memory_bytes),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            # A Ctrl-C is for whoever waits, who then ends this process.
            start_new_session=True,
        )
        self._files = 0
        self._rest = b""
        self.alive = True

    @property
    def process_id(self) -> int:
        """Its id in the system."""
        return self._process.pid

    @property
    def fresh(self) -> bool:
        """Whether it may take one more file."""
        return self.alive and self._files < _MOST_FILES and self._process.poll() is None

    def ask(self, path: Path, parts: frozenset[str]) -> Analysis | NotAnalysed:
        """The answer for one file; where there is none, what became of the process says why."""
        patience = self._limits.wall_s + (0 if self._files else _STARTS_WITHIN_S)
        self._files += 1
        cpu_s = self._limits.cpu_of(_size(path))
        order = {
            # JSON has no way to write a name that is no Unicode; a byte a character it can.
            "path": os.fsencode(path.absolute()).decode("latin-1"),
            "parts": sorted(parts),
            "settings": self._settings,
            "cpu_s": cpu_s,
            "opening_s": min(cpu_s, self._limits.opening_s),
        }
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        try:
            into.write(orjson.dumps(order, option=orjson.OPT_NON_STR_KEYS) + b"\n")
            into.flush()
            answer = self._line(out, time.monotonic() + patience)
        except TimeoutError:
            self.end()
            return not_analysed(
                "audio_too_complex",
                f"it took more than {self._limits.wall_s:.0f} s; analysing it was given up",
            )
        except OSError:
            answer = None
        if answer is None:
            return self._broke_down(cpu_s)
        try:
            return from_json(answer)
        except ValueError:
            self.end()
            return not_analysed("audio_decoder_failed", "the process that decodes gave no readable answer")

    def end(self) -> None:
        """End the process, whatever it does."""
        self.alive = False
        with contextlib.suppress(OSError):
            # With whatever program it started.
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _line(self, out: IO[bytes], until: float) -> bytes | None:
        """The next line; None where the process ended before it."""
        held = [self._rest]
        size = len(self._rest)
        while b"\n" not in held[-1]:
            left = until - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                raise TimeoutError
            some = os.read(out.fileno(), 1 << 16)
            size += len(some)
            if not some or size > _LONGEST_ANSWER:
                return None
            held.append(some)
        line, _, self._rest = b"".join(held).partition(b"\n")
        return line

    def _broke_down(self, cpu_s: int) -> NotAnalysed:
        """What a process that ended says by how it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        status = self._process.returncode
        self.end()
        if status == -signal.SIGXCPU:
            opening_s = min(cpu_s, self._limits.opening_s)
            return not_analysed(
                "audio_too_complex",
                f"it took more than {cpu_s} s of computing, or {opening_s} s to be opened, and was given up",
            )
        if status is not None and -status in _FROM_OUTSIDE:
            # It may have been anybody's file that took the memory: nothing is known about this one.
            return not_analysed(
                "audio_interrupted", "its process was ended, as the system does when memory is short"
            )
        if status is not None and status >= 0:
            # Whatever a file makes it raise is an answer: it could not start, or is of another version of us.
            return not_analysed(
                "audio_interrupted", f"the process that analyses ended by itself with status {status}"
            )
        said = "without an answer" if status is None else f"with signal {-status}"
        return not_analysed("audio_decoder_failed", f"the process that decoded it ended {said}")


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0
