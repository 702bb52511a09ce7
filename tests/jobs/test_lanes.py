"""Which work begins first: places of each lane, low work that has waited long, messages of other versions."""

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from arq.connections import ArqRedis
from arq.constants import job_key_prefix

import jobs.queue
from domain import jobs as life
from domain.dispatch import open_work
from jobs.job import Tools, job
from jobs.lane import Pace
from jobs.queue import QUEUES, ArqQueue
from jobs.relay import Relay
from jobs.together import Together
from jobs.worker import run_job
from tests.jobs.messages import Album
from tests.jobs.test_worker import QUICK, ask, own_jobs, queue, row, working, yard
from tests.jobs.yard import Yard, until

__all__ = ["own_jobs", "queue", "yard"]


class Gate:
    """A job that waits until the test lets it go, and one that does nothing."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.begun: list[str] = []

        @job()
        async def wait_here(name: str, tools: Tools) -> None:
            self.begun.append(name)
            await self.open.wait()

        @job()
        async def pass_by(name: str, tools: Tools) -> None:
            self.begun.append(name)

    async def holds(self, count: int) -> None:
        """Wait until so many jobs have begun."""

        async def enough() -> bool:
            return len(self.begun) >= count

        await until(enough)


@pytest.fixture
def gate(own_jobs: None) -> Gate:
    """Jobs under the test's control."""
    return Gate()


async def tier(yard: Yard, name: str) -> None:
    await yard.pool.execute(
        "update organization set tier = $1 where id = $2", name, yard.viewer.organization_id
    )


async def moved(yard: Yard, id: str, by: timedelta) -> None:
    """Move the clock for one job that nobody has been told of yet: it has waited so much longer."""
    await yard.pool.execute("update job set run_at = run_at - $2::interval where id = $1", uuid.UUID(id), by)


async def states(yard: Yard) -> dict[str, int]:
    rows = await yard.fetch("select state, count(*) as n from job group by 1")
    return {found["state"]: found["n"] for found in rows}


async def test_high_work_begins_while_a_thousand_low_jobs_wait(
    yard: Yard, queue: ArqRedis, gate: Gate
) -> None:
    async with open_work(yard.pool, yard.viewer, command="test", door="test") as unit:
        for number in range(1_000):
            await unit.enqueue("wait_here", {"name": f"low {number}"})
    async with working(yard, queue):
        await gate.holds(QUICK.at_once)
        await tier(yard, "enterprise")
        for number in range(5):
            await ask(yard, "pass_by", name=f"high {number}")
        await gate.holds(QUICK.at_once + 5)
        assert sorted(gate.begun[QUICK.at_once :]) == [f"high {n}" for n in range(5)], "and no low one"
        assert (await states(yard))["queued"] == 1_000 - QUICK.at_once


async def test_a_flood_of_one_lane_leaves_the_sweep_room_for_the_other(yard: Yard) -> None:
    low = [await ask(yard, "x") for _ in range(3)]
    await tier(yard, "enterprise")
    high = [await ask(yard, "x") for _ in range(20)]
    # The flood has waited longer, and stands before the others in every order that there is.
    for id in high:
        await moved(yard, id, timedelta(minutes=1))
    async with yard.pool.acquire() as sql:
        found = await life.due(sql, 0, 8)
        everything = await life.due(sql, 0, 100)
    assert [str(turn.id) for turn in found if turn.lane == "low"] == low
    assert [str(turn.id) for turn in found if turn.lane == "high"] == high[:5]
    assert len(everything) == 23


async def test_low_work_that_has_waited_long_gets_more_places(
    yard: Yard, queue: ArqRedis, gate: Gate
) -> None:
    """Half of the ten minutes that low work is promised."""
    assert Pace().aged_s == 300
    for number in range(QUICK.at_once):
        await moved(yard, await ask(yard, "wait_here", name=f"long {number}"), timedelta(minutes=1))
    async with working(yard, queue):
        await gate.holds(QUICK.at_once)
        await ask(yard, "pass_by", name="new")
        for minutes in (4, 6, 9):
            await moved(yard, await ask(yard, "pass_by", name=f"{minutes} min"), timedelta(minutes=minutes))
        await gate.holds(QUICK.at_once + 2)
        assert sorted(gate.begun[QUICK.at_once :]) == ["6 min", "9 min"]
        gate.open.set()
        await gate.holds(QUICK.at_once + 4)
    assert gate.begun[-2:] == ["4 min", "new"], "the oldest first"


