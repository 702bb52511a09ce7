"""Taking bytes in: looked at outside of any transaction, settled as a file in one.

The bytes are in the store before a row names them, and the row is written while nobody can drop them
(`domain.retention.blobs`), so that no row ever names bytes that are nowhere.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import xxhash

from domain.files.limits import hold_room
from domain.files.tables import KEPT
from domain.files.verdict import Inspect
from domain.job_kinds import given_up
from domain.ports import Blobs, Sql
from domain.retention.blobs import keep_blob
from domain.row import new_id
from domain.work import Work

RECEIVE = "receive_file"
# Why a file is in quarantine at which nobody could look to the end; it is looked at when it is sent again.
NOT_CHECKED = "file_not_checked"
# What is small is looked at while its sender waits.
LOOKED_AT_ONCE = 8 << 20
LONGEST_NAME = 255
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")


@dataclass(frozen=True)
class Picture:
    """A cover that was found in a file and lies in the store."""

    sha256: str
    xxh128: str
    size_bytes: int
    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class Looked:
    """What bytes were found to be. code: why they are not taken; None where they are."""

    media_type: str
    kind: str
    code: str | None
    text: str
    width: int | None = None
    height: int | None = None
    cover: Picture | None = None


@dataclass(frozen=True, kw_only=True)
class Bytes:
    """Bytes that lie in the store, and what their sender said of them."""

    sha256: str
    xxh128: str
    size_bytes: int
    file_name: str
    declared_type: str | None = None


@dataclass(frozen=True)
class Settled:
    """The file that bytes became. known: the owner had them before, and this is the file of then."""

    id: uuid.UUID
    state: str
    known: bool


class Sums:
    """Passes a stream on and works out its size and xxh128 on the way."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._digest = xxhash.xxh3_128()

    @property
    def xxh128(self) -> str:
        """The digest of what has passed."""
        return self._digest.hexdigest()

    async def of(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same stream."""
        async for part in stream:
            self.size_bytes += len(part)
            self._digest.update(part)
            yield part


async def look(blobs: Blobs, inspect: Inspect, given: Bytes) -> Looked:
    """What bytes in the store are; the cover inside them is stored as well."""

    def inside() -> Any:
        with blobs.open(given.sha256) as source:
            return inspect(source, given.size_bytes, given.file_name, given.declared_type)

    verdict = await asyncio.to_thread(inside)
    cover = None
    if verdict.ok and verdict.cover is not None:
        data = verdict.cover.data
        ref = await blobs.put(data)
        cover = Picture(
            ref.sha256,
            xxhash.xxh3_128_hexdigest(data),
            ref.size_bytes,
            verdict.cover.media_type,
            verdict.cover.width,
            verdict.cover.height,
        )
    return Looked(
        verdict.media_type,
        verdict.kind,
        None if verdict.ok else verdict.code,
        verdict.text,
        verdict.width,
        verdict.height,
        cover,
    )


async def settle(
    work: Work, given: Bytes, looked: Looked | None, *, id: uuid.UUID | None = None, **more: Any
) -> Settled:
    """The file of bytes that lie in the store: ready, quarantined, or still to be looked at.

    id: a file that awaited them; else a new one is made, unless the owner has these bytes already. Bytes in
    quarantine are judged anew by what they are called now. more: the further columns of a new one. Raises
    StorageFull, FileTooLarge, BlobLeaving.
    """
    sql, owner = work.connection, work.viewer.organization_id
    room = await hold_room(sql, owner)
    same = await sql.fetchrow(
        "select id, state from file where owner_id = $1 and sha256 = $2 and state = any($3) "
        "and id is distinct from $4",
        owner,
        given.sha256,
        list(KEPT),
        id,
    )
    if same is not None:
        if id is not None:
            more = dict(
                await sql.fetchrow("select subject_type, subject_id, temporary from file where id = $1", id)
            )
            await _end(work, id, "duplicate", "the organization has the same bytes already", same["id"])
        if same["state"] != "quarantined":
            return Settled(same["id"], same["state"], True)
        more |= {"file_name": given.file_name, "declared_type": given.declared_type}
    elif id is None:
        room.expect(given.size_bytes)
    await keep_blob(sql, work.blobs, given.sha256)
    state = "checking" if looked is None else "ready" if looked.code is None else "quarantined"
    values: dict[str, Any] = {
        "sha256": given.sha256,
        "xxh128": given.xxh128,
        "size_bytes": given.size_bytes,
        "state": state,
        "upload_until": None,
        "updated_at": work.now,
    }
    if same is not None:
        values = {**more, **values, "reason": None, "reason_text": None}
    if state == "quarantined":
        values |= {"subject_type": None, "subject_id": None}
    if looked is not None:
        values |= {
            "media_type": looked.media_type,
            "kind": looked.kind,
            "reason": looked.code,
            "reason_text": looked.text if looked.code else None,
            "width": looked.width,
            "height": looked.height,
            "cover_id": await _cover(work, looked.cover, given.file_name) if looked.cover else None,
        }
    if same is not None:
        await _update(sql, same["id"], values)
        return Settled(same["id"], state, True)
    if id is not None:
        await _update(sql, id, values)
        return Settled(id, state, False)
    made = new_id()
    named = {
        "id": made,
        "owner_id": owner,
        "file_name": given.file_name,
        "declared_type": given.declared_type,
        "created_by": work.viewer.actor,
        "created_at": work.now,
        **more,
    }
    await _insert(sql, named | values)
    return Settled(made, state, False)


async def refuse_upload(work: Work, id: uuid.UUID, code: str, text: str) -> None:
    """End a file whose bytes are not what was promised; nothing of it is kept."""
    await _end(work, id, code, text, None)


@given_up(RECEIVE)
async def leave_unchecked(sql: Sql, id: uuid.UUID) -> None:
    """Nobody looks at the bytes any more by himself: they are in quarantine until they are sent again."""
    await sql.execute(
        "update file set state = 'quarantined', reason = $2, reason_text = $3, subject_type = null, "
        "subject_id = null, updated_at = clock_timestamp() where id = $1 and state = 'checking'",
        id,
        NOT_CHECKED,
        "it was not looked at to the end, which its job was given up or cancelled for; send it again",
    )


async def look_again(sql: Sql, id: uuid.UUID) -> None:
    """Take a file that nobody could look at to the end out of quarantine, for a job to look at it."""
    await sql.execute(
        "update file set state = 'checking', reason = null, reason_text = null, "
        "updated_at = clock_timestamp() where id = $1 and state = 'quarantined' and reason = $2",
        id,
        NOT_CHECKED,
    )


def plain_name(given: str) -> str:
    """The last part of a file's name, without what no terminal should print."""
    name = given.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in name if c.isprintable()).strip()[-LONGEST_NAME:] or "file"


