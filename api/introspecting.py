"""Who may introspect, in memory: read from the table every second, asked on every description."""

import asyncio
from contextlib import suppress

import structlog

from domain.access.introspection import Introspection, read_introspection
from domain.access.viewer import Viewer
from domain.ports import SqlPool

_EVERY_S = 1.0

log = structlog.get_logger("api.introspecting")


class Introspecting:
    """The system setting, else the one of this process. While the database is away, what was known holds."""

    def __init__(self, pool: SqlPool, unless_set: Introspection, every_s: float = _EVERY_S) -> None:
        self._pool = pool
        self._unless_set = unless_set
        self._every_s = every_s
        self._now = unless_set
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Introspecting":
        await self.refresh()
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def lets(self, viewer: Viewer) -> bool:
        """Whether this caller is told the schema, and hinted at names in it."""
        return self._now.lets(viewer)

    async def refresh(self) -> None:
        """Read the setting."""
        async with self._pool.acquire() as connection:
            self._now = await read_introspection(connection) or self._unless_set

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.refresh()
            except Exception as error:
                log.warning("introspection_unread", error=type(error).__name__)