async def test_heavy_jobs_fill_more_places_and_keep_their_turn(
    yard: Yard, queue: ArqRedis, own_jobs: None
) -> None:
    begun: list[str] = []
    going = asyncio.Event()

    @job(places=3)
    async def heavy(name: str, tools: Tools) -> None:
        begun.append(name)
        await going.wait()

    @job()
    async def light(name: str, tools: Tools) -> None:
        begun.append(name)
        await going.wait()

    for kind, name in (("heavy", "a"), ("heavy", "b"), ("light", "c")):
        await ask(yard, kind, name=name)
    pace = Pace(lease_s=30, poll_s=0.05, sweep_s=0.3, late_s=0.2, grace_s=0.3, at_once=4)
    async with working(yard, queue, pace):

        async def first() -> bool:
            return begun == ["a"] and await queue.zcard(QUEUES["low"]) == 2

        await until(first)
        going.set()

        async def every() -> bool:
            return len(begun) == 3

        await until(every)
    assert begun[:2] == ["a", "b"]


async def test_a_job_s_job_goes_to_the_lane_of_its_organization(yard: Yard, own_jobs: None) -> None:
    @job()
    async def ask_for_another(tools: Tools) -> None:
        async with tools.open_work("ask_for_another") as work:
            await work.enqueue("another", {})

    for name, lane in (("free", "low"), ("pro", "low"), ("enterprise", "high")):
        await tier(yard, name)
        assert await run_job(yard.house, await ask(yard, "ask_for_another")) == "done"
        found = await yard.fetch("delete from job where kind = 'another' returning lane")
        assert [one["lane"] for one in found] == [lane]


async def test_unique_jobs_are_one_while_they_wait_or_run(yard: Yard, gate: Gate) -> None:
    async def once() -> str:
        async with open_work(yard.pool, yard.viewer, command="test", door="test") as unit:
            return str(await unit.enqueue("wait_here", {"name": "one"}, unique_key="the only one"))

    ids = await asyncio.gather(*(once() for _ in range(8)))
    assert len(set(ids)) == 1
    assert await yard.pool.fetchval("select count(*) from outbox where topic = 'job'") == 1
    running = asyncio.create_task(run_job(yard.house, ids[0]))
    await gate.holds(1)
    assert await once() == ids[0]
    gate.open.set()
    assert await running == "done"
    assert await once() != ids[0]


async def test_messages_are_versioned_and_carry_what_asked_for_them(yard: Yard, queue: ArqRedis) -> None:
    async with open_work(yard.pool, yard.viewer, command="test", correlation_id="c-7") as unit:
        id = str(await unit.enqueue("ingest_delivery", {}))
    await Relay(yard.pool, ArqQueue(queue)).tell()
    assert json.loads(await queue.get(f"{job_key_prefix}{id}:0") or "")["a"] == [
        {
            "v": 1,
            "jobId": id,
            "turn": 0,
            "kind": "ingest_delivery",
            "lane": "low",
            "correlationId": "c-7",
        }
    ]


async def test_what_a_job_writes_has_the_correlation_id_of_the_request(yard: Yard) -> None:
    parcel = await yard.receive(Album().xml, correlation_id="c-9")
    assert await run_job(yard.house, str(parcel.job_id)) == "done"
    for table in ("change_set", "job", "outbox"):
        found = await yard.fetch(f"select distinct correlation_id from {table}")
        assert [one["correlation_id"] for one in found] == ["c-9"], table
    assert await yard.pool.fetchval("select count(*) from change_set") == 2, "the request's and the job's"


