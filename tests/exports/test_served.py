"""Exports through the doors: asked for over HTTP, written by a worker, fetched by a signed link."""

import asyncio
import hashlib
import json
import socket
import uuid
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.cli.export import check
from api.cli.frame import run
from api.cli.output import Refused
from api.keys import ensure_keys
from domain.access.scopes import Role, Scope
from domain.adapters.blobs import LocalBlobs
from domain.ports import BlobRef
from jobs.job import House as Works
from jobs.worker import Pace, open_queue, work
from tests.api.conftest import House, serving, settings_for
from tests.exports.conftest import record, stored
from tests.jobs.test_killed import end_who_waits, gate, somebody_waits, worker
from tests.jobs.yard import Yard, new_yard, until


@dataclass(frozen=True)
class Town:
    """A server with a worker, over a yard."""

    yard: Yard
    house: House

    def client(self, **more: Any) -> httpx2.Client:
        """Somebody of our organization unless said."""
        return self.house.client(**{"organization": self.yard.viewer.organization_id, **more})

    async def ask(self, key: str | None = None, **body: Any) -> httpx2.Response:
        """Ask for an export."""
        headers = {"Idempotency-Key": key} if key else {}
        with self.client() as client:
            return await asyncio.to_thread(client.post, "/v1/exports", json=body, headers=headers)

    async def get(self, path: str, *, accept: str = "application/json", **more: Any) -> httpx2.Response:
        """Fetch a path; redirects are shown, not followed."""
        with self.client(**more) as client:
            return await asyncio.to_thread(client.get, path, headers={"Accept": accept})

    async def state(self, id: str) -> str:
        """The state of a job."""
        return str((await self.get(f"/v1/jobs/{id}")).json()["state"])

    async def done(self, id: str) -> dict[str, Any]:
        """The job when it is done."""

        async def ended() -> bool:
            return await self.state(id) not in ("queued", "running")

        await until(ended)
        found: dict[str, Any] = (await self.get(f"/v1/jobs/{id}")).json()
        assert found["state"] == "done", found
        return found


@pytest.fixture
async def yard(fresh_pool: Any, tmp_path: Path) -> Yard:
    """An organization, its folder being the server's state folder."""
    return await new_yard(fresh_pool, tmp_path / "state")


@pytest.fixture
async def town(yard: Yard, fresh_database: str, redis_url: str) -> AsyncIterator[Town]:
    """The server; its links lead to where it listens."""
    yard.folder.mkdir(exist_ok=True)
    key = ensure_keys(yard.folder / "keys")[0]
    listener = socket.create_server(("127.0.0.1", 0))
    settings = settings_for(fresh_database, redis_url, yard.folder).using(port=listener.getsockname()[1])
    with serving(settings, listener) as address:
        yield Town(yard, House(address, fresh_database, key))


@asynccontextmanager
async def worked(house: Works, redis_url: str) -> AsyncIterator[None]:
    """A worker in this process."""
    queue, stopping = open_queue(redis_url), asyncio.Event()
    pace = Pace(poll_s=0.05, sweep_s=0.5, late_s=0.2)
    task = asyncio.create_task(work(house, queue, pace, stopping, asyncio.Event()))
    try:
        yield
    finally:
        stopping.set()
        await task
        await queue.aclose()


@pytest.fixture
async def working(yard: Yard, redis_url: str) -> AsyncIterator[None]:
    """A worker in this process."""
    async with worked(yard.house, redis_url):
        yield


class Stuck(LocalBlobs):
    """A store that takes the first pieces of a stream slowly, and then no more."""

    async def put(self, data: bytes | AsyncIterable[bytes]) -> BlobRef:
        """Take some."""
        assert not isinstance(data, bytes)

        async def some() -> AsyncIterator[bytes]:
            left = 3
            async for chunk in data:
                if not left:
                    await asyncio.Event().wait()
                left -= 1
                await asyncio.sleep(0.3)
                yield chunk

        return await super().put(some())


async def many(yard: Yard, count: int) -> None:
    """So many recordings, quickly."""
    await yard.pool.execute(
        "insert into recording (owner_id, title) select $1, 'A title of some length, number ' || n "
        "from generate_series(1, $2::int) n",
        yard.viewer.organization_id,
        count,
    )


async def test_an_export_is_asked_for_written_and_fetched(town: Town, working: None) -> None:
    other = await town.yard.pool.fetchval(
        "insert into organization (name, slug) values ('o', 'o') returning id"
    )
    await record(town.yard, "mine", "=mine")
    await record(town.yard, "theirs", owner=other)
    await record(town.yard, "everybody's", owner=other, visibility="public")
    key = str(uuid.uuid4())
    asked = await town.ask(key, kind="recording", format="csv", columns=["title"])
    assert asked.status_code == 202, asked.text
    id = asked.json()["id"]
    again = await town.ask(key, kind="recording", format="csv", columns=["title"])
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (id, "true")
    told = (await town.done(id))["result"]
    assert told["rows"] == 3

    way = await town.get(f"/v1/exports/{id}/file", accept="*/*")
    assert (way.status_code, way.headers["cache-control"]) == (303, "no-store")
    link = (await town.get(f"/v1/exports/{id}/file")).json()
    assert (link["rows"], link["sha256"], link["expiresInS"]) == (3, told["sha256"], 900)
    for url in (way.headers["location"], link["url"]):
        file = await asyncio.to_thread(httpx2.get, url)
        assert file.status_code == 200
        assert sorted(file.text.split("\r\n")) == sorted(["title", "mine", "'=mine", "everybody's", ""])
        assert file.headers["content-type"].startswith("text/csv")
        assert "recordings.csv" in file.headers["content-disposition"]
        assert hashlib.sha256(file.content).hexdigest() == told["sha256"]
    changed = await asyncio.to_thread(httpx2.get, link["url"].replace("recordings.csv", "recordings.exe"))
    assert (changed.status_code, changed.json()["code"]) == (403, "LINK_REFUSED")

    for status, code, more in (
        (404, "NOT_FOUND", {"organization": other}),
        (403, "INSUFFICIENT_SCOPE", {"scopes": frozenset({Scope.CATALOG_READ, Scope.JOBS_READ})}),
    ):
        refused = await town.get(f"/v1/exports/{id}/file", **more)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await town.get(f"/v1/exports/{uuid.uuid4()}/file")).status_code == 404
    assert (await town.get("/v1/exports/x/file")).status_code == 400
    bare = await asyncio.to_thread(httpx2.get, f"{town.house.url}/v1/exports/{id}/file")
    assert bare.status_code == 401
    await town.yard.house.blobs.delete(told["sha256"])
    assert (await town.get(f"/v1/exports/{id}/file")).status_code == 404


