"""The relay: what the outbox holds goes out, and a queue that has lost jobs is filled again from their rows.

The queue is only told which job rows are waiting. Whatever is lost there (a flush, a crash, a queue moved to
another server) is found again by the sweep, because the rows say what has not been done.
"""

import asyncio
import json
import uuid
from collections.abc import Sequence
from typing import Any

import structlog

from domain import jobs
from domain.ports import Sql, SqlPool
from jobs.queue import Queue

BATCH = 200

log = structlog.get_logger(__name__)


class Relay:
    """Tells what waits in the outbox and sweeps up what was left lying. Several may run side by side.

    patience_s: for one round; a silent database or queue is asked anew then, by another connection.
    """

    def __init__(
        self, pool: SqlPool, queue: Queue, *, grace_s: float = 5.0, patience_s: float = 15.0
    ) -> None:
        self._pool = pool
        self._queue = queue
        self._grace_s = grace_s
        self._patience_s = patience_s

    async def run(self, stopping: asyncio.Event, *, poll_s: float, sweep_s: float) -> None:
        """Tell and sweep until stopped; an outage is logged once and waited out."""
        swept = 0.0
        down = False
        while not stopping.is_set():
            pause = poll_s
            try:
                now = asyncio.get_running_loop().time()
                if now - swept >= sweep_s or not swept:
                    async with asyncio.timeout(self._patience_s):
                        await self.sweep()
                    swept = now
                async with asyncio.timeout(self._patience_s):
                    if await self.tell() == BATCH:
                        pause = 0.0
                if down:
                    log.info("relay works again")
                down = False
            except Exception as error:
                if not down:
                    log.warning("relay waits", error=repr(error))
                down, pause = True, 1.0
            await rest(stopping, pause)

    async def tell(self) -> int:
        """Tell one batch of the outbox; gives how many.

        The rows stay locked while the queue is told, so that two relays share the work and don't double it.
        Told twice after a crash is harmless: a job's turn has one id, and readers of events fold by theirs.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                "select id, topic, key, payload, correlation_id, created_at from outbox "
                "where told_at is null order by id limit $1 for update skip locked",
                BATCH,
            )
            if not rows:
                return 0
            await self._wake(connection, [row for row in rows if row["topic"] == "job"])
            await self._publish([row for row in rows if row["topic"] != "job"])
            await connection.execute(
                "update outbox set told_at = clock_timestamp() where id = any($1)",
                [row["id"] for row in rows],
            )
        return len(rows)

    async def sweep(self) -> int:
        """Put jobs on the queue that should have begun and are not on it; gives how many."""
        async with self._pool.acquire() as connection:
            overdue = await jobs.due(connection, self._grace_s, BATCH * 5)
        known = await self._queue.known(overdue)
        missing = [job for job in overdue if job.wake not in known]
        await self._queue.enqueue(missing)
        if missing:
            log.info("sweep found waiting jobs that the queue did not know", jobs=len(missing))
        return len(missing)

    async def _wake(self, connection: Sql, rows: Sequence[Any]) -> None:
        ids = [uuid.UUID(json.loads(row["payload"])["job_id"]) for row in rows]
        if ids:
            await self._queue.enqueue(await jobs.waiting(connection, ids))

    async def _publish(self, rows: Sequence[Any]) -> None:
        await self._queue.publish(
            [
                {
                    "id": row["id"],
                    "topic": row["topic"],
                    "key": row["key"] or "",
                    "payload": row["payload"],
                    "correlation_id": row["correlation_id"] or "",
                    "at": row["created_at"].isoformat(),
                }
                for row in rows
            ]
        )


async def rest(stopping: asyncio.Event, seconds: float) -> None:
    """Wait, but not past the stop."""
    try:
        async with asyncio.timeout(seconds or 0.001):
            await stopping.wait()
    except TimeoutError:
        return
