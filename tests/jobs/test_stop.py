"""What SIGTERM does to a worker process: running jobs may end within the grace, then they are given back."""

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from domain.adapters.postgres import Pool
from tests.jobs.test_worker import ask, row
from tests.jobs.yard import Yard, new_yard, until
from tests.nursery import forked
from tests.shared import CHECKOUT

GATE = 4712
PROGRAM = f"""
import asyncio, sys
from pathlib import Path
from jobs.job import Tools, job
from jobs.worker import Pace, serve

@job()
async def wait_at_the_gate(tools: Tools) -> dict[str, bool]:
    async with tools.pool.acquire() as sql:
        await sql.execute("select pg_advisory_lock_shared({GATE})")
    return {{"ended": True}}

database, queue, folder, grace = sys.argv[1:]
pace = Pace(poll_s=0.05, grace_s=float(grace))
sys.exit(asyncio.run(serve(database, queue, Path(folder), pace)))
"""


@pytest.fixture
async def yard(fresh_pool: Pool, tmp_path: Path) -> Yard:
    """A database of the test's own."""
    return await new_yard(fresh_pool, tmp_path)


@asynccontextmanager
async def stopped_while_running(
    yard: Yard, database: str, redis_url: str, grace_s: float, signals: int
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process, asyncpg.Connection]]:
    """A worker that is told to stop while its job waits at the gate; whoever has the gate can open it."""
    keeper = await asyncpg.connect(database)
    await keeper.execute(f"select pg_advisory_lock({GATE})")
    id = await ask(yard, "wait_at_the_gate")
    process = await asyncio.create_subprocess_exec(
        *forked("-c", PROGRAM, database, redis_url, str(yard.folder), str(grace_s)),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:

        async def waits() -> bool:
            return bool(
                await keeper.fetchval(
                    "select exists (select from pg_locks where not granted and objid = $1)", GATE
                )
            )

        await until(waits, 30)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            while b"lane lets its jobs end" not in (line := await process.stdout.readline()):
                assert line, "the worker ended before it was told to"
        for _ in range(signals - 1):
            process.send_signal(signal.SIGTERM)
        yield id, process, keeper
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await keeper.close()


async def test_a_job_that_ends_within_the_grace_is_done(
    yard: Yard, fresh_database: str, redis_url: str
) -> None:
    later = str(uuid.uuid4())
    async with stopped_while_running(yard, fresh_database, redis_url, 600, 1) as (id, process, keeper):
        later = await ask(yard, "wait_at_the_gate")
        await asyncio.sleep(0.5)
        assert process.returncode is None
        await keeper.execute(f"select pg_advisory_unlock({GATE})")
        assert await asyncio.wait_for(process.wait(), 30) == 0
    assert ((await row(yard, id))["state"], (await row(yard, later))["state"]) == ("done", "queued")


@pytest.mark.parametrize(("grace_s", "signals"), [(0.5, 1), (600, 2)], ids=["grace over", "second signal"])
async def test_a_job_that_does_not_end_is_given_back_uncounted(
    grace_s: float, signals: int, yard: Yard, fresh_database: str, redis_url: str
) -> None:
    async with stopped_while_running(yard, fresh_database, redis_url, grace_s, signals) as (id, process, _):
        assert await asyncio.wait_for(process.wait(), 30) == 0
    found = await row(yard, id)
    assert (found["state"], found["attempts"], found["history"]) == ("queued", 0, [])
    assert await yard.pool.fetchval("select exists (select from outbox where told_at is null)"), "told anew"
