"""What callers ask of files: to send one by a signed link, to hang it on something, to delete it."""

import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from domain.access.scopes import Scope
from domain.audit import Audit
from domain.command import ALWAYS, Command, Outcome, Repeat, command, register
from domain.features.enrich import ask_for
from domain.features.follow import ask_to_follow
from domain.files.limits import FileTooLarge, StorageFull, UploadTooSlow, hold_room
from domain.files.tables import KEPT, SUBJECT_TYPES
from domain.files.taking import (
    NOT_CHECKED,
    RECEIVE,
    Bytes,
    Looked,
    look_again,
    plain_name,
    plain_type,
    settle,
)
from domain.ids import encode_id
from domain.refusals import InputInvalid, NotFound, ReferenceMissing, Refusal, TooMany
from domain.retention.blobs import BlobLeaving
from domain.retention.holds import HeldByLaw, expect_free, no_new_holds
from domain.row import new_id
from domain.types import Ref
from domain.work import Work, entity_id

FileId = Annotated[str, Ref("file")]
SubjectId = Annotated[str, Ref("*")]
DROP = "drop_blob"
MOST_AWAITED = 1_000
# What a bucket signs an address for at most.
LONGEST_LINK = timedelta(days=7)
_SHA256 = re.compile(r"[0-9a-f]{64}")


class FileStateWrong(Refusal):
    """The file is not in a state in which that can be done to it."""

    code = "file_state_wrong"
    status = 409


class FileAttached(Refusal):
    """The file hangs on something else; detach it first."""

    code = "file_attached"
    status = 409


@dataclass(frozen=True, kw_only=True)
class CreateUpload:
    """A file that is to be sent by a signed link.

    size_bytes: exactly. sha256: of the whole content; where the organization has it already, nothing need be
    sent. subject_id: what the file is to hang on: a recording, video, image, release or delivery. temporary:
    kept for a day.
    """

    file_name: str
    size_bytes: int
    media_type: str | None = None
    sha256: str | None = None
    subject_id: SubjectId | None = None
    temporary: bool = False


@dataclass(frozen=True, kw_only=True)
class UploadPlace:
    """Where to PUT the bytes, and until when. duplicate_of_id: the file that has them already.

    job_id: the job that looks at that file, where this is still to be done.
    """

    upload_url: str | None = None
    expires_at: datetime | None = None
    duplicate_of_id: FileId | None = None
    job_id: Annotated[str, Ref("job")] | None = None


@dataclass(frozen=True, kw_only=True)
class CompleteUpload:
    """The upload whose bytes have all been sent."""

    id: FileId


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What becomes of the bytes. job_id: the job that looks at them, None when nothing is left to do."""

    job_id: Annotated[str, Ref("job")] | None = None
    duplicate_of_id: FileId | None = None


@dataclass(frozen=True, kw_only=True)
class UploadFile:
    """Bytes that came by a form and lie in the store. looked: what they are, where it was seen at once."""

    given: Bytes
    looked: Looked | None = None
    subject_id: SubjectId | None = None
    temporary: bool = False


@dataclass(frozen=True, kw_only=True)
class AttachFile:
    """A file and what it is to hang on: a recording, video, image, release or delivery of one's own."""

    id: FileId
    subject_id: SubjectId


@dataclass(frozen=True, kw_only=True)
class DetachFile:
    """A file that is to hang on nothing."""

    id: FileId


@dataclass(frozen=True, kw_only=True)
class DeleteFile:
    """A file that is no longer needed."""

    id: FileId


