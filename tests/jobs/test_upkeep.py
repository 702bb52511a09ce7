"""The log of changes has a partition for each month to come, also a year after the migration."""

import asyncio
import json
import uuid
from pathlib import Path

import asyncpg

from domain.adapters.postgres import Pool
from domain.dispatch import open_work
from jobs.schedule import keep, tick
from jobs.upkeep import forget_keys, make_room
from jobs.worker import run_job
from tests.jobs.yard import new_yard, until

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


async def test_a_log_that_is_busy_is_looked_after_later(
    fresh_pool: Pool, fresh_database: str, tmp_path: Path
) -> None:
    yard = await new_yard(fresh_pool, tmp_path)
    every = await forget_the_last(fresh_database, 1)
    async with open_work(yard.pool, yard.viewer, command="test", door="test") as unit:
        id = str(await unit.enqueue("make_partitions", {}))
    reader = await asyncpg.connect(fresh_database)
    async with reader.transaction():
        await reader.execute("lock table change in access share mode")
        keeping = asyncio.create_task(run_job(yard.house, id))

        async def waits() -> bool:
            return bool(await fresh_pool.fetchval("select exists (select from pg_locks where not granted)"))

        await until(waits)
        assert await fresh_pool.fetchval(MONTHS) != every
    assert await asyncio.wait_for(keeping, 60) == "done"
    assert await fresh_pool.fetchval(MONTHS) == every
    await reader.close()


async def test_upkeep_is_asked_for_by_the_clock(
    fresh_pool: Pool, fresh_database: str, tmp_path: Path
) -> None:
    yard = await new_yard(fresh_pool, tmp_path)
    await fresh_pool.execute("update organization set is_operator = true")
    every = await forget_the_last(fresh_database, 2)
    await keep(fresh_pool)
    asked = await tick(fresh_pool)
    assert {await run_job(yard.house, id) for id in asked} == {"done"}
    assert await fresh_pool.fetchval(MONTHS) == every
    kinds = await yard.fetch("select kind, result from job where owner_id = $1", yard.viewer.organization_id)
    results = {row["kind"]: json.loads(row["result"]) for row in kinds}
    assert results["make_partitions"] == {"made": 2}
    assert results["forget_what_is_over"].keys() == {"keys", "access", "told", "routine"}
    assert await tick(fresh_pool) == []


async def test_what_was_told_and_done_by_routine_goes_after_a_week(fresh_pool: Pool, tmp_path: Path) -> None:
    yard = await new_yard(fresh_pool, tmp_path)
    await fresh_pool.execute("update organization set is_operator = true")
    await fresh_pool.execute(
        "insert into outbox (topic, payload, told_at) "
        "select 'x', '{}', clock_timestamp() - d * interval '1 day' from unnest(array[6, 8, null]) as d"
    )
    await fresh_pool.execute(
        "insert into job (owner_id, kind, unique_key, state, history, finished_at) "
        "select $1, kind, key, state, history::jsonb, clock_timestamp() - days * interval '1 day' "
        "from (values ('tidy', 'tidy', 'done', '[]', 8), ('tidy', 'tidy', 'done', '[]', 6), "
        "('tidy', 'tidy', 'done', '[{}]', 8), ('tidy', 'tidy', 'dead', '[]', 8), "
        "('export', null, 'done', '[]', 8)) as given (kind, key, state, history, days)",
        yard.viewer.organization_id,
    )
    async with open_work(yard.pool, yard.viewer, command="test", door="test") as unit:
        id = str(await unit.enqueue("forget_what_is_over", {}))
    assert await run_job(yard.house, id) == "done"
    result = json.loads(await fresh_pool.fetchval("select result from job where id = $1", uuid.UUID(id)))
    assert (result["told"], result["routine"]) == (1, 1)
    assert await fresh_pool.fetchval("select count(*) from outbox where topic = 'x'") == 2
    assert await fresh_pool.fetchval("select count(*) from job where kind <> 'forget_what_is_over'") == 4


async def test_kept_answers_of_a_held_organization_stay_until_it_is_free(
    fresh_pool: Pool, tmp_path: Path
) -> None:
    held, free = await new_yard(fresh_pool, tmp_path), await new_yard(fresh_pool, tmp_path)
    for yard in (held, free):
        await fresh_pool.execute(
            "insert into idempotency_key (owner_id, actor, key, fingerprint, expires_at) "
            "select $1, 'user:a', 'key ' || n, 'x', clock_timestamp() - interval '1 hour' "
            "from generate_series(1, 5) n",
            yard.viewer.organization_id,
        )
    await fresh_pool.execute(
        "insert into legal_hold (owner_id, subject_type, subject_id, reason, placed_by) "
        "values ($1, 'organization', $1, 'suit', 'x')",
        held.viewer.organization_id,
    )
    assert await forget_keys(fresh_pool, 2) == 5
    left = await fresh_pool.fetch("select distinct owner_id from idempotency_key")
    assert [row["owner_id"] for row in left] == [held.viewer.organization_id]
    await fresh_pool.execute("update legal_hold set released_at = clock_timestamp()")
    assert await forget_keys(fresh_pool, 2) == 5
