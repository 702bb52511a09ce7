"""The worker process: two lanes of jobs on ARQ, the relay, schedules, and the second composition root.

The queue only wakes this process with the id of a row. Whether there is something to do is decided by
claiming the row under a lease; so a lost, doubled or late message does no harm.
"""

import asyncio
import json
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvloop
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool

import jobs.alerts
import jobs.callbacks
import jobs.enrich
import jobs.erasure
import jobs.export
import jobs.files
import jobs.hearing
import jobs.ingest
import jobs.models
import jobs.notices
import jobs.retention
import jobs.upkeep
from domain import jobs as life
from domain import tracing
from domain.adapters.audio.enriching import Analysing
from domain.adapters.blobs import LocalBlobs
from domain.adapters.ern.reader import ErnReader
from domain.adapters.fetching import SoundFetcher
from domain.adapters.inspecting import inspect
from domain.adapters.postgres import open_pool
from domain.adapters.redis_pool import hearing
from domain.adapters.schemas import SchemaStore
from domain.job_kinds import leave_word
from domain.models import registry
from domain.models.ports import NO_MODELS, Models
from domain.notices.outlets import Outlets
from domain.ports import Blobs, OutsideAway, SqlPool
from domain.refusals import Refusal
from jobs.job import JOBS, Cancelled, House, JobKind, Tools, TryAgain
from jobs.lane import AGED, LaneWorker, Ledger, Pace
from jobs.queue import QUEUES, ArqQueue, dump
from jobs.relay import Relay
from jobs.schedule import run as keep_schedules
from jobs.tally import HERE

__all__ = ["Pace", "jobs", "open_house", "open_queue", "run", "run_job", "serve", "work"]

log = structlog.get_logger(__name__)
# However long a dependency asks to be left alone.
_LONGEST_OFF_S = 3600.0


def run(
    database_url: str,
    redis_url: str,
    state_folder: str | Path,
    blobs: Blobs | None = None,
    outlets: Outlets | None = None,
    models: Models = NO_MODELS,
    analyser: Analysing | None = None,
) -> int:
    """Serve jobs until SIGTERM or SIGINT; gives the exit status."""
    return uvloop.run(
        serve(
            database_url,
            redis_url,
            Path(state_folder),
            blobs=blobs,
            outlets=outlets,
            models=models,
            analyser=analyser,
        )
    )