@command(
    scope=Scope.FILES_WRITE,
    route="POST /uploads",
    returns="file",
    cost=20,
    audit=Audit.OPERATIONS,
    refuses=(NotFound, ReferenceMissing, FileTooLarge, StorageFull, TooMany),
    value=UploadPlace,
    discloses=True,
    finds=True,
)
async def create_upload(ask: CreateUpload, work: Work) -> Outcome:
    """Make room for a file and give a signed link that takes its bytes by PUT."""
    sql, owner = work.connection, work.viewer.organization_id
    if ask.size_bytes < 1:
        raise InputInvalid(
            f"sizeBytes is {ask.size_bytes}; a file has one byte at least", path=("size_bytes",)
        )
    sha256 = ask.sha256.strip().lower() if ask.sha256 else None
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise InputInvalid("sha256 takes 64 hexadecimal digits", path=("sha256",))
    subject = await _subject(work, ask.subject_id) if ask.subject_id else None
    room = await hold_room(sql, owner)
    if sha256 is not None:
        same = await sql.fetchrow(
            # Bytes in quarantine are sent again under another name or type, to be judged anew; those that
            # nobody has judged need not be sent.
            "select id, state, reason from file where owner_id = $1 and sha256 = $2 and state = any($3) "
            "and (state <> 'quarantined' or reason = $6 "
            "or file_name = $4 and declared_type is not distinct from $5)",
            owner,
            sha256,
            list(KEPT),
            plain_name(ask.file_name),
            plain_type(ask.media_type),
            NOT_CHECKED,
        )
        if same is not None:
            known = encode_id("file", same["id"])
            job_id = await _ask_to_look(work, same["id"]) if _unchecked(same) else None
            place = UploadPlace(duplicate_of_id=known, job_id=job_id)
            return Outcome("file", (same["id"],), value=place, known=True)
    room.expect(ask.size_bytes)
    awaited = await sql.fetchval(
        "select count(*) from file where owner_id = $1 and state = 'uploading'", owner
    )
    if awaited >= MOST_AWAITED:
        raise TooMany(f"{awaited} uploads of your organization are awaited; at most {MOST_AWAITED} may be")
    assert work.blobs is not None, "a door that takes files hands in the blob store"
    id, lives = new_id(), min(timedelta(seconds=room.most_upload_s), LONGEST_LINK)
    ends = work.now + lives
    await sql.execute(
        "insert into file (id, owner_id, file_name, size_bytes, declared_type, sha256, subject_type, "
        "subject_id, temporary, upload_until, created_by, created_at, updated_at) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
        id,
        owner,
        plain_name(ask.file_name),
        ask.size_bytes,
        plain_type(ask.media_type),
        sha256,
        *(subject or (None, None)),
        ask.temporary,
        ends,
        work.viewer.actor,
        work.now,
    )
    url = work.blobs.upload_url(ticket_of(id), lives=lives, largest=ask.size_bytes)
    return Outcome("file", (id,), value=UploadPlace(upload_url=url, expires_at=ends))


@command(
    scope=Scope.FILES_WRITE,
    route="POST /uploads/{id}/complete",
    returns="file",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(NotFound, ReferenceMissing, FileStateWrong),
    value=Taken,
)
async def complete_upload(ask: CompleteUpload, work: Work) -> Outcome:
    """Say that all bytes were sent; a job takes them in and looks at them."""
    row = await _hold(work, ask.id)
    if row["state"] in ("ready", "quarantined") and not _unchecked(row):
        return Outcome("file", (row["id"],), value=Taken())
    if row["state"] == "deleted":
        raise FileStateWrong(f"the file is deleted ({row['reason'] or 'somebody deleted it'}); send it anew")
    return Outcome("file", (row["id"],), value=Taken(job_id=await _ask_to_look(work, row["id"])))


async def _upload_file(ask: UploadFile, work: Work) -> Outcome:
    subject = await _subject(work, ask.subject_id) if ask.subject_id else (None, None)
    given = replace(
        ask.given,
        file_name=plain_name(ask.given.file_name),
        declared_type=plain_type(ask.given.declared_type),
    )
    found = await settle(
        work,
        given,
        ask.looked,
        subject_type=subject[0],
        subject_id=subject[1],
        temporary=ask.temporary,
    )
    job_id = await _ask_to_look(work, found.id) if found.state == "checking" else None
    if not found.known:
        await ask_for(work, found.id)
    same = encode_id("file", found.id) if found.known else None
    return Outcome("file", (found.id,), value=Taken(job_id=job_id, duplicate_of_id=same), known=found.known)


UPLOAD_FILE = register(
    Command(
        name="upload_file",
        summary="Take a file in, from a form whose bytes are stored while they come.",
        ask=UploadFile,
        handler=_upload_file,
        scope=Scope.FILES_WRITE,
        route="POST /files",
        cost=50,
        audit=Audit.OPERATIONS,
        repeat=Repeat.BY_KEY,
        returns="file",
        refuses=(*ALWAYS, NotFound, ReferenceMissing, FileTooLarge, StorageFull, UploadTooSlow, BlobLeaving),
        value=Taken,
        finds=True,
    ),
    streamed=True,
)


@command(
    scope=Scope.FILES_WRITE,
    route="POST /files/{id}/attach",
    returns="file",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(NotFound, ReferenceMissing, FileStateWrong, FileAttached),
)
async def attach_file(ask: AttachFile, work: Work) -> Outcome:
    """Hang a file on a recording, video, image, release or delivery of one's own."""
    row = await _hold(work, ask.id)
    if row["state"] in ("deleted", "quarantined"):
        raise FileStateWrong(f"the file is {row['state']}; it can hang on nothing")
    kind, id = await _subject(work, ask.subject_id)
    if row["subject_id"] == id:
        return Outcome("file", (row["id"],))
    if row["subject_id"] is not None:
        raise FileAttached(
            f"the file hangs on a {row['subject_type']} already; detach it first", path=("subject_id",)
        )
    await _hang(work, row["id"], kind, id)
    await ask_for(work, row["id"])
    return Outcome("file", (row["id"],))


