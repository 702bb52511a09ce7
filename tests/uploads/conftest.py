"""A server over each kind of blob store, two organizations for each test, and jobs run on the spot."""

import hashlib
import socket
import struct
import uuid
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.embedded import Servers
from api.keys import ensure_keys
from domain.access.scopes import Role
from domain.adapters.blobs import LocalBlobs
from domain.adapters.ern.reader import ErnReader
from domain.adapters.inspecting import inspect
from domain.adapters.postgres import Pool, open_pool
from domain.adapters.s3 import S3Blobs
from domain.adapters.s3_client import Bucket
from domain.adapters.schemas import SchemaStore
from domain.ids import decode_id
from domain.ports import Blobs
from jobs.job import House as JobHouse
from jobs.worker import run_job
from tests.api.conftest import House, serving, settings_for
from tests.conftest import Databases
from tests.house.s3 import BUCKET, KEY, SECRET, S3Server


@dataclass(frozen=True)
class Served:
    """A running server and the store behind it."""

    house: House
    blobs: Blobs

    def stored(self) -> set[str]:
        """The sha256 of every blob that lies in the store, and the name of whatever else lies there."""
        if isinstance(self.blobs, LocalBlobs):
            return {path.name for path in self.blobs._folder.rglob("*") if path.is_file()}
        assert isinstance(self.blobs, S3Blobs)
        listed = self.blobs._client.list_objects_v2(Bucket=BUCKET, Prefix=self.blobs._prefix)
        return {item["Key"].rsplit("/", 1)[-1] for item in listed.get("Contents", [])}


@dataclass(frozen=True)
class Desk:
    """Where a test works: its own two organizations at a server, and the worker's jobs."""

    served: Served
    pool: Pool
    jobs: JobHouse
    ours: uuid.UUID
    theirs: uuid.UUID

    async def rest(
        self, method: str, path: str, *, by: uuid.UUID | None = None, key: str = "", **more: Any
    ) -> httpx2.Response:
        """A REST request of a label user of ours, or of the organization named."""
        role = more.pop("role", Role.LABEL_USER)
        token = self.served.house.token(organization=by or self.ours, role=role, **more.pop("token", {}))
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or uuid.uuid4().hex}
        async with httpx2.AsyncClient(base_url=self.served.house.url, headers=headers, timeout=60) as client:
            return await client.request(method, path, **more)

    async def upload(self, name: str, content: bytes, kind: str = "", **more: Any) -> httpx2.Response:
        """Send a form with a file."""
        return await self.rest("POST", "/v1/files", files={"file": (name, content, kind or None)}, **more)

    async def graph(self, query: str, *, by: uuid.UUID | None = None, **variables: Any) -> dict[str, Any]:
        """The data of an operation, or its whole answer where there are errors."""
        body = {"query": query, "variables": variables}
        answer = (await self.rest("POST", "/graphql", by=by, json=body)).json()
        data: dict[str, Any] = answer if answer.get("errors") else answer["data"]
        return data

    async def run(self, job: str) -> str:
        """Run a job to its end."""
        return await run_job(self.jobs, str(decode_id(job)[1]))

    async def run_waiting(self, kind: str) -> int:
        """Run every job of a kind that waits for ours; gives how many."""
        rows = await self.pool.fetch(
            "select id from job where kind = $1 and state = 'queued' and owner_id = any($2)",
            kind,
            [self.ours, self.theirs],
        )
        for row in rows:
            await run_job(self.jobs, str(row["id"]))
        return len(rows)

    async def put(self, url: str, content: bytes | AsyncIterator[bytes]) -> int:
        """PUT bytes to a signed link, without any token."""
        async with httpx2.AsyncClient(timeout=60) as client:
            return (await client.put(url, content=content)).status_code

    async def get(self, url: str) -> httpx2.Response:
        """Follow a signed link, without any token."""
        async with httpx2.AsyncClient(timeout=60, follow_redirects=True) as client:
            return await client.get(url)


@pytest.fixture(scope="session")
async def files_database(databases: Databases) -> str:
    """A migrated database."""
    return await databases.clone("files")


@pytest.fixture(scope="session")
def folder_served(
    files_database: str, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server whose blobs lie in a folder."""
    state = tmp_path_factory.mktemp("files")
    key = ensure_keys(state / "keys")[0]
    listener = socket.create_server(("127.0.0.1", 0))
    settings = settings_for(files_database, servers.redis_url or "", state)
    settings = settings.using(port=listener.getsockname()[1])
    with serving(settings, listener) as url:
        yield Served(House(url, files_database, key), LocalBlobs(state / "blobs"))


@pytest.fixture(scope="session")
def bucket_served(
    files_database: str, servers: Servers, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server whose blobs lie in a bucket of a real S3 server."""
    state = tmp_path_factory.mktemp("files-s3")
    key = ensure_keys(state / "keys")[0]
    listener = socket.create_server(("127.0.0.1", 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        settings = settings_for(files_database, servers.redis_url or "", state).using(
            port=listener.getsockname()[1],
            s3_bucket=BUCKET,
            s3_endpoint=s3.endpoint,
            s3_region="us-east-1",
            s3_prefix="files/",
        )
        with serving(settings, listener) as url:
            blobs = S3Blobs(Bucket(BUCKET, prefix="files/"), s3.client())
            yield Served(House(url, files_database, key), blobs)


@pytest.fixture(params=["folder", "bucket"])
def served(request: pytest.FixtureRequest) -> Served:
    """A server over each kind of store."""
    found: Served = request.getfixturevalue(f"{request.param}_served")
    return found


async def a_desk(served: Served, pool: Pool, state: Path) -> Desk:
    """Two new organizations at a server."""
    ids = [
        await pool.fetchval("insert into organization (name, slug) values ($1, $1) returning id", slug)
        for slug in (uuid.uuid4().hex, uuid.uuid4().hex)
    ]
    jobs = JobHouse(pool, served.blobs, ErnReader(SchemaStore(state / "schemas")), inspect=inspect)
    return Desk(served, pool, jobs, *ids)


@pytest.fixture
async def files_pool(files_database: str) -> AsyncIterator[Pool]:
    """Connections to the server's database."""
    async with await open_pool(files_database, max_size=4) as pool:
        yield pool


@pytest.fixture
async def desk(folder_served: Served, files_pool: Pool, tmp_path: Path) -> Desk:
    """A desk at the server with a folder."""
    return await a_desk(folder_served, files_pool, tmp_path)


@pytest.fixture
async def any_desk(served: Served, files_pool: Pool, tmp_path: Path) -> Desk:
    """A desk at a server with each kind of store."""
    return await a_desk(served, files_pool, tmp_path)


def png(width: int = 3, height: int = 2, shade: int | None = None) -> bytes:
    """A picture; no two are the same unless they are given a shade."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    shades = uuid.uuid4().bytes if shade is None else bytes([shade]) * 16
    row = b"\0" + (shades * (width * 3 // 16 + 1))[: width * 3]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(row * height)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def wave(size_bytes: int) -> bytes:
    """A sound of at least so many bytes, no two the same."""
    samples = uuid.uuid4().bytes + bytes(size_bytes - size_bytes % 4)
    form = struct.pack("<HHIIHH", 1, 2, 44_100, 176_400, 4, 16)
    data = (
        b"WAVEfmt "
        + struct.pack("<I", len(form))
        + form
        + b"data"
        + struct.pack("<I", len(samples))
        + samples
    )
    return b"RIFF" + struct.pack("<I", len(data)) + data


def sha256(content: bytes) -> str:
    """The hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()
