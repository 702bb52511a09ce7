"""The worker process: two lanes of jobs on ARQ, the relay, schedules, and the second composition root.

ARQ only wakes this process with the id of a row. Whether there is something to do is decided by claiming
the row under a lease; so a lost, doubled or late message does no harm.
"""

import asyncio
import json
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import uvloop
from arq.connections import ArqRedis
from arq.worker import Worker, func

import jobs.callbacks
import jobs.export
import jobs.ingest
import jobs.notices
import jobs.retention
import jobs.upkeep
from domain import jobs as life
from domain.adapters.blobs import LocalBlobs
from domain.adapters.ern.reader import ErnReader
from domain.adapters.postgres import open_pool
from domain.adapters.schemas import SchemaStore
from domain.notices.outlets import Outlets
from domain.ports import Blobs, SqlPool
from domain.refusals import Refusal
from jobs.job import JOBS, Cancelled, House, JobKind, Tools
from jobs.queue import QUEUES, RUN, ArqQueue, dump, open_queue
from jobs.relay import Relay
from jobs.schedule import run as keep_schedules

__all__ = ["Pace", "jobs", "open_house", "open_queue", "run", "run_job", "serve", "work"]

log = structlog.get_logger(__name__)

# A woken worker claims its row at once. One that has not after this time is taken for dead.
_WAKING_S = 5.0


@dataclass(frozen=True)
class Pace:
    """How often, how long and how much at once.

    lease_s: how soon a silent worker's job is another's. late_s: when the sweep takes a waiting job for a
    forgotten one. grace_s: how long a stop waits for running jobs.
    """

    lease_s: float = 30.0
    poll_s: float = 0.2
    sweep_s: float = 3.0
    late_s: float = 5.0
    grace_s: float = 15.0
    at_once: int = 2


def run(
    database_url: str,
    redis_url: str,
    state_folder: str | Path,
    blobs: Blobs | None = None,
    outlets: Outlets | None = None,
) -> int:
    """Serve jobs until SIGTERM or SIGINT; gives the exit status."""
    return uvloop.run(serve(database_url, redis_url, Path(state_folder), blobs=blobs, outlets=outlets))


async def serve(
    database_url: str,
    redis_url: str,
    state_folder: Path,
    pace: Pace | None = None,
    blobs: Blobs | None = None,
    outlets: Outlets | None = None,
) -> int:
    """Compose the worker and serve until told to stop. A second signal stops at once."""
    pace = pace or Pace()
    stopping, hurry = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        (hurry if stopping.is_set() else stopping).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    redis = open_queue(redis_url)
    size = 2 + 3 * pace.at_once * len(QUEUES)
    try:
        async with open_house(
            database_url, state_folder, blobs=blobs, outlets=outlets, max_size=size
        ) as house:
            log.info("worker serves", jobs=sorted(JOBS), lanes=sorted(QUEUES))
            await work(house, redis, pace, stopping, hurry)
    finally:
        await redis.aclose()
    log.info("worker stopped")
    return 0


@asynccontextmanager
async def open_house(
    database_url: str,
    state_folder: Path,
    *,
    blobs: Blobs | None = None,
    outlets: Outlets | None = None,
    max_size: int = 4,
) -> AsyncIterator[House]:
    """What jobs work with, for as long as the block lasts.

    blobs: the folder of state unless given. outlets: what notices are sent by; without them none is sent.
    """
    pool = await open_pool(database_url, max_size=max_size, name="catalograph worker")
    schemas = SchemaStore(state_folder / "schemas")
    try:
        yield House(
            pool, blobs or LocalBlobs(state_folder / "blobs"), ErnReader(schemas), outlets or Outlets()
        )
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await pool.close()
        pool.terminate()


async def work(
    house: House, redis: ArqRedis, pace: Pace, stopping: asyncio.Event, hurry: asyncio.Event
) -> None:
    """Relay, schedules and lanes until told; running jobs may end within the grace or till `hurry`."""
    relay = Relay(house.pool, ArqQueue(redis), grace_s=pace.late_s)
    async with asyncio.TaskGroup() as group:
        group.create_task(relay.run(stopping, poll_s=pace.poll_s, sweep_s=pace.sweep_s))
        group.create_task(keep_schedules(house.pool, stopping))
        for name in QUEUES:
            group.create_task(Lane(name, house, redis, pace).serve(stopping, hurry))


