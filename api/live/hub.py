"""Tells subscriptions that jobs have changed: one listener a process, shared by all of them.

PostgreSQL says which job changed; whoever follows it reads the row again. A word that was lost is made up
for: every few seconds the rows that are followed are looked at, and several times a second while nothing
can be heard. So the end of a job is always told, at worst a little late.
"""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import structlog

from api.problems import Problem, Withheld
from domain.access.viewer import Viewer
from domain.ports import SqlPool
from domain.watching import Ear, Mark, live_marks, marks_of, marks_since, told

# A job that changes more often than this is told of by its newest state.
GAP_S = 0.25
# As many jobs may wait to be told to one reader; each waits once, whatever became of it meanwhile.
MOST_WAITING = 1_000
_LOOK_S = 5.0
_LOOK_AWAY_S = 0.5
_AGAIN_S = 2.0
_CHECK_S = 1.0

log = structlog.get_logger("api.live")

Wanted = Callable[[Mark], bool]


class Watch:
    """What one subscription follows, and what of it has yet to be told."""

    def __init__(self, viewer: Viewer, job_id: uuid.UUID | None, wanted: Wanted) -> None:
        self.viewer = viewer
        self.job_id = job_id
        self._wanted = wanted
        self._due: dict[uuid.UUID, float] = {}
        self._last: dict[uuid.UUID, float] = {}
        self._over: Problem | None = None
        self._changed = asyncio.Event()

    async def next(self) -> uuid.UUID:
        """The next job to tell of. Raises the Problem that the subscription ended with."""
        while True:
            if self._over is not None:
                raise self._over
            now = time.monotonic()
            for id, due in self._due.items():
                if due <= now:
                    del self._due[id]
                    self._noted(id, now)
                    return id
            self._changed.clear()
            soonest = min(self._due.values(), default=None)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if soonest is None else soonest - now):
                    await self._changed.wait()

    def tell(self, id: uuid.UUID, mark: Mark | None, wait_s: float = 0.0) -> None:
        """Note that a job changed. mark: how it stands, where that is known."""
        if id in self._due or (mark is not None and not self._wanted(mark)):
            return
        if len(self._due) >= MOST_WAITING:
            self.end(
                Problem(
                    "LIMIT_EXCEEDED",
                    f"{MOST_WAITING:,} jobs changed and were not taken: read faster, or follow fewer of them",
                )
            )
            return
        now = time.monotonic()
        self._due[id] = max(now + wait_s, self._last.get(id, 0.0) + GAP_S)
        self._changed.set()

    def end(self, problem: Problem) -> None:
        """End the subscription; what has not been told is not told any more."""
        self._over = self._over or problem
        self._changed.set()

    def _noted(self, id: uuid.UUID, now: float) -> None:
        self._last[id] = now
        if len(self._last) > 2 * MOST_WAITING:
            self._last = {one: at for one, at in self._last.items() if at > now - GAP_S}