@command(
    scope=Scope.FILES_WRITE,
    route="POST /files/{id}/detach",
    returns="file",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(NotFound, ReferenceMissing, HeldByLaw),
)
async def detach_file(ask: DetachFile, work: Work) -> Outcome:
    """Let a file hang on nothing; what was made of its sound is taken back from a recording it hung on.

    One that a legal hold keeps stays where it hangs.
    """
    await no_new_holds(work.connection)
    row = await _hold(work, ask.id)
    if row["subject_id"] is not None:
        await _expect_free(work, row)
        await _hang(work, row["id"], None, None)
        await ask_to_follow(work, row["id"], row["subject_id"])
    return Outcome("file", (row["id"],))


@command(
    scope=Scope.FILES_WRITE,
    route="DELETE /files/{id}",
    returns="file",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(NotFound, ReferenceMissing, HeldByLaw),
)
async def delete_file(ask: DeleteFile, work: Work) -> Outcome:
    """Delete a file; a tombstone stays, and the bytes go when nobody else has them.

    What was measured of a recording stays, unless another of its files speaks in its place.
    """
    await no_new_holds(work.connection)
    row = await _hold(work, ask.id)
    if row["state"] != "deleted":
        await _expect_free(work, row)
        await bury(work, row["id"], row["sha256"])
        await ask_to_follow(work, row["id"], row["subject_id"], deleted=True)
    return Outcome("file", (row["id"],))


async def bury(work: Work, id: uuid.UUID, sha256: str | None, reason: str = "deleted") -> None:
    """Make a file a tombstone, and ask for the job that drops bytes which nobody needs."""
    await work.connection.execute(
        "update file set state = 'deleted', reason = $2, deleted_at = $3, updated_at = $3, "
        "upload_until = null where id = $1",
        id,
        reason,
        work.now,
    )
    if sha256 is not None:
        await work.enqueue(DROP, {"sha256": sha256}, unique_key=sha256)


def ticket_of(id: uuid.UUID) -> str:
    """What the bytes of an upload lie under until they are taken in."""
    return id.hex


async def _hold(work: Work, given: str) -> Any:
    """A file of the own organization, until the end of the transaction. Raises NotFound."""
    row = await work.connection.fetchrow(
        "select id, state, reason, sha256, subject_type, subject_id from file "
        "where id = $1 and owner_id = $2 for update",
        entity_id("file", given, ("id",)),
        work.viewer.organization_id,
    )
    if row is None:
        raise NotFound(f"no file {given} in your organization", path=("id",))
    return row


async def _expect_free(work: Work, row: Any) -> None:
    """Raise HeldByLaw where a legal hold is on the organization, the file, or what it hangs on.

    What it hangs on may have been merged into something else, whose hold counts too.
    """
    ids = [row["id"], row["subject_id"]]
    subjects = "select unnest($2::uuid[]) union select merged_into_id from entity where id = any($2)"
    await expect_free(work.connection, work.viewer.organization_id, "the file", subjects, ids)


async def _subject(work: Work, given: str) -> tuple[str, uuid.UUID]:
    """The kind and id of what a file is to hang on, of the own organization. Raises ReferenceMissing."""
    row = await work.connection.fetchrow(
        "select kind, id from entity "
        "where id = (select coalesce(merged_into_id, id) from entity where id = $1) "
        "and owner_id = $2 union all select 'delivery', id from delivery where id = $1 and owner_id = $2",
        entity_id("*", given, ("subject_id",)),
        work.viewer.organization_id,
    )
    path = ("subject_id",)
    if row is not None and row["kind"] not in SUBJECT_TYPES:
        raise ReferenceMissing(
            f"{given!r} names a {row['kind']}; files hang on a {', '.join(SUBJECT_TYPES)}", path=path
        )
    gone = (
        row is not None
        and row["kind"] != "delivery"
        and await work.connection.fetchval(
            f"select status = 'deleted' from {row['kind']} where id = $1", row["id"]
        )
    )
    if row is None or gone:
        raise ReferenceMissing(f"there is no {given!r} in your organization", path=path)
    return row["kind"], row["id"]


async def _hang(work: Work, id: uuid.UUID, kind: str | None, subject: uuid.UUID | None) -> None:
    await work.connection.execute(
        "update file set subject_type = $2, subject_id = $3, updated_at = $4 where id = $1",
        id,
        kind,
        subject,
        work.now,
    )


def _unchecked(row: Any) -> bool:
    """Whether the bytes are here and nobody has looked at them to the end."""
    return row["state"] == "checking" or (row["state"], row["reason"]) == ("quarantined", NOT_CHECKED)


async def _ask_to_look(work: Work, id: uuid.UUID) -> str:
    await look_again(work.connection, id)
    job = await work.enqueue(
        RECEIVE, {"id": str(id), "actor": work.viewer.actor}, subject_id=id, unique_key=str(id)
    )
    return encode_id("job", job)
