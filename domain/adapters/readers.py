"""Connections for compiled reads: few, warm, and handed on with nothing sent and nothing looked up.

A read is one statement without session state, so none of a general pool's care on release is needed; that
care costs as much as running a small statement. The connection used last is used next, because its plans
and its server process are warm.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import perf_counter
from types import TracebackType

import asyncpg

from domain.adapters.postgres import Connection
from domain.figures.pools import PoolFigures

Connect = Callable[[], Awaitable[Connection]]
_PATIENCE_S = 10.0


class Readers:
    """At most `size` connections, opened when they are needed; who waits longer than patience_s is told so.

    A connection whose read was broken off (cancelled, timed out, lost) is thrown away, since an answer may
    still be on its way to it; one that gave an error is kept.
    """

    def __init__(self, connect: Connect, size: int, patience_s: float = _PATIENCE_S) -> None:
        self._connect = connect
        self._patience_s = patience_s
        self._free = size
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._lent: set[Connection] = set()
        self._counted = PoolFigures(size)

    @property
    def figures(self) -> PoolFigures:
        """What was counted; each lending is one statement."""
        self._counted.lent = len(self._lent)
        return self._counted

    def acquire(self) -> "_Lent":
        """A connection for the length of the block; waits when all are lent."""
        return _Lent(self)

    async def take(self) -> Connection:
        """A connection that is open, as far as this side knows."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                self._lent.add(connection)
                return connection
            self._free += 1
        if self._free:
            self._free -= 1
        elif (handed := await self._wait()) is not None:
            self._lent.add(handed)
            return handed
        try:
            connection = await self._connect()
        except BaseException:
            self._give_place()
            raise
        self._lent.add(connection)
        return connection

    def give(self, connection: Connection, broken: bool) -> None:
        """Take a connection back."""
        self._lent.discard(connection)
        if broken or connection.is_closed():
            connection.terminate()
            self._give_place()
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)

    async def close(self) -> None:
        """Close what is idle, break off what is lent."""
        for connection in self._lent:
            connection.terminate()
        self._lent.clear()
        while self._idle:
            await self._idle.pop().close(timeout=5)

    async def __aenter__(self) -> "Readers":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _give_place(self) -> None:
        """Let a waiter open a connection of its own, or note that one may be opened."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    async def _wait(self) -> Connection | None:
        """What is handed on: a connection, or None for the right to open one. Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Connection | None] = loop.create_future()
        self._waiting.append(waiter)
        timer = loop.call_later(self._patience_s, self._give_up, waiter)
        counted, began = self._counted, perf_counter()
        counted.waits += 1
        counted.waiting += 1
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                handed = waiter.result()
                if handed is None:
                    self._give_place()
                else:
                    self.give(handed, broken=False)
            raise
        finally:
            timer.cancel()
            counted.waiting -= 1
            counted.waited_s += perf_counter() - began

    def _give_up(self, waiter: "asyncio.Future[Connection | None]") -> None:
        """Whoever is given something looks past waiters that are done."""
        if not waiter.done():
            waiter.set_exception(TimeoutError(f"no connection was free within {self._patience_s:g} s"))


class _Lent:
    """One lending."""

    __slots__ = ("_began", "_connection", "_readers")

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def __aenter__(self) -> Connection:
        self._connection = await self._readers.take()
        self._began = perf_counter()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        broken = error is not None and not isinstance(error, asyncpg.PostgresError)
        figures = self._readers._counted
        figures.statements += 1
        figures.seconds += perf_counter() - self._began
        if error is not None:
            figures.failed += 1
        self._readers.give(self._connection, broken)
