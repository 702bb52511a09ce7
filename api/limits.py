"""Budgets: a request's price is taken from its organization before it runs; what it did not use comes back.

Each organization has a bucket of points that fills up again within a minute, shared by all processes; a
client with a share of its own has a second one. A process draws a little more than it needs, so that most
requests are paid from what it holds, at once. All that processes hold is less than one hundredth of a
budget, and what lies unused goes back within a second. docs/limits.md says what happens without the store.
"""

import asyncio
import math
import random
import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog
from starlette.requests import Request

from api.problems import Withheld
from domain.access.allowances import Allowances, read_allowances
from domain.access.viewer import Viewer
from domain.ports import Buckets, BudgetAway, Draw, SqlPool
from graph.purse import Spent

WINDOW_S = 60
# Of a budget, held by all processes together beyond what they need.
HELD_SHARE = 0.008
_IDLE_S = 1.0
_TIDY_S = 0.1
_BEAT_S = 2.0
_GONE_S = 7.0
_REMEMBERED = 10_000

log = structlog.get_logger("api.limits")


class Bucket:
    """A shared bucket as one process knows it.

    held: points drawn and not spent yet. left: what the store had at `seen`. alone: what this process may
    still spend by itself while the store is away.
    """

    __slots__ = ("alone", "alone_at", "capacity", "held", "label", "left", "name", "seen", "used")

    def __init__(self, name: str, label: str, capacity: int, now: float) -> None:
        self.name = name
        self.label = label
        self.capacity = capacity
        self.held = 0
        self.left = float(capacity)
        self.seen = self.used = now
        self.alone: float | None = None
        self.alone_at = now

    def remaining(self, now: float, processes: int) -> int:
        """What there is to spend, as far as this process knows."""
        if self.alone is not None:
            return max(0, int(self._alone(now, processes)))
        left = min(self.capacity, self.left + (now - self.seen) * self.capacity / WINDOW_S)
        return max(0, min(self.capacity, int(left) + self.held))

    def full_in(self, remaining: int) -> int:
        """Seconds until all of it is there again."""
        return math.ceil((self.capacity - remaining) * WINDOW_S / self.capacity)

    def wait_alone(self, points: int, now: float, processes: int) -> float:
        """Seconds until this process may spend so much by itself; what is more than its part takes a debt."""
        part = self.capacity / processes
        if self.alone is None:
            left = max(0, self.remaining(now, processes) - self.held)
            self.alone = min(part, left / processes + self.held)
            self.held = 0
        else:
            self.alone = self._alone(now, processes)
        self.alone_at = now
        return max(0.0, (min(points, part) - self.alone) * WINDOW_S / part)

    def _alone(self, now: float, processes: int) -> float:
        part = self.capacity / processes
        return min(part, (self.alone or 0.0) + (now - self.alone_at) * part / WINDOW_S)


