"""The log of changes has a partition for each month to come, also a year after the migration."""

import asyncio

import asyncpg

from domain.adapters.postgres import Pool
from jobs.upkeep import make_room, run
from tests.jobs.yard import until

MONTHS = (
    "select array_agg(inhrelid::regclass::text order by 1) "
    "from pg_inherits where inhparent = 'change'::regclass"
)


async def forget_the_last(database: str, count: int) -> list[str]:
    """Take the last partitions away, as if they had not been made yet; gives all that there should be."""
    connection = await asyncpg.connect(database)
    every: list[str] = await connection.fetchval(MONTHS)
    for name in [name for name in every if name.startswith("change_p2")][-count:]:
        await connection.execute(f"drop table {name}")
    await connection.close()
    return every


async def test_what_is_missing_is_made_once(fresh_pool: Pool, fresh_database: str) -> None:
    every = await forget_the_last(fresh_database, 3)
    assert sorted(await asyncio.gather(*(make_room(fresh_pool) for _ in range(4)))) == [0, 0, 0, 3]
    assert await fresh_pool.fetchval(MONTHS) == every


async def test_a_log_that_is_busy_is_looked_after_later(fresh_pool: Pool, fresh_database: str) -> None:
    every = await forget_the_last(fresh_database, 1)
    stopping = asyncio.Event()
    reader = await asyncpg.connect(fresh_database)
    async with reader.transaction():
        await reader.execute("lock table change in access share mode")
        keeping = asyncio.create_task(run(fresh_pool, stopping, every_s=0.05))
        await asyncio.sleep(0.3)
        assert await fresh_pool.fetchval(MONTHS) != every

    async def complete() -> bool:
        return bool(await fresh_pool.fetchval(MONTHS) == every)

    await until(complete)
    stopping.set()
    await asyncio.wait_for(keeping, 5)
    await reader.close()
