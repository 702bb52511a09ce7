"""What the clock asks for: one row for each schedule of this installation, taken by one worker at a time."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from domain import jobs
from domain.ports import Sql
from domain.row import instant


class Schedule(SQLModel, table=True):
    """When a job of the house was last asked for, and when it is due again."""

    __tablename__: ClassVar[Any] = "schedule"

    name: str = Field(primary_key=True)
    last_at: datetime | None = instant()
    next_at: datetime = instant(nullable=False)
    job_id: uuid.UUID | None = Field(default=None)


async def keep(sql: Sql, name: str, every_s: float, at_s: float | None) -> None:
    """Know the schedule: a new one is due at once, or at its time of day; a shortened one comes sooner.

    at_s: where in the period it falls, in seconds after Monday 00:00 UTC; anywhere when None.
    """
    await sql.execute(_KEEP, name, every_s, at_s)


async def due_in(sql: Sql, names: list[str]) -> float | None:
    """Seconds until the first of these schedules is due; None when there is none of them."""
    seconds: float | None = await sql.fetchval(
        "select extract(epoch from min(next_at) - clock_timestamp())::float8 from schedule "
        "where name = any($1)",
        names,
    )
    return seconds


async def have_an_owner(sql: Sql) -> bool:
    """Whether there is somebody whom scheduled jobs belong to: an organization that is the operator."""
    return bool(await sql.fetchval("select exists (select from organization where is_operator)"))


async def take(sql: Sql, name: str, every_s: float, at_s: float | None, lane: str | None) -> uuid.UUID | None:
    """Ask for the job of a schedule that is due, in this transaction; None when another worker has.

    However many periods were missed, the job is asked for once and is due again in the next one. It belongs
    to the operator's organization; while there is none, nothing is taken.
    """
    operator = await sql.fetchval("select id from organization where is_operator")
    if operator is None or not await sql.fetchval(_TAKE, name, every_s, at_s):
        return None
    id = await jobs.ask(sql, operator, name, {}, unique_key=name, lane=lane)
    await sql.execute("update schedule set job_id = $2 where name = $1", name, id)
    return id


# 1970-01-05 was a Monday.
_MONDAY_S = 4 * 86_400
_KEEP = f"""
insert into schedule as s (name, next_at)
select $1, coalesce(
         to_timestamp(first + $2::float8 * (floor((at - first) / $2::float8) + 1)), clock_timestamp())
  from (select extract(epoch from clock_timestamp())::float8 as at, {_MONDAY_S} + $3::float8 as first) x
on conflict (name) do update set next_at = least(s.next_at, excluded.next_at
  + case when $3::float8 is null then make_interval(secs => $2::float8) else interval '0' end)
"""
# The row is the lock: who comes second waits, looks again and finds that it is not due any more.
_TAKE = f"""
update schedule
   set last_at = clock_timestamp(),
       next_at = (
         select to_timestamp(first + $2::float8 * (floor((at - first) / $2::float8) + 1))
           from (select extract(epoch from clock_timestamp())::float8 as at,
                        coalesce({_MONDAY_S} + $3::float8, extract(epoch from next_at)::float8) as first) x)
 where name = $1 and next_at <= clock_timestamp()
returning true
"""
