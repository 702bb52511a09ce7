"""`bench jobs`: jobs a second from a command to the end of its job, beside bare ARQ with the same empty job.

The product's job is asked for by a command, stands in its row, goes through the outbox, the relay and the
queue, and is done when its row says so; ARQ's is put on the queue and run. Both have a worker process of
their own and the same number of callers, and take turns in one run. Then: how soon a high job begins while
thousands of low ones wait, and what the relay costs.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from api.demo import organization
from api.migrated import bring_up_to_date
from api.settings import CHECKOUT
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.adapters.postgres import Pool, open_pool
from domain.audit import Audit
from domain.command import Command, Outcome, Repeat
from domain.dispatch import dispatch, open_work
from domain.work import Work
from jobs.queue import QUEUES, ArqQueue
from jobs.relay import Relay
from jobs.worker import open_queue
from tests.bench import throwaway
from tests.bench.jobs_worker import POLL_S, queue_of

FLOOR = 0.5
START_MS = 1_000
PRODUCT = "product"
# A database of its own, so that nobody else's worker takes what is meant for these.
_REDIS_DATABASE = 13
_WARM_UP = 50
_PATIENCE_S = 120
_WORKER = "import sys; from tests.bench.jobs_worker import main; main(*sys.argv[1:])"


_Ask = Callable[[], Awaitable[None]]
_Done = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Plan:
    """How much is measured. callers: commands, or calls of ARQ, under way at once."""

    jobs: int = 3_000
    rounds: int = 5
    callers: int = 16
    low: int = 10_000
    high: int = 200


@dataclass
class Result:
    """Jobs a second by round, the high lane's delays in milliseconds, microseconds of the relay a job."""

    product: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    tuned: list[float] = field(default_factory=list)
    waiting: int = 0
    start_p50_ms: float = 0.0
    start_p99_ms: float = 0.0
    relay_us: float = 0.0
    relay_cpu_us: float = 0.0

    @property
    def ratio(self) -> float:
        """The product by the faster of the two bare ones; the median of the rounds."""
        rounds = zip(self.product, self.bare, self.tuned, strict=True)
        return round(median(ours / max(others) for ours, *others in rounds), 3)


@dataclass(frozen=True)
class _Nothing:
    """Nothing is asked."""


async def _ask(_ask: _Nothing, work: Work) -> Outcome:
    await work.enqueue("do_nothing", {})
    return Outcome("change_set", (work.change_set_id,), work.change_set_id)


# Not registered: it is a command of the bench and has no door.
_COMMAND = Command(
    name="do_nothing_later",
    summary="Ask for an empty job.",
    ask=_Nothing,
    handler=_ask,
    scope=Scope.JOBS_WRITE,
    route="POST /nothing",
    cost=1,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    returns="change_set",
    refuses=(),
)


def run(plan: Plan, said: Any = print) -> Result:
    """Make a database, start the workers, measure."""
    with throwaway.server() as settings, tempfile.TemporaryDirectory(prefix="catalograph-bench-") as folder:
        name = f"bench_{uuid.uuid4().hex[:12]}"
        redis_url = urlunsplit(urlsplit(settings.redis_url)._replace(query=f"db={_REDIS_DATABASE}"))
        try:
            url = asyncio.run(throwaway.create(settings.database_url, name))
            asyncio.run(bring_up_to_date(settings.using(database_url=url)))
            owner = asyncio.run(organization(settings.using(database_url=url), "bench"))
            result = Result()
            with ExitStack() as stack:
                for what in (PRODUCT, *POLL_S):
                    stack.enter_context(_serving(what, url, redis_url, folder))
                asyncio.run(_throughput(plan, url, redis_url, owner, result, said))
                asyncio.run(_delay(plan, url, owner, result, said))
            asyncio.run(_relay(plan, url, redis_url, owner, result, said))
            return result
        finally:
            asyncio.run(throwaway.drop(settings.database_url, name))


@contextmanager
def _serving(what: str, database_url: str, redis_url: str, folder: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER, what, database_url, redis_url, folder], cwd=CHECKOUT
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@asynccontextmanager
async def _yard(url: str, owner: uuid.UUID) -> Any:
    pool = await open_pool(url, min_size=4, max_size=16, name="catalograph bench")
    try:
        yield pool, Viewer(owner, "bench", Role.SERVICE, frozenset(Scope))
    finally:
        await pool.close()


