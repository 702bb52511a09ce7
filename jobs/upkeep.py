"""What the clock asks for: the log of changes gets its partitions before their months come, and kept
answers go when their time is over."""

import asyncio

import structlog

from domain.access.grants import forget_expired_grants
from domain.access.people import forget_old_failures
from domain.access.revocation import forget_expired
from domain.access.sessions import forget_old_sessions
from domain.ports import SqlPool
from jobs.relay import rest

EVERY_S = 6 * 3600.0
AGAIN_S = 60.0
KEYS_AT_ONCE = 5_000
ACCESS_AT_ONCE = 5_000

log = structlog.get_logger(__name__)


async def run(pool: SqlPool, stopping: asyncio.Event, *, every_s: float = EVERY_S) -> None:
    """Look after the log until stopped; what could not be done is tried again a minute later."""
    while not stopping.is_set():
        pause = every_s
        try:
            await make_room(pool)
            await forget_keys(pool)
            await forget_access(pool)
        except Exception as error:
            log.warning("upkeep is done later", error=repr(error))
            pause = min(every_s, AGAIN_S)
        await rest(stopping, pause)


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
    """Delete the idempotency keys that have expired, batch by batch; gives how many."""
    gone = 0
    while True:
        async with pool.acquire() as connection:
            # What another worker is deleting is left to it, and a key just used again is not waited for.
            done: str = await connection.execute(
                "delete from idempotency_key where (owner_id, actor, key) in ("
                "select owner_id, actor, key from idempotency_key where expires_at <= now() "
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
