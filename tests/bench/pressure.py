"""Callers in a process of their own that ask one thing again and again, and wait when they are refused.

Called as `python -m tests.bench.pressure` with a Pressure as JSON on standard input; prints a Felt as JSON.
It only ever speaks to this machine, for the seconds asked for.
"""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field

from api.settings import CHECKOUT


@dataclass(frozen=True)
class Pressure:
    """Who asks: so many callers for each request; pause_s: how long one waits that was refused."""

    port: int
    requests: list[str]
    callers: list[int]
    seconds: float
    pause_s: float


@dataclass
class Felt:
    """Seconds to each answer, for each request: those that were accepted, and those that were refused."""

    accepted: list[list[float]] = field(default_factory=list)
    refused: list[list[float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


async def press(pressure: Pressure) -> Felt:
    """Ask until the time is over."""
    felt, end = Felt(), time.perf_counter() + pressure.seconds

    async def call(request: bytes, accepted: list[float], refused: list[float]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", pressure.port)
        while (began := time.perf_counter()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            lower = head.lower()
            place = lower.index(b"content-length:") + 15
            await reader.readexactly(int(lower[place : lower.index(b"\r\n", place)]))
            took, status = time.perf_counter() - began, head[9:12]
            if status == b"200":
                accepted.append(took)
            elif status == b"503" and b"retry-after: 1\r\n" in lower:
                refused.append(took)
                await asyncio.sleep(pressure.pause_s)
            else:
                felt.wrong.append(head.decode("latin-1"))
                return
        writer.close()

    calls = []
    for request, count in zip(pressure.requests, pressure.callers, strict=True):
        felt.accepted.append([])
        felt.refused.append([])
        calls += [call(request.encode(), felt.accepted[-1], felt.refused[-1]) for _ in range(count)]
    await asyncio.gather(*calls)
    return felt


def feel(pressure: Pressure) -> Felt:
    """Have it done by a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.pressure"],
        input=json.dumps(asdict(pressure)),
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        timeout=pressure.seconds + 60,
        check=True,
    )
    return Felt(**json.loads(done.stdout))


def request_of(port: int, body: object, token: str) -> str:
    """A GraphQL request, as it goes over the wire."""
    text = json.dumps(body)
    return (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nAccept: application/json\r\n"
        f"Content-Length: {len(text)}\r\n\r\n{text}"
    )


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(press(Pressure(**json.load(sys.stdin)))))))
