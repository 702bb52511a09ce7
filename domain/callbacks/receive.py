"""A call of a partner: judged, kept as it came, and queued, before it is answered.

What is refused leaves a note at the partner and nothing else. The same event again is answered as the first
time and has no second effect.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

from domain.access.scopes import ROLE_SCOPES, Role
from domain.access.viewer import Viewer
from domain.callbacks.mapping import Unreadable, json_of
from domain.callbacks.signature import WINDOW, instant_of, is_signed
from domain.ports import Sealer, Sql, SqlPool
from domain.refusals import Refusal
from domain.row import new_id
from domain.work import Work

LARGEST = 256 << 10
LONGEST_ID = 255
JOB = "settle_callback"


class CallbackMalformed(Refusal):
    """A callback without the headers of a signature, or whose body is no JSON object."""

    code = "callback_malformed"
    status = 400


class CallbackOutOfTime(Refusal):
    """A callback that was signed more than five minutes ago, or ahead of the time."""

    code = "callback_out_of_time"
    status = 400


class CallbackUnsigned(Refusal):
    """A callback whose signature was not made with the partner's secret over this body."""

    code = "callback_unsigned"
    status = 401


class CallbackConflict(Refusal):
    """A callback under the id of an earlier event, with another body."""

    code = "callback_conflict"
    status = 409


class CallbackTooLarge(Refusal):
    """A callback whose body is larger than 256 KiB."""

    code = "callback_too_large"
    status = 413


REFUSALS = (CallbackMalformed, CallbackOutOfTime, CallbackUnsigned, CallbackConflict, CallbackTooLarge)


@dataclass(frozen=True)
class Caller:
    """A partner as its calls are judged. sealed: its secrets that are good now, the newest first."""

    id: uuid.UUID
    owner_id: uuid.UUID
    tier: str
    sealed: tuple[bytes, ...]


@dataclass(frozen=True)
class Call:
    """What came: the three headers as they are, empty where one is missing, and the raw body."""

    event_id: str
    timestamp: str
    signature: str
    body: bytes


@dataclass(frozen=True)
class Taken:
    """The event that a call became. known: whether it had been there before."""

    id: uuid.UUID
    job_id: uuid.UUID | None
    known: bool


async def caller_of(sql: Sql, slug: str, now: datetime) -> Caller | None:
    """The partner whose calls come to a path; None where there is none, or it is switched off."""
    return _caller(
        await sql.fetchrow(
            _CALLER.format(where="p.slug = $1 and p.disabled_at is null"), slug.replace("\0", ""), now
        )
    )


async def caller_by_id(sql: Sql, id: uuid.UUID, now: datetime) -> Caller:
    """The partner with an id that is known to be there."""
    found = _caller(await sql.fetchrow(_CALLER.format(where="p.id = $1"), id, now))
    assert found is not None, f"callback partner {id} is gone"
    return found


_CALLER = """
select p.id, p.owner_id, o.tier, p.secret_sealed,
       case when p.previous_secret_until > $2 then p.previous_secret_sealed end as previous
  from callback_partner p join organization o on o.id = p.owner_id where {where}
"""


def _caller(row: "dict[str, object] | None") -> Caller | None:
    if row is None:
        return None
    sealed = tuple(one for one in (row["secret_sealed"], row["previous"]) if one is not None)
    return Caller(row["id"], row["owner_id"], row["tier"], sealed)  # type: ignore[arg-type]


def sealed_for(partner_id: uuid.UUID) -> bytes:
    """What a partner's secrets are bound to, so that they open at no other partner."""
    return f"callback secret|{partner_id}".encode()