class Limiter:
    """Charges requests. Follows what administrators set and which processes there are."""

    def __init__(self, store: Buckets, pool: SqlPool, *, every_s: float = _BEAT_S) -> None:
        self.store = store
        self.processes = 1
        self.away = False
        self.allowances = Allowances()
        self._pool = pool
        self._every_s = every_s
        self._name = str(uuid.uuid4())
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._known: dict[tuple[uuid.UUID, uuid.UUID | None, str], tuple[Bucket, ...]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._pending: dict[str, int] = {}
        self._holding: set[Bucket] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Limiter":
        await self.refresh()
        await self._beat()
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._tidy())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        with suppress(BudgetAway):
            if not self.away:
                await self._give_back(list(self._holding), whole=True)
                await self.store.leave(self._name)

    def bill(self, viewer: Viewer) -> "Bill":
        """What one request of a viewer is paid from."""
        whose = (viewer.organization_id, viewer.client_id, viewer.tier)
        buckets = self._known.get(whose)
        if buckets is None:
            buckets = self._known[whose] = self._buckets_of(viewer)
        now = time.monotonic()
        for bucket in buckets:
            bucket.used = now
        return Bill(self, buckets)

    def _buckets_of(self, viewer: Viewer) -> tuple[Bucket, ...]:
        organization = str(viewer.organization_id)
        capacity = self.allowances.tiers.get(viewer.tier) or min(self.allowances.tiers.values(), default=1)
        buckets = [self._bucket(f"{{{organization}}}", "organization", capacity)]
        own = self.allowances.clients.get(viewer.client_id) if viewer.client_id else None
        if own is not None:
            buckets.append(self._bucket(f"{{{organization}}}:{viewer.client_id}", "client", own))
        return tuple(buckets)

    async def draw(self, buckets: Sequence[Bucket], points: int) -> float:
        """Spend points of which too few are held; gives the seconds to wait, 0 when they are spent."""
        name = buckets[0].name
        turn = self._turns.setdefault(name, asyncio.Lock())
        self._pending[name] = self._pending.get(name, 0) + points
        try:
            async with turn:
                if spend(buckets, points):
                    return 0.0
                if not self.away:
                    with suppress(BudgetAway):
                        return await self._from_store(buckets, points, self._pending[name] - points)
                return self._alone(buckets, points)
        finally:
            self._pending[name] -= points
            if not self._pending[name]:
                del self._pending[name]
                self._turns.pop(name, None)

    def give(self, buckets: Iterable[Bucket], points: int) -> None:
        """Take back points that a request did not use."""
        for bucket in buckets:
            if bucket.alone is not None:
                bucket.alone = min(bucket.capacity, bucket.alone + points)
            else:
                bucket.held += points
                self._hold(bucket)

    def lost(self, error: BudgetAway) -> None:
        """Note that the store is away; told once, until it is back."""
        if not self.away:
            self.away = True
            log.warning("budget_store_away", error=str(error), processes=self.processes)

    async def refresh(self) -> None:
        """Read what tiers and clients may spend."""
        async with self._pool.acquire() as connection:
            found = await read_allowances(connection)
        if found != self.allowances:
            self.allowances = found
            self._known.clear()

    def share(self, bucket: Bucket) -> int:
        """How many points this process may hold beyond its need."""
        return int(bucket.capacity * HELD_SHARE / self.processes)

    async def _from_store(self, buckets: Sequence[Bucket], points: int, pending: int) -> float:
        held = [min(bucket.held, points) for bucket in buckets]
        for bucket, own in zip(buckets, held, strict=True):
            bucket.held -= own
        try:
            drawn, wait = await self.store.draw(
                [
                    Draw(
                        bucket.name,
                        bucket.capacity,
                        points - own,
                        self.share(bucket) + (pending if bucket is buckets[0] else 0),
                    )
                    for bucket, own in zip(buckets, held, strict=True)
                ]
            )
        except BaseException as error:
            for bucket, own in zip(buckets, held, strict=True):
                bucket.held += own
            if isinstance(error, BudgetAway):
                self.lost(error)
            raise
        now = time.monotonic()
        for bucket, own, found in zip(buckets, held, drawn, strict=True):
            bucket.held += own if wait else found.taken - (points - own)
            bucket.left, bucket.seen, bucket.alone = found.left, now, None
            self._hold(bucket)
        return wait

    def _alone(self, buckets: Sequence[Bucket], points: int) -> float:
        now = time.monotonic()
        wait = max(bucket.wait_alone(points, now, self.processes) for bucket in buckets)
        if not wait:
            for bucket in buckets:
                assert bucket.alone is not None
                bucket.alone -= points
        return wait

    def _bucket(self, name: str, label: str, capacity: int) -> Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            if len(self._buckets) >= _REMEMBERED:
                self._buckets.popitem(last=False)
                self._known.clear()
            bucket = self._buckets[name] = Bucket(name, label, capacity, time.monotonic())
        bucket.capacity = capacity
        return bucket

    def _hold(self, bucket: Bucket) -> None:
        if bucket.held and bucket not in self._holding:
            self._holding.add(bucket)
            self._wake.set()

    async def _beat(self) -> None:
        """Say that this process is there; the one place where the store is tried again once it went away."""
        try:
            self.processes = max(1, await self.store.present(self._name, _GONE_S))
        except BudgetAway as error:
            self.lost(error)
            return
        if self.away:
            self.away = False
            for bucket in self._buckets.values():
                bucket.alone = None
            log.warning("budget_store_back", processes=self.processes)

    async def _follow(self) -> None:
        while True:
            # Not all processes at once, above all when the store comes back.
            await asyncio.sleep(self._every_s * random.uniform(0.5, 1.0))  # noqa: S311
            await self._beat()
            try:
                await self.refresh()
            except Exception as error:
                log.warning("allowances_unread", error=type(error).__name__)

    async def _tidy(self) -> None:
        """Give back what lies unused."""
        while True:
            if not self._holding:
                self._wake.clear()
                await self._wake.wait()
            await asyncio.sleep(_TIDY_S)
            if not self.away:
                with suppress(BudgetAway):
                    await self._give_back(list(self._holding), whole=False)

    async def _give_back(self, buckets: Sequence[Bucket], *, whole: bool) -> None:
        """Give back what is beyond this process's share, and all of what has not been used for a while."""
        now = time.monotonic()
        for bucket in buckets:
            kept = 0 if whole or now - bucket.used > _IDLE_S else self.share(bucket)
            back = bucket.held - kept
            if back > 0:
                bucket.held -= back
                try:
                    (found,), _ = await self.store.draw([Draw(bucket.name, bucket.capacity, back=back)])
                except BudgetAway as error:
                    self.lost(error)
                    raise
                bucket.left, bucket.seen = found.left, time.monotonic()
            if not bucket.held:
                self._holding.discard(bucket)


