"""Schedules: jobs that the clock asks for, once, however many workers look at it.

Stacked over `@job`, a schedule makes an ordinary job of the operator's organization: it is listed, retried,
cancelled and given up like every other.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time, timedelta

import structlog

from domain import schedules
from domain.ports import SqlPool
from jobs.job import JOBS, Run
from jobs.relay import rest

LOOK_EVERY_S = 5.0
_AGAIN_S = 1.0
NAME_ONE = "name one with: python3 -m api people operator ORG"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Scheduled:
    """A job that comes again. at_s: where in its period, in seconds after Monday 00:00 UTC."""

    name: str
    every_s: float
    at_s: float | None
    lane: str


SCHEDULES: dict[str, Scheduled] = {}


def scheduled(
    *, every: timedelta, at: time | None = None, day: int = 0, lane: str = "low"
) -> Callable[[Run], Run]:
    """Ask for the job below it again and again, for the operator's organization.

    at: the time of day in UTC, for periods of a day or more; without it, the first period begins when a
    worker first sees the schedule. day: the day of a weekly one, 0 for Monday. lane: high only for what is
    short and must not wait. Of periods that nobody was there for, one is made up for. The job takes nothing
    but `tools`, and there is only ever one of it that waits or runs.
    """
    assert every > timedelta(0), f"every {every}: a period is longer than nothing"
    assert at is None or at.tzinfo is None, f"at {at}: a time of day in UTC, without a zone"

    def declare(run: Run) -> Run:
        name = run.__name__
        assert name in JOBS, f"{name} is scheduled, but is no @job: @scheduled stands above @job"
        assert not JOBS[name].parameters, f"job {name} has parameters; a scheduled job takes only tools"
        assert name not in SCHEDULES, f"job {name} is scheduled twice"
        at_s = None
        if at is not None:
            at_s = float(day * 86_400 + at.hour * 3_600 + at.minute * 60 + at.second)
        SCHEDULES[name] = Scheduled(name, every.total_seconds(), at_s, lane)
        return run

    return declare


async def keep(pool: SqlPool) -> None:
    """Make the rows of schedules that the database does not know yet."""
    async with pool.acquire() as connection:
        for one in SCHEDULES.values():
            await schedules.keep(connection, one.name, one.every_s, one.at_s)


async def tick(pool: SqlPool) -> list[str]:
    """Ask for the jobs that are due and that no other worker has asked for; gives their ids."""
    asked = []
    for one in SCHEDULES.values():
        async with pool.acquire() as connection:
            left_s = await schedules.due_in(connection, [one.name])
            if left_s is None or left_s > 0:
                continue
            async with connection.transaction():
                id = await schedules.take(connection, one.name, one.every_s, one.at_s, one.lane)
        if id is not None:
            log.info("schedule asks for its job", job=one.name, job_id=str(id))
            asked.append(str(id))
    return asked


async def run(pool: SqlPool, stopping: asyncio.Event, *, look_every_s: float = LOOK_EVERY_S) -> None:
    """Ask for what is due until stopped; an outage is logged once and waited out."""
    known = down = idle = False
    while not stopping.is_set():
        pause = look_every_s
        try:
            if not known:
                await keep(pool)
                known = True
            async with pool.acquire() as connection:
                left_s = await schedules.due_in(connection, list(SCHEDULES))
            if left_s is not None and left_s <= 0:
                asked = await tick(pool)
                pause = 0.0 if asked else look_every_s
                idle = not asked and await _nobody_owns(pool, told=idle)
            elif left_s is not None:
                pause = min(look_every_s, left_s)
            down = False
        except Exception as error:
            if not down:
                log.warning("schedules wait", error=repr(error))
            down, pause = True, _AGAIN_S
        await rest(stopping, pause)


async def _nobody_owns(pool: SqlPool, *, told: bool) -> bool:
    """Whether schedules wait because no organization is the operator; says so, unless that was told."""
    async with pool.acquire() as connection:
        if await schedules.have_an_owner(connection):
            return False
    if not told:
        log.warning("schedules wait: no organization is the operator", remedy=NAME_ONE)
    return True