async def test_there_is_no_file_before_the_job_is_done(town: Town) -> None:
    id = (await town.ask(kind="recording")).json()["id"]
    answer = await town.get(f"/v1/exports/{id}/file")
    assert (answer.status_code, answer.json()["code"]) == (409, "JOB_STATE_WRONG")


async def test_a_running_export_is_cancelled_before_its_end(town: Town, redis_url: str) -> None:
    await many(town.yard, 10_000)
    house = replace(town.yard.house, blobs=Stuck(town.yard.folder / "blobs"))
    async with worked(house, redis_url):
        id = (await town.ask(kind="recording", format="json")).json()["id"]

        async def under_way() -> bool:
            job = (await town.get(f"/v1/jobs/{id}")).json()
            return bool(job["state"] == "running" and job["progressDone"] and job["progressTotal"] == 10_000)

        await until(under_way)
        with town.client() as client:
            await asyncio.to_thread(client.post, f"/v1/jobs/{id}/cancel", json={})

        async def cancelled() -> bool:
            return await town.state(id) == "cancelled"

        await until(cancelled)
        job = (await town.get(f"/v1/jobs/{id}")).json()
        assert 0 < job["progressDone"] < 10_000
        assert not stored(town.yard)


async def test_a_killed_worker_leaves_nothing_and_another_writes_it_whole(
    town: Town, fresh_database: str, redis_url: str
) -> None:
    await many(town.yard, 10_000)
    id = (await town.ask(kind="recording", format="ndjson")).json()["id"]
    async with (
        gate(fresh_database, "job", "update of progress_done", "when (new.progress_done > 0)") as watch,
        worker(fresh_database, redis_url, town.yard.folder) as process,
    ):
        await until(lambda: somebody_waits(watch))
        process.kill()
        await process.wait()
        await end_who_waits(watch)
    assert await town.state(id) == "running"
    assert not [path for path in stored(town.yard) if path.parent.name != "incoming"]
    async with worked(town.yard.house, redis_url):
        told = (await town.done(id))["result"]
    raw = await town.yard.house.blobs.read(told["sha256"])
    *rows, end = raw.splitlines()
    assert len({json.loads(row)["id"] for row in rows}) == told["rows"] == json.loads(end)["count"] == 10_000


async def test_the_verb_exports_to_a_file_and_checks_it(
    town: Town,
    working: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await record(town.yard, "one\r\ntwo", "three", status="draft", isrc="USRC17607839")
    await record(town.yard, "four")
    token = town.house.token(organization=town.yard.viewer.organization_id, role=Role.LABEL_USER)
    monkeypatch.setenv("CATALOGRAPH_URL", town.house.url)
    monkeypatch.setenv("CATALOGRAPH_TOKEN", token)
    monkeypatch.setenv("CATALOGRAPH_STATE_FOLDER", str(town.yard.folder))

    async def call(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        status = await asyncio.to_thread(run, ["export", *words])
        out, error = capsys.readouterr()
        return status, out if status == 0 else error

    drafts = ("--kind", "recording", "--status", "draft", "--code", "isrc=USRC17607839", "--wait", "--json")
    for format in ("csv", "json", "ndjson"):
        out = tmp_path / f"out.{format}"
        status, text = await call(format, *drafts, "--out", str(out))
        assert status == 0, text
        told = json.loads(text)
        assert (told["rows"], told["out"]) == (2, str(out))
        check(out, told)
        raw = out.read_bytes()
        for spoilt in (raw[:-9], raw.replace(b"three", b"thre3"), raw + raw):
            out.write_bytes(spoilt)
            with pytest.raises(Refused):
                check(out, told)
        # A closing line that fits nothing is found even where the job is told to have written it.
        out.write_bytes(cut := raw.replace(b"three", b"3"))
        lie = told | {"sha256": hashlib.sha256(cut).hexdigest(), "size_bytes": len(cut)}
        if format != "csv":
            with pytest.raises(Refused):
                check(out, lie)
    assert sorted(path.name for path in tmp_path.glob("*out*")) == ["out.csv", "out.json", "out.ndjson"]
    status, text = await call("csv", "--kind", "recording", "--json")
    assert (status, json.loads(text)["kind"]) == (0, "write_export")
    for words, expected in (
        (("csv", "--kind", "nothing"), 1),
        (("csv", "--kind", "recording", "--code", "isrc"), 2),
    ):
        status, text = await call(*words)
        assert status == expected, text
