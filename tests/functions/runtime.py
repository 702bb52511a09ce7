"""A small Runtime API as the platform runs functions behind: one process of awslambdaric for each function.

Source: AWS Lambda, "Using the Lambda runtime API for custom runtimes" (version 2018-06-01). The client of
awslambdaric waits for ever unless every documented header comes with an event, empty ones included.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from api.settings import CHECKOUT

COLD = (sys.executable, "-m", "awslambdaric")
_VERSION = "/2018-06-01/runtime"
_KEPT = ("PATH", "HOME", "LANG", "PYTHONPYCACHEPREFIX")


@dataclass(frozen=True)
class Answer:
    """What a function gave back, or the error it ended with."""

    value: Any
    error: str | None = None


@dataclass
class _Call:
    event: Any
    deadline_ms: int
    answered: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None


class Function:
    """A running function. Calls are handed over one at a time, as the platform does."""

    def __init__(self, process: "subprocess.Popen[bytes]", calls: "queue.Queue[_Call]", log: Path) -> None:
        self.process = process
        self._calls = calls
        self._log = log

    def invoke(self, event: Any, *, left_s: float = 60) -> Answer:
        """Hand an event over and wait for the answer."""
        call = _Call(event, int((time.time() + left_s) * 1000))
        self._calls.put(call)
        give_up_at = time.monotonic() + 60
        while not call.answered.wait(0.5):
            assert self.process.poll() is None, f"the function ended: {self.log()}"
            assert time.monotonic() < give_up_at, f"the function does not answer: {self.log()}"
        assert call.answer is not None
        return call.answer

    def log(self) -> str:
        """The end of what the process printed."""
        return self._log.read_text()[-3000:]


@contextmanager
def function(
    handler: str, environment: Mapping[str, str], folder: Path, command: Sequence[str] = COLD
) -> Iterator[Function]:
    """Run one function, `api.hooks.http` for example, until the block ends. command: what begins it."""
    calls: queue.Queue[_Call] = queue.Queue()
    ended = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(calls, ended))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    log = folder / f"{handler}.{uuid.uuid4().hex[:8]}.log"
    base = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, handler],
            cwd=CHECKOUT,
            env={
                **base,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
                "AWS_LAMBDA_FUNCTION_NAME": handler.rpartition(".")[2],
                "CATALOGRAPH_BOOTSTRAP": "skip",
                **environment,
            },
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Function(process, calls, log)
    finally:
        ended.set()
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()


def _handler(calls: "queue.Queue[_Call]", ended: threading.Event) -> type[BaseHTTPRequestHandler]:
    running: dict[str, _Call] = {}

    class Api(BaseHTTPRequestHandler):
        # With 1.1 the client keeps the connection, and each call waits 40 ms for an acknowledgement.
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            assert self.path == f"{_VERSION}/invocation/next", self.path
            while True:
                try:
                    call = calls.get(timeout=0.2)
                    break
                except queue.Empty:
                    if ended.is_set():
                        return
            id = str(uuid.uuid4())
            running[id] = call
            body = json.dumps(call.event).encode()
            self.send_response(200)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                "Lambda-Runtime-Aws-Request-Id": id,
                "Lambda-Runtime-Deadline-Ms": str(call.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:f",
                "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
                "Lambda-Runtime-Client-Context": "",
                "Lambda-Runtime-Cognito-Identity": "",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            *_, id, what = self.path.split("/")
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()
            call = running.pop(id, None)
            if call is None:  # an error before the first event: the process ends, and invoke says so
                return
            given = json.loads(body or b"null")
            error = f"{given['errorType']}: {given['errorMessage']}" if what == "error" else None
            call.answer = Answer(None if error else given, error)
            call.answered.set()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Api
