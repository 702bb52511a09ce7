"""What people say about keeping: holds, extensions, an enterprise's policy, and that retention is to run."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from domain.access.scopes import Scope
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.job_kinds import reserved
from domain.refusals import InputInvalid, NotFound, ReferenceMissing, Refusal
from domain.retention import due
from domain.retention.purge import NAME
from domain.retention.rules import RULES
from domain.retention.tables import HELD
from domain.row import new_id
from domain.types import Ref
from domain.work import Work, entity_id

LONGEST_REASON = 2_000
# An extension is for a case at hand; what is to stay longer is a matter of the policy, or of a hold.
LONGEST_EXTENSION_DAYS = 3 * 366
LONGEST_POLICY_MONTHS = 12 * 100
RETAIN = reserved("retain", Scope.SYSTEM_ADMIN)
REFUSES = (NotFound, ReferenceMissing)


class RetentionFixed(Refusal):
    """The tier's time holds; only an enterprise has a policy of its own, and extensions."""

    code = "retention_fixed"
    status = 409


@dataclass(frozen=True, kw_only=True)
class PlaceLegalHold:
    """What may not be deleted, and why.

    subject_type: organization, entity, file or person. subject_id: of one's organization, of an entity of
    it, of a file, delivery, export or callback of it, or the user id of a member.
    """

    subject_type: str
    subject_id: Annotated[str, Ref("*")]
    reason: str


@dataclass(frozen=True, kw_only=True)
class ReleaseLegalHold:
    """The hold that ends, and why."""

    id: Annotated[str, Ref("legal_hold")]
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExtendRetention:
    """What stays longer: all of a class, or one thing of it, until so many days from now.

    rule: the class, as the plan names it. days: 1 to 1098.
    """

    rule: str
    days: int
    reason: str
    subject_id: Annotated[str, Ref("*")] | None = None


@dataclass(frozen=True, kw_only=True)
class SetRetentionPolicy:
    """How long the organization keeps a class: calendar months and days; neither keeps it for ever."""

    rule: str
    months: int = 0
    days: int = 0


@dataclass(frozen=True, kw_only=True)
class RunRetention:
    """That it is to run now. It runs by the clock anyway, and does no more when it is asked for."""

    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class RetentionTime:
    """What holds from now on. until: for an extension; months, days: for a policy."""

    rule: str
    until: datetime | None = None
    months: int | None = None
    days: int | None = None


@command(
    scope=Scope.RETENTION_MANAGE,
    route="POST /legal-holds",
    returns="legal_hold",
    audit=Audit.OPERATIONS,
    refuses=REFUSES,
)
async def place_legal_hold(ask: PlaceLegalHold, work: Work) -> Outcome:
    """Keep something from being deleted, by retention and by erasure, until the hold is released."""
    if ask.subject_type not in HELD:
        raise InputInvalid(
            f"subject_type is {ask.subject_type[:60]!r}; one of {', '.join(HELD)} will do",
            path=("subject_type",),
        )
    reason = _reason(ask.reason)
    subject = entity_id("*", ask.subject_id, ("subject_id",))
    owner = work.viewer.organization_id
    await _alone(work)
    if not await work.connection.fetchval(_OURS[ask.subject_type], subject, owner):
        raise NotFound(f"no {ask.subject_type} {ask.subject_id} in your organization", path=("subject_id",))
    id = new_id()
    await work.connection.execute(
        "insert into legal_hold (id, owner_id, subject_type, subject_id, reason, placed_by) "
        "values ($1, $2, $3, $4, $5, $6)",
        id,
        owner,
        ask.subject_type,
        subject,
        reason,
        work.viewer.actor,
    )
    return Outcome("legal_hold", (id,))


_OURS = {
    "organization": "select $1::uuid = $2::uuid",
    "entity": "select exists (select from entity where id = $1 and owner_id = $2)",
    "file": """
        select exists (select from file where id = $1 and owner_id = $2)
            or exists (select from delivery where id = $1 and owner_id = $2)
            or exists (select from job where id = $1 and owner_id = $2)
            or exists (select from callback_event where id = $1 and owner_id = $2)""",
    "person": "select exists (select from member where user_id = $1 and organization_id = $2)",
}


@command(
    scope=Scope.RETENTION_MANAGE,
    route="POST /legal-holds/{id}/release",
    returns="legal_hold",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=REFUSES,
)
async def release_legal_hold(ask: ReleaseLegalHold, work: Work) -> Outcome:
    """End a legal hold; what was due meanwhile goes with the next run, its notice given."""
    id = await work.connection.fetchval(
        "select id from legal_hold where id = $1 and owner_id = $2 for update",
        entity_id("legal_hold", ask.id, ("id",)),
        work.viewer.organization_id,
    )
    if id is None:
        raise NotFound(f"no legal hold {ask.id} in your organization", path=("id",))
    await work.connection.execute(
        "update legal_hold set released_at = $2, released_by = $3, release_reason = $4 "
        "where id = $1 and released_at is null",
        id,
        work.now,
        work.viewer.actor,
        _reason(ask.reason),
    )
    return Outcome("legal_hold", (id,))


