"""Blobs that nobody needs go, and none goes that somebody is about to need, whoever comes first."""

import asyncio
import hashlib
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.adapters.blobs import LocalBlobs
from domain.commands import COMMANDS
from domain.dispatch import dispatch
from domain.ports import StoredBlob
from domain.retention.blobs import NEEDED_BY, SPEAKS_OF, BlobLeaving, drop, keep_blob, sweep
from domain.row import utc_now
from domain.tables import metadata
from tests.retention.conftest import SECOND, WEEK, Attic

DAY = timedelta(days=1)


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    """A folder of blobs."""
    return LocalBlobs(tmp_path)


def age(folder: Path, sha256: str, by: timedelta) -> None:
    """Make a blob as old as that."""
    at = (utc_now() - by).timestamp()
    os.utime(folder / sha256[:2] / sha256, (at, at))


async def swept(attic: Attic, blobs: Any, now: datetime) -> list[str]:
    return [gone.sha256 async for gone in sweep(attic.step, blobs, now)]


def test_every_column_that_names_a_blob_is_asked() -> None:
    named = {t.name for t in metadata.tables.values() if "sha256" in t.columns} - {"blob_leaving"}
    assert named == set(NEEDED_BY) - {"job"} | SPEAKS_OF, (
        "say in domain/retention/blobs.py what needs the bytes"
    )


