"""Blobs that no row needs: found in the store, marked in the database, and only then deleted.

A blob is named by its content, so an upload of the same bytes finds it there and stores nothing. Were it
deleted between that and the row that names it, the row would name nothing. So both sides meet at a lock on
the name, and whoever comes second sees what the first one did:

- The sweep, under the lock, looks for rows that name the blob. Finding none, it marks the blob as leaving and
  commits; then, under the lock again and only while the mark stands, it deletes the bytes and marks them as
  gone.
- Whoever is about to name a blob in a row asks for it under the same lock, in the same transaction
  (`keep_blob`). A blob that is leaving is refused; of one that went, the store is asked whether it has come
  again. Marks of what went are kept for longer than anybody takes from storing bytes to naming them.

The sweep never looks at a blob younger than that, because its row may be about to be written. A single blob
is dropped at once (`drop`) when a file of it is deleted: who would name it just then sends it again.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

from sqlmodel import Field, SQLModel

from domain.ports import Blobs, Sql, StoredBlob
from domain.refusals import Refusal
from domain.row import instant

# Longer than a request or a job may take from storing bytes to naming them in a row.
GRACE = timedelta(hours=24)
AT_ONCE = 500
# Of a store that is only looked at, for a plan.
MOST_LOOKED_AT = 50_000
_PATIENCE_S = 4.0
_LOCK = "pg_advisory_xact_lock(hashtextextended('blob ' || $1, 6))"
# Every place where a row needs bytes of the store; a column of that name that is not here fails a test.
NEEDED_BY = {
    "delivery": "select sha256 from delivery where sha256 = any($1) and raw_deleted_at is null",
    # A file that is awaited only promises its sha256.
    "file": "select sha256 from file where sha256 = any($1) and state not in ('uploading', 'deleted')",
    "image": "select sha256 from image where sha256 = any($1)",
    "audio_file": "select sha256 from audio_file where sha256 = any($1)",
    "job": "select result ->> 'sha256' from job where kind = 'write_export' "
    "and result ->> 'sha256' = any($1)",
}
# These say what was found in bytes, or asked about them, and hold without them.
SPEAKS_OF = frozenset({"model_call", "model_answer", "enrichment", "sound_part"})
_NEEDED = " union ".join(NEEDED_BY.values())


class BlobLeaving(Refusal):
    """The same bytes were in the store and nobody needed them; they are being deleted. Send them again."""

    code = "blob_leaving"
    status = 409


class BlobMark(SQLModel, table=True):
    """A blob that no row needed when it was looked for; gone_at: since when its bytes are deleted."""

    __tablename__: ClassVar[Any] = "blob_leaving"

    sha256: str = Field(primary_key=True)
    began_at: datetime = instant(nullable=False)
    gone_at: datetime | None = instant()


class Store(Protocol):
    """What the sweep asks of a blob store."""

    def walk(self) -> AsyncIterator[StoredBlob]: ...
    async def delete(self, sha256: str) -> None: ...


async def keep_blob(sql: Sql, blobs: Blobs | None, sha256: str) -> None:
    """In the transaction whose row names a blob that was stored before: it stays. Raises BlobLeaving."""
    await sql.execute(f"select {_LOCK}", sha256)
    mark = await sql.fetchrow("select gone_at from blob_leaving where sha256 = $1", sha256)
    if mark is None:
        return
    if mark["gone_at"] is None or blobs is None or not await blobs.exists(sha256):
        raise BlobLeaving("the same bytes are being deleted, as nobody needed them; send them again")
    await sql.execute("delete from blob_leaving where sha256 = $1", sha256)


async def sweep(
    step: "Step", store: Store, now: datetime, *, at_once: int = AT_ONCE
) -> AsyncIterator[StoredBlob]:
    """Delete the blobs that no row needs and that are older than the grace; gives each that went.

    What an earlier sweep left unfinished is finished first.
    """
    async with step() as sql:
        await sql.execute("delete from blob_leaving where gone_at < $1", now - GRACE)
        rows = await sql.fetch("select sha256 from blob_leaving where gone_at is null order by 1")
    await _delete(step, store, [row["sha256"] for row in rows], now)
    waiting: list[StoredBlob] = []
    async for blob in store.walk():
        if blob.written_at > now - GRACE:
            continue
        waiting.append(blob)
        if len(waiting) >= at_once:
            for gone in await _leave(step, store, waiting, now):
                yield gone
            waiting = []
    for gone in await _leave(step, store, waiting, now):
        yield gone


@dataclass(frozen=True)
class Orphans:
    """Blobs that no row needed when they were looked at. whole: whether the store was looked through."""

    blobs: list[StoredBlob]
    looked_at: int
    whole: bool


async def orphans(sql: Sql, store: Store, before: datetime, *, at_once: int = AT_ONCE) -> Orphans:
    """What the sweep finds that is written before an instant, nothing changed.

    A store is large and whoever asks waits: after so many blobs, or seconds, it is not looked at further.
    """
    found: list[StoredBlob] = []
    waiting: list[StoredBlob] = []
    looked_at, give_up_at = 0, time.monotonic() + _PATIENCE_S

    async def judge() -> None:
        rows = await sql.fetch(_NEEDED, [blob.sha256 for blob in waiting])
        needed = {row[0] if isinstance(row[0], str) else row[0].decode() for row in rows}
        found.extend(blob for blob in waiting if blob.sha256 not in needed)
        waiting.clear()

    async for blob in store.walk():
        looked_at += 1
        if blob.written_at <= before:
            waiting.append(blob)
        if len(waiting) >= at_once:
            await judge()
        if looked_at >= MOST_LOOKED_AT or time.monotonic() > give_up_at:
            await judge()
            return Orphans(found, looked_at, False)
    await judge()
    return Orphans(found, looked_at, True)


async def drop(step: "Step", store: Store, sha256: str, now: datetime) -> bool:
    """Delete one blob at once, unless a row needs it; gives whether it went."""
    return bool(await _leave(step, store, [StoredBlob(sha256, 0, now)], now))


async def _leave(step: "Step", store: Store, blobs: Sequence[StoredBlob], now: datetime) -> list[StoredBlob]:
    """Mark and delete those of some blobs that no row needs."""
    names = [blob.sha256 for blob in blobs]
    async with step() as sql:
        needed = {row[0] for row in await sql.fetch(_NEEDED, names)}
        orphans = sorted(set(names) - needed)
        for name in orphans:
            await sql.execute(f"select {_LOCK}", name)
        # Looked at again: a row may have been written while the lock was waited for.
        late = {row[0] for row in await sql.fetch(_NEEDED, orphans)}
        leaving = [name for name in orphans if name not in late]
        await sql.execute(
            "insert into blob_leaving (sha256, began_at) select unnest($1::text[]), $2 "
            "on conflict (sha256) do update set began_at = excluded.began_at, gone_at = null",
            leaving,
            now,
        )
        # What was found in bytes goes with them.
        await sql.execute("delete from sound_part where sha256 = any($1)", leaving)
    gone = await _delete(step, store, leaving, now)
    return [blob for blob in blobs if blob.sha256 in gone]


async def _delete(step: "Step", store: Store, names: Sequence[str], now: datetime) -> set[str]:
    """Delete the bytes of those that are still marked; gives their names.

    Another run may have ended the mark meanwhile, and the same bytes have come again since. So each is asked
    about and deleted under its lock: the one place where the outside is called inside a transaction.
    """
    gone = set()
    for name in names:
        async with step() as sql:
            await sql.execute(f"select {_LOCK}", name)
            marked = await sql.fetchval(
                "update blob_leaving set gone_at = $2 where sha256 = $1 and gone_at is null returning sha256",
                name,
                now,
            )
            if marked is not None:
                await store.delete(name)
                gone.add(name)
    return gone


class Step(Protocol):
    """Opens a transaction of the run."""

    def __call__(self) -> AbstractAsyncContextManager[Sql]: ...