@pytest.mark.parametrize("what", ["version", "kind", "kind, its message lost"])
async def test_what_is_for_a_newer_worker_is_left_to_it(
    what: str, yard: Yard, queue: ArqRedis, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await ask(yard, "pass_by" if what == "version" else "later_kind", name="newer")
    await Relay(yard.pool, ArqQueue(queue)).tell()
    wake, body = f"{id}:0", f"{job_key_prefix}{id}:0"
    if what == "version":
        kept = json.loads(await queue.get(body) or "")
        kept["a"] = [{"v": 2, "id": id}]
        await queue.set(body, json.dumps(kept))
    if what == "kind, its message lost":
        await queue.set(body, "")
    before = await queue.get(body)
    async with working(yard, queue):

        async def seen() -> bool:
            return (await queue.zscore(QUEUES["low"], wake) or 0) > 1_000 * time.time()

        await until(seen)
        await asyncio.sleep(3 * QUICK.sweep_s)  # the sweep does not put its own message in its place
        found = await row(yard, id)
        assert (found["state"], found["attempts"], found["history"]) == ("queued", 0, [])
        assert await queue.get(body) == before
    if what == "version":
        monkeypatch.setattr(jobs.queue, "VERSION", 2)
        await queue.set(body, before.replace(b'"id"', b'"jobId"'))
    else:

        @job()
        async def later_kind(name: str, tools: Tools) -> None:
            gate.begun.append(name)

    await queue.zadd(QUEUES["low"], {wake: 0})
    async with working(yard, queue):
        await gate.holds(1)


async def test_a_turn_that_is_told_twice_is_still_given_back_at_the_end(
    yard: Yard, queue: ArqRedis, gate: Gate
) -> None:
    id = await ask(yard, "wait_here", name="one")
    turn = life.Due(uuid.UUID(id), "wait_here", "low", 0, datetime.now(UTC), None)
    async with working(yard, queue):
        await gate.holds(1)
        await ArqQueue(queue).enqueue([turn])

        async def taken() -> bool:
            return not await ArqQueue(queue).known([turn])

        await until(taken)
    found = await row(yard, id)
    assert (found["state"], found["attempts"]) == ("queued", 0)


async def test_a_row_that_is_held_is_tried_again(yard: Yard, queue: ArqRedis, gate: Gate) -> None:
    id = await ask(yard, "pass_by", name="held")
    async with yard.pool.acquire() as sql, sql.transaction():
        await sql.execute("select from job where id = $1 for update", uuid.UUID(id))
        assert await run_job(yard.house, id) == "not claimed"
        worker = working(yard, queue, Pace(poll_s=0.05, sweep_s=600, late_s=600))
        await worker.__aenter__()
        await asyncio.sleep(0.3)
        assert gate.begun == []
    await gate.holds(1)
    await worker.__aexit__(None, None, None)


def test_failures_wait_longer_each_time_and_not_all_alike() -> None:
    assert life.waits((5, 30), 6, 0.5) == [5, 30, 60, 120, 240, 480]
    assert life.waits((5, 30), 2, 0.0) == [3.75, 22.5]
    assert life.waits((5, 30), 2, 1.0) == [6.25, 37.5]
    assert max(life.waits((5, 30), 40, 0.5)) == life.LONGEST_WAIT_S
    assert life.waits((), 2, 0.3) == [0, 0]


async def test_the_wait_of_a_failed_job_lies_within_its_bounds(yard: Yard, own_jobs: None) -> None:
    @job(backoff_s=(100, 400))
    async def fall(tools: Tools) -> None:
        raise ValueError("down")

    found = []
    for _ in range(12):
        id = await ask(yard, "fall")
        assert await run_job(yard.house, id) == "queued"
        failed = await row(yard, id)
        at = failed["history"][0]["at"]
        found.append(
            await yard.pool.fetchval(
                "select extract(epoch from run_at - $2::timestamptz)::float8 from job where id = $1::uuid",
                uuid.UUID(id),
                datetime.fromisoformat(at),
            )
        )
    assert all(74 < wait < 126 for wait in found)
    assert max(found) - min(found) > 1, "they don't come back together"


async def test_calls_at_the_same_time_share_a_statement_but_not_a_fault() -> None:
    asked: list[list[int]] = []

    async def double(numbers: Any) -> list[int]:
        asked.append(list(numbers))
        await asyncio.sleep(0.01)
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]

    together = Together(double, most=10)
    assert await asyncio.gather(*(together(n) for n in range(12))) == [2 * n for n in range(12)]
    assert asked == [list(range(10)), [10, 11]]
    asked.clear()
    found = await asyncio.gather(*(together(n) for n in (12, 13, 14)), return_exceptions=True)
    assert [found[0], repr(found[1]), found[2]] == [24, "ValueError('13')", 28]
    left = asyncio.create_task(together(1))
    await asyncio.sleep(0)
    left.cancel()
    assert await together(2) == 4
