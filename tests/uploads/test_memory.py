"""The memory of a server that takes a large file in: as flat as for a small one."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx2
import pytest
import xxhash

from api.embedded import Servers
from api.keys import ensure_keys
from tests.api.conftest import OURS, House
from tests.conftest import Databases
from tests.shared import CHECKOUT

MIB = 1 << 20
BOUNDARY = "only-here"
SERVE = """
import socket, sys, uvicorn
from api.app import create_app
from api.settings import Settings
listener = socket.create_server(("127.0.0.1", 0))
settings = Settings(database_url=sys.argv[1], redis_url=sys.argv[2], state_folder=sys.argv[3], pool_size=2)
config = uvicorn.Config(create_app(settings), log_config=None)
print(listener.getsockname()[1], flush=True)
uvicorn.Server(config).run([listener])
"""


@dataclass(frozen=True)
class Watched:
    """A server that is a process of its own."""

    house: House
    pid: int

    def upload(self, size_mib: int) -> dict[str, object]:
        """Stream a form with so many MiB; the sender makes them as they go."""
        first, part = uuid.uuid4().bytes.ljust(MIB, b"\1"), bytes(MIB)
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'.encode()
        )
        tail = f"\r\n--{BOUNDARY}--\r\n".encode()

        def body() -> Iterator[bytes]:
            yield head
            yield first
            for _ in range(size_mib - 1):
                yield part
            yield tail

        headers = {
            "Authorization": f"Bearer {self.house.token()}",
            "Idempotency-Key": uuid.uuid4().hex,
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Content-Length": str(len(head) + size_mib * MIB + len(tail)),
        }
        answer = httpx2.post(f"{self.house.url}/v1/files", content=body(), headers=headers, timeout=600)
        assert answer.status_code == 201, answer.text
        found: dict[str, object] = answer.json()
        digest = xxhash.xxh3_128(first)
        for _ in range(size_mib - 1):
            digest.update(part)
        assert (found["sizeBytes"], found["xxh128"]) == (str(size_mib * MIB), digest.hexdigest())
        return found

    def peak(self) -> int:
        """The most memory it has had since the last time this was asked, in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return int(found.split()[1]) << 10


@pytest.fixture
async def roomy_database(databases: Databases) -> str:
    """A database with an organization that may send large files."""
    url = await databases.clone("memory")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "insert into organization (id, name, slug, tier) values ($1, 'a', 'a', 'enterprise')", OURS
        )
    finally:
        await connection.close()
    return url


@pytest.fixture
def watched(roomy_database: str, servers: Servers, tmp_path: Path) -> Iterator[Watched]:
    """The server."""
    state = tmp_path / "state"
    key = ensure_keys(state / "keys")[0]
    given = [roomy_database, servers.redis_url or "", str(state)]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, *given],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, "the server did not start"
        yield Watched(House(f"http://127.0.0.1:{port}", roomy_database, key), process.pid)
    finally:
        process.terminate()
        process.wait(60)


def grows(watched: Watched, small_mib: int, large_mib: int) -> None:
    """Hold what a large file takes beyond a small one to a fraction of the difference."""
    for _ in range(2):  # what is loaded with the first request is not the file's
        watched.upload(small_mib)
        small = watched.peak()
    watched.upload(large_mib)
    grown = watched.peak() - small
    assert grown < (large_mib - small_mib) * MIB // 8, f"{grown >> 20} MiB more for {large_mib} MiB"


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_memory_is_flat(watched: Watched) -> None:
    grows(watched, 10, 200)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_memory_is_flat_for_four_gigabytes(watched: Watched) -> None:
    grows(watched, 10, 4096)