async def _throughput(
    plan: Plan, url: str, redis_url: str, owner: uuid.UUID, result: Result, said: Any
) -> None:
    redis = open_queue(redis_url)
    await redis.flushdb()
    async with _yard(url, owner) as (pool, viewer):

        async def ask_product() -> None:
            await dispatch(_COMMAND, _Nothing(), viewer=viewer, pool=pool, door="bench")

        async def product_done() -> bool:
            return not await pool.fetchval(
                "select exists (select from job where state in ('queued', 'running'))"
            )

        def bare(what: str) -> tuple[_Ask, _Done]:
            async def ask() -> None:
                await redis.enqueue_job("nothing", _queue_name=queue_of(what))

            async def done() -> bool:
                return not await redis.zcard(queue_of(what))

            return ask, done

        sides = {PRODUCT: (ask_product, product_done)} | {what: bare(what) for what in POLL_S}
        for ask, done in sides.values():
            async with asyncio.timeout(_PATIENCE_S):
                await _all_done(_WARM_UP, plan.callers, ask, done)
        for number in range(plan.rounds):
            said(f"round {number + 1} of {plan.rounds}")
            for what in sides if number % 2 == 0 else reversed(sides):
                seconds = await _all_done(plan.jobs, plan.callers, *sides[what])
                getattr(result, what).append(round(plan.jobs / seconds, 1))
    await redis.aclose()


async def _all_done(count: int, callers: int, ask: _Ask, done: _Done) -> float:
    """Seconds from the first call to the end of the last job."""
    left = iter(range(count))

    async def call() -> None:
        for _ in left:
            await ask()

    began = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    while not await done():
        await asyncio.sleep(0.02)
    return time.perf_counter() - began


async def _delay(plan: Plan, url: str, owner: uuid.UUID, result: Result, said: Any) -> None:
    """High jobs, asked for one after the other while at least so many low ones wait."""
    said("high work under a flood of low work")
    async with _yard(url, owner) as (pool, viewer):
        # What the flood's places run off while the high jobs come.
        more = 5_000 if plan.low >= 1_000 else plan.low
        for begin in range(0, plan.low + more, 1_000):
            async with open_work(pool, viewer, command="bench", door="bench") as work:
                for _ in range(min(1_000, plan.low + more - begin)):
                    await work.enqueue("pause", {})
        while await pool.fetchval("select exists (select from outbox where told_at is null)"):
            await asyncio.sleep(0.1)
        await pool.execute("update organization set tier = 'enterprise' where id = $1", owner)
        for _ in range(plan.high):
            await dispatch(_COMMAND, _Nothing(), viewer=viewer, pool=pool, door="bench")
            await asyncio.sleep(0.05)
        result.waiting = await pool.fetchval(
            "select count(*) from job where lane = 'low' and state = 'queued'"
        )
        while await pool.fetchval("select exists (select from job where lane = 'high' and state <> 'done')"):
            await asyncio.sleep(0.02)
        rows = await pool.fetch(
            "select extract(epoch from started_at - created_at)::float8 * 1000 as ms "
            "from job where lane = 'high' order by 1"
        )
        delays = [row["ms"] for row in rows]
        result.start_p50_ms = round(delays[len(delays) // 2], 1)
        result.start_p99_ms = round(delays[min(len(delays) - 1, len(delays) * 99 // 100)], 1)
        await pool.execute("update job set state = 'cancelled' where state = 'queued'")


async def _relay(plan: Plan, url: str, redis_url: str, owner: uuid.UUID, result: Result, said: Any) -> None:
    """The relay alone, telling what no worker takes."""
    said("the relay")
    redis = open_queue(redis_url)
    async with _yard(url, owner) as (pool, viewer):
        await _told(pool, redis)
        async with open_work(pool, viewer, command="bench", door="bench") as work:
            for _ in range(plan.jobs):
                await work.enqueue("pause", {})
        wall, cpu = time.perf_counter(), time.process_time()
        await _told(pool, redis)
        result.relay_us = round((time.perf_counter() - wall) / plan.jobs * 1e6, 1)
        result.relay_cpu_us = round((time.process_time() - cpu) / plan.jobs * 1e6, 1)
    await redis.delete(*QUEUES.values())
    await redis.aclose()


async def _told(pool: Pool, redis: Any) -> None:
    relay = Relay(pool, ArqQueue(redis))
    while await relay.tell():
        pass
