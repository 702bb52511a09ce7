"""The life of a job row: asked for, claimed under a lease, carried on, finished or given up.

PostgreSQL remembers jobs; the queue only wakes them. A claim gives a fencing token (`fence`): whoever
holds an older one can neither write to the row nor commit a step, however late it wakes up.
"""

import json
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.lanes import LANES
from domain.ports import Sql
from domain.refusals import Refusal
from domain.tracing import traceparent

TRIES = 3
# Spreads pauses. Of its own, so that a simulation can seed it and nobody else draws from it.
CHANCE = random.Random()  # noqa: S311
LONGEST_TEXT = 2_000
LONGEST_WAIT_S = 3_600.0
JITTER = 0.25


class LeaseLost(Exception):
    """Another worker holds the job now; this one must stop and leave no trace."""


class JobStateWrong(Refusal):
    """The job is not in a state in which that can be done to it."""

    code = "job_state_wrong"
    status = 409


@dataclass(frozen=True)
class Claim:
    """A job that this worker may run until the lease ends. attempt counts from 1.

    dead: its worker fell silent on the last try, so it must not be run again, only buried.
    traceparent: where the trace stood that asked for it. cancelled: somebody asked for that, and its worker
    fell silent, so it must not be run again, only stopped.
    """

    id: uuid.UUID
    fence: int
    kind: str
    owner_id: uuid.UUID
    lane: str
    subject_id: uuid.UUID | None
    payload: Mapping[str, Any]
    attempt: int
    correlation_id: str | None
    dead: bool = False
    traceparent: str | None = None
    cancelled: bool = False


@dataclass(frozen=True)
class Due:
    """A job row that a queue should know of. wake: its id on the queue, new for each claim that ended."""

    id: uuid.UUID
    kind: str
    lane: str
    fence: int
    run_at: datetime
    correlation_id: str | None

    @property
    def wake(self) -> str:
        """The queue's id for this turn of the job: a turn is queued once, the next turn anew."""
        return f"{self.id}:{self.fence}"


async def ask(
    sql: Sql,
    owner_id: uuid.UUID,
    kind: str,
    payload: Mapping[str, Any],
    *,
    subject_id: uuid.UUID | None = None,
    unique_key: str | None = None,
    correlation_id: str | None = None,
    lane: str | None = None,
) -> uuid.UUID:
    """Ask for a job, in this transaction; one that waits or runs under the same key is that job.

    lane: by the tier of the organization unless given, whoever asks: a person, a schedule, another job.
    """
    id: uuid.UUID = await sql.fetchval(
        _ASK,
        owner_id,
        kind,
        unique_key,
        subject_id,
        lane,
        json.dumps(payload),
        correlation_id,
        traceparent(),
    )
    return id


async def claim(sql: Sql, id: uuid.UUID, lease_s: float, tries: Mapping[str, int]) -> Claim | None:
    """Take a waiting job, or one whose worker fell silent; None when it is not to be had.

    tries: for each kind that this worker knows, how often it may be begun; others are left to a newer one.
    """
    (claimed,) = await claim_many(sql, [id], lease_s, tries)
    return claimed


async def claim_many(
    sql: Sql, ids: Sequence[uuid.UUID], lease_s: float, tries: Mapping[str, int]
) -> list[Claim | None]:
    """`claim` for several jobs in one statement, in their order; a row that somebody holds is passed over.

    A job that is named twice, because two of its turns were taken together, is given once.
    """
    rows = await sql.fetch(_CLAIM, list(ids), lease_s, json.dumps(dict(tries)))
    claims = {
        row["id"]: Claim(
            row["id"],
            row["fence"],
            row["kind"],
            row["owner_id"],
            row["lane"],
            row["subject_id"],
            json.loads(row["payload"]),
            row["attempts"],
            row["correlation_id"],
            row["dead"],
            row["traceparent"],
            row["cancelled"],
        )
        for row in rows
    }
    return [claims.pop(id, None) for id in ids]


async def beat(sql: Sql, id: uuid.UUID, fence: int, lease_s: float) -> bool:
    """Keep the lease; gives whether somebody asked to cancel. Raises LeaseLost."""
    row = await sql.fetchrow(
        "update job set leased_until = clock_timestamp() + make_interval(secs => $3) "
        "where id = $1 and fence = $2 and state = 'running' returning cancel_asked_at is not null as cancel",
        id,
        fence,
        lease_s,
    )
    if row is None:
        raise LeaseLost(f"job {id} is held by another worker")
    return bool(row["cancel"])