async def serve(
    database_url: str,
    redis_url: str,
    state_folder: Path,
    pace: Pace | None = None,
    blobs: Blobs | None = None,
    outlets: Outlets | None = None,
    models: Models = NO_MODELS,
    analyser: Analysing | None = None,
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
    # The ledger, the relay and the schedules, and two for each place: what a job reads, and its step.
    size = 6 + 2 * pace.at_once * (len(QUEUES) + 1)
    try:
        async with open_house(
            database_url,
            state_folder,
            blobs=blobs,
            outlets=outlets,
            models=models,
            analyser=analyser,
            max_size=size,
        ) as house:
            log.info("worker serves", jobs=sorted(JOBS), lanes=sorted(QUEUES))
            await work(house, redis, pace, stopping, hurry)
    finally:
        await redis.aclose()
    log.info("worker stopped")
    return 0


def open_queue(redis_url: str) -> ArqRedis:
    """A client for the queues; messages are JSON."""
    connections: Any = ConnectionPool.from_url(
        redis_url, socket_connect_timeout=5, socket_timeout=15, health_check_interval=30
    )
    return ArqRedis(hearing(connections), job_serializer=dump, job_deserializer=json.loads)


@asynccontextmanager
async def open_house(
    database_url: str,
    state_folder: Path,
    *,
    blobs: Blobs | None = None,
    outlets: Outlets | None = None,
    models: Models = NO_MODELS,
    analyser: Analysing | None = None,
    max_size: int = 4,
) -> AsyncIterator[House]:
    """What jobs work with, for as long as the block lasts.

    blobs: the folder of state unless given. outlets: what notices are sent by; without them none is sent.
    models: the language models that may be asked. analyser: what analyses sound; without it nothing is.
    """
    pool = await open_pool(database_url, max_size=max_size, name="catalograph worker")
    schemas = SchemaStore(state_folder / "schemas")
    try:
        if models.configured:
            # So that they can be seen, priced and permitted before the first is asked.
            async with pool.acquire() as sql, sql.transaction():
                await registry.register(sql, models.configured)
        store = blobs or LocalBlobs(state_folder / "blobs")
        yield House(
            pool, store, ErnReader(schemas), outlets or Outlets(), inspect, models, analyser, SoundFetcher()
        )
    finally:
        if analyser is not None:
            analyser.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await pool.close()
        pool.terminate()


async def work(
    house: House, redis: ArqRedis, pace: Pace, stopping: asyncio.Event, hurry: asyncio.Event
) -> None:
    """Relay, schedules and lanes until told; running jobs may end within the grace or till `hurry`."""
    relay = Relay(house.pool, ArqQueue(redis), grace_s=pace.late_s, patience_s=pace.lease_s / 2)
    async with asyncio.TaskGroup() as group:
        group.create_task(relay.run(stopping, poll_s=pace.poll_s, sweep_s=pace.sweep_s))
        group.create_task(keep_schedules(house.pool, stopping))
        ledger = Ledger(house.pool, pace.lease_s)
        for name in (*QUEUES, AGED):
            lane = LaneWorker(name, redis, pace, partial(_perform, house), ledger)
            group.create_task(lane.serve(stopping, hurry))


async def _perform(house: House, id: uuid.UUID, ledger: Ledger) -> str:
    return await run_job(house, str(id), ledger=ledger)


async def run_job(
    house: House,
    job_id: str,
    lease_s: float = 30.0,
    *,
    ledger: Ledger | None = None,
    most_s: float | None = None,
) -> str:
    """Claim a job row and carry it to an end; gives the state it is left in, or 'not claimed'.

    The same for every kind of worker: ARQ's, a cloud function, a test. ledger: the one that the jobs of a
    process share. most_s: what the caller has, where that is less than the job may take; a job that is not
    done by then has failed.
    """
    ledger = ledger or Ledger(house.pool, lease_s)
    claim = await ledger.claim(uuid.UUID(job_id))
    if claim is None:
        return "not claimed"
    with HERE.turn(claim.kind if claim.kind in JOBS else "other") as told:
        told.state = await _turn(house, claim, ledger, most_s)
        return told.state


async def _turn(house: House, claim: life.Claim, ledger: Ledger, most_s: float | None) -> str:
    """One turn of a job that was claimed; gives the state it is left in."""
    with (
        structlog.contextvars.bound_contextvars(
            job_id=str(claim.id), job=claim.kind, attempt=claim.attempt, correlation_id=claim.correlation_id
        ),
        tracing.span(
            f"job {claim.kind}",
            kind="consumer",
            parent=claim.traceparent,
            lane=claim.lane,
            attempt=claim.attempt,
        ) as span,
    ):
        if claim.dead:
            log.error("job is dead: its workers stopped answering")
        try:
            state = await _ended(house.pool, claim) or await _carry(house, claim, ledger, most_s)
            span.note("state", state)
            if state != "done":
                span.fail()
            return state
        except life.LeaseLost:
            log.warning("job lost its lease; another worker has it")
            return "lost"


async def _carry(house: House, claim: life.Claim, ledger: Ledger, most_s: float | None) -> str:
    kind = JOBS.get(claim.kind)
    if kind is not None and most_s is not None:
        kind = replace(kind, timeout_s=min(kind.timeout_s, most_s))
    tools = Tools(house, claim)
    started = asyncio.get_running_loop().time()
    working = asyncio.create_task(_work(kind, tools))
    beating = asyncio.create_task(_beat(house.pool, tools, ledger.lease_s))
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
        await asyncio.shield(ledger.release(claim))
        log.info("job given back")
        raise
    except Cancelled:
        await _stop(house.pool, claim)
        log.info("job cancelled")
        return "cancelled"
    except Refusal as refusal:
        async with house.pool.acquire() as connection, connection.transaction():
            await life.refuse(connection, claim.id, claim.fence, refusal.code, refusal.text)
            await leave_word(connection, claim.kind, claim.payload)
        log.info("job refused", code=refusal.code, text=refusal.text)
        return "failed"
    except Exception as error:
        return await _failed(house.pool, claim, kind, error)
    finally:
        beating.cancel()
    await asyncio.shield(ledger.finish(claim, result))
    log.info("job done", seconds=round(asyncio.get_running_loop().time() - started, 3))
    return "done"


async def _ended(pool: SqlPool, claim: life.Claim) -> str | None:
    """End a job that is claimed only for that; None for one that is to be run."""
    if claim.cancelled:
        await _stop(pool, claim)
        return "cancelled"
    if not claim.dead:
        return None
    async with pool.acquire() as connection, connection.transaction():
        await life.bury(connection, claim.id, claim.fence)
        await leave_word(connection, claim.kind, claim.payload)
    return "dead"


async def _stop(pool: SqlPool, claim: life.Claim) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await life.stop(connection, claim.id, claim.fence)
        await leave_word(connection, claim.kind, claim.payload)


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
    code = "timeout" if late else "fault"
    text = f"not done after {kind.timeout_s:g} s" if late and kind else f"{type(error).__name__}: {error}"
    if isinstance(error, TryAgain):
        code, text = error.code, error.text
    if isinstance(error, OutsideAway):
        # Whoever asked for the job reads this; the reason may name addresses, and is for the log.
        text = f"{error.name} is away"
        after_s = min(_LONGEST_OFF_S, max(1.0, error.retry_after_s))
        async with pool.acquire() as connection:
            if await life.put_off(connection, claim.id, claim.fence, text, after_s):
                log.warning("job put off", away=error.name, reason=error.reason, after_s=round(after_s, 1))
                return "queued"
    async with pool.acquire() as connection, connection.transaction():
        state = await life.fail(
            connection,
            claim.id,
            claim.fence,
            code,
            text,
            backoff_s=kind.backoff_s if kind else (30.0,),
            tries=kind.tries if kind else life.TRIES,
        )
        if state != "queued":
            await leave_word(connection, claim.kind, claim.payload)
    log.error("job failed", state=state, exc_info=error)
    return state
