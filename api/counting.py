"""What this process counts of its requests: cheaply, because every request passes here.

A request costs a look-up in a dictionary and two additions. The labels are few: the route as it was
declared, what kind of operation it was, and the status.
"""

import asyncio
import uuid
from bisect import bisect_left
from contextlib import suppress

import structlog
from starlette.routing import Mount, Route
from starlette.types import Scope

from domain.figures.tally import Counted, add
from domain.ports import SqlPool
from domain.row import new_id, utc_now

# Seconds; the last place of each series is for what took longer.
BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MOST_SERIES = 5_000
_OTHER = ("other", "", 0)
# Paths that machines ask for every second say nothing about how callers fare.
_UNCOUNTED = frozenset({"/livez", "/readyz", "/metrics"})
_EVERY_S = 10.0

log = structlog.get_logger(__name__)


class Series:
    """One line of the histogram. counts: how many took at most as long as the bucket of the same place."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0


class Requests:
    """Requests by route, operation and status."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, str, int], Series] = {}

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one that was answered. Called at the end of each request."""
        key = (route_of(scope), operation_of(scope), status)
        series = self.series.get(key)
        if series is None:
            if len(self.series) >= MOST_SERIES:
                key = _OTHER
            series = self.series.setdefault(key, Series())
        series.counts[bisect_left(BUCKETS, seconds)] += 1
        series.seconds += seconds

    def totals(self) -> Counted:
        """All requests of callers, and those answered with 5xx or not at all."""
        requests = failures = 0
        for (route, _, status), series in self.series.items():
            if route not in _UNCOUNTED:
                count = sum(series.counts)
                requests += count
                failures += count if status >= 500 or status == 0 else 0
        return Counted(requests, failures)

    def by_status(self, status: int) -> int:
        """How many were answered with a status."""
        return sum(sum(one.counts) for (_, _, given), one in self.series.items() if given == status)


def route_of(scope: Scope) -> str:
    """The path as it was declared; never as it was asked for, which has ids in it."""
    template: str | None = scope.get("template")
    if template is not None:
        return template
    if scope["path"] == "/graphql":  # also on the short way, which asks no router
        return "/graphql"
    route = scope.get("route")
    return route.path if isinstance(route, Route | Mount) else "none"


def operation_of(scope: Scope) -> str:
    """query, mutation or subscription in GraphQL; read or write anywhere else, where methods may be any."""
    if scope["path"] == "/graphql":
        return str(scope.get("operation", "query"))
    return "read" if scope["method"] in ("GET", "HEAD") else "write"


class Tally:
    """Tells the database every few seconds what was counted, so that alerts can be judged anywhere."""

    def __init__(self, requests: Requests, pool: SqlPool, *, every_s: float = _EVERY_S) -> None:
        self._requests = requests
        self._pool = pool
        self._every_s = every_s
        self._process: uuid.UUID = new_id()
        self._told = Counted(0, 0)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Tally":
        self._told = self._requests.totals()
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        with suppress(Exception):
            async with asyncio.timeout(2):
                await self.tell()

    async def tell(self) -> None:
        """Add what was counted since the last time; nothing is asked where nothing was."""
        now = self._requests.totals()
        fresh = Counted(now.requests - self._told.requests, now.failures - self._told.failures)
        if fresh.requests:
            async with self._pool.acquire() as sql:
                await add(sql, self._process, utc_now(), fresh)
            self._told = now

    async def _follow(self) -> None:
        down = False
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.tell()
                down = False
            except Exception as error:
                if not down:
                    log.warning("requests are tallied later", error=repr(error))
                down = True
