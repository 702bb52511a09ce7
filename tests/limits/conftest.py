"""Servers with limits that can be reached."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest

from api.embedded import Servers
from api.keys import ensure_keys
from api.settings import Settings
from domain.adapters.postgres import open_pool
from tests.api.conftest import House, serving
from tests.conftest import Databases
from tests.factories import OURS, THEIRS

TIERS = {"free": 1_000, "pro": 10_000, "enterprise": 60_000}


async def a_database(databases: Databases, hint: str, tiers: dict[str, int] | None = None) -> str:
    """A migrated database with two organizations and the tiers as they are delivered, or as given."""
    url = await databases.clone(hint)
    async with await open_pool(url, role=None) as pool:
        for id, slug in ((OURS, "ours"), (THEIRS, "theirs")):
            await pool.execute(
                "insert into organization (id, name, slug) values ($1, $2, $3)", id, slug.capitalize(), slug
            )
        for name, points in {**TIERS, **(tiers or {})}.items():
            await pool.execute("update tier set points_per_minute = $2 where name = $1", name, points)
    return url


async def works(url: str, count: int) -> None:
    """Public works, so that there is something to read."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "insert into work (id, owner_id, title, visibility, status) "
            "select gen_random_uuid(), $1, 'Work ' || n, 'public', 'active' from generate_series(1, $2) n",
            OURS,
            count,
        )
    finally:
        await connection.close()


class Start(Protocol):
    """Starts a server."""

    def __call__(self, *, tiers: dict[str, int] | None = None, **settings: Any) -> House:
        """A server over a database of its own, with settings as given."""


@contextmanager
def starter(databases: Databases, servers: Servers, folder: Callable[[], Path]) -> Iterator[Start]:
    """What starts servers that live as long as the block."""
    with ExitStack() as stack:

        def start(*, tiers: dict[str, int] | None = None, **given: Any) -> House:
            url = asyncio.run(a_database(databases, "limits", tiers))
            state = folder()
            settings = Settings(
                database_url=url,
                redis_url=given.pop("redis_url", servers.redis_url or ""),
                state_folder=state,
                pool_size=given.pop("pool_size", 4),
                **given,
            )
            key = ensure_keys(state / "keys")[0]
            return House(stack.enter_context(serving(settings)), url, key)

        yield start


@pytest.fixture
def start(
    databases: Databases, servers: Servers, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Start]:
    """Starts servers over an empty Valkey."""
    assert redis_url
    with starter(databases, servers, lambda: tmp_path_factory.mktemp("state")) as made:
        yield made


def an_organization() -> uuid.UUID:
    """The id of an organization that nobody has charged yet; tokens name it, no row need be there."""
    return uuid.uuid4()
