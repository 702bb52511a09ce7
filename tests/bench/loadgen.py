"""A load generator in a process of its own: keep-alive connections that each ask one thing after the other.

Called as `python -m tests.bench.loadgen` with a Load as JSON on standard input; prints a Measured as JSON.
It only ever speaks to this machine, for the seconds asked for.
"""

import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import uvloop


@dataclass(frozen=True)
class Load:
    """What to ask: whole HTTP requests, one after the other, on so many connections."""

    port: int
    requests: list[str]
    connections: int
    warm_up_s: float
    seconds: float
    server_pid: int


@dataclass(frozen=True)
class Measured:
    """What came of it. cpu_us: the server process's CPU time for one request; None where unknown."""

    requests: int
    failed: int
    seconds: float
    p50_ms: float
    p99_ms: float
    bytes: int
    cpu_us: float | None

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


class _Asker(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], took: list[float], count: dict[str, int]) -> None:
        self._requests = requests
        self._took = took
        self._count = count
        self._held = b""
        self._needed = -1
        self._began = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._count["lost"] += 1

    def data_received(self, data: bytes) -> None:
        self._held = self._held + data if self._held else data
        if self._needed < 0:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._held[:end].lower()
            place = head.index(b"content-length:") + 15
            line = head.find(b"\r\n", place)
            self._needed = end + 4 + int(head[place : line if line > 0 else end])
            if not head.startswith(b"http/1.1 200"):
                self._count["failed"] += 1
        if len(self._held) < self._needed:
            return
        self._took.append(time.perf_counter() - self._began)
        self._count["bytes"] += self._needed
        self._held, self._needed = b"", -1
        self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        self._began = time.perf_counter()
        self._transport.write(next(self._requests))


async def measure(load: Load) -> Measured:
    """Ask for a while to warm up, then for the seconds that count."""
    loop = asyncio.get_running_loop()
    requests = itertools.cycle([request.encode() for request in load.requests])
    took: list[float] = []
    count = {"failed": 0, "bytes": 0, "lost": 0}
    transports = []
    for _ in range(load.connections):
        transport, _protocol = await loop.create_connection(
            lambda: _Asker(requests, took, count), "127.0.0.1", load.port
        )
        transports.append(transport)
    await asyncio.sleep(load.warm_up_s)
    took.clear()
    count |= {"failed": 0, "bytes": 0}
    cpu, began = _cpu_s(load.server_pid), time.perf_counter()
    await asyncio.sleep(load.seconds)
    seconds, spent = time.perf_counter() - began, _cpu_s(load.server_pid)
    measured = sorted(took)
    asked = len(measured)
    failed = count["failed"] + count["lost"]
    for transport in transports:
        transport.abort()
    if not asked:
        return Measured(0, failed or 1, seconds, 0.0, 0.0, 0, None)
    return Measured(
        asked,
        failed,
        seconds,
        measured[asked // 2] * 1000,
        measured[min(asked - 1, asked * 99 // 100)] * 1000,
        count["bytes"] // asked,
        (spent - cpu) / asked * 1e6 if spent is not None and cpu is not None else None,
    )


def _cpu_s(pid: int) -> float | None:
    """User and system time of a process so far, in seconds (Linux)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except (OSError, IndexError):
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(measure(Load(**json.load(sys.stdin)))))))
