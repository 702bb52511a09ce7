"""Callback partners: who may call an organization back, with which secret, and how that is read."""

import json
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from domain.access.giving import name_of
from domain.access.scopes import Scope
from domain.audit import Audit
from domain.callbacks.mapping import CallbackMapping, mapping_of
from domain.callbacks.receive import REFUSALS, Call, caller_by_id, enqueue, judge, keep, sealed_for
from domain.callbacks.signature import new_signing_secret, sign
from domain.callbacks.tables import MEANINGS
from domain.command import Outcome, Repeat, command
from domain.ports import SealBroken, Sealer
from domain.refusals import InputInvalid, NotFound, ReferenceMissing, Refusal
from domain.retention.holds import HeldByLaw, expect_free, no_new_holds
from domain.row import new_id
from domain.types import UNSET, Ref, Unset
from domain.work import Work, entity_id

PartnerId = Annotated[str, Ref("callback_partner")]
EventId = Annotated[str, Ref("callback_event")]
LONGEST_OVERLAP_HOURS = 7 * 24
REFUSES = (NotFound, ReferenceMissing)


class BodyGone(Refusal):
    """The event's body is no longer kept; what was read out of it is."""

    code = "callback_body_gone"
    status = 410


class SecretLost(Refusal):
    """The partner's secret was sealed with a key that the installation no longer has."""

    code = "callback_secret_lost"
    status = 409


# What a legal hold may be on that goes with a partner: its events, and the releases they speak of.
_TOLD = """
select id from callback_event where partner_id = $2
union all select release_id from distribution where partner_id = $2 and release_id is not null
"""


@dataclass(frozen=True, kw_only=True)
class CreateCallbackPartner:
    """A distributor that is to call back. mapping: how its events are read, if not as most have them."""

    name: str
    mapping: CallbackMapping | None = None


@dataclass(frozen=True, kw_only=True)
class EditCallbackPartner:
    """What is to change; what is left out stays. disabled: its calls are turned away with 404."""

    id: PartnerId
    name: str | Unset = UNSET
    mapping: CallbackMapping | Unset = UNSET
    disabled: bool | Unset = UNSET


@dataclass(frozen=True, kw_only=True)
class DeleteCallbackPartner:
    """The partner that goes, with its events and where releases stood with it."""

    id: PartnerId


@dataclass(frozen=True, kw_only=True)
class RotateCallbackSecret:
    """The partner to get a new secret. overlap_hours: how long the old one stays good, 0 to 168."""

    id: PartnerId
    overlap_hours: int = 24


@dataclass(frozen=True, kw_only=True)
class TestCallback:
    """The partner in whose name an event is sent. word: its type; the first that the mapping has."""

    id: PartnerId
    word: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReplayCallback:
    """The kept event that is to be read again, by the mapping of today."""

    id: EventId


@dataclass(frozen=True, kw_only=True)
class CallbackSecret:
    """The secret that the partner signs with, told this once, and the path of its calls."""

    secret: str
    path: str


@dataclass(frozen=True, kw_only=True)
class CallbackJob:
    """The job that reads the event."""

    job_id: Annotated[str, Ref("job")]


@command(
    scope=Scope.WEBHOOKS_MANAGE,
    route="POST /callback-partners",
    returns="callback_partner",
    audit=Audit.OPERATIONS,
    refuses=REFUSES,
    value=CallbackSecret,
    discloses=True,
)
async def create_callback_partner(ask: CreateCallbackPartner, work: Work) -> Outcome:
    """Let a distributor call back; the secret it signs with is told once."""
    id, secret, slug = new_id(), new_signing_secret(), secrets.token_urlsafe(18)
    await work.connection.execute(
        "insert into callback_partner (id, owner_id, name, slug, mapping, secret_sealed, created_by) "
        "values ($1, $2, $3, $4, $5::jsonb, $6, $7)",
        id,
        work.viewer.organization_id,
        name_of(ask.name),
        slug,
        json.dumps(mapping_of(ask.mapping)),
        _sealer(work).seal(secret.encode(), sealed_for(id)),
        work.viewer.actor,
    )
    return Outcome("callback_partner", (id,), value=_told(secret, slug))


@command(
    scope=Scope.WEBHOOKS_MANAGE,
    route="PATCH /callback-partners/{id}",
    returns="callback_partner",
    audit=Audit.OPERATIONS,
    refuses=REFUSES,
)
async def edit_callback_partner(ask: EditCallbackPartner, work: Work) -> Outcome:
    """Rename a partner, read its events otherwise from now on, or switch it off and on."""
    held = await _hold(work, ask.id)
    disabled = held["disabled_at"] is not None if isinstance(ask.disabled, Unset) else ask.disabled
    await work.connection.execute(
        "update callback_partner set name = $2, mapping = $3::jsonb, "
        "disabled_at = case when $4 then coalesce(disabled_at, $5) end where id = $1",
        held["id"],
        held["name"] if isinstance(ask.name, Unset) else name_of(ask.name),
        held["mapping"] if isinstance(ask.mapping, Unset) else json.dumps(mapping_of(ask.mapping)),
        disabled,
        work.now,
    )
    return Outcome("callback_partner", (held["id"],))


@command(
    scope=Scope.WEBHOOKS_MANAGE,
    route="DELETE /callback-partners/{id}",
    returns="callback_partner",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(*REFUSES, HeldByLaw),
)
async def delete_callback_partner(ask: DeleteCallbackPartner, work: Work) -> Outcome:
    """Delete a partner, with its events and its records of releases; switching it off keeps them."""
    await no_new_holds(work.connection)
    held = await _hold(work, ask.id)
    owner = work.viewer.organization_id
    await expect_free(work.connection, owner, "what the partner told", _TOLD, held["id"])
    await work.connection.execute("delete from callback_partner where id = $1", held["id"])
    return Outcome("callback_partner", (held["id"],))


