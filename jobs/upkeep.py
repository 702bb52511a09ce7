"""Upkeep, by schedule: the log of changes gets its partitions before their months come, and what was kept
for a time goes when it is over."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import structlog

from domain import jobs
from domain.access.grants import forget_expired_grants
from domain.access.people import forget_old_failures
from domain.access.revocation import forget_expired
from domain.access.sessions import forget_old_sessions
from domain.ports import Sql, SqlPool
from domain.retention.holds import no_new_holds, organization_held
from jobs.job import Tools, job
from jobs.schedule import scheduled

KEYS_AT_ONCE = 5_000
ACCESS_AT_ONCE = 5_000
JOBS_AT_ONCE = 5_000
KEPT_DAYS = 7

log = structlog.get_logger(__name__)


@scheduled(every=timedelta(hours=6))
@job(timeout_s=60, backoff_s=(60, 600))
async def make_partitions(tools: Tools) -> Mapping[str, int]:
    """Make room for what will be recorded in the year to come."""
    return {"made": await make_room(tools.pool)}


@scheduled(every=timedelta(hours=6))
@job(timeout_s=1_800, backoff_s=(60, 600))
async def forget_what_is_over(tools: Tools) -> Mapping[str, int]:
    """Delete kept answers, log-ins and words told whose time is over, and what was done by routine."""
    return {
        "keys": await forget_keys(tools.pool),
        "access": await forget_access(tools.pool),
        "told": await _forget(tools.pool, jobs.forget_told),
        "routine": await _forget(tools.pool, jobs.forget_routine),
    }


async def _forget(pool: SqlPool, forget: Callable[[Sql, int, int], Awaitable[int]]) -> int:
    gone, count = 0, JOBS_AT_ONCE
    while count >= JOBS_AT_ONCE:
        async with pool.acquire() as connection:
            count = await forget(connection, KEPT_DAYS, JOBS_AT_ONCE)
        gone += count
    return gone


async def make_room(pool: SqlPool) -> int:
    """Make the partitions of `change` that are missing for the year to come; gives how many.

    Several workers take turns. Whoever writes waits behind a new partition, so it is not waited for long.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("set local lock_timeout = '4s'")
        await connection.execute("select pg_advisory_xact_lock(hashtextextended('change partitions', 4))")
        made: int = await connection.fetchval("select catalog_ensure_partitions()")
    if made:
        log.info("partitions made", partitions=made)
    return made


async def forget_keys(pool: SqlPool, at_once: int = KEYS_AT_ONCE) -> int:
    """Delete the idempotency keys that have expired, batch by batch; gives how many.

    Those of an organization under a legal hold stay with their answers, as retention keeps them.
    """
    gone = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            await no_new_holds(connection)
            # What another worker is deleting is left to it, and a key just used again is not waited for.
            done: str = await connection.execute(
                "delete from idempotency_key where (owner_id, actor, key) in ("
                "select owner_id, actor, key from idempotency_key k where expires_at <= now() "
                f"and not {organization_held('k.owner_id')} "
                "order by expires_at limit $1 for update skip locked)",
                at_once,
            )
        count = int(done.rsplit(" ", 1)[1])
        gone += count
        if count < at_once:
            break
    if gone:
        log.info("idempotency keys forgotten", keys=gone)
    return gone


async def forget_access(pool: SqlPool, at_once: int = ACCESS_AT_ONCE) -> int:
    """Drop what no log-in and no credential can need any more, batch by batch; gives how many rows."""
    gone = 0
    for forget in (forget_old_failures, forget_old_sessions, forget_expired_grants, forget_expired):
        count = at_once
        while count >= at_once:
            async with pool.acquire() as connection:
                count = await forget(connection, at_once)
            gone += count
    return gone