class EagerWorker(Worker):
    """ARQ's worker, looking for the next job when one ends and not only at the next poll.

    As it comes, a poll every 0.2 s with two jobs at once is ten jobs a second, however short they are.
    And a worker that is killed takes its wakes along for as long as a job may last, which is a day: here
    a wake that was taken is another worker's after `waking_s`. The row's lease says who runs the job.
    """

    def __init__(self, waking_s: float, **given: Any) -> None:
        super().__init__(**given)
        self.in_progress_timeout_s = waking_s

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Start what this process has not under way."""
        await super().start_jobs([id for id in job_ids if id.decode() not in self.tasks])

    async def main(self) -> None:
        """Serve until cancelled."""
        while True:
            await self._poll_iteration()
            if self.tasks:
                await asyncio.wait(
                    self.tasks.values(), timeout=self.poll_delay_s, return_when=asyncio.FIRST_COMPLETED
                )
            else:
                await asyncio.sleep(self.poll_delay_s)


class Lane:
    """One queue of this process. When Redis fails, the ARQ worker is made anew and serving goes on."""

    def __init__(self, name: str, house: House, redis: ArqRedis, pace: Pace) -> None:
        self.name = name
        self._house = house
        self._redis = redis
        self._pace = pace

    async def serve(self, stopping: asyncio.Event, hurry: asyncio.Event) -> None:
        """Run jobs until stopped; then let running ones end within the grace, and give the others back."""
        down = False
        while not stopping.is_set():
            worker = self._worker()
            serving = asyncio.create_task(worker.main())
            waiting = asyncio.create_task(stopping.wait())
            await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not serving.done():
                worker.allow_pick_jobs = False
                await self._let_end(worker, hurry)
                # A client that is just being answered swallows a cancellation: it is told until it hears.
                while not serving.done():
                    serving.cancel()
                    await asyncio.wait((serving,), timeout=0.2)
            elif not down:
                log.warning("lane waits for the queue", lane=self.name, error=repr(serving.exception()))
                down = True
            await asyncio.gather(serving, *worker.tasks.values(), return_exceptions=True)
            if not stopping.is_set():
                await asyncio.sleep(1)

    def _worker(self) -> EagerWorker:
        wake: Any = self._run_row
        return EagerWorker(
            min(_WAKING_S, self._pace.lease_s),
            functions=[func(wake, name=RUN)],
            queue_name=QUEUES[self.name],
            redis_pool=self._redis,
            handle_signals=False,
            max_jobs=self._pace.at_once,
            job_timeout=24 * 3600,
            poll_delay=self._pace.poll_s,
            job_serializer=dump,
            job_deserializer=json.loads,
            # How often a turn was begun is counted in its row; a result would only be in the next turn's way.
            max_tries=sys.maxsize,
            keep_result=0,
            retry_jobs=False,
            log_results=False,
        )

    async def _let_end(self, worker: EagerWorker, hurry: asyncio.Event) -> None:
        running = [task for task in worker.job_tasks.values() if not task.done()]
        if not running:
            return
        log.info("lane lets its jobs end", lane=self.name, jobs=len(running), seconds=self._pace.grace_s)
        rushed = asyncio.create_task(hurry.wait())
        everything = asyncio.create_task(_wait(running))
        await asyncio.wait(
            (everything, rushed), timeout=self._pace.grace_s, return_when=asyncio.FIRST_COMPLETED
        )
        for task in (rushed, everything):
            task.cancel()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run_row(self, _ctx: dict[str, Any], job_id: str) -> None:
        """What ARQ calls."""
        await run_job(self._house, job_id, self._pace.lease_s)


async def run_job(house: House, job_id: str, lease_s: float = 30.0) -> str:
    """Claim a job row and carry it to an end; gives the state it is left in, or 'not claimed'.

    The same for every kind of worker: ARQ's, a cloud function, a test.
    """
    tries = {name: kind.tries for name, kind in JOBS.items()}
    async with house.pool.acquire() as connection:
        claim = await life.claim(connection, uuid.UUID(job_id), lease_s, tries)
    if claim is None:
        return "not claimed"
    with structlog.contextvars.bound_contextvars(
        job_id=job_id, job=claim.kind, attempt=claim.attempt, correlation_id=claim.correlation_id
    ):
        if claim.dead:
            log.error("job is dead: its workers stopped answering")
            await _give_up(house, claim)
            return "dead"
        try:
            state = await _carry(house, claim, lease_s)
            if state in ("dead", "failed"):
                await _give_up(house, claim)
            return state
        except life.LeaseLost:
            log.warning("job lost its lease; another worker has it")
            return "lost"


async def _carry(house: House, claim: life.Claim, lease_s: float) -> str:
    kind = JOBS.get(claim.kind)
    tools = Tools(house, claim)
    started = asyncio.get_running_loop().time()
    working = asyncio.create_task(_work(kind, tools))
    beating = asyncio.create_task(_beat(house.pool, tools, lease_s))
    try:
        await asyncio.wait((working, beating), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            beating.result()
        result = await working
    except life.LeaseLost:
        raise
    except asyncio.CancelledError:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await asyncio.shield(_end(house.pool, life.release, claim))
        log.info("job given back")
        raise
    except Cancelled:
        await _end(house.pool, life.stop, claim)
        log.info("job cancelled")
        return "cancelled"
    except Refusal as refusal:
        await _end(house.pool, life.refuse, claim, refusal.code, refusal.text)
        log.info("job refused", code=refusal.code, text=refusal.text)
        return "failed"
    except Exception as error:
        return await _failed(house.pool, claim, kind, error)
    finally:
        beating.cancel()
    await _end(house.pool, life.finish, claim, result)
    log.info("job done", seconds=round(asyncio.get_running_loop().time() - started, 3))
    return "done"


async def _give_up(house: House, claim: life.Claim) -> None:
    if kind := JOBS.get(claim.kind):
        await kind.give_up(Tools(house, claim))


async def _work(kind: JobKind | None, tools: Tools) -> Any:
    if kind is None:
        raise LookupError(f"this worker knows no job {tools.claim.kind!r}; it knows {sorted(JOBS)}")
    async with asyncio.timeout(kind.timeout_s):
        return await kind.start(tools)


async def _beat(pool: SqlPool, tools: Tools, lease_s: float) -> None:
    """Keep the lease; ends only by LeaseLost. A database that is away is waited for until the lease ends."""
    loop = asyncio.get_running_loop()
    kept = loop.time()
    while True:
        await asyncio.sleep(min(lease_s / 4, 5.0))
        try:
            async with asyncio.timeout(lease_s / 2), pool.acquire() as connection:
                tools.cancel_asked = await life.beat(connection, tools.claim.id, tools.claim.fence, lease_s)
            kept = loop.time()
        except life.LeaseLost:
            raise
        except Exception as error:
            if loop.time() - kept > lease_s:
                raise life.LeaseLost("the lease ran out while the database was away") from error


async def _failed(pool: SqlPool, claim: life.Claim, kind: JobKind | None, error: Exception) -> str:
    late = isinstance(error, TimeoutError)
    text = f"not done after {kind.timeout_s:g} s" if late and kind else f"{type(error).__name__}: {error}"
    async with pool.acquire() as connection:
        state = await life.fail(
            connection,
            claim.id,
            claim.fence,
            "timeout" if late else "fault",
            text,
            backoff_s=kind.backoff_s if kind else (30.0,),
            tries=kind.tries if kind else life.TRIES,
        )
    log.error("job failed", state=state, exc_info=error)
    return state


async def _end(pool: SqlPool, step: Any, claim: life.Claim, *rest: Any) -> None:
    async with pool.acquire() as connection:
        await step(connection, claim.id, claim.fence, *rest)


async def _wait(tasks: Sequence[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
