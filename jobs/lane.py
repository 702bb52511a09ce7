"""Lanes: ARQ's worker, taking turns off a queue in batches and claiming their rows together.

A lane has places. High and low work have places of their own in every worker process, so neither takes
the other's; low work that has waited long is also begun in the places of `AGED`, which nothing else may use.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from arq.connections import ArqRedis
from arq.worker import Worker, func

from domain import jobs as life
from domain.job_kinds import leave_word
from domain.ports import SqlPool
from jobs.job import JOBS
from jobs.queue import QUEUES, RUN, ArqQueue, Wake, dump
from jobs.relay import rest
from jobs.together import Together

AGED = "aged"
# A message of a version or a kind that this worker does not know is looked at again after this time.
_NEWER_S = 5.0
# A row that somebody held when it was to be claimed is tried again after this time.
_HELD_S = 0.2
_CALM_S = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Pace:
    """How often, how long and how much at once.

    lease_s: how soon a silent worker's job is another's. late_s: when the sweep takes a waiting job for a
    forgotten one. grace_s: how long a stop waits for running jobs. at_once: the places of each lane in this
    process. aged_s: when a low job has waited long enough for the aged places; half of what is promised.
    """

    lease_s: float = 30.0
    poll_s: float = 0.2
    sweep_s: float = 3.0
    late_s: float = 5.0
    grace_s: float = 15.0
    at_once: int = 8
    aged_s: float = 300.0


class Ledger:
    """The rows of the jobs of one process: what is claimed and finished at the same time shares a commit."""

    def __init__(self, pool: SqlPool, lease_s: float) -> None:
        self._pool = pool
        self.lease_s = lease_s
        self._claim = Together(self._claim_many)
        self._finish = Together(self._finish_many)

    async def claim(self, id: uuid.UUID) -> life.Claim | None:
        """As `domain.jobs.claim`. Who is cancelled meanwhile leaves no job claimed that nobody runs."""
        asking = asyncio.ensure_future(self._claim(id))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            claim = await asking
            if claim is not None and not (claim.dead or claim.cancelled):
                await self.release(claim)
            raise

    async def release(self, claim: life.Claim) -> None:
        """As `domain.jobs.release`, with the word that a cancelled job leaves."""
        async with self._pool.acquire() as connection, connection.transaction():
            if await life.release(connection, claim.id, claim.fence) == "cancelled":
                await leave_word(connection, claim.kind, claim.payload)

    async def finish(self, claim: life.Claim, result: Mapping[str, Any] | None) -> None:
        """As `domain.jobs.finish`. Raises LeaseLost."""
        if not await self._finish((claim.id, claim.fence, result)):
            raise life.LeaseLost(f"job {claim.id} is held by another worker")

    async def still_open(self, id: uuid.UUID) -> life.Due | None:
        """The job that could not be claimed, where it waits all the same."""
        async with asyncio.timeout(self.lease_s / 2), self._pool.acquire() as connection:
            return next(iter(await life.waiting(connection, [id])), None)

    async def _claim_many(self, ids: Sequence[uuid.UUID]) -> list[life.Claim | None]:
        tries = {name: kind.tries for name, kind in JOBS.items()}
        # All jobs of the process wait behind this: a connection that is silent must not hold them long.
        async with asyncio.timeout(self.lease_s / 2), self._pool.acquire() as connection:
            return await life.claim_many(connection, ids, self.lease_s, tries)

    async def _finish_many(
        self, ended: Sequence[tuple[uuid.UUID, int, Mapping[str, Any] | None]]
    ) -> list[bool]:
        async with asyncio.timeout(self.lease_s / 2), self._pool.acquire() as connection:
            return await life.finish_many(connection, ended)


Perform = Callable[[uuid.UUID, Ledger], Awaitable[str]]


class LaneWorker(Worker):
    """ARQ's worker for one lane, whose jobs are rows.

    ARQ guards each turn with four round trips, lets it end with two more, and looks every 0.2 s. Here the
    lease of the row is the guard: a batch of turns is taken in one round trip, as soon as places are free.
    """

    def __init__(self, name: str, redis: ArqRedis, pace: Pace, perform: Perform, ledger: Ledger) -> None:
        self.name = name
        self.lane = "low" if name == AGED else name
        wake: Any = self._wake
        super().__init__(
            functions=[func(wake, name=RUN)],
            queue_name=QUEUES[self.lane],
            redis_pool=redis,
            handle_signals=False,
            max_jobs=pace.at_once,
            poll_delay=pace.poll_s,
            health_check_key=f"{QUEUES[self.lane]}:{name}:health-check",
            job_serializer=dump,
            job_deserializer=json.loads,
        )
        self._queue = ArqQueue(redis)
        self._pace = pace
        self._perform = perform
        self._ledger = ledger
        self._free = pace.at_once
        # The places that the next turn needs, when there were too few of them.
        self._needed = 1

    async def serve(self, stopping: asyncio.Event, hurry: asyncio.Event) -> None:
        """Run jobs until stopped; then let running ones end within the grace, and give the others back."""
        down = False
        while not stopping.is_set():
            try:
                await _unless(stopping, self._poll_iteration())
                if down:
                    log.info("lane works again", lane=self.name)
                down = False
            except Exception as error:
                if not down:
                    log.warning("lane waits for the queue", lane=self.name, error=repr(error))
                down = True
                await rest(stopping, _CALM_S)
                continue
            await self._rest(stopping)
        await self._let_end(hurry)

    async def _poll_iteration(self) -> None:
        if self._free >= self._needed:
            waited_s = self._pace.aged_s if self.name == AGED else 0.0
            taken = await self._queue.take(self.lane, self._free, waited_s)
            await self._start(taken)
        await self.heart_beat()

    async def _start(self, taken: Sequence[Wake]) -> None:
        """Begin turns in their order, as far as there are places; what does not fit keeps its own."""
        self._needed = 1
        newer = []
        for number, wake in enumerate(taken):
            if wake.id in self.tasks:
                continue  # told twice, by the sweep and from the outbox; it is under way
            message = wake.message
            kind = message.get("kind") if message else None
            if message is None or (kind is not None and kind not in JOBS):
                log.warning("message is left for a newer worker", wake=wake.id, kind=kind)
                newer.append(wake)
                continue
            places = min(JOBS[kind].places, self.max_jobs) if kind else 1
            if places > self._free:
                self._needed = places
                await self._queue.put_back(self.lane, taken[number:])
                break
            self._free -= places
            task = self.loop.create_task(self._wake({"wake": wake}, message))
            self.tasks[wake.id] = task
            task.add_done_callback(partial(self._ended, wake.id, places))
        await self._queue.put_back(self.lane, newer, _NEWER_S)

    def _ended(self, id: str, places: int, task: asyncio.Task[None]) -> None:
        self._free += places
        self.tasks.pop(id, None)
        if not task.cancelled() and (error := task.exception()):
            # The row is as it was, or its lease ends; the sweep finds it.
            log.error("turn broke off", lane=self.name, wake=id, exc_info=error)

    async def _wake(self, ctx: dict[str, Any], message: Mapping[str, Any]) -> None:
        """One turn, from its message to the end of its job."""
        id, wake = uuid.UUID(message["jobId"]), ctx["wake"]
        if await self._perform(id, self._ledger) != "not claimed":
            return
        if job := await self._ledger.still_open(id):
            # A message that was lost does not say its kind; the row does.
            await self._queue.put_back(self.lane, [wake], _HELD_S if job.kind in JOBS else _NEWER_S)

    async def _rest(self, stopping: asyncio.Event) -> None:
        """Until a job ends, so that its place is taken, or for as long as one poll waits."""
        if not self.tasks:
            await rest(stopping, self._pace.poll_s)
            return
        told = asyncio.create_task(stopping.wait())
        await asyncio.wait(
            (*self.tasks.values(), told), timeout=self._pace.poll_s, return_when=asyncio.FIRST_COMPLETED
        )
        told.cancel()

    async def _let_end(self, hurry: asyncio.Event) -> None:
        running = list(self.tasks.values())
        if not running:
            return
        log.info("lane lets its jobs end", lane=self.name, jobs=len(running), seconds=self._pace.grace_s)
        rushed = asyncio.create_task(hurry.wait())
        everything = asyncio.ensure_future(asyncio.gather(*running, return_exceptions=True))
        await asyncio.wait(
            (everything, rushed), timeout=self._pace.grace_s, return_when=asyncio.FIRST_COMPLETED
        )
        rushed.cancel()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _unless(stopping: asyncio.Event, turn: Awaitable[None]) -> None:
    """Let a look at the queue end, but for no longer than a second once the worker is to stop.

    A client that is just being answered swallows a cancellation, so it is told until it hears.
    """
    looking = asyncio.ensure_future(turn)
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait((looking, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not looking.done():
        await asyncio.wait((looking,), timeout=_CALM_S)
    while not looking.done():
        looking.cancel()
        await asyncio.wait((looking,), timeout=0.2)
    if not looking.cancelled():
        looking.result()
