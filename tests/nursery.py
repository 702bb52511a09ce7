"""Processes forked from one that has imported what they need: starting one costs no seconds of imports.

What a test starts is a small program that hands its arguments, environment and streams to the nursery,
passes on the signals that it gets, and ends as the forked process ends. Killed, it takes that one with it.
"""

import atexit
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

from tests.shared import CHECKOUT

# Without the site and its packages: it is up in some milliseconds.
_DOOR = """
import json, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
told = json.dumps({"arguments": sys.argv[2:], "environment": dict(os.environ), "folder": os.getcwd()})
socket.send_fds(line, [len(told.encode()).to_bytes(4, "big")], [0, 1, 2])
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: line.send(bytes([number])))
line.sendall(told.encode())
null = os.open(os.devnull, os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(null, number)
status = line.recv(1)
os._exit(status[0] if status else 70)
"""


def forked(*arguments: str) -> list[str]:
    """The command that starts what `python ARGUMENTS` would: `-c PROGRAM …` or `-m MODULE …`."""
    assert arguments[0] in ("-c", "-m"), arguments
    return [sys.executable, "-I", "-S", "-c", _DOOR, _nursery(), *arguments]


@cache
def _nursery() -> str:
    """The address of this test process's nursery, which ends with it."""
    folder = tempfile.mkdtemp(prefix="nursery-")
    address = f"{folder}/door"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.nursery", address],
        cwd=CHECKOUT,
        env={**os.environ, "CATALOGRAPH_BOOTSTRAP": "skip"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"

    def end() -> None:
        process.kill()
        process.wait()
        Path(address).unlink(missing_ok=True)
        os.rmdir(folder)

    atexit.register(end)
    return address


def _serve(address: str) -> NoReturn:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # Who asked for the nursery holds its other end, whatever becomes of that process.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print("ready", flush=True)
    while True:
        line, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _look_after(line)
        line.close()


def _look_after(line: socket.socket) -> NoReturn:
    """Fork the process, hand signals on to it, and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(line, 4, 3)
    told = b""
    while len(told) < int.from_bytes(head, "big"):
        part = line.recv(1 << 16)
        if not part:  # whoever asked was killed in the middle of asking
            os._exit(0)
        told += part
    given = json.loads(told)
    child = os.fork()
    if child == 0:
        line.close()
        _become(given["arguments"], given["environment"], given["folder"], streams)
    for stream in streams:
        os.close(stream)

    def tell() -> None:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        line.send(bytes([code if code >= 0 else 128 - code]))
        os._exit(0)

    threading.Thread(target=tell, daemon=True).start()
    with suppress(ProcessLookupError):
        while number := line.recv(1):
            os.kill(child, number[0])
        os.kill(child, signal.SIGKILL)
    os._exit(0)


def _become(arguments: list[str], environment: dict[str, str], folder: str, streams: list[int]) -> NoReturn:
    """Be the program that was asked for."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    kind, what, *sys.argv[1:] = arguments
    status = 1
    try:
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    import jobs.worker  # noqa: F401

    _serve(sys.argv[1])
