"""Jobs that move while somebody looks on, and those who look on."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from websockets.asyncio.client import ClientConnection, connect

from api.embedded import Servers
from api.keys import ensure_keys
from api.settings import Settings
from domain import jobs
from domain.ids import encode_id
from domain.row import new_id
from tests.api.conftest import OURS, House, house, house_database, serving, settings_for
from tests.conftest import Databases
from tests.limits.conftest import a_database

__all__ = ["house", "house_database"]

WATCH = "subscription($id: ID!) { jobProgress(id: $id) { id state progressDone progressTotal } }"
CHANGED = """subscription($state: [String!], $kind: [String!]) {
  jobsChanged(state: $state, kind: $kind) { id state } }"""


@dataclass
class Yard:
    """Job rows of a house, moved as a worker would."""

    house: House
    sql: Any
    fences: dict[uuid.UUID, int] = field(default_factory=dict)

    async def job(self, owner: uuid.UUID = OURS, kind: str = "test_watch") -> uuid.UUID:
        """A job that waits."""
        id = new_id()
        await self.sql.execute("insert into job (id, owner_id, kind) values ($1, $2, $3)", id, owner, kind)
        return id

    async def claim(self, id: uuid.UUID) -> None:
        """Begin it."""
        kind = await self.sql.fetchval("select kind from job where id = $1", id)
        claim = await jobs.claim(self.sql, id, 60, {kind: 1})
        assert claim is not None
        self.fences[id] = claim.fence

    async def progress(self, id: uuid.UUID, done: int, total: int = 10) -> None:
        """Carry it on."""
        await jobs.progress(self.sql, id, self.fences[id], done, total, f"{done} of {total}")

    async def refuse(self, id: uuid.UUID) -> None:
        """End it badly."""
        await jobs.refuse(self.sql, id, self.fences[id], "test_refused", "it can't be done")

    async def begun(self, owner: uuid.UUID = OURS, kind: str = "test_watch") -> uuid.UUID:
        """A job that runs."""
        id = await self.job(owner, kind)
        await self.claim(id)
        return id

    async def finish(self, id: uuid.UUID) -> None:
        """End it well."""
        await jobs.finish(self.sql, id, self.fences[id], None)


@pytest.fixture
async def yard(house: House) -> AsyncIterator[Yard]:
    """A connection of its own to move jobs on."""
    connection = await asyncpg.connect(house.database_url)
    try:
        yield Yard(house, connection)
    finally:
        await connection.close()


@dataclass
class Socket:
    """One side of graphql-transport-ws."""

    connection: ClientConnection

    async def say(self, type: str, **more: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"type": type, **more}))

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(30):
            found: dict[str, Any] = json.loads(await self.connection.recv())
        return found

    async def follow(self, name: str, query: str, **variables: Any) -> None:
        """Begin a subscription."""
        await self.say("subscribe", id=name, payload={"query": query, "variables": variables})

    async def next(self, name: str) -> dict[str, Any]:
        """The data of the next answer to a subscription."""
        message = await self.hear()
        assert (message["type"], message["id"]) == ("next", name), message
        assert message["payload"]["extensions"]["cost"]["requestedQueryCost"] >= 1
        data: dict[str, Any] = message["payload"]["data"]
        return data

    async def refused(self, name: str) -> str:
        """The code of the error that a subscription ended with."""
        message = await self.hear()
        assert (message["type"], message["id"]) == ("error", name), message
        code: str = message["payload"][0]["extensions"]["code"]
        return code

    async def closed(self) -> tuple[int, str]:
        """Code and reason of the closing, after whatever else is said."""
        async with asyncio.timeout(30):
            await self.connection.wait_closed()
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""


@asynccontextmanager
async def opened(
    house: House, token: str | None = None, *, init: bool = True, **more: Any
) -> AsyncIterator[Socket]:
    """A socket; with init one whose caller was admitted."""
    address = house.url.replace("http://", "ws://") + "/graphql"
    async with connect(address, subprotocols=["graphql-transport-ws"], **more) as connection:  # type: ignore[list-item]
        socket = Socket(connection)
        if init:
            await socket.say("connection_init", payload={"authorization": f"Bearer {token or house.token()}"})
            assert await socket.hear() == {"type": "connection_ack"}
        yield socket


def job_id(id: uuid.UUID) -> str:
    """The global id of a job."""
    return encode_id("job", id)


@asynccontextmanager
async def a_small_house(
    databases: Databases, servers: Servers, state: Path, points: int = 1_000, **settings: int
) -> AsyncIterator[Yard]:
    """A house of its own with limits that can be reached."""
    url = await a_database(databases, "live", {"free": points})
    given: Settings = settings_for(url, servers.redis_url or "", state).using(**settings)
    key = ensure_keys(state / "keys")[0]
    serving_now = serving(given)
    address = await asyncio.to_thread(serving_now.__enter__)
    connection = await asyncpg.connect(url)
    try:
        yield Yard(House(address, url, key), connection)
    finally:
        await connection.close()
        await asyncio.to_thread(serving_now.__exit__, None, None, None)


async def until_told(socket: Socket, name: str, id: str) -> None:
    """Subscribe until there is a place."""
    async with asyncio.timeout(60):
        while True:
            await socket.follow(name, WATCH, id=id)
            if (await socket.hear())["type"] == "next":
                return
