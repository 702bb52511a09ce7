"""Child processes that don't outlive us, and the orphans of an earlier run."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO

_SET_PARENT_DEATH_SIGNAL = 1


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path | None = None,
    on_parent_death: signal.Signals = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    uid: int | None = None,
    gid: int | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a long-running child in a session of its own, so that a Ctrl-C reaches only its parent.

    On Linux the kernel sends `on_parent_death` when this process dies, however it dies; elsewhere the next
    start finds and stops the orphan.
    log: where its output is appended; None leaves it on ours.
    """
    output: IO[bytes] | None = log.open("ab") if log else None
    try:
        return subprocess.Popen(  # noqa: S603
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            env=dict(env) if env is not None else None,
            cwd=folder,
            user=uid,
            group=gid,
            extra_groups=[] if uid is not None else None,
            start_new_session=True,
            preexec_fn=_die_with(on_parent_death),
        )
    finally:
        if output:
            output.close()


def _die_with(number: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(_SET_PARENT_DEATH_SIGNAL, int(number))
        if os.getppid() != parent:
            os._exit(1)

    return ask


def interrupt_on_sigterm() -> None:
    """Let SIGTERM end this process as Ctrl-C does."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


def stop(
    child: "subprocess.Popen[bytes]", how: signal.Signals = signal.SIGTERM, timeout_s: float = 20
) -> None:
    """Ask a child to end and wait for it; kill it when it doesn't."""
    if child.poll() is not None:
        return
    child.send_signal(how)
    try:
        child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def stop_orphan(pid: int, how: signal.Signals = signal.SIGTERM, timeout_s: float = 20) -> None:
    """The same for a process that is not our child."""
    with suppress(ProcessLookupError):
        os.kill(pid, how)
        give_up_at = time.monotonic() + timeout_s
        while is_alive(pid):
            if time.monotonic() > give_up_at:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process of this number runs (a zombie doesn't)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return True


def command_line(pid: int) -> str:
    """The command line of a process, or '' when it is gone or not ours to see."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        pass
    if sys.platform == "linux":
        return ""
    shown = subprocess.run(  # noqa: S603
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout


def last_lines(log: Path, count: int = 6) -> str:
    """The end of a log file, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
    except OSError:
        return ""