async def cancel_asked(sql: Sql, id: uuid.UUID, fence: int) -> bool:
    """Whether somebody asked to cancel. Raises LeaseLost."""
    row = await sql.fetchrow(
        "select cancel_asked_at is not null as cancel from job "
        "where id = $1 and fence = $2 and state = 'running'",
        id,
        fence,
    )
    if row is None:
        raise LeaseLost(f"job {id} is held by another worker")
    return bool(row["cancel"])


async def hold(sql: Sql, id: uuid.UUID, fence: int) -> None:
    """Inside a step's transaction: nobody else can claim the job before this commits. Raises LeaseLost."""
    if not await sql.fetchval(
        "select true from job where id = $1 and fence = $2 and state = 'running' for share", id, fence
    ):
        raise LeaseLost(f"job {id} is held by another worker")


async def progress(
    sql: Sql, id: uuid.UUID, fence: int, done: int, total: int | None, text: str | None
) -> None:
    """Say how far the job is. Raises LeaseLost."""
    _expect_mine(
        await sql.execute(
            "update job set progress_done = $3, progress_total = $4, progress_text = $5 "
            "where id = $1 and fence = $2 and state = 'running'",
            id,
            fence,
            done,
            total,
            text,
        ),
        id,
    )


async def finish(sql: Sql, id: uuid.UUID, fence: int, result: Mapping[str, Any] | None) -> None:
    """The job is done, and so is its progress. Raises LeaseLost."""
    (done,) = await finish_many(sql, [(id, fence, result)])
    if not done:
        raise LeaseLost(f"job {id} is held by another worker")


async def finish_many(
    sql: Sql, ended: Sequence[tuple[uuid.UUID, int, Mapping[str, Any] | None]]
) -> list[bool]:
    """`finish` for several jobs in one statement, in their order; False where the lease is lost."""
    rows = await sql.fetch(
        _FINISH,
        [id for id, _, _ in ended],
        [fence for _, fence, _ in ended],
        [None if result is None else json.dumps(result) for _, _, result in ended],
    )
    done = {row["id"] for row in rows}
    return [id in done for id, _, _ in ended]


async def keep_result(sql: Sql, id: uuid.UUID, fence: int, result: Mapping[str, Any]) -> None:
    """Say what the job will give, before it has ended. Raises LeaseLost."""
    _expect_mine(
        await sql.execute(
            "update job set result = $3::jsonb where id = $1 and fence = $2 and state = 'running'",
            id,
            fence,
            json.dumps(dict(result)),
        ),
        id,
    )


async def fail(
    sql: Sql, id: uuid.UUID, fence: int, code: str, text: str, *, backoff_s: Sequence[float], tries: int
) -> str:
    """The attempt failed: wait and try again, dead after the last try, or cancelled where that was asked.

    Gives the new state. The failure stays in the job's history. Raises LeaseLost.
    """
    pauses = waits(backoff_s, max(tries, 1), CHANCE.random())
    state = await sql.fetchval(_FAIL, id, fence, code, text[:LONGEST_TEXT], tries, pauses)
    if state is None:
        raise LeaseLost(f"job {id} is held by another worker")
    return str(state)


def waits(backoff_s: Sequence[float], count: int, chance: float) -> list[float]:
    """The seconds to wait after each of `count` failures.

    What is declared comes first, then twice as much each time, an hour at most; times three quarters to
    five quarters by chance (0 to 1), so that jobs that failed together don't come back together.
    """
    declared = list(backoff_s) or [0.0]
    plain = (
        declared[n] if n < len(declared) else declared[-1] * 2.0 ** min(n - len(declared) + 1, 32)
        for n in range(count)
    )
    return [min(wait, LONGEST_WAIT_S) * (1 - JITTER + 2 * JITTER * chance) for wait in plain]


async def refuse(sql: Sql, id: uuid.UUID, fence: int, code: str, text: str) -> None:
    """The job can't be done, and trying again would not help. Raises LeaseLost."""
    _expect_mine(
        await sql.execute(
            "update job set state = 'failed', error_code = $3, error_text = $4, leased_until = null, "
            "finished_at = clock_timestamp() where id = $1 and fence = $2 and state = 'running'",
            id,
            fence,
            code,
            text[:LONGEST_TEXT],
        ),
        id,
    )


async def bury(sql: Sql, id: uuid.UUID, fence: int) -> None:
    """End a job whose worker fell silent on the last try. Raises LeaseLost."""
    _expect_mine(
        await sql.execute(
            "update job set state = 'dead', leased_until = null, finished_at = clock_timestamp() "
            "where id = $1 and fence = $2 and state = 'running'",
            id,
            fence,
        ),
        id,
    )