@command(
    scope=Scope.WEBHOOKS_MANAGE,
    route="POST /callback-partners/{id}/rotate-secret",
    returns="callback_partner",
    audit=Audit.OPERATIONS,
    refuses=REFUSES,
    value=CallbackSecret,
    discloses=True,
)
async def rotate_callback_secret(ask: RotateCallbackSecret, work: Work) -> Outcome:
    """Give a partner a new secret, told once; the old one stays good for an overlap."""
    if not 0 <= ask.overlap_hours <= LONGEST_OVERLAP_HOURS:
        raise InputInvalid(
            f"overlap_hours is {ask.overlap_hours}; 0 to {LONGEST_OVERLAP_HOURS} will do",
            path=("overlap_hours",),
        )
    held, secret = await _hold(work, ask.id), new_signing_secret()
    await work.connection.execute(
        "update callback_partner set secret_sealed = $2, previous_secret_until = $3, "
        "previous_secret_sealed = case when $3::timestamptz is not null then secret_sealed end where id = $1",
        held["id"],
        _sealer(work).seal(secret.encode(), sealed_for(held["id"])),
        work.now + timedelta(hours=ask.overlap_hours) if ask.overlap_hours else None,
    )
    return Outcome("callback_partner", (held["id"],), value=_told(secret, held["slug"]))


@command(
    scope=Scope.WEBHOOKS_MANAGE,
    route="POST /callback-partners/{id}/test",
    returns="callback_event",
    audit=Audit.OPERATIONS,
    refuses=(*REFUSES, *REFUSALS, SecretLost),
    value=CallbackJob,
)
async def test_callback(ask: TestCallback, work: Work) -> Outcome:
    """Sign an event with the partner's secret and take it in as a call; it is read, and moves nothing."""
    held, sealer = await _hold(work, ask.id), _sealer(work)
    caller = await caller_by_id(work.connection, held["id"], work.now)
    try:
        secret = sealer.open(caller.sealed[0], sealed_for(caller.id)).decode()
    except SealBroken:
        raise SecretLost("the secret can't be opened any more; rotate it", path=("id",)) from None
    event_id, timestamp = f"test_{new_id().hex}", str(int(work.now.timestamp()))
    body = json.dumps(_sample(json.loads(held["mapping"]), ask.word, int(timestamp))).encode()
    call = Call(event_id, timestamp, sign(secret, event_id, timestamp, body), body)
    sent_at = judge(call, caller, sealer, work.now)
    taken = await keep(
        work.connection, caller, call, sent_at, is_test=True, correlation_id=work.correlation_id
    )
    return Outcome("callback_event", (taken.id,), value=CallbackJob(job_id=str(taken.job_id)))


@command(
    scope=Scope.WEBHOOKS_MANAGE,
    route="POST /callback-events/{id}/replay",
    returns="callback_event",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(*REFUSES, BodyGone),
    value=CallbackJob,
)
async def replay_callback(ask: ReplayCallback, work: Work) -> Outcome:
    """Read a kept event again from its raw body; what it said before is not said twice."""
    row = await work.connection.fetchrow(
        "select id, partner_id, octet_length(body) as size from callback_event "
        "where id = $1 and owner_id = $2 for no key update",
        entity_id("callback_event", ask.id, ("id",)),
        work.viewer.organization_id,
    )
    if row is None:
        raise NotFound(f"no callback event {ask.id} in your organization", path=("id",))
    if row["size"] == 0:
        raise BodyGone(
            "the body of the event is no longer kept; ask the partner to send it again", path=("id",)
        )
    caller = await caller_by_id(work.connection, row["partner_id"], work.now)
    job_id = await enqueue(work.connection, caller, row["id"], work.correlation_id)
    return Outcome("callback_event", (row["id"],), value=CallbackJob(job_id=str(job_id)))


async def _hold(work: Work, given: str) -> Any:
    row = await work.connection.fetchrow(
        "select id, name, slug, mapping, disabled_at from callback_partner "
        "where id = $1 and owner_id = $2 for no key update",
        entity_id("callback_partner", given, ("id",)),
        work.viewer.organization_id,
    )
    if row is None:
        raise NotFound(f"no callback partner {given} in your organization", path=("id",))
    return row


def _sealer(work: Work) -> Sealer:
    assert work.sealer is not None, "a door to callback partners hands in what seals their secrets"
    return work.sealer


def _told(secret: str, slug: str) -> CallbackSecret:
    return CallbackSecret(secret=secret, path=f"/v1/callbacks/{slug}")


def _sample(mapping: dict[str, Any], word: str | None, at: int) -> dict[str, Any]:
    """An event as the mapping reads it, about a release that nobody has."""
    words = (each for meaning in MEANINGS for each in mapping[meaning])
    release = mapping["releases"][0]
    reference = {"icpn": "000000000000", "grid": "A10000000000000000", "id": str(uuid.UUID(int=0))}
    body: dict[str, Any] = {}
    for path, value in (
        (mapping["word_path"], word or next(words)),
        (mapping["instant_path"], at),
        (release["path"], reference.get(release["scheme"], "test")),
    ):
        *steps, last = str(path).split(".")
        inside = body
        for step in steps:
            inside = inside.setdefault(step, {})
        inside[last] = value
    return body
