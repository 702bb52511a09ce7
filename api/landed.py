"""Sound that landed in a bucket: taken in as a file, hung on the recording that its key names, and enriched.

`slug/recordings/ID/name.flac` names a recording by its id, `slug/…/ISRC.flac` by its code; what names none is
kept, and hangs on nothing until somebody attaches it.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from domain import codes
from domain.access.viewer import Viewer
from domain.commands import COMMANDS
from domain.dispatch import dispatch
from domain.features.enrich import ENRICH_FILE
from domain.files.ask import UPLOAD_FILE, UploadFile
from domain.files.limits import room_of
from domain.files.taking import Bytes, Sums, look, plain_name
from domain.ids import IdInvalid, encode_id, id_of
from domain.ports import Sql
from domain.refusals import Refusal
from jobs.job import House

SUFFIXES = frozenset(
    {
        *(".mp3", ".flac", ".wav", ".wave", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac", ".aif"),
        *(".aiff", ".aifc", ".wma", ".wv", ".ape", ".dsf", ".dff", ".mka", ".caf", ".tta"),
    }
)
_PART = 1 << 20


@dataclass(frozen=True)
class Landed:
    """What became of it. job_id: the job that enriches it, where there is something to enrich."""

    file_id: str
    state: str
    job_id: str | None


def is_sound(key: str) -> bool:
    """Whether a key is called like sound."""
    return PurePosixPath(key).suffix.lower() in SUFFIXES


async def take_in(house: House, viewer: Viewer, name: str, size: int, body: Any) -> Landed:
    """Take the bytes of an object in. body: has `read(n)`, which waits. Raises Refusal.

    The same object twice is the same file.
    """
    async with house.pool.acquire() as sql:
        room = await room_of(sql, viewer.organization_id)
        room.expect(size)
        subject = await _subject(sql, viewer.organization_id, name)
    sums = Sums()
    ref = await house.blobs.put(sums.of(_stream(body)))
    given = Bytes(
        sha256=ref.sha256, xxh128=sums.xxh128, size_bytes=ref.size_bytes, file_name=plain_name(name)
    )
    assert house.inspect is not None, "a house that takes files in is composed with an inspection"
    looked = await look(house.blobs, house.inspect, given)
    ask: Any = UploadFile(given=given, looked=looked, subject_id=str(subject) if subject else None)
    answer = await dispatch(UPLOAD_FILE, ask, viewer=viewer, pool=house.pool, door="hook", blobs=house.blobs)
    assert answer.outcome is not None
    id, known = answer.outcome.ids[0], answer.outcome.value.duplicate_of_id is not None
    if known and subject is not None:
        await _attach(house, viewer, id, subject)
    async with house.pool.acquire() as sql:
        job = await sql.fetchval(
            "select id from job where subject_id = $1 and kind = $2 and state = 'queued'", id, ENRICH_FILE
        )
        state = await sql.fetchval("select state from file where id = $1", id)
    return Landed(encode_id("file", id), "known" if known else str(state), str(job) if job else None)


async def _attach(house: House, viewer: Viewer, id: uuid.UUID, subject: uuid.UUID) -> None:
    """Hang a file that was there already; one that hangs elsewhere stays where somebody hung it."""
    command = COMMANDS["attach_file"]
    ask = command.ask(id=str(id), subject_id=str(subject))
    try:
        await dispatch(command, ask, viewer=viewer, pool=house.pool, door="hook", blobs=house.blobs)
    except Refusal as refusal:
        if refusal.code not in ("file_attached", "file_state_wrong"):
            raise


async def _subject(sql: Sql, owner_id: uuid.UUID, name: str) -> uuid.UUID | None:
    """The recording that a key names, of the organization."""
    path = PurePosixPath(name)
    if len(path.parts) > 2 and path.parts[0] == "recordings":
        try:
            id = id_of("recording", path.parts[1])
        except IdInvalid:
            return None
        found: uuid.UUID | None = await sql.fetchval(
            "select r.id from entity e join recording r on r.id = coalesce(e.merged_into_id, e.id) "
            "where e.id = $1 and r.owner_id = $2 and r.status <> 'deleted'",
            id,
            owner_id,
        )
        return found
    try:
        isrc = codes.isrc(path.stem)
    except codes.CodeInvalid:
        return None
    rows = await sql.fetch(
        "select id from recording where isrc = $1 and owner_id = $2 and status <> 'deleted' limit 2",
        isrc,
        owner_id,
    )
    # Of two recordings with one code nobody knows which is meant.
    return rows[0]["id"] if len(rows) == 1 else None


async def _stream(body: Any) -> AsyncIterator[bytes]:
    while part := await asyncio.to_thread(body.read, _PART):
        yield part
