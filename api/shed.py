"""In front of the database: so many requests at once, a short queue, and a quick no to the rest.

Whoever is let in finds a connection soon, so that overload does not make every answer late. The places are
shared out by organization: one alone may have three quarters of them and half of the queue, and when a
place is free, the organization that has the fewest is next.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable
from types import TracebackType

from api.problems import Withheld

# Waiting is for bursts: whoever would wait longer is told at once, and 50 ms is what a no may take.
PATIENCE_S = 0.03
RETRY_AFTER_S = 1


class Places:
    """The places of one process."""

    def __init__(self, places: int, patience_s: float = PATIENCE_S) -> None:
        self.places = places
        self.patience_s = patience_s
        self.running = 0
        self.shed = 0
        self._most_of_one = max(1, places * 3 // 4)
        self._queue_of_one = max(1, places // 2)
        self._of: dict[uuid.UUID, int] = {}
        self._waiting: dict[uuid.UUID, deque[asyncio.Future[None]]] = {}
        self._queued = 0

    def enter(self, organization: uuid.UUID) -> Awaitable[None] | None:
        """Take a place: at once, or when what is given back is awaited. Raises Withheld: OVERLOADED.

        Whoever got in calls `leave`.
        """
        mine = self._of.get(organization, 0)
        if self.running < self.places and mine < self._most_of_one:
            self._of[organization] = mine + 1
            self.running += 1
            return None
        waiting = self._waiting.get(organization, ())
        if self._queued >= self.places or len(waiting) >= self._queue_of_one:
            raise self._overloaded()
        return self._wait(organization)

    def leave(self, organization: uuid.UUID) -> None:
        """Give a place back."""
        mine = self._of[organization] - 1
        if mine:
            self._of[organization] = mine
        else:
            del self._of[organization]
        self.running -= 1
        self._let_in()

    def place(self, organization: uuid.UUID) -> "_Place":
        """A place for the length of the block."""
        return _Place(self, organization)

    def _let_in(self) -> None:
        while self._queued and self.running < self.places:
            able = [one for one in self._waiting if self._of.get(one, 0) < self._most_of_one]
            if not able:
                return
            chosen = min(able, key=lambda one: self._of.get(one, 0))
            waiter = self._waiting[chosen].popleft()
            self._forget(chosen)
            if waiter.done():
                continue
            self._of[chosen] = self._of.get(chosen, 0) + 1
            self.running += 1
            waiter.set_result(None)

    async def _wait(self, organization: uuid.UUID) -> None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(organization, deque()).append(waiter)
        self._queued += 1
        timer = loop.call_later(self.patience_s, _give_up, waiter)
        try:
            await waiter
        except TimeoutError:
            self._withdraw(organization, waiter)
            raise self._overloaded() from None
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.leave(organization)
            else:
                self._withdraw(organization, waiter)
            raise
        finally:
            timer.cancel()

    def _withdraw(self, organization: uuid.UUID, waiter: "asyncio.Future[None]") -> None:
        queue = self._waiting.get(organization)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            self._forget(organization)

    def _forget(self, organization: uuid.UUID) -> None:
        self._queued -= 1
        if not self._waiting[organization]:
            del self._waiting[organization]

    def _overloaded(self) -> Withheld:
        self.shed += 1
        return Withheld(
            "OVERLOADED",
            f"{self.running} requests are under way and {self._queued} wait; try again shortly",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )


class _Place:
    __slots__ = ("_organization", "_places")

    def __init__(self, places: Places, organization: uuid.UUID) -> None:
        self._places = places
        self._organization = organization

    async def __aenter__(self) -> None:
        waiting = self._places.enter(self._organization)
        if waiting is not None:
            await waiting

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._places.leave(self._organization)


def _give_up(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
