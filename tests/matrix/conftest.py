"""A served house of its own for storms and matrices, with budgets that they don't exhaust."""

import asyncio
from collections.abc import Iterator

import pytest

from api.embedded import Servers
from api.keys import ensure_keys
from domain.adapters.postgres import open_pool
from tests.api.conftest import OURS, THEIRS, House, serving, settings_for
from tests.conftest import Databases

PLENTY = 1_000_000_000


async def two_organizations(databases: Databases, hint: str) -> str:
    """A migrated database with two organizations, where every tier has plenty."""
    url = await databases.clone(hint)
    async with await open_pool(url, role=None) as pool:
        for id, slug in ((OURS, "ours"), (THEIRS, "theirs")):
            await pool.execute(
                "insert into organization (id, name, slug) values ($1, $2, $3)", id, slug.capitalize(), slug
            )
        await pool.execute("update tier set points_per_minute = $1", PLENTY)
    return url


@pytest.fixture(scope="module")
def storm_house(
    databases: Databases, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A server over an empty catalog."""
    url = asyncio.run(two_organizations(databases, "storm"))
    state = tmp_path_factory.mktemp("state")
    key = ensure_keys(state / "keys")[0]
    with serving(settings_for(url, servers.redis_url or "", state)) as address:
        yield House(address, url, key)
