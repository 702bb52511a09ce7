"""The planted world, planted once, and an engine over it as the server has one."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import asyncpg
import pytest

from domain.access.viewer import Viewer
from domain.adapters.postgres import Pool, open_read_pool
from graph.paging import CursorKey
from graph.run import Engine, RequestRefused
from tests.conftest import Databases
from tests.factories import World, viewer
from tests.graph.world import a_world

KEY = CursorKey(b"the key of the graph's tests")


class Ask(Protocol):
    """Asks the engine; gives the data, and refuses answers that took more than one statement."""

    def __call__(
        self, document: str, variables: dict[str, Any] | None = None, of: Viewer | None = None
    ) -> Awaitable[dict[str, Any]]:
        """The data."""


@pytest.fixture(scope="session")
async def planted(databases: Databases) -> tuple[str, World]:
    """The address of a database with the world in it. It is only read."""
    url = await databases.clone("graph")
    connection = await asyncpg.connect(url)
    try:
        world = await a_world(connection)
        await connection.execute("analyze")
    finally:
        await connection.close()
    return url, world


@pytest.fixture(scope="session")
def world(planted: tuple[str, World]) -> World:
    """What was planted."""
    return planted[1]


@pytest.fixture(scope="session")
async def read_pool(planted: tuple[str, World]) -> AsyncIterator[Pool]:
    """The pool the engine reads from."""
    opened = await open_read_pool(planted[0], max_size=2)
    yield opened
    opened.terminate()


@pytest.fixture(scope="session")
async def plain(planted: tuple[str, World]) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A plain connection to the same database."""
    connection = await asyncpg.connect(planted[0])
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def engine(read_pool: Pool) -> Engine:
    """The engine under test."""
    return Engine(read_pool, KEY)


@pytest.fixture(scope="session")
def ask(engine: Engine) -> Ask:
    """Ask as one of ours unless said."""

    async def asked(
        document: str, variables: dict[str, Any] | None = None, of: Viewer | None = None
    ) -> dict[str, Any]:
        answer = await engine.execute(document, variables, of or viewer())
        assert answer.statements == 1
        whole = json.loads(answer.body)
        assert list(whole) == ["data"]
        data: dict[str, Any] = whole["data"]
        return data

    return asked


Refused = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session")
def refused(engine: Engine) -> Refused:
    """Ask what must be refused; gives the code."""

    async def asked(document: str, variables: dict[str, Any] | None = None, **more: Any) -> str:
        of = more.pop("of", None) or viewer()
        with pytest.raises(RequestRefused) as refusal:
            await engine.execute(document, variables, of, **more)
        for error in refusal.value.errors:
            assert error["message"]
            assert error["extensions"]["code"]
        assert json.loads(refusal.value.body())["errors"]
        return refusal.value.code

    return asked
