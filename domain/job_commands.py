"""What people may do with a job: cancel it, and begin one anew that ended without success."""

import json
import uuid
from dataclasses import dataclass
from typing import Annotated, Any

from domain.access.scopes import Scope
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.job_kinds import leave_word, scope_of
from domain.jobs import JobStateWrong
from domain.refusals import NotFound, ReferenceMissing, ScopeMissing
from domain.types import Ref
from domain.work import Work, entity_id

JobId = Annotated[str, Ref("job")]
MOST_REQUEUED = 1_000
_DOUBLED = "23505"
# How often a batch is begun, of which others begin some at the same moment.
_ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True)
class CancelJob:
    """A job that is no longer wanted."""

    job_id: JobId


@dataclass(frozen=True, kw_only=True)
class RetryJob:
    """A job that ended without success, to be begun anew."""

    job_id: JobId


@dataclass(frozen=True, kw_only=True)
class RequeueDeadLetters:
    """Which of the dead jobs are to be begun anew: those named, those of a kind, or all."""

    job_ids: list[JobId] | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Requeued:
    """How many jobs wait again, and how many of those that were meant are still dead."""

    requeued: int
    left: int


@command(
    scope=Scope.JOBS_WRITE,
    route="POST /jobs/{job_id}/cancel",
    returns="job",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(NotFound, ReferenceMissing, JobStateWrong),
)
async def cancel_job(ask: CancelJob, work: Work) -> Outcome:
    """Cancel a job: at once while it waits, at its next safe point while it runs.

    A job that only some may ask for is theirs to cancel and to begin anew.
    """
    id, state = await _find(ask.job_id, work)
    if state not in ("queued", "running", "cancelled"):
        raise JobStateWrong(f"the job is {state}; only one that waits or runs can be cancelled")
    row = await work.connection.fetchrow(
        "update job set cancel_asked_at = coalesce(cancel_asked_at, clock_timestamp()), "
        "state = case state when 'queued' then 'cancelled' else state end, "
        "finished_at = case state when 'queued' then clock_timestamp() else finished_at end "
        "where id = $1 and state <> 'cancelled' returning kind, payload, state",
        id,
    )
    if row is not None and row["state"] == "cancelled":
        await leave_word(work.connection, row["kind"], json.loads(row["payload"]))
    return Outcome("job", (id,))


@command(
    scope=Scope.JOBS_WRITE,
    route="POST /jobs/{job_id}/retry",
    returns="job",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(NotFound, ReferenceMissing, JobStateWrong),
)
async def retry_job(ask: RetryJob, work: Work) -> Outcome:
    """Begin a dead, failed or cancelled job anew, with all its tries; its history stays."""
    id, state = await _find(ask.job_id, work)
    if state in ("queued", "running"):
        return Outcome("job", (id,))
    if state == "done":
        raise JobStateWrong("the job is done; only one that failed or was cancelled can be begun anew")
    lane = await _unless_doubled(work, _RETRY, id)
    if lane is None:
        raise JobStateWrong("another job for the same thing waits or runs; look at that one")
    await work.tell("job", {"job_id": str(id), "lane": lane})
    return Outcome("job", (id,))


@command(
    scope=Scope.JOBS_WRITE,
    route="POST /dead-letters/requeue",
    returns="change_set",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(ReferenceMissing, JobStateWrong),
    value=Requeued,
)
async def requeue_dead_letters(ask: RequeueDeadLetters, work: Work) -> Outcome:
    """Begin dead jobs anew, a thousand at most in one call, oldest first; their history stays."""
    ids = None
    if ask.job_ids is not None:
        ids = [entity_id("job", given, ("job_ids", n)) for n, given in enumerate(ask.job_ids)]
    meant = (work.viewer.organization_id, ask.kind, ids)
    others: list[str] = []
    for row in await work.connection.fetch(_KINDS, *meant):
        scope = scope_of(row["kind"], by_clock=row["by_clock"])
        if not work.viewer.may(scope):
            others.append(row["kind"])
            if ids is not None or ask.kind is not None:
                raise _not_theirs(row["kind"], scope)
    requeued = None
    for _ in range(_ATTEMPTS):
        requeued = await _unless_doubled(work, _REQUEUE, *meant, MOST_REQUEUED, others)
        if requeued is not None:
            break
    else:
        raise JobStateWrong("jobs for the same things are begun by others at this moment; ask again")
    left = await work.connection.fetchval(_DEAD, *meant)
    return Outcome("change_set", (work.change_set_id,), work.change_set_id, Requeued(requeued, left))