@command(
    scope=Scope.RETENTION_MANAGE,
    route="POST /retention-extensions",
    returns="change_set",
    audit=Audit.OPERATIONS,
    refuses=(*REFUSES, RetentionFixed),
    value=RetentionTime,
)
async def extend_retention(ask: ExtendRetention, work: Work) -> Outcome:
    """Keep a class of things, or one thing, for up to three years longer; for enterprises."""
    rule, reason = _rule(ask.rule), _reason(ask.reason)
    if not 1 <= ask.days <= LONGEST_EXTENSION_DAYS:
        raise InputInvalid(
            f"days is {ask.days}; 1 to {LONGEST_EXTENSION_DAYS} will do, counted from now", path=("days",)
        )
    await _enterprise(work)
    subject: uuid.UUID | None = None
    if ask.subject_id is not None:
        subject = entity_id("*", ask.subject_id, ("subject_id",))
        table = RULES[rule].table if rule in RULES else "entity"
        found = await work.connection.fetchval(
            f"select exists (select from {table} t where t.id = $1 and t.owner_id = $2)",
            subject,
            work.viewer.organization_id,
        )
        if not found:
            raise NotFound(
                f"nothing of {rule} is {ask.subject_id} in your organization", path=("subject_id",)
            )
    until = work.now + timedelta(days=ask.days)
    await work.connection.execute(
        "insert into retention_extension (id, owner_id, rule, subject_id, until, reason, made_by) "
        "values ($1, $2, $3, $4, $5, $6, $7)",
        new_id(),
        work.viewer.organization_id,
        rule,
        subject,
        until,
        reason,
        work.viewer.actor,
    )
    return Outcome("change_set", (work.change_set_id,), value=RetentionTime(rule=rule, until=until))


@command(
    scope=Scope.RETENTION_MANAGE,
    route="PATCH /retention-policies/{rule}",
    returns="change_set",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(*REFUSES, RetentionFixed),
    value=RetentionTime,
)
async def set_retention_policy(ask: SetRetentionPolicy, work: Work) -> Outcome:
    """Say how long an enterprise keeps a class of things; what becomes due by it is told of as ever."""
    rule = _rule(ask.rule)
    for name, given, most in (("months", ask.months, LONGEST_POLICY_MONTHS), ("days", ask.days, 36_600)):
        if not 0 <= given <= most:
            raise InputInvalid(f"{name} is {given}; 0 to {most} will do", path=(name,))
    await _enterprise(work)
    owner = work.viewer.organization_id
    if ask.months or ask.days:
        await work.connection.execute(
            "insert into retention_policy (owner_id, rule, months, days, set_by) values ($1, $2, $3, $4, $5) "
            "on conflict (owner_id, rule) do update set months = excluded.months, days = excluded.days, "
            "set_by = excluded.set_by, set_at = clock_timestamp()",
            owner,
            rule,
            ask.months,
            ask.days,
            work.viewer.actor,
        )
    else:
        await work.connection.execute(
            "delete from retention_policy where owner_id = $1 and rule = $2", owner, rule
        )
    told = RetentionTime(rule=rule, months=ask.months or None, days=ask.days or None)
    return Outcome("change_set", (work.change_set_id,), value=told)


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="POST /retention-runs",
    returns="job",
    cost=100,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
)
async def run_retention(ask: RunRetention, work: Work) -> Outcome:
    """Run retention now, for everybody; one that waits or runs already is that run."""
    id = await work.enqueue(RETAIN, {}, unique_key=RETAIN)
    if ask.reason:
        await work.connection.execute(
            "update change_set set reason = $2 where id = $1", work.change_set_id, _reason(ask.reason)
        )
    return Outcome("job", (id,))


async def _alone(work: Work) -> None:
    """Wait for the batch that is being deleted, so that what is said now holds for everything after it."""
    await work.connection.execute(f"select pg_advisory_xact_lock({due.LOCK})")


async def _enterprise(work: Work) -> None:
    await _alone(work)
    tier = await work.connection.fetchval(
        "select tier from organization where id = $1", work.viewer.organization_id
    )
    if tier != "enterprise":
        raise RetentionFixed(f"your tier is {tier}, whose times hold; an enterprise may say otherwise")


def _rule(given: str) -> str:
    names = [rule.name for rule in RULES.values() if rule.terms.by_policy] + [NAME]
    if given not in names:
        raise InputInvalid(f"rule is {given[:60]!r}; one of {', '.join(names)} will do", path=("rule",))
    return given


def _reason(given: str) -> str:
    reason = given.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise InputInvalid(
            f"the reason has {len(reason)} characters; 1 to {LONGEST_REASON} will do", path=("reason",)
        )
    return reason
