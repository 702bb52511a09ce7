"""Who may introspect, in memory: read from the table every second, asked on every description."""

from api.repeated import Repeated
from domain.access.introspection import Introspection
from domain.access.settings import read_settings
from domain.access.viewer import Viewer
from domain.ports import SqlPool

_EVERY_S = 1.0


class Introspecting:
    """The system setting as it was last read. While the database is away, what was known holds."""

    def __init__(self, pool: SqlPool, every_s: float = _EVERY_S) -> None:
        self._pool = pool
        self._now = Introspection.OFF
        self._following = Repeated(self.refresh, every_s, "introspection_unread")

    async def __aenter__(self) -> "Introspecting":
        await self.refresh()
        self._following.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._following.stop()

    def lets(self, viewer: Viewer) -> bool:
        """Whether this caller is told the schema, and hinted at names in it."""
        return self._now.lets(viewer)

    async def refresh(self) -> None:
        """Read the setting."""
        async with self._pool.acquire() as connection:
            self._now = Introspection.named((await read_settings(connection)).introspection)
