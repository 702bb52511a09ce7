"""A desk to work at: an organization, its viewer, and one-line calls of commands."""

import uuid
from dataclasses import dataclass
from typing import Any

from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.adapters.postgres import Pool
from domain.command import Outcome
from domain.commands import COMMANDS
from domain.dispatch import Dispatched, dispatch
from domain.inputs import parse


@dataclass(frozen=True)
class Desk:
    """One organization's hands on the catalog."""

    pool: Pool
    viewer: Viewer

    async def send(self, name: str, /, key: str | None = None, **given: Any) -> Dispatched:
        """Dispatch a command with a JSON input, rendering its outcome's ids as the response."""

        async def render(outcome: Outcome, _sql: Any) -> tuple[int, bytes]:
            return 200, ",".join(str(id) for id in outcome.ids).encode()

        command = COMMANDS[name]
        return await dispatch(
            command,
            parse(command.ask, given),
            viewer=self.viewer,
            pool=self.pool,
            door="test",
            idempotency_key=key,
            render=render,
        )

    async def do(self, name: str, /, **given: Any) -> Outcome:
        """Dispatch a command and give its outcome."""
        outcome = (await self.send(name, **given)).outcome
        assert outcome is not None
        return outcome

    async def make(self, name: str, /, **given: Any) -> str:
        """Dispatch a command and give the id it speaks of."""
        return str((await self.do(name, **given)).ids[0])

    async def fetch(self, query: str, *args: Any) -> list[dict[str, Any]]:
        """Rows of a query as dicts."""
        async with self.pool.acquire() as connection:
            return [dict(row) for row in await connection.fetch(query, *args)]


async def new_desk(pool: Pool, slug: str | None = None, role: Role = Role.LABEL_USER) -> Desk:
    """A new organization with a person at work in it."""
    slug = slug or uuid.uuid4().hex
    async with pool.acquire() as connection:
        owner = await connection.fetchval(
            "insert into organization (name, slug) values ($1, $1) returning id", slug
        )
    return Desk(pool, Viewer(owner, f"user:{slug}", role, frozenset(Scope)))
