"""What people may do with a job: cancel it, and begin one anew that ended without success."""

import uuid
from dataclasses import dataclass
from typing import Annotated

from domain.access.scopes import Scope
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.jobs import JobStateWrong
from domain.refusals import NotFound, ReferenceMissing
from domain.types import Ref
from domain.work import Work, entity_id

JobId = Annotated[str, Ref("job")]


@dataclass(frozen=True, kw_only=True)
class CancelJob:
    """A job that is no longer wanted."""

    job_id: JobId


@dataclass(frozen=True, kw_only=True)
class RetryJob:
    """A job that ended without success, to be begun anew."""

    job_id: JobId


@command(
    scope=Scope.JOBS_WRITE,
    route="POST /jobs/{job_id}/cancel",
    returns="job",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(NotFound, ReferenceMissing, JobStateWrong),
)
async def cancel_job(ask: CancelJob, work: Work) -> Outcome:
    """Cancel a job: at once while it waits, at its next safe point while it runs."""
    id, state = await _find(ask.job_id, work)
    if state not in ("queued", "running", "cancelled"):
        raise JobStateWrong(f"the job is {state}; only one that waits or runs can be cancelled")
    await work.connection.execute(
        "update job set cancel_asked_at = coalesce(cancel_asked_at, clock_timestamp()), "
        "state = case state when 'queued' then 'cancelled' else state end, "
        "finished_at = case state when 'queued' then clock_timestamp() else finished_at end "
        "where id = $1 and state <> 'cancelled'",
        id,
    )
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
    lane = await work.connection.fetchval(_RETRY, id)
    if lane is None:
        raise JobStateWrong("another job for the same thing waits or runs; look at that one")
    await work.tell("job", {"job_id": str(id), "lane": lane})
    return Outcome("job", (id,))


_RETRY = """
update job j set state = 'queued', attempts = 0, run_at = clock_timestamp(), cancel_asked_at = null,
       finished_at = null, leased_until = null, error_code = null, error_text = null
 where id = $1 and not exists (
   select from job o
    where o.kind = j.kind and o.unique_key = j.unique_key and o.state in ('queued', 'running'))
returning lane
"""


async def _find(given: str, work: Work) -> tuple[uuid.UUID, str]:
    id = entity_id("job", given, ("job_id",))
    state = await work.connection.fetchval(
        "select state from job where id = $1 and owner_id = $2 for update", id, work.viewer.organization_id
    )
    if state is None:
        raise NotFound(f"no job {given} in your organization", path=("job_id",))
    return id, str(state)
