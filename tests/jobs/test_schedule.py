"""What the clock asks for is done once, whoever looks at it and however late."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from api.cli.frame import run as command_line
from api.doctor import Finding, _schedules
from api.settings import Settings
from domain import schedules as rows
from domain.adapters.postgres import Pool, open_pool
from jobs.job import JOBS, Tools, job
from jobs.schedule import NAME_ONE, SCHEDULES, keep, run, scheduled, tick
from jobs.worker import run_job
from tests.jobs.yard import Yard, new_yard, until

HOUR = timedelta(hours=1)


@pytest.fixture
async def yard(fresh_pool: Pool, tmp_path: Path) -> Yard:
    """The operator's organization, in a database of the test's own."""
    made = await new_yard(fresh_pool, tmp_path)
    await fresh_pool.execute(
        "update organization set is_operator = true where id = $1", made.viewer.organization_id
    )
    return made


@pytest.fixture(autouse=True)
def own_schedules() -> Iterator[None]:
    """Only the schedules of the test; they go again."""
    jobs, schedules = dict(JOBS), dict(SCHEDULES)
    SCHEDULES.clear()
    yield
    JOBS.clear()
    JOBS.update(jobs)
    SCHEDULES.clear()
    SCHEDULES.update(schedules)


def chime(every: timedelta = HOUR, **more: Any) -> None:
    @scheduled(every=every, **more)
    @job()
    async def chime(tools: Tools) -> dict[str, Any]:
        """Strike the hour."""
        return {"struck": True}


async def move_clock(yard: Yard, by: timedelta) -> None:
    """Let time pass: what was due in an hour is due so much sooner."""
    await yard.pool.execute("update schedule set next_at = next_at - $1::interval", by)


async def schedule(yard: Yard) -> dict[str, Any]:
    (row,) = await yard.fetch("select *, clock_timestamp() as now from schedule where name = 'chime'")
    return row


async def test_several_workers_ask_for_a_job_once(yard: Yard, fresh_database: str) -> None:
    chime()
    async with AsyncExitStack() as stack:
        pools = [await stack.enter_async_context(await open_pool(fresh_database, max_size=1)) for _ in "1234"]
        await asyncio.gather(*(keep(pool) for pool in pools))
        asked = await asyncio.gather(*(tick(pool) for pool in pools for _ in range(3)))
        (id,) = [id for ids in asked for id in ids]
        assert await run_job(yard.house, id) == "done"
        await move_clock(yard, HOUR)
        again = await asyncio.gather(*(tick(pool) for pool in pools for _ in range(3)))
        (second,) = [id for ids in again for id in ids]
    assert second != id
    assert await yard.pool.fetchval("select count(*) from job") == 2
    (row,) = await yard.fetch("select * from job where id = $1", uuid.UUID(id))
    assert (row["owner_id"], row["lane"]) == (yard.viewer.organization_id, "low")
    assert json.loads(row["result"]) == {"struck": True}
    assert (await schedule(yard))["job_id"] == uuid.UUID(second)


async def test_schedulers_that_serve_side_by_side_keep_one_beat(yard: Yard, fresh_database: str) -> None:
    chime(beat := timedelta(milliseconds=100))
    await keep(yard.pool)
    began = (await schedule(yard))["next_at"]
    stopping = asyncio.Event()
    async with AsyncExitStack() as stack:
        pools = [await stack.enter_async_context(await open_pool(fresh_database, max_size=1)) for _ in "123"]
        serving = [asyncio.create_task(run(pool, stopping, look_every_s=0.02)) for pool in pools]
        for count in range(1, 6):

            async def asked(count: int = count) -> Any:
                return await yard.pool.fetchval("select count(*) >= $1 from job", count)

            await until(asked)
            # While one waits, the clock asks for no other.
            assert await yard.pool.fetchval("select count(*) from job where state = 'queued'") == 1
            id = await yard.pool.fetchval("select id from job where state = 'queued'")
            assert await run_job(yard.house, str(id)) == "done"
        stopping.set()
        await asyncio.wait_for(asyncio.gather(*serving), 30)
    # Each job has a beat of its own, however late it was asked for.
    beats = ((await schedule(yard))["next_at"] - began) / beat
    assert abs(beats - round(beats)) < 0.01
    assert round(beats) >= await yard.pool.fetchval("select count(*) from job") >= 5


async def test_missed_periods_are_made_up_for_once_and_the_beat_is_kept(yard: Yard) -> None:
    chime()
    await keep(yard.pool)
    assert len(await tick(yard.pool)) == 1
    due = (await schedule(yard))["next_at"]
    await yard.pool.execute("update job set state = 'done'")
    await move_clock(yard, 5 * HOUR + timedelta(minutes=59))
    assert len(await tick(yard.pool)) == 1
    await yard.pool.execute("update job set state = 'done'")
    assert await tick(yard.pool) == []
    row = await schedule(yard)
    assert row["now"] < row["next_at"] <= row["now"] + HOUR
    off_beat = (row["next_at"] - (due - timedelta(minutes=59))) % HOUR
    assert min(off_beat, HOUR - off_beat) < timedelta(milliseconds=1)


async def test_a_job_that_still_runs_is_not_doubled(yard: Yard) -> None:
    chime()
    await keep(yard.pool)
    (first,) = await tick(yard.pool)
    await move_clock(yard, 2 * HOUR)
    assert await tick(yard.pool) == [first]
    assert await yard.pool.fetchval("select count(*) from outbox where topic = 'job'") == 1


async def test_a_schedule_at_a_time_of_day_waits_for_it(yard: Yard) -> None:
    chime(timedelta(days=7), at=time(3, 30), day=6, lane="high")
    await keep(yard.pool)
    row = await schedule(yard)
    at = row["next_at"].astimezone(UTC)
    assert (at.weekday(), at.hour, at.minute, at.second) == (6, 3, 30, 0)
    assert row["now"] < at <= row["now"] + timedelta(days=7)
    assert await tick(yard.pool) == []
    await move_clock(yard, timedelta(days=7))
    assert len(await tick(yard.pool)) == 1
    again = (await schedule(yard))["next_at"].astimezone(UTC)
    assert again == at or (again == at + timedelta(days=7) and at <= datetime.now(UTC))
    assert await yard.pool.fetchval("select lane from job") == "high"


async def test_a_shortened_period_comes_sooner(yard: Yard) -> None:
    chime(timedelta(days=30))
    await keep(yard.pool)
    await tick(yard.pool)
    async with yard.pool.acquire() as connection:
        await rows.keep(connection, "chime", 60.0, None)
    row = await schedule(yard)
    assert row["next_at"] <= row["now"] + timedelta(seconds=60)


async def test_nothing_is_taken_while_nobody_is_the_operator(yard: Yard) -> None:
    chime()
    await keep(yard.pool)
    await yard.pool.execute("update organization set is_operator = false")
    assert await tick(yard.pool) == []
    await yard.pool.execute("update organization set is_operator = true")
    assert len(await tick(yard.pool)) == 1


async def test_a_worker_says_once_that_nobody_is_the_operator_and_goes_on_when_somebody_is(
    yard: Yard, fresh_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chime()
    await yard.pool.execute("update organization set is_operator = false")
    stopping = asyncio.Event()
    # A logger of its own: other tests configure theirs, of any level, for the whole process.
    heard = LogCapture()
    loud = structlog.make_filtering_bound_logger(0)
    log = structlog.wrap_logger(structlog.PrintLogger(), processors=[heard], wrapper_class=loud)
    monkeypatch.setattr("jobs.schedule.log", log)
    monkeypatch.setattr("api.doctor._PATIENCE_S", 30)  # a busy machine is not what is tried
    serving = asyncio.create_task(run(yard.pool, stopping, look_every_s=0.01))

    async def waited() -> bool:
        return any("no organization is the operator" in line["event"] for line in heard.entries)

    await until(waited)
    await asyncio.sleep(0.1)  # ten looks more
    assert len([line for line in heard.entries if line["log_level"] == "warning"]) == 1
    (said,) = await doctor_of_schedules(fresh_database)
    assert (said.state, said.detail.endswith(NAME_ONE)) == ("warn", True)
    slug = await yard.pool.fetchval("select slug from organization")
    monkeypatch.setenv("DATABASE_URL", fresh_database)
    assert await asyncio.to_thread(command_line, ["people", "operator", slug]) == 0

    async def asked() -> Any:
        return await yard.pool.fetchval("select count(*) = 1 from job")

    await until(asked)
    stopping.set()
    await serving
    (said,) = await doctor_of_schedules(fresh_database)
    assert said.state == "ok"
    # Another takes over; one that is not there is refused unless it is to be made.
    assert await asyncio.to_thread(command_line, ["people", "operator", "house"]) == 1
    assert await asyncio.to_thread(command_line, ["people", "operator", "house", "--name", "The House"]) == 0
    assert await yard.pool.fetchval("select array_agg(slug) from organization where is_operator") == ["house"]
    assert "--name makes it" in capsys.readouterr().err


async def doctor_of_schedules(url: str) -> list[Finding]:
    """What the doctor says of schedules."""
    return await _schedules(Settings(database_url=url))


def test_a_schedule_stands_over_a_job_that_takes_nothing() -> None:
    with pytest.raises(AssertionError, match="is no @job"):

        @scheduled(every=HOUR)
        async def not_a_job(tools: Tools) -> None: ...

    with pytest.raises(AssertionError, match="has parameters"):

        @scheduled(every=HOUR)
        @job()
        async def with_parameters(id: uuid.UUID, tools: Tools) -> None: ...
