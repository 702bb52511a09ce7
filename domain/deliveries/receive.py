"""Receive a delivery: keep its bytes as they came, and ask for the job that judges and applies it."""

import hashlib
import uuid
from dataclasses import dataclass

from domain.access.scopes import Scope
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.job_kinds import given_up
from domain.ports import Blobs, Sql
from domain.refusals import DeliveryRefused
from domain.retention.blobs import BlobLeaving, keep_blob
from domain.work import Work

INGEST = "ingest_delivery"
MOST_BYTES = 128 * 1024 * 1024
LONGEST_NAME = 255

# A delivery that ended so is not judged again: nothing about the same bytes can come out differently.
_SETTLED = ("applied", "superseded")


@dataclass(frozen=True, kw_only=True)
class ReceiveDelivery:
    """The bytes of one message, to be checked and applied. file_name: as the sender called it."""

    content: bytes
    file_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class ValidateDelivery:
    """The bytes of one message, to be checked and reported on, never applied."""

    content: bytes
    file_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Received:
    """What became of the bytes.

    job_id: the job that works on them, None when nothing is left to do. known: they had come before.
    """

    job_id: str | None
    known: bool


async def keep_bytes(ask: ReceiveDelivery | ValidateDelivery, blobs: Blobs | None) -> None:
    """Before the transaction: the bytes are durable before the first row names them.

    A row that then fails leaves an unnamed blob, which the same delivery will use; the other way round a
    row would name bytes that are nowhere.
    """
    if not ask.content:
        raise DeliveryRefused("the delivery is empty; send the bytes of one message", path=("content",))
    if len(ask.content) > MOST_BYTES:
        raise DeliveryRefused(
            f"the delivery has {len(ask.content):,} bytes; at most {MOST_BYTES:,} will do", path=("content",)
        )
    assert blobs is not None, "a door that receives deliveries hands in the blob store"
    await blobs.put(ask.content)


@command(
    scope=Scope.DELIVERIES_WRITE,
    route="POST /deliveries",
    returns="delivery",
    cost=50,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(DeliveryRefused, BlobLeaving),
    value=Received,
    before=keep_bytes,
)
async def receive_delivery(ask: ReceiveDelivery, work: Work) -> Outcome:
    """Take a delivery in. The same bytes again are the same delivery, and an applied one is left alone."""
    return await _open(ask, work, "apply")


@command(
    scope=Scope.DELIVERIES_WRITE,
    route="POST /deliveries/validate",
    returns="delivery",
    cost=25,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(DeliveryRefused, BlobLeaving),
    value=Received,
    before=keep_bytes,
)
async def validate_delivery(ask: ValidateDelivery, work: Work) -> Outcome:
    """Check a delivery and report what is found, by the rules and schemas of today; apply nothing."""
    return await _open(ask, work, "validate")


async def _open(ask: ReceiveDelivery | ValidateDelivery, work: Work, purpose: str) -> Outcome:
    sha256 = hashlib.sha256(ask.content).hexdigest()
    return await open_delivery(work, sha256, len(ask.content), ask.file_name, purpose)


async def open_delivery(
    work: Work, sha256: str, size_bytes: int, file_name: str | None, purpose: str
) -> Outcome:
    """The delivery of bytes that are in the blob store: a new one, or the one they were before."""
    owner = work.viewer.organization_id
    await keep_blob(work.connection, work.blobs, sha256)
    await work.connection.execute(
        "select pg_advisory_xact_lock(hashtextextended($1, 2))", f"{owner}|{sha256}|{purpose}"
    )
    row = await work.connection.fetchrow(
        "select id, state from delivery where owner_id = $1 and sha256 = $2 and purpose = $3 "
        "order by id limit 1",
        owner,
        sha256,
        purpose,
    )
    if row is not None and row["state"] in _SETTLED:
        return Outcome("delivery", (row["id"],), value=Received(job_id=None, known=True))
    if row is None:
        id: uuid.UUID = await work.connection.fetchval(
            "insert into delivery (owner_id, purpose, file_name, sha256, size_bytes) "
            "values ($1, $2, $3, $4, $5) returning id",
            owner,
            purpose,
            _plain_name(file_name),
            sha256,
            size_bytes,
        )
    else:
        id = row["id"]
        await work.connection.execute(
            "update delivery set state = 'received', finished_at = null, raw_deleted_at = null "
            "where id = $1 and state in ('refused', 'checked', 'failed')",
            id,
        )
    job_id = await work.enqueue(
        INGEST,
        {"delivery_id": str(id), "actor": work.viewer.actor},
        subject_id=id,
        unique_key=str(id),
    )
    return Outcome("delivery", (id,), value=Received(job_id=str(job_id), known=row is not None))


def _plain_name(given: str | None) -> str | None:
    """The last part of a file's name, without what no terminal should print."""
    if given is None:
        return None
    name = given.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in name if c.isprintable())[:LONGEST_NAME] or None


@given_up(INGEST)
async def abandon(sql: Sql, delivery_id: uuid.UUID) -> None:
    """The job that worked on it was given up; what it had applied stays, the rest can be tried again."""
    await sql.execute(
        "update delivery set state = 'failed', finished_at = clock_timestamp() "
        "where id = $1 and state in ('received', 'checking')",
        delivery_id,
    )