async def stop(sql: Sql, id: uuid.UUID, fence: int) -> None:
    """The job has seen that it was cancelled and stopped. Raises LeaseLost."""
    _expect_mine(
        await sql.execute(
            "update job set state = 'cancelled', leased_until = null, finished_at = clock_timestamp() "
            "where id = $1 and fence = $2 and state = 'running'",
            id,
            fence,
        ),
        id,
    )


async def put_off(sql: Sql, id: uuid.UUID, fence: int, text: str, after_s: float) -> bool:
    """Try later what found a dependency away; the attempt does not count, so that an outage kills no job.

    False, and nothing changes, for a job that is a day old or cancelled: it fails like any other.
    """
    return bool(await sql.fetchval(_PUT_OFF, id, fence, text[:LONGEST_TEXT], after_s))


async def release(sql: Sql, id: uuid.UUID, fence: int) -> str | None:
    """Give the job back unfinished, because the worker stops; the attempt does not count.

    A cancelled job is ended by it. Gives the state that it has then; None where another worker holds it.
    """
    state: str | None = await sql.fetchval(_RELEASE, id, fence)
    return state


async def due(sql: Sql, grace_s: float, limit: int, kinds: Sequence[str] | None = None) -> list[Due]:
    """Jobs that should have begun: waiting for longer than the grace, or left by a silent worker.

    The lanes share the limit, so that a flood of one leaves room for the other. kinds: only of these.
    """
    rows = await sql.fetch(_DUE, grace_s, limit, list(LANES), None if kinds is None else list(kinds))
    return [_due(row) for row in rows]


async def waiting(sql: Sql, ids: Sequence[uuid.UUID]) -> list[Due]:
    """Which of these jobs still wait, and since when they may begin."""
    rows = await sql.fetch(
        "select id, kind, lane, fence, run_at, correlation_id from job "
        "where id = any($1) and state = 'queued'",
        list(ids),
    )
    return [_due(row) for row in rows]


def _due(row: Any) -> Due:
    return Due(row["id"], row["kind"], row["lane"], row["fence"], row["run_at"], row["correlation_id"])


async def forget_told(sql: Sql, days: int, most: int) -> int:
    """Delete what the outbox told more than so many days ago; gives how many rows."""
    done = await sql.execute(
        "delete from outbox where id in (select id from outbox "
        "where told_at < clock_timestamp() - make_interval(days => $1) order by id limit $2 "
        "for update skip locked)",
        days,
        most,
    )
    return int(done.rsplit(" ", 1)[1])


async def forget_routine(sql: Sql, days: int, most: int) -> int:
    """Delete the operator's scheduled jobs that were done so many days ago; gives how many.

    Those that went wrong stay, as everybody's do.
    """
    done = await sql.execute(
        "delete from job where id in (select id from job "
        "where owner_id = (select id from organization where is_operator) and unique_key = kind "
        "and state = 'done' and history = '[]' "
        "and finished_at < clock_timestamp() - make_interval(days => $1) order by id limit $2 "
        "for update skip locked)",
        days,
        most,
    )
    return int(done.rsplit(" ", 1)[1])


def _expect_mine(tag: str, id: uuid.UUID) -> None:
    if not tag.endswith(" 1"):
        raise LeaseLost(f"job {id} is held by another worker")


# Nobody is told of a job that was asked for before: its word is out already.
_ASK = """
with asked as (
  insert into job (owner_id, kind, unique_key, subject_id, lane, payload, correlation_id, traceparent)
  values ($1, $2, $3, $4,
          coalesce($5, case (select tier from organization where id = $1)
                       when 'enterprise' then 'high' else 'low' end),
          $6::jsonb, $7::text, $8::text)
  on conflict (kind, unique_key) where state in ('queued', 'running')
    do update set kind = excluded.kind
  returning id, lane, xmax = 0 as made
), told as (
  insert into outbox (topic, payload, correlation_id)
  select 'job', jsonb_build_object('job_id', id, 'lane', lane), $7::text from asked where made
)
select id from asked
"""
_LOST = """jsonb_build_array(jsonb_build_object('attempt', attempts, 'at', clock_timestamp(),
  'code', 'worker_lost', 'text', 'the worker stopped answering'))"""
