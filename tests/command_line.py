"""The command line in this process: the same code, without a second of imports for each call."""

import contextlib
import io
import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import structlog

from api.cli.frame import run


@dataclass(frozen=True)
class Said:
    """What one call gave."""

    returncode: int
    stdout: str
    stderr: str


def called(environment: Mapping[str, str], *words: str, logs: bool = False) -> Said:
    """Call it where of our settings only those of `environment` are set.

    logs: let it set up logs as it does in a process of its own; not where a server shares this one.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        for name in [name for name in os.environ if name.startswith("CATALOGRAPH_")]:
            patch.delenv(name)
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        if not logs:
            patch.setattr("api.cli.frame.configure_logs", lambda *_: None)
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            status = run(words)
        finally:
            if threading.current_thread() is threading.main_thread():
                for number, handler in before.items():
                    signal.signal(number, handler)
            if logs:
                structlog.reset_defaults()
    return Said(status, out.getvalue(), err.getvalue())