class Bill:
    """What one request costs: reserved before it runs, settled when it is known what it gave."""

    __slots__ = ("_limiter", "_missing", "_settled", "actual", "buckets", "requested")

    def __init__(self, limiter: Limiter, buckets: tuple[Bucket, ...]) -> None:
        self._limiter = limiter
        self.buckets = buckets
        self._missing = 0
        self._settled = False
        self.requested = 0
        self.actual = 0

    def reserve(self, points: int) -> Awaitable[None] | None:
        """Take the price; what is given back, if anything, is awaited. Raises Withheld for too little."""
        self.requested = points
        for bucket in self.buckets:
            if points > bucket.capacity:
                raise self._too_dear(points, bucket)
        if spend(self.buckets, points):
            self.actual = points
            return None
        return self._draw(points)

    def settle(self, given: int) -> None:
        """Take back what was not used. given: what was worth of it; at least one point is kept."""
        if self._settled or not self.actual:
            return
        self._settled = True
        back = self.actual - max(1, given)
        if back > 0:
            self.actual -= back
            self._limiter.give(self.buckets, back)

    def close(self) -> None:
        """Settle what nobody has settled: it came to nothing."""
        self.settle(0)

    async def least(self) -> None:
        """Charge a request that was refused before it had a price. Raises Withheld for too little."""
        if not self.actual and not self._missing:
            waiting = self.reserve(1)
            if waiting is not None:
                await waiting

    def state(self) -> Spent:
        """How the tightest of the budgets stands."""
        bucket, remaining = self._tightest()
        reset_at = datetime.now(UTC) + timedelta(seconds=bucket.full_in(remaining))
        return Spent(bucket.capacity, remaining, reset_at, self.requested)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11)."""
        now, processes = time.monotonic(), self._limiter.processes
        policies, states = [], []
        tightest, least = self._tightest()
        for bucket in self.buckets:
            remaining = least if bucket is tightest else bucket.remaining(now, processes)
            policies.append(b'"%b";q=%d;w=%d' % (bucket.label.encode(), bucket.capacity, WINDOW_S))
            states.append(b'"%b";r=%d;t=%d' % (bucket.label.encode(), remaining, bucket.full_in(remaining)))
        return [(b"ratelimit-policy", b", ".join(policies)), (b"ratelimit", b", ".join(states))]

    def cost(self) -> bytes:
        """What `extensions.cost` says, as JSON."""
        bucket, remaining = self._tightest()
        return (
            b'{"requestedQueryCost":%d,"actualQueryCost":%d,"throttleStatus":{"maximumAvailable":%d,'
            b'"currentlyAvailable":%d,"restoreRate":%.10g}}'
            % (self.requested, self.actual, bucket.capacity, remaining, bucket.capacity / WINDOW_S)
        )

    def with_cost(self, body: bytes) -> bytes:
        """A GraphQL answer that tells its cost."""
        return b'%b,"extensions":{"cost":%b}}' % (body[:-1], self.cost())

    async def _draw(self, points: int) -> None:
        wait = await self._limiter.draw(self.buckets, points)
        if not wait:
            self.actual = points
            return
        self._missing = points
        bucket, remaining = self._tightest()
        seconds = max(1, math.ceil(wait))
        raise Withheld(
            "RATE_LIMIT_EXCEEDED",
            f"this costs {points:,} points and {remaining:,} of {bucket.capacity:,} a minute are left to the "
            f"{bucket.label}; there are enough in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )

    def _too_dear(self, points: int, bucket: Bucket) -> Withheld:
        return Withheld(
            "LIMIT_EXCEEDED",
            f"this costs {points:,} points, and the {bucket.label} has {bucket.capacity:,} a minute, so that "
            "it can never run: ask for smaller pages, for less inside them, or in several requests",
        )

    def _tightest(self) -> tuple[Bucket, int]:
        now, processes = time.monotonic(), self._limiter.processes
        found = [(bucket, bucket.remaining(now, processes)) for bucket in self.buckets]
        bucket, remaining = found[0] if len(found) == 1 else min(found, key=lambda one: one[1])
        return bucket, min(remaining, self._missing - 1) if self._missing else remaining


def spend(buckets: Sequence[Bucket], points: int) -> bool:
    """Pay from what is held, if all of it can be."""
    for bucket in buckets:
        if bucket.held < points:
            return False
    for bucket in buckets:
        bucket.held -= points
    return True


def costs_only(request: Request) -> bool:
    """Whether only the price is asked for (X-Cost-Only: true)."""
    return request.headers.get("x-cost-only", "").strip().lower() == "true"