# Who holds a row is at it: another worker, or a command that cancels. Nobody waits in line behind him.
_CLAIM = f"""
with open as (
  select id, state = 'running' as lost,
         cancel_asked_at is not null as cancelled,
         state = 'running' and cancel_asked_at is null
           and attempts >= ($3::jsonb ->> kind)::int as dead
    from job
   where id = any($1) and $3::jsonb ? kind
     and (state = 'queued' and run_at <= clock_timestamp()
          or state = 'running' and leased_until < clock_timestamp())
   for update skip locked
)
update job set
  state = 'running',
  history = history || case when lost then {_LOST} else '[]' end,
  error_code = case when lost then 'worker_lost' else error_code end,
  error_text = case when lost then 'the worker stopped answering' else error_text end,
  attempts = attempts + case when dead or cancelled then 0 else 1 end,
  fence = fence + 1,
  leased_until = clock_timestamp() + make_interval(secs => $2),
  started_at = coalesce(started_at, clock_timestamp())
from open where job.id = open.id
returning job.id, fence, dead, cancelled, kind, owner_id, lane, subject_id, payload, attempts,
  correlation_id, traceparent
"""
_FINISH = """
with mine as (
  select j.id, given.result::jsonb as result
    from unnest($1::uuid[], $2::bigint[], $3::text[]) as given (id, fence, result)
    join job j on j.id = given.id and j.fence = given.fence and j.state = 'running'
   order by j.id for update of j
)
update job set state = 'done', result = mine.result, error_code = null, error_text = null,
  leased_until = null, finished_at = clock_timestamp(),
  progress_total = coalesce(progress_total, 1), progress_done = coalesce(progress_total, 1),
  progress_text = coalesce(mine.result ->> 'state', progress_text)
from mine where job.id = mine.id
returning job.id
"""
# The row and the word to the relay change together, so that a failure between them can't strand the job.
# Somebody may have cancelled the job after its worker last looked: it is not begun once more then.
_FAIL = """
with changed as (
  update job set
    state = case when cancel_asked_at is not null then 'cancelled'
                 when attempts >= $5 then 'dead' else 'queued' end,
    history = history || jsonb_build_array(
      jsonb_build_object('attempt', attempts, 'at', clock_timestamp(), 'code', $3::text, 'text', $4::text)),
    error_code = $3, error_text = $4, leased_until = null,
    finished_at = case when cancel_asked_at is not null or attempts >= $5 then clock_timestamp() end,
    run_at = clock_timestamp()
      + make_interval(secs => ($6::float8[])[least(attempts, array_length($6::float8[], 1))])
  where id = $1 and fence = $2 and state = 'running'
  returning id, lane, state, correlation_id
), told as (
  insert into outbox (topic, payload, correlation_id)
  select 'job', jsonb_build_object('job_id', id, 'lane', lane), correlation_id
    from changed where state = 'queued'
)
select state from changed
"""
_RELEASE = """
with changed as (
  update job set
    state = case when cancel_asked_at is null then 'queued' else 'cancelled' end,
    attempts = attempts - case when cancel_asked_at is null then 1 else 0 end,
    finished_at = case when cancel_asked_at is not null then clock_timestamp() end,
    leased_until = null, run_at = clock_timestamp()
   where id = $1 and fence = $2 and state = 'running' returning id, lane, state, correlation_id
), told as (
  insert into outbox (topic, payload, correlation_id)
  select 'job', jsonb_build_object('job_id', id, 'lane', lane), correlation_id
    from changed where state = 'queued'
)
select state from changed
"""
_PUT_OFF = """
with changed as (
  update job set state = 'queued', attempts = attempts - 1, leased_until = null,
         error_code = 'away', error_text = $3,
         run_at = clock_timestamp() + make_interval(secs => $4 * (1 + random() / 2))
   where id = $1 and fence = $2 and state = 'running' and cancel_asked_at is null
     and created_at > clock_timestamp() - interval '1 day'
  returning id, lane, correlation_id
), told as (
  insert into outbox (topic, payload, correlation_id)
  select 'job', jsonb_build_object('job_id', id, 'lane', lane), correlation_id from changed
)
select true from changed
"""
_DUE = """
select d.* from unnest($3::text[]) as l(lane) cross join lateral (
    select id, kind, j.lane, fence, run_at, correlation_id, row_number() over (order by run_at, id) as place
      from job j
     where j.lane = l.lane and state in ('queued', 'running') and ($4::text[] is null or kind = any($4))
       and (state = 'queued' and run_at < clock_timestamp() - make_interval(secs => $1)
            or state = 'running' and leased_until < clock_timestamp())
     order by run_at, id limit $2) d
 order by place, d.lane limit $2
"""
