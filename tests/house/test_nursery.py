"""Processes forked from one that is ready end with whoever asked for them."""

import os
import signal
import socket
import subprocess

import pytest

from tests import nursery


def test_a_program_runs_with_its_arguments_and_streams_and_tells_how_it_ended() -> None:
    done = subprocess.run(
        nursery.forked("-c", "import sys; print(sys.argv[1]); sys.exit(3)", "given"),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "given\n", "")


def test_a_signal_reaches_the_program() -> None:
    program = "import time; print('up', flush=True); time.sleep(60)"
    with subprocess.Popen(nursery.forked("-c", program), stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"up\n"
        started.send_signal(signal.SIGTERM)
        assert started.wait(30) == 128 + signal.SIGTERM


@pytest.mark.parametrize("asked", [b"", b'{"arguments": ['])
def test_who_stops_in_the_middle_of_asking_leaves_nothing_behind(asked: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as line, open(os.devnull, "r+b") as null:
        line.settimeout(30)
        line.connect(nursery.forked("-c", "")[5])
        socket.send_fds(line, [(1_000).to_bytes(4, "big")], [null.fileno()] * 3)
        line.sendall(asked)
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b"", "the process that was asked is still there"
