"""Jobs are done, once, whatever happens to the queue and to the workers."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from arq.connections import ArqRedis

from domain import jobs as life
from domain.adapters.postgres import Pool
from domain.commands import COMMANDS
from domain.dispatch import dispatch, open_work
from domain.job_kinds import given_up
from domain.ports import OutsideAway, Sql
from domain.refusals import NotFound
from jobs.job import JOBS, Tools, job
from jobs.worker import Pace, open_queue, run_job, work
from tests.jobs.messages import Album
from tests.jobs.yard import Yard, new_yard, until

QUICK = Pace(lease_s=30, poll_s=0.05, sweep_s=0.3, late_s=0.2, grace_s=0.3, at_once=2)


@pytest.fixture
async def yard(fresh_pool: Pool, tmp_path: Path) -> Yard:
    """A database of the test's own, because workers take whatever job they find."""
    return await new_yard(fresh_pool, tmp_path)


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[ArqRedis]:
    """The empty queue."""
    client = open_queue(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def own_jobs() -> Iterator[None]:
    """Jobs registered in the test go again."""
    before = dict(JOBS)
    yield
    JOBS.clear()
    JOBS.update(before)


@asynccontextmanager
async def working(yard: Yard, queue: ArqRedis, pace: Pace = QUICK) -> AsyncIterator[asyncio.Event]:
    """A worker in this process; gives the event that stops it."""
    stopping = asyncio.Event()
    task = asyncio.create_task(work(yard.house, queue, pace, stopping, asyncio.Event()))
    try:
        yield stopping
    finally:
        stopping.set()
        await task


async def ask(yard: Yard, kind: str, **payload: Any) -> str:
    async with open_work(yard.pool, yard.viewer, command="test", door="test") as unit:
        return str(await unit.enqueue(kind, payload))


async def row(yard: Yard, id: str) -> dict[str, Any]:
    (found,) = await yard.fetch("select * from job where id = $1", uuid.UUID(id))
    return found | {"history": json.loads(found["history"])}


async def reached(yard: Yard, state: str, count: int = 1) -> None:
    """Wait until so many jobs are in a state."""

    async def holds() -> bool:
        found = await yard.pool.fetchval("select count(*) from job where state = $1", state)
        return bool(found >= count)

    await until(holds)


async def command(yard: Yard, name: str, id: str) -> None:
    found = COMMANDS[name]
    await dispatch(found, found.ask(job_id=id), viewer=yard.viewer, pool=yard.pool, door="test")


async def test_a_worker_takes_deliveries_from_the_outbox_to_the_catalog(yard: Yard, queue: ArqRedis) -> None:
    parcels = [await yard.receive(Album(upc=f"0060255719{n:04d}", first=10 * n).xml) for n in range(5)]
    async with working(yard, queue):
        await reached(yard, "done", 5)
    assert {await parcel.state() for parcel in parcels} == {"applied"}
    assert len(await yard.alive("release")) == 5
    assert not await yard.fetch("select 1 from outbox where told_at is null")
    (job_row,) = await yard.fetch("select * from job where id = $1", uuid.UUID(str(parcels[0].job_id)))
    assert (job_row["progress_done"], job_row["progress_total"], job_row["progress_text"]) == (
        1,
        1,
        "applied",
    )


async def test_flushing_the_queue_loses_no_job(yard: Yard, queue: ArqRedis, own_jobs: None) -> None:
    ran: list[int] = []

    @job()
    async def count_up(number: int, tools: Tools) -> None:
        await asyncio.sleep(0.01)
        ran.append(number)

    for number in range(60):
        await ask(yard, "count_up", number=number)
    async with working(yard, queue):
        for _ in range(4):
            await asyncio.sleep(0.15)
            await queue.flushall()
        await reached(yard, "done", 60)
    assert sorted(ran) == list(range(60))


async def test_a_job_that_fails_three_times_is_dead_and_can_be_begun_anew(
    yard: Yard, queue: ArqRedis, own_jobs: None
) -> None:
    left: list[str] = []
    healthy = False

    @given_up("stumble")
    async def remember(why: str, sql: Sql) -> None:
        left.append(why)

    @job(backoff_s=(0.05, 0.1))
    async def stumble(why: str, tools: Tools) -> dict[str, Any]:
        if not healthy:
            raise ValueError(why)
        return {"attempt": tools.claim.attempt}

    id = await ask(yard, "stumble", why="the sea was rough")
    async with working(yard, queue):
        await reached(yard, "dead")
        dead = await row(yard, id)
        assert [entry["attempt"] for entry in dead["history"]] == [1, 2, 3]
        assert dead["history"][0]["text"] == "ValueError: the sea was rough"
        assert (dead["error_code"], left) == ("fault", ["the sea was rough"])
        healthy = True
        await command(yard, "retry_job", id)
        await reached(yard, "done")
    done = await row(yard, id)
    assert json.loads(done["result"]) == {"attempt": 1}
    assert len(done["history"]) == 3
    assert done["error_code"] is None


async def test_a_stop_gives_running_jobs_back_uncounted(yard: Yard, queue: ArqRedis, own_jobs: None) -> None:
    @job()
    async def linger(tools: Tools) -> None:
        await asyncio.sleep(60 if tools.claim.fence == 1 else 0)

    id = await ask(yard, "linger")
    async with working(yard, queue):
        await reached(yard, "running")
    back = await row(yard, id)
    assert (back["state"], back["attempts"]) == ("queued", 0)
    async with working(yard, queue):
        await reached(yard, "done")


async def test_a_running_job_stops_at_its_next_point_when_cancelled(
    yard: Yard, queue: ArqRedis, own_jobs: None
) -> None:
    @job()
    async def step_by_step(tools: Tools) -> None:
        for number in range(1_000):
            await tools.progress(number, 1_000)
            await asyncio.sleep(0.02)

    id, waiting = await ask(yard, "step_by_step"), await ask(yard, "unknown_kind")
    await command(yard, "cancel_job", waiting)
    async with working(yard, queue):
        await reached(yard, "running")
        await command(yard, "cancel_job", id)
        await reached(yard, "cancelled", 2)
    with pytest.raises(life.JobStateWrong):
        await command(yard, "retry_job", await ask_done(yard))
    with pytest.raises(NotFound):
        await command(yard, "cancel_job", str(uuid.uuid4()))


@pytest.mark.parametrize("fault", [ValueError("rough"), OutsideAway("the sea", "nobody listens", 40.0)])
async def test_what_fails_after_it_was_cancelled_is_not_begun_again(
    yard: Yard, own_jobs: None, fault: Exception
) -> None:
    @job()
    async def sink(tools: Tools) -> None:
        await command(yard, "cancel_job", str(tools.claim.id))
        raise fault

    id = await ask(yard, "sink")
    assert await run_job(yard.house, id) == "cancelled"
    ended = await row(yard, id)
    assert (ended["state"], ended["attempts"], len(ended["history"])) == ("cancelled", 1, 1)
    assert ended["finished_at"] is not None


async def test_a_cancelled_job_is_not_begun_again_when_its_worker_goes(yard: Yard, own_jobs: None) -> None:
    @job()
    async def drift(tools: Tools) -> None:
        raise AssertionError("it was cancelled")

    stopped, silent = await ask(yard, "drift"), await ask(yard, "drift")
    async with yard.pool.acquire() as sql:
        claim = await life.claim(sql, uuid.UUID(stopped), 30, {"drift": 3})
        assert claim is not None
        assert await life.claim(sql, uuid.UUID(silent), 0, {"drift": 3}) is not None
        for id in (stopped, silent):
            await command(yard, "cancel_job", id)
        await life.release(sql, claim.id, claim.fence)
    assert await run_job(yard.house, silent) == "cancelled"
    for id in (stopped, silent):
        ended = await row(yard, id)
        assert (ended["state"], ended["attempts"]) == ("cancelled", 1)
        assert await run_job(yard.house, id) == "not claimed"


async def ask_done(yard: Yard) -> str:
    id = await ask(yard, "x")
    await yard.pool.execute("update job set state = 'done' where id = $1", uuid.UUID(id))
    return id


async def test_too_long_is_a_failure(yard: Yard, own_jobs: None) -> None:
    @job(timeout_s=0.05, tries=1)
    async def dawdle(tools: Tools) -> None:
        await asyncio.sleep(5)

    id = await ask(yard, "dawdle")
    assert await run_job(yard.house, id) == "dead"
    assert (await row(yard, id))["error_text"] == "not done after 0.05 s"


async def test_an_outage_costs_no_try_for_a_day(yard: Yard, own_jobs: None) -> None:
    @job(tries=2)
    async def reach(tools: Tools) -> None:
        raise OutsideAway("the blob store", "nobody listens", 40.0)

    id = await ask(yard, "reach")
    for turn in range(5):
        assert await run_job(yard.house, id) == "queued"
        left = await row(yard, id)
        assert (left["attempts"], left["error_code"], left["history"]) == (0, "away", [])
        assert left["error_text"] == "the blob store is away", "its reason may name addresses"
        told = await yard.pool.fetchval("select count(*) from outbox where payload ->> 'job_id' = $1", id)
        assert told >= turn + 1, "the queue is told of each turn"
        soon = await yard.pool.fetchval(
            "update job set run_at = clock_timestamp() where id = $1 and run_at > clock_timestamp() "
            "and run_at < clock_timestamp() + interval '61 seconds' returning true",
            uuid.UUID(id),
        )
        assert soon, "it waits as long as it was told to, and a little"
    await yard.pool.execute(
        "update job set created_at = clock_timestamp() - interval '25 hours' where id = $1", uuid.UUID(id)
    )
    await run_job(yard.house, id)
    left = await row(yard, id)
    assert (left["attempts"], left["error_code"]) == (1, "fault")


async def test_who_lost_the_lease_can_write_nothing(yard: Yard) -> None:
    id = uuid.UUID(await ask(yard, "any"))
    async with yard.pool.acquire() as sql:
        first = await life.claim(sql, id, 30, {"any": 3})
        assert first is not None
        assert await life.claim(sql, id, 30, {"any": 3}) is None
        await sql.execute("update job set leased_until = clock_timestamp() where id = $1", id)
        second = await life.claim(sql, id, 30, {"any": 3})
        assert second is not None
        assert (second.fence, second.attempt) == (2, 2)
        for late in (
            life.beat(sql, id, first.fence, 30),
            life.progress(sql, id, first.fence, 1, 2, None),
            life.finish(sql, id, first.fence, None),
            life.refuse(sql, id, first.fence, "x", "x"),
            life.stop(sql, id, first.fence),
            life.fail(sql, id, first.fence, "x", "x", backoff_s=(), tries=3),
            life.hold(sql, id, first.fence),
        ):
            with pytest.raises(life.LeaseLost):
                await late
        await life.release(sql, id, first.fence)
        assert (await row(yard, str(id)))["state"] == "running"
        await life.finish(sql, id, second.fence, {"by": "second"})
    assert (await row(yard, str(id)))["history"][0]["code"] == "worker_lost"


async def test_a_job_of_which_two_turns_are_taken_together_is_claimed_once(yard: Yard) -> None:
    id, other = uuid.UUID(await ask(yard, "any")), uuid.UUID(await ask(yard, "any"))
    async with yard.pool.acquire() as sql:
        claims = await life.claim_many(sql, [id, other, id], 30, {"any": 3})
    assert [claim and claim.id for claim in claims] == [id, other, None]


async def test_a_job_whose_workers_all_die_is_dead(yard: Yard) -> None:
    parcel = await yard.receive(Album().xml)
    id = uuid.UUID(str(parcel.job_id))
    for _ in range(3):
        async with yard.pool.acquire() as sql:
            assert await life.claim(sql, id, 0.01, {"ingest_delivery": 3}) is not None
        await asyncio.sleep(0.02)
    assert await run_job(yard.house, str(id)) == "dead"
    dead = await row(yard, str(id))
    assert (dead["state"], dead["error_code"], len(dead["history"])) == ("dead", "worker_lost", 3)
    assert await parcel.state() == "failed"
    await command(yard, "retry_job", str(id))
    assert await run_job(yard.house, str(id)) == "done"
    assert await parcel.state() == "applied"


async def test_the_high_lane_does_not_wait_for_the_low_one(
    yard: Yard, queue: ArqRedis, own_jobs: None
) -> None:
    going = asyncio.Event()

    @job()
    async def ponder(tools: Tools) -> None:
        await going.wait()

    for _ in range(40):
        await ask(yard, "ponder")
    async with working(yard, queue):
        await reached(yard, "running", QUICK.at_once)
        urgent = await ask(yard, "ponder")
        await yard.pool.execute("update job set lane = 'high' where id = $1", uuid.UUID(urgent))

        async def begun() -> bool:
            return (await row(yard, urgent))["started_at"] is not None

        await until(begun)
        going.set()


async def test_events_go_to_the_stream_with_their_correlation_id(yard: Yard, queue: ArqRedis) -> None:
    async with open_work(yard.pool, yard.viewer, command="test", correlation_id="c-1") as unit:
        await unit.tell("release.changed", {"id": "x"}, key="x")
    async with working(yard, queue):
        await until(lambda: queue.xlen("catalograph:events"))
    ((_, entry),) = await queue.xrange("catalograph:events")
    assert (entry[b"topic"], entry[b"correlation_id"]) == (b"release.changed", b"c-1")