class Hub:
    """All that is followed in one process.

    refuses: what ends a viewer's subscriptions, if anything does; asked every second. most: subscriptions
    of all; most_of_one: of one client, or of one person without a client.
    """

    def __init__(
        self,
        listener: Ear,
        pool: SqlPool,
        refuses: Callable[[Viewer], Problem | None],
        *,
        most: int = 1_000,
        most_of_one: int = 20,
        look_s: float = _LOOK_S,
        away_s: float = _LOOK_AWAY_S,
    ) -> None:
        self._listener = listener
        self._pool = pool
        self._refuses = refuses
        self.most = most
        self.most_of_one = most_of_one
        self._sockets = 0
        self._of: Counter[object] = Counter()
        self._look_s = look_s
        self._away_s = away_s
        self._watches: dict[Watch, None] = {}
        self._marks: dict[uuid.UUID, Mark] = {}
        self._began: dict[uuid.UUID, float] = {}
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self._lost = asyncio.Event()
        self._away = False
        self._tasks: list[asyncio.Task[None]] = []
        self._joining: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Hub":
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._check())]
        return self

    async def __aexit__(self, *_: object) -> None:
        ours = [*self._tasks, *self._joining]
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)
        for watch in self._watches:
            watch.end(Problem("UNAVAILABLE", "the server stops; follow on shortly"))
        await self._listener.close()

    @asynccontextmanager
    async def watch(self, viewer: Viewer, job_id: uuid.UUID | None, wanted: Wanted) -> AsyncIterator[Watch]:
        """Follow one job, or all that are wanted of the viewer's organization, for the length of the block.

        What happens after this has begun is told, whatever the caller reads meanwhile. Raises Withheld.
        """
        watch = Watch(viewer, job_id, wanted)
        organization = viewer.organization_id
        whose = (organization, viewer.client_id or viewer.actor)
        self._expect_place(whose)
        self._watches[watch] = None
        self._of[whose] += 1
        try:
            self._wake.set()
            # In a task of its own: the connection is everybody's, so whoever hangs up must not break off what
            # is said on it.
            joining = asyncio.create_task(self._join(organization if job_id is None else None))
            self._joining.add(joining)
            joining.add_done_callback(self._joining.discard)
            await asyncio.shield(joining)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # Swallowed on the way here, by a driver that came to its end in the same moment.
                raise asyncio.CancelledError
            yield watch
        finally:
            del self._watches[watch]
            self._of[whose] -= 1
            self._of += Counter()  # drops those that have none
            self._forget()

    @contextmanager
    def socket(self) -> Iterator[None]:
        """Count a socket for the length of the block."""
        self._sockets += 1
        try:
            yield
        finally:
            self._sockets -= 1

    def expect_socket(self) -> None:
        """Raise Withheld where there are as many sockets as may be."""
        if self._sockets >= self.most:
            raise self._full(self._sockets, "sockets")

    def _full(self, count: int, what: str) -> Withheld:
        return Withheld(
            "OVERLOADED",
            f"{count:,} {what} are open here; try again shortly",
            headers={"Retry-After": "5"},
        )

    def _expect_place(self, whose: object) -> None:
        if self._of[whose] >= self.most_of_one:
            raise Withheld(
                "LIMIT_EXCEEDED",
                f"{self.most_of_one} subscriptions of this caller are open already; end one of them first",
            )
        if len(self._watches) >= self.most:
            raise self._full(len(self._watches), "subscriptions")

    async def _join(self, whole: uuid.UUID | None) -> None:
        """Hear of what is followed by now. whole: the organization that is followed whole, if one is."""
        async with self._turn:
            await self._hear()
            if whole is not None and whole not in self._began:
                await self._begin(whole)

    async def _begin(self, organization: uuid.UUID) -> None:
        """Note how an organization's jobs stand, so that only what changes from now on is found."""
        now = time.time()
        async with self._pool.acquire() as connection:
            known = await live_marks(connection, [organization])
            known += await marks_since(connection, [organization], now - 2 * _LOOK_S)
        self._began[organization] = now
        for mark in known:
            self._marks.setdefault(mark.id, mark)

    def heard(self, payload: str) -> None:
        """Pass on what PostgreSQL told."""
        with suppress(ValueError):
            organization, job = told(payload)
            for watch in list(self._watches):
                # Its state is read when it is told, so what was chosen by is judged then.
                if watch.job_id == job or (
                    watch.job_id is None and watch.viewer.organization_id == organization
                ):
                    watch.tell(job, None)

    async def look(self) -> None:
        """Find what changed without being heard of."""
        alone = {watch.job_id for watch in self._watches if watch.job_id is not None}
        organizations = set(self._began)
        began = time.time()
        followed = alone | {id for id, mark in self._marks.items() if not mark.ended}
        async with self._pool.acquire() as connection:
            found = await marks_of(connection, followed) if followed else []
            if organizations:
                found += await marks_since(connection, organizations, min(self._began.values()))
        for id in organizations & set(self._began):
            self._began[id] = began
        for watch in list(self._watches):
            if watch.job_id in followed and watch.job_id not in {mark.id for mark in found}:
                watch.tell(watch.job_id, None)  # its row is gone, which whoever reads it finds out
        for mark in found:
            before = self._marks.get(mark.id)
            self._marks[mark.id] = mark
            if before is None or before.mark != mark.mark:
                for watch in list(self._watches):
                    if watch.job_id == mark.id or (
                        watch.job_id is None and watch.viewer.organization_id == mark.owner_id
                    ):
                        watch.tell(mark.id, mark)
        self._forget({mark.id for mark in found})

    def _forget(self, seen: set[uuid.UUID] | None = None) -> None:
        """Let go of the marks of what nobody follows any more, and of what ended some time ago."""
        alone = {watch.job_id for watch in self._watches if watch.job_id is not None}
        whole = {watch.viewer.organization_id for watch in self._watches if watch.job_id is None}
        self._began = {id: at for id, at in self._began.items() if id in whole}
        self._marks = {
            id: mark
            for id, mark in self._marks.items()
            if id in alone or (mark.owner_id in whole and (seen is None or not mark.ended or id in seen))
        }

    async def _hear(self) -> None:
        """Hold what is followed at the listener, which is opened again where it was lost."""
        wanted = {watch.viewer.organization_id for watch in self._watches}
        try:
            if not self._listener.hears:
                await self._listener.open(self.heard, self._lost.set)
            await self._listener.hold(wanted)
        except Exception as error:
            if not self._away:
                log.warning("jobs_unheard", error=type(error).__name__)
            self._away = True
            await self._listener.close()
            return
        if self._away:
            log.warning("jobs_heard_again")
        self._away = False

    async def _follow(self) -> None:
        """Look again and again for as long as anything is followed."""
        tried = 0.0
        while True:
            if not self._watches:
                self._wake.clear()
                await self._wake.wait()
            pause = self._away_s if self._away else self._look_s
            self._lost.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause * random.uniform(0.8, 1.0)):  # noqa: S311
                    await self._lost.wait()
            try:
                async with self._turn:
                    now = time.monotonic()
                    if not self._away or now - tried > _AGAIN_S:
                        tried = now
                        await self._hear()
                    await self.look()
            except Exception as error:
                log.warning("jobs_unread", error=type(error).__name__, text=str(error))

    async def _check(self) -> None:
        """End what is followed by credentials that are good no longer."""
        while True:
            await asyncio.sleep(_CHECK_S)
            for watch in list(self._watches):
                problem = self._refuses(watch.viewer)
                if problem is not None:
                    watch.end(problem)
