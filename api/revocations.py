"""What was revoked, in memory: read from the table every second, asked on every request."""

import time

from api.repeated import Repeated
from domain.access.revocation import revoked_since
from domain.access.viewer import Viewer
from domain.ports import SqlPool

# A transaction that committed late has an earlier revoked_at than one already seen.
_OVERLAP_S = 60.0
_EVERY_S = 1.0


class Revocations:
    """The revoked names and their instants. While the database is away, what was known stays known."""

    def __init__(self, pool: SqlPool, every_s: float = _EVERY_S) -> None:
        self._pool = pool
        self._at: dict[str, float] = {}
        self._until: dict[str, float] = {}
        self._read_to = 0.0
        self._following = Repeated(self.refresh, every_s, "revocations_unread")

    async def __aenter__(self) -> "Revocations":
        await self.refresh()
        self._following.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._following.stop()

    def refuses(self, viewer: Viewer) -> bool:
        """Whether one of the credential's names was revoked at or after it was issued."""
        known = self._at
        if not known or viewer.names.isdisjoint(known):
            return False
        return any(known.get(name, -1.0) >= viewer.issued_at for name in viewer.names)

    async def refresh(self) -> None:
        """Read what is new."""
        async with self._pool.acquire() as connection:
            found = await revoked_since(connection, max(0.0, self._read_to - _OVERLAP_S))
        for entry in found:
            self._at[entry.name] = entry.at
            self._until[entry.name] = entry.expires_at
            self._read_to = max(self._read_to, entry.at)
        now = time.time()
        for name in [name for name, until in self._until.items() if until < now]:
            del self._at[name], self._until[name]