# What is meant by one call, and is not the caller's to begin, stays.
_KINDS = """
select j.kind, exists (select from schedule s where s.name = j.kind) as by_clock from job j
 where owner_id = $1 and state = 'dead' and ($2::text is null or kind = $2)
   and ($3::uuid[] is null or id = any($3)) group by j.kind order by j.kind
"""
# Of jobs for the same thing only the newest is begun, and none while another waits or runs.
_REQUEUE = """
with meant as (
  select distinct on (kind, coalesce(unique_key, id::text)) id from job j
   where owner_id = $1 and state = 'dead' and ($2::text is null or kind = $2)
     and ($3::uuid[] is null or id = any($3)) and kind <> all($5::text[]) and not exists (
       select from job o
        where o.kind = j.kind and o.unique_key = j.unique_key and o.state in ('queued', 'running'))
   order by kind, coalesce(unique_key, id::text), id desc
), changed as (
  update job set state = 'queued', attempts = 0, run_at = clock_timestamp(), cancel_asked_at = null,
         finished_at = null, leased_until = null, error_code = null, error_text = null
   where id in (select id from meant order by id limit $4) and state = 'dead'
  returning id, lane, correlation_id
), told as (
  insert into outbox (topic, payload, correlation_id)
  select 'job', jsonb_build_object('job_id', id, 'lane', lane), correlation_id from changed
)
select count(*) from changed
"""
_DEAD = """
select count(*) from job
 where owner_id = $1 and state = 'dead' and ($2::text is null or kind = $2)
   and ($3::uuid[] is null or id = any($3))
"""
_RETRY = """
update job j set state = 'queued', attempts = 0, run_at = clock_timestamp(), cancel_asked_at = null,
       finished_at = null, leased_until = null, error_code = null, error_text = null
 where id = $1 and not exists (
   select from job o
    where o.kind = j.kind and o.unique_key = j.unique_key and o.state in ('queued', 'running'))
returning lane
"""


async def _find(given: str, work: Work) -> tuple[uuid.UUID, str]:
    """A job of the own organization and its state, until the end. Raises NotFound, ScopeMissing."""
    id = entity_id("job", given, ("job_id",))
    row = await work.connection.fetchrow(
        "select state, kind, exists (select from schedule s where s.name = job.kind) as by_clock "
        "from job where id = $1 and owner_id = $2 for update",
        id,
        work.viewer.organization_id,
    )
    if row is None:
        raise NotFound(f"no job {given} in your organization", path=("job_id",))
    scope = scope_of(row["kind"], by_clock=row["by_clock"])
    if not work.viewer.may(scope):
        raise _not_theirs(row["kind"], scope)
    return id, str(row["state"])


def _not_theirs(kind: str, scope: Scope) -> ScopeMissing:
    return ScopeMissing(
        f"a job {kind} is cancelled and begun anew with the scope {scope}; the token does not carry it"
    )


async def _unless_doubled(work: Work, statement: str, *given: Any) -> Any:
    """What a statement that begins jobs gives; None where somebody begins one for the same thing meanwhile.

    The unique index makes the statement wait for them, so who asks again sees the job that they began.
    """
    try:
        async with work.connection.transaction():
            return await work.connection.fetchval(statement, *given)
    except Exception as error:
        if getattr(error, "sqlstate", None) != _DOUBLED:
            raise
        return None
