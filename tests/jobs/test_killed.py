"""A worker that is killed in the middle of a delivery leaves each release whole or not at all."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from domain.adapters.postgres import Pool
from jobs.worker import run_job
from tests.jobs.messages import Album
from tests.jobs.yard import Yard, new_yard, until
from tests.nursery import forked
from tests.shared import CHECKOUT

PROGRAM = """
import asyncio, sys
from pathlib import Path
from jobs.worker import Pace, serve
database, queue, folder, lease = sys.argv[1:]
pace = Pace(lease_s=float(lease), poll_s=0.05, sweep_s=0.5, late_s=0.3, grace_s=2)
sys.exit(asyncio.run(serve(database, queue, Path(folder), pace)))
"""
GATE = 4711


@pytest.fixture
async def yard(fresh_pool: Pool, tmp_path: Path) -> Yard:
    """A database of the test's own."""
    return await new_yard(fresh_pool, tmp_path)


@asynccontextmanager
async def worker(
    database: str, queue: str, folder: Path, lease_s: float = 1
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process. lease_s: one that is to be killed gives its jobs up soon."""
    process = await asyncio.create_subprocess_exec(
        *forked("-c", PROGRAM, database, queue, str(folder), str(lease_s)),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    reading = None
    try:
        async with asyncio.timeout(30):
            while b"worker serves" not in (line := await process.stdout.readline()):
                assert line, "the worker ended before it served"
        reading = asyncio.create_task(process.stdout.read())
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if reading is not None:
            print((await reading).decode())


@asynccontextmanager
async def gate(database: str, table: str, event: str, only: str = "") -> AsyncIterator[asyncpg.Connection]:
    """Whoever writes to the table waits at the gate, inside its transaction, until it is opened.

    only: of the rows that are written, those that are waited for; all statements wait unless given.
    """
    connection = await asyncpg.connect(database)
    await connection.execute(
        f"create function wait_at_gate() returns trigger language plpgsql as "
        f"$$ begin perform pg_advisory_xact_lock_shared({GATE}); return null; end $$; "
        f"create trigger wait_at_gate after {event} on {table} "
        f"for each {'row' if only else 'statement'} {only} execute function wait_at_gate()"
    )
    await connection.execute(f"select pg_advisory_lock({GATE})")
    try:
        yield connection
    finally:
        await connection.close()


async def somebody_waits(connection: asyncpg.Connection) -> bool:
    return bool(
        await connection.fetchval(
            "select exists (select from pg_locks where locktype = 'advisory' and not granted and objid = $1)",
            GATE,
        )
    )


async def end_who_waits(connection: asyncpg.Connection) -> None:
    """End the server's side of who was killed, which would only notice at the commit that nobody hears."""
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_locks where not granted and objid = $1", GATE
    )


async def catalog_of(yard: Yard) -> Counter[str]:
    """How many changes of each kind there are: one insert for each thing when nothing was done twice."""
    rows = await yard.fetch(
        "select kind || ' ' || op as what, count(*) as n from change where owner_id = $1 group by 1",
        yard.viewer.organization_id,
    )
    return Counter({row["what"]: row["n"] for row in rows})


@pytest.mark.parametrize(
    ("table", "event"),
    [
        ("finding", "insert"),
        pytest.param("artist", "insert", marks=pytest.mark.long),
        pytest.param("track", "insert", marks=pytest.mark.long),
        pytest.param("deal", "insert", marks=pytest.mark.long),
        ("release_message", "insert"),
        ("delivery", "update of summary"),
    ],
)
async def test_a_killed_delivery_is_completed_by_the_next_worker(
    table: str, event: str, yard: Yard, fresh_database: str, redis_url: str, tmp_path: Path
) -> None:
    parcel = await yard.receive(Album().xml)
    async with (
        gate(fresh_database, table, event) as watch,
        worker(fresh_database, redis_url, tmp_path) as first,
    ):
        await until(lambda: somebody_waits(watch))
        assert not await yard.alive("release"), "nothing is seen of a release before all of it is there"
        first.send_signal(signal.SIGKILL)
        await first.wait()
    assert not await yard.alive("release")

    async def carried_on() -> bool:
        return await run_job(yard.house, str(parcel.job_id), 30) == "done"

    await until(carried_on)
    assert await parcel.state() == "applied"
    (job,) = await yard.fetch("select * from job")
    assert job["attempts"] == 2
    untouched = await new_yard(yard.pool, tmp_path / "other")
    await untouched.deliver(Album().xml)
    assert await catalog_of(yard) == await catalog_of(untouched)


async def test_a_worker_killed_before_it_has_claimed_keeps_nobody_waiting(
    yard: Yard, fresh_database: str, redis_url: str, tmp_path: Path
) -> None:
    """The queue knows the turn, and believes a worker is at it."""
    parcel = await yard.receive(Album().xml)
    async with (
        gate(fresh_database, "job", "update of fence") as watch,
        worker(fresh_database, redis_url, tmp_path) as first,
    ):
        await until(lambda: somebody_waits(watch))
        first.kill()
        await first.wait()
        await end_who_waits(watch)
    async with worker(fresh_database, redis_url, tmp_path, 30):
        await until(lambda: yard.pool.fetchval("select state = 'done' from job"))
    assert await parcel.state() == "applied"
    assert await yard.pool.fetchval("select fence from job") == 1


async def test_a_job_that_runs_twice_has_one_effect(yard: Yard) -> None:
    parcel = await yard.deliver(Album().xml)
    before = await yard.changes(), await parcel.row(), await parcel.findings()
    await yard.pool.execute("update job set state = 'queued'")
    assert await run_job(yard.house, str(parcel.job_id)) == "done"
    assert (await yard.changes(), await parcel.row(), await parcel.findings()) == before


async def test_a_killed_worker_s_queue_is_taken_up_by_another(
    yard: Yard, fresh_database: str, redis_url: str, tmp_path: Path
) -> None:
    parcels = [await yard.receive(Album(upc=f"0060255719{n:04d}", first=10 * n).xml) for n in range(12)]
    async with worker(fresh_database, redis_url, tmp_path) as first, AsyncExitStack() as held:
        # However late we look, some are not done: four wait for rows that we have.
        keeper = await held.enter_async_context(yard.pool.acquire())
        await held.enter_async_context(keeper.transaction())
        some = [parcel.id for parcel in parcels[::3]]
        await keeper.execute("select from delivery where id = any($1) for update", some)
        await until(lambda: yard.pool.fetchval("select exists (select from job where state = 'done')"))
        first.kill()
        await first.wait()
    assert await yard.pool.fetchval("select exists (select from job where state <> 'done')")
    async with worker(fresh_database, redis_url, tmp_path, 30) as second:
        await until(lambda: yard.pool.fetchval("select not exists (select from job where state <> 'done')"))
        second.terminate()
        assert await asyncio.wait_for(second.wait(), 30) == 0
    assert {await parcel.state() for parcel in parcels} == {"applied"}
    inserted = {what: n for what, n in (await catalog_of(yard)).items() if what.endswith(" insert")}
    assert (inserted["release insert"], inserted["track insert"]) == (12, 24)


async def test_a_worker_without_a_queue_waits_for_it(
    yard: Yard, fresh_database: str, redis_url: str, tmp_path: Path
) -> None:
    """A dead address is no reason to die: the process stays and stops when told to."""
    async with worker(fresh_database, "redis://127.0.0.1:1/0", tmp_path) as process:
        await asyncio.sleep(1.5)
        assert process.returncode is None
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0