def plain_type(given: str | None) -> str | None:
    """A media type as it was declared, without parameters; None where nothing sensible was."""
    bare = (given or "").split(";", 1)[0].strip().lower()
    return bare if _MEDIA_TYPE.fullmatch(bare) and bare != "application/octet-stream" else None


async def _cover(work: Work, cover: Picture, of: str) -> uuid.UUID:
    """The file of a cover: the one that the owner has of the same picture, or a new one."""
    sql, owner = work.connection, work.viewer.organization_id
    await keep_blob(sql, work.blobs, cover.sha256)
    same = await sql.fetchrow(
        "select id, state from file where owner_id = $1 and sha256 = $2 and state = any($3)",
        owner,
        cover.sha256,
        list(KEPT),
    )
    if same is not None and same["state"] != "quarantined":
        found: uuid.UUID = same["id"]
        return found
    id = new_id() if same is None else same["id"]
    suffix = {"image/jpeg": "jpg"}.get(cover.media_type, cover.media_type.rsplit("/", 1)[-1])
    values = {
        "file_name": f"{of[: LONGEST_NAME - 16]} cover.{suffix}",
        "media_type": cover.media_type,
        "kind": "image",
        "state": "ready",
        "reason": None,
        "reason_text": None,
        "width": cover.width,
        "height": cover.height,
        "updated_at": work.now,
    }
    if same is not None:
        await _update(sql, id, values)
        return id
    made = {
        "id": id,
        "owner_id": owner,
        "sha256": cover.sha256,
        "xxh128": cover.xxh128,
        "size_bytes": cover.size_bytes,
        "created_by": work.viewer.actor,
        "created_at": work.now,
    }
    await _insert(sql, made | values)
    return id


async def _end(work: Work, id: uuid.UUID, reason: str, text: str, same: uuid.UUID | None) -> None:
    await _update(
        work.connection,
        id,
        {
            "state": "deleted",
            "reason": reason,
            "reason_text": text,
            "duplicate_of_id": same,
            "upload_until": None,
            "deleted_at": work.now,
            "updated_at": work.now,
        },
    )


async def _insert(sql: Sql, values: dict[str, Any]) -> None:
    places = ", ".join(f"${place + 1}" for place in range(len(values)))
    await sql.execute(f"insert into file ({', '.join(values)}) values ({places})", *values.values())


async def _update(sql: Sql, id: uuid.UUID, values: dict[str, Any]) -> None:
    given = ", ".join(f"{name} = ${place + 2}" for place, name in enumerate(values))
    await sql.execute(f"update file set {given} where id = $1", id, *values.values())
