"""One connection that hears what PostgreSQL tells of watched jobs."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg

from domain.adapters.postgres import APPLICATION_ROLE, Connection
from domain.watching import CHANNEL, LOCK_CLASS

_PATIENCE_S = 5.0


class Listener:
    """The Ear that a PostgreSQL connection of its own makes."""

    def __init__(self, url: str, role: str | None = APPLICATION_ROLE) -> None:
        self._url = url
        self._role = role
        self._connection: Connection | None = None
        self._held: set[uuid.UUID] = set()

    async def open(self, heard: Callable[[str], None], lost: Callable[[], None]) -> None:
        """Connect and listen; whatever was held before is not held any more."""
        await self.close()
        settings = {"application_name": "catalograph watch", "timezone": "UTC"}
        if self._role:
            settings["role"] = self._role
        async with asyncio.timeout(_PATIENCE_S):
            connection: Connection = await asyncpg.connect(self._url, server_settings=settings)
            self._connection = connection

            def hear(_connection: Any, _pid: int, _channel: str, payload: Any) -> None:
                heard(str(payload))

            connection.add_termination_listener(lambda _: lost())
            await connection.add_listener(CHANNEL, hear)

    @property
    def hears(self) -> bool:
        """Whether the connection is there, as far as this side knows."""
        return self._connection is not None and not self._connection.is_closed()

    async def hold(self, organization_ids: set[uuid.UUID]) -> None:
        """Hear of exactly these organizations' jobs from now on; also finds out whether it still hears."""
        assert self._connection is not None
        async with asyncio.timeout(_PATIENCE_S):
            for sql, ids in (
                ("pg_advisory_lock_shared", organization_ids - self._held),
                ("pg_advisory_unlock_shared", self._held - organization_ids),
            ):
                await self._connection.execute(
                    f"select {sql}($1, hashtext(id::text)) from unnest($2::uuid[]) id", LOCK_CLASS, list(ids)
                )
        self._held = set(organization_ids)

    async def close(self) -> None:
        """Hear nothing any more."""
        connection, self._connection, self._held = self._connection, None, set()
        if connection is not None:
            with suppress(Exception):
                await connection.close(timeout=1)