def judge(call: Call, caller: Caller, sealer: Sealer, now: datetime) -> datetime:
    """The instant of the signature. Raises one of REFUSALS."""
    if len(call.body) > LARGEST:
        raise too_large(len(call.body))
    for name, given in (
        ("webhook-id", call.event_id),
        ("webhook-timestamp", call.timestamp),
        ("webhook-signature", call.signature),
    ):
        if not given:
            raise CallbackMalformed(f"the header {name} is missing; sign as Standard Webhooks has it")
    if len(call.event_id) > LONGEST_ID or not call.event_id.isascii() or not call.event_id.isprintable():
        raise CallbackMalformed(f"webhook-id has at most {LONGEST_ID} visible ASCII characters")
    sent_at = instant_of(call.timestamp)
    if sent_at is None:
        raise CallbackMalformed("webhook-timestamp is no number of seconds since 1970")
    live = [sealer.open(one, sealed_for(caller.id)).decode() for one in caller.sealed]
    if not is_signed(call.signature, live, call.event_id, call.timestamp, call.body):
        raise CallbackUnsigned("webhook-signature holds no v1 signature of this body by a live secret")
    if abs(now - sent_at) > WINDOW:
        raise CallbackOutOfTime(
            f"webhook-timestamp is {sent_at.isoformat()} and it is {now.isoformat(timespec='seconds')} here; "
            "five minutes either way will do: sign anew for every attempt"
        )
    try:
        json_of(call.body)
    except Unreadable as error:
        raise CallbackMalformed(str(error)) from None
    return sent_at


async def keep(
    sql: Sql,
    caller: Caller,
    call: Call,
    sent_at: datetime,
    *,
    is_test: bool = False,
    correlation_id: str | None = None,
) -> Taken:
    """Keep a call that was judged good, and its job with it, inside the caller's transaction.

    Raises CallbackConflict. Of parallel copies one is kept; the others wait for it and find it.
    """
    sha256 = hashlib.sha256(call.body).hexdigest()
    id = await sql.fetchval(
        "insert into callback_event (owner_id, partner_id, event_id, body, body_sha256, size_bytes, is_test, "
        "sent_at) values ($1, $2, $3, $4, $5, $6, $7, $8) "
        "on conflict (partner_id, event_id) do nothing returning id",
        caller.owner_id,
        caller.id,
        call.event_id,
        call.body,
        sha256,
        len(call.body),
        is_test,
        sent_at,
    )
    if id is not None:
        job_id = await enqueue(sql, caller, id, correlation_id)
        return Taken(id, job_id, known=False)
    row = await sql.fetchrow(
        "select id, body_sha256 from callback_event where partner_id = $1 and event_id = $2",
        caller.id,
        call.event_id,
    )
    if row["body_sha256"] != sha256:
        raise CallbackConflict(
            f"event {call.event_id!r} came before with another body; a new event takes a new webhook-id"
        )
    return Taken(row["id"], None, known=True)


async def enqueue(sql: Sql, caller: Caller, id: uuid.UUID, correlation_id: str | None) -> uuid.UUID:
    """Ask for the job that reads an event, in the transaction that is open."""
    viewer = Viewer(
        caller.owner_id, f"callback:{caller.id}", Role.SERVICE, ROLE_SCOPES[Role.SERVICE], caller.tier
    )
    work = Work(viewer, sql, new_id(), correlation_id=correlation_id)
    return await work.enqueue(JOB, {"id": str(id)}, subject_id=id, unique_key=str(id))


async def receive(
    pool: SqlPool, caller: Caller, call: Call, sealer: Sealer, now: datetime, correlation_id: str | None
) -> Taken:
    """Judge a call and keep it; durable when this returns. Raises one of REFUSALS, which are noted."""
    try:
        sent_at = judge(call, caller, sealer, now)
        async with pool.acquire() as sql, sql.transaction():
            return await keep(sql, caller, call, sent_at, correlation_id=correlation_id)
    except REFUSALS as refusal:
        await note(pool, caller, refusal, now)
        raise


async def note(pool: SqlPool, caller: Caller, refusal: Refusal, now: datetime) -> None:
    """Leave word at the partner that a call was turned away, and why."""
    async with pool.acquire() as sql:
        await sql.execute(
            "update callback_partner set refused = refused + 1, last_refusal = $2, last_refused_at = $3 "
            "where id = $1",
            caller.id,
            refusal.code,
            now,
        )


def too_large(size_bytes: int | None) -> CallbackTooLarge:
    """The refusal of a body beyond the cap."""
    said = f"the body has {size_bytes} bytes" if size_bytes is not None else "the body is larger than that"
    return CallbackTooLarge(f"{said}; at most {LARGEST} will do")
