"""An event loop whose time stands still until it is moved, and processes that can be killed in it."""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any


class Killed(BaseException):
    """Raised in whatever a killed process still tries: nothing that it does reaches anybody any more."""


class Process:
    """Tasks that live and die together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.stalled_until = 0.0
        self.tasks: list[asyncio.Task[Any]] = []


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Sockets are real; timers only go off when `move` says so, in the order of their times."""

    _ready: Any
    _scheduled: Any

    def __init__(self) -> None:
        self._moment: asyncio.Future[None] | None = None
        super().__init__()
        self._now = 0.0
        # Whether the timers of a process that stands still do so too.
        self.freezes = False
        self._number = 0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self.set_task_factory(_in_its_process)  # type: ignore[arg-type]
        self.set_exception_handler(lambda *_: None)

    def time(self) -> float:
        """The simulated time in seconds."""
        return self._now

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Keep the timer apart from the real ones."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, handle))
        return handle

    def begin_anew(self) -> None:
        """Time zero, and no timers."""
        self._now = 0.0
        self._timers.clear()

    def next_timer(self) -> float | None:
        """When the next timer goes off."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def move(self, to: float) -> None:
        """Let time go on; what falls due runs when the loop runs next."""
        self._now = max(self._now, to)
        while (when := self.next_timer()) is not None and when <= self._now:
            _, number, handle = heapq.heappop(self._timers)
            process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
            if self.freezes and process is not None and process.stalled_until > self._now:
                # Who stands still hears no alarm either, and all of them when he wakes up.
                heapq.heappush(self._timers, (process.stalled_until, number, handle))
            else:
                self._ready.append(handle)

    async def moment(self) -> None:
        """Two milliseconds of real time, in which sockets have their say."""
        self._moment = self.create_future()
        # The real loop waits for its own timers no longer than this; it is never run.
        self._scheduled.append(asyncio.TimerHandle(self._now + 0.002, print, (), self))
        try:
            await self._moment
        finally:
            self._scheduled.clear()

    def _process_events(self, event_list: Any) -> None:
        super()._process_events(event_list)  # type: ignore[misc]
        if self._moment is not None and not event_list and not self._ready:
            if not self._moment.done():
                self._moment.set_result(None)
            self._moment = None

    async def drain(self) -> None:
        """Run everything that can run without a socket or a timer."""
        while self._ready:
            await asyncio.sleep(0)


def _in_its_process(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **given: Any
) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **given)
    process = PROCESS.get()
    if process is not None:
        process.tasks.append(task)
    return task
