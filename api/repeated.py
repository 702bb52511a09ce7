"""Work that a process does again and again beside its requests."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

log = structlog.get_logger("api.repeated")


class Repeated:
    """Something done every so often. What goes wrong is logged as `failed`, and it is tried again in time."""

    def __init__(self, do: Callable[[], Awaitable[None]], every_s: float, failed: str) -> None:
        self._do = do
        self._every_s = every_s
        self._failed = failed
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first time comes after one interval."""
        self._task = asyncio.create_task(self._repeat())

    async def stop(self) -> None:
        """End; what is being done is broken off."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self._do()
            except Exception as error:
                log.warning(self._failed, error=type(error).__name__, text=str(error))