async def test_the_plan_lists_what_no_row_needs_and_changes_nothing(
    attic: Attic, blobs: LocalBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, now = await attic.organization(), utc_now()
    needed, old, older, young = [
        (await blobs.put(name.encode())).sha256 for name in ("needed", "old one", "older", "young")
    ]
    await attic.file(owner, now, sha256=needed)
    age(tmp_path, needed, 9 * DAY)
    age(tmp_path, old, 2 * DAY)
    age(tmp_path, older, 5 * DAY)
    lines = {
        line.state: line
        for line in await attic.plan(now, store=blobs)
        if line.rule == "orphan_blobs" and line.owner_id is None
    }
    assert {state: (line.count, line.size_bytes) for state, line in lines.items()} == {
        "due": (2, len("old one") + len("older")),
        "coming": (1, len("young")),
    }
    assert lines["due"].examples == (older, old), "the first due first"
    assert abs(lines["due"].due_at - (now - 4 * DAY)) < timedelta(minutes=1)
    assert "no row names them" in lines["due"].why
    # Of a large store a part is looked at, and that is said; of one organization none is anybody's.
    monkeypatch.setattr("domain.retention.blobs.MOST_LOOKED_AT", 1)
    partly = [line for line in await attic.plan(now, store=blobs) if line.rule == "orphan_blobs"]
    assert all("its first 1 blobs" in line.why for line in partly)
    assert "orphan_blobs" not in {line.rule for line in await attic.plan(now, owner_id=owner, store=blobs)}
    assert all([await blobs.exists(sha256) for sha256 in (needed, old, older, young)])
    monkeypatch.undo()
    assert sorted(await swept(attic, blobs, now)) == sorted([old, older])
    left = [line for line in await attic.plan(now, store=blobs) if line.rule == "orphan_blobs"]
    assert [(line.state, line.examples) for line in left] == [("coming", (young,))]


async def test_only_what_nobody_needs_goes_and_only_when_it_is_a_day_old(
    attic: Attic, blobs: LocalBlobs, tmp_path: Path
) -> None:
    owner = await attic.organization()
    needed = {
        name: (await blobs.put(name.encode())).sha256 for name in ("delivery", "export", "file", "image")
    }
    await attic.delivery(owner, utc_now(), sha256=needed["delivery"])
    await attic.export(owner, utc_now(), sha256=needed["export"])
    await attic.file(owner, utc_now(), sha256=needed["file"])
    release = await attic.sql.fetchval(
        "insert into release (owner_id, title) values ($1, 'r') returning id", owner
    )
    await attic.sql.execute(
        "insert into image (owner_id, type, subject_id, sha256) values ($1, 'x', $2, $3)",
        owner,
        release,
        needed["image"],
    )
    orphan, young = (await blobs.put(b"orphan")).sha256, (await blobs.put(b"young")).sha256
    for sha256 in (*needed.values(), orphan):
        age(tmp_path, sha256, 2 * DAY)
    now = utc_now()
    assert await swept(attic, blobs, now) == [orphan]
    assert not await blobs.exists(orphan)
    assert all([await blobs.exists(sha256) for sha256 in (*needed.values(), young)])
    assert await swept(attic, blobs, now) == []
    age(tmp_path, young, DAY + SECOND)
    assert await swept(attic, blobs, now) == [young]
    await attic.sql.execute("delete from image where owner_id = $1", owner)


async def test_the_bytes_of_what_went_go_with_the_next_run(
    attic: Attic, blobs: LocalBlobs, tmp_path: Path
) -> None:
    owner = await attic.organization()
    sha256 = (await blobs.put(b"rows")).sha256
    age(tmp_path, sha256, 60 * DAY)
    await attic.export(owner, utc_now() - 60 * DAY, sha256=sha256)
    await attic.run(utc_now() - 2 * WEEK, store=blobs)
    assert await blobs.exists(sha256)
    done = await attic.run(utc_now(), store=blobs)
    assert (done.gone["exports"], done.gone["orphan_blobs"], done.gone_bytes["orphan_blobs"]) == (1, 1, 4)
    assert not await blobs.exists(sha256)


async def test_uploads_that_nobody_took_in_go_after_a_day(blobs: LocalBlobs, tmp_path: Path) -> None:
    async def bytes_() -> AsyncIterator[bytes]:
        yield b"abc"

    for ticket, days in (("old", 2), ("awaited", 2), ("new", 0)):
        await blobs.keep_upload(ticket, bytes_())
        at = (utc_now() - days * DAY).timestamp()
        os.utime(tmp_path / "uploads" / ticket, (at, at))
    assert await blobs.forget_uploads(utc_now() - DAY, {"awaited"}) == (1, 3)
    assert (await blobs.take_in("new", 10)).size_bytes == 3
    assert (await blobs.take_in("awaited", 10)).size_bytes == 3


class Halting:
    """A store that stops before it deletes, until it is told to go on; or is killed there."""

    def __init__(self, blobs: LocalBlobs, *, dies: bool = False) -> None:
        self.blobs, self.dies = blobs, dies
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    def walk(self) -> AsyncIterator[StoredBlob]:
        return self.blobs.walk()

    async def delete(self, sha256: str) -> None:
        self.reached.set()
        if self.dies:
            raise ConnectionError("killed")
        await self.go_on.wait()
        await self.blobs.delete(sha256)


async def somebody_waits(attic: Attic) -> None:
    """Until one connection waits for a lock of another."""
    waits = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(60):
        while not await attic.sql.fetchval(f"select exists ({waits})"):
            await asyncio.sleep(0.01)


async def receive(attic: Attic, owner: uuid.UUID, blobs: LocalBlobs, content: bytes) -> None:
    command = COMMANDS["receive_delivery"]
    viewer = Viewer(owner, "user:x", Role.LABEL_USER, frozenset(Scope))
    ask = command.ask(content=content)
    await dispatch(command, ask, viewer=viewer, pool=attic.pool, door="test", blobs=blobs)


async def test_the_same_bytes_uploaded_while_they_are_deleted_are_refused_and_taken_the_next_time(
    attic: Attic, blobs: LocalBlobs, tmp_path: Path
) -> None:
    owner, content = await attic.organization(), b"<same/>"
    sha256 = (await blobs.put(content)).sha256
    age(tmp_path, sha256, 2 * DAY)
    store = Halting(blobs)
    sweeping = asyncio.create_task(swept(attic, store, utc_now()))
    await asyncio.wait_for(store.reached.wait(), 60)
    receiving = asyncio.create_task(receive(attic, owner, blobs, content))
    await somebody_waits(attic)
    assert not receiving.done()
    store.go_on.set()
    assert await sweeping == [sha256]
    with pytest.raises(BlobLeaving):
        await receiving
    # What found the old bytes before they went, and comes to name them only now:
    async with attic.step() as sql:
        with pytest.raises(BlobLeaving):
            await keep_blob(sql, blobs, sha256)
    await receive(attic, owner, blobs, content)
    assert await blobs.read(sha256) == content
    age(tmp_path, sha256, 2 * DAY)
    assert await swept(attic, blobs, utc_now()) == []


async def test_a_sweep_waits_for_whoever_is_naming_the_blob_and_leaves_it(
    attic: Attic, blobs: LocalBlobs, tmp_path: Path
) -> None:
    owner = await attic.organization()
    sha256 = (await blobs.put(b"named")).sha256
    age(tmp_path, sha256, 2 * DAY)
    async with attic.sql.transaction():
        await keep_blob(attic.sql, blobs, sha256)
        sweeping = asyncio.create_task(swept(attic, blobs, utc_now()))
        await attic.delivery(owner, utc_now(), sha256=sha256)
        await somebody_waits(attic)
        assert not sweeping.done()
    assert await sweeping == []
    assert await blobs.exists(sha256)


async def test_a_drop_that_wakes_late_leaves_what_was_uploaded_meanwhile(
    attic: Attic, blobs: LocalBlobs
) -> None:
    owner, content = await attic.organization(), b"<again/>"
    sha256 = (await blobs.put(content)).sha256
    marked, go_on = asyncio.Event(), asyncio.Event()
    steps = 0

    @asynccontextmanager
    async def late() -> AsyncIterator[Any]:
        nonlocal steps
        steps += 1
        if steps == 2:
            marked.set()
            await go_on.wait()
        async with attic.step() as sql:
            yield sql

    late_one = asyncio.create_task(drop(late, blobs, sha256, utc_now()))
    await asyncio.wait_for(marked.wait(), 60)
    assert await drop(attic.step, blobs, sha256, utc_now())
    await receive(attic, owner, blobs, content)
    go_on.set()
    assert not await late_one
    assert await blobs.read(sha256) == content


async def test_a_killed_sweep_is_finished_by_the_next(
    attic: Attic, blobs: LocalBlobs, tmp_path: Path
) -> None:
    owner, content = await attic.organization(), b"<left/>"
    sha256 = (await blobs.put(content)).sha256
    age(tmp_path, sha256, 2 * DAY)
    with pytest.raises(ConnectionError):
        await swept(attic, Halting(blobs, dies=True), utc_now())
    with pytest.raises(BlobLeaving):
        await receive(attic, owner, blobs, content)
    await swept(attic, blobs, utc_now())
    assert not await blobs.exists(sha256)
    await receive(attic, owner, blobs, content)
    assert await blobs.exists(sha256)


async def test_many_uploads_and_sweeps_at_once_leave_no_row_without_its_bytes(
    attic: Attic, blobs: LocalBlobs, tmp_path: Path
) -> None:
    owner = await attic.organization()
    contents = [f"<n{number}/>".encode() for number in range(12)]
    for content in contents:
        age(tmp_path, (await blobs.put(content)).sha256, 2 * DAY)

    async def upload(content: bytes) -> None:
        async with asyncio.timeout(90):
            while True:
                try:
                    return await receive(attic, owner, blobs, content)
                except BlobLeaving:
                    await asyncio.sleep(0.01)

    await asyncio.gather(
        *(upload(content) for content in contents), *(swept(attic, blobs, utc_now()) for _ in range(4))
    )
    for content in contents:
        assert await blobs.read(hashlib.sha256(content).hexdigest()) == content


async def test_temporary_files_go_after_24_hours_and_files_by_the_tier(attic: Attic) -> None:
    owner, began = await attic.organization("pro"), datetime(2024, 3, 30, 12, tzinfo=UTC)
    temporary = await attic.file(owner, began, temporary=True)
    await attic.run(began + DAY - SECOND)
    assert await attic.there("file", temporary)
    await attic.run(began + DAY)
    assert not await attic.there("file", temporary)
    due = datetime(2024, 9, 30, 12, tzinfo=UTC)
    plain, kept = await attic.file(owner, began), await attic.file(owner, began, keep_until=due + 10 * DAY)
    await attic.run(due - WEEK)
    await attic.run(due - SECOND)
    assert await attic.there("file", plain)
    await attic.run(due)
    assert [await attic.there("file", id) for id in (plain, kept)] == [False, True]
    assert await attic.sql.fetchval("select reason from file where id = $1", plain) == "retention"
    await attic.run(due + 10 * DAY)
    await attic.run(due + 17 * DAY)
    assert not await attic.there("file", kept)


async def test_uploads_never_finished_are_given_up_and_forgotten(attic: Attic) -> None:
    owner, began = await attic.organization("enterprise"), datetime(2024, 1, 31, tzinfo=UTC)
    id = await attic.file(owner, began, state="uploading")
    await attic.run(began + DAY)
    assert await attic.sql.fetchval("select reason from file where id = $1", id) == "upload_expired"
    await attic.run(began + 31 * DAY - SECOND)
    assert await attic.sql.fetchval("select count(*) from file where id = $1", id) == 1
    await attic.run(began + 31 * DAY)
    assert await attic.sql.fetchval("select count(*) from file where id = $1", id) == 0
