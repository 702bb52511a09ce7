"""The compiled isStreamable agrees with the decision on pages of random worlds, in one statement."""

import json
from typing import Any

import asyncpg
import pytest

from domain.access.viewer import Viewer
from domain.adapters.postgres import Pool, open_read_pool
from domain.ids import encode_id
from domain.rights.territory import countries_of
from graph.paging import CursorKey
from graph.run import Engine
from graph.scalars import instant
from tests.conftest import Databases
from tests.rights.reference import Ask
from tests.rights.worlds import ASKED, World

DOCUMENT = """query ($n: Int, $t: Territory!, $at: DateTime) {
  releases(first: $n) { nodes { id isStreamable(territory: $t, at: $at) } }
  tracks(first: $n) { nodes { id isStreamable(territory: $t, at: $at) } }
  recordings(first: $n) { nodes { id isStreamable(territory: $t, at: $at) } }
}"""


async def differences(world: World, engine: Engine, viewer: Viewer, territory: str, at: Any) -> list[str]:
    """Where a page of each kind says other than the reference."""
    answer = await engine.execute(DOCUMENT, {"n": 100, "t": territory, "at": instant(at)}, viewer)
    assert answer.statements == 1
    told = {
        node["id"]: node["isStreamable"]
        for page in json.loads(answer.body)["data"].values()
        for node in page["nodes"]
    }
    wrong = []
    seen = 0
    for kind, id in world.everything:
        said = told.get(encode_id(kind, id))
        if said is None:
            continue
        seen += 1
        licensee = (
            None if world.rows.entities[id]["owner_id"] == viewer.organization_id else viewer.organization_id
        )
        right = all(
            world.rows.allowed(id, Ask(country, at, "OnDemandStream", None, licensee))
            for country in countries_of(territory)
        )
        if said is not right:
            wrong.append(f"{kind} {id} in {territory} at {at} for {licensee}: {said}")
    assert seen > 100
    return wrong


@pytest.fixture(scope="module")
async def planted(databases: Databases):  # type: ignore[no-untyped-def]
    """A world and an engine over it."""
    world = World(77)
    url = await databases.clone("streamable")
    connection = await asyncpg.connect(url)
    await world.plant(connection)
    await connection.execute("analyze")
    await connection.close()
    pool: Pool = await open_read_pool(url, max_size=2)
    yield world, Engine(pool, CursorKey(b"the key of the tests of rights"))
    pool.terminate()
    await databases.drop(url)


async def test_a_page_asks_once_and_agrees(planted: tuple[World, Engine]) -> None:
    world, engine = planted
    viewers = [world.viewer(one) for one in (*world.owners, world.by_id, world.by_dpid, world.outsider)]
    for place in range(15):
        territory = ("2124", "YUCS", "Worldwide")[place % 3] if place % 5 == 4 else world.chance.choice(ASKED)
        viewer = viewers[place % 5]
        assert await differences(world, engine, viewer, territory, world.instant()) == []


async def test_who_is_bound_may_stream_nowhere_else(planted: tuple[World, Engine]) -> None:
    world, engine = planted
    bound = world.viewer(world.by_id, ("FR", "US"))
    for territory, some in (("FR", True), ("DE", False)):
        answer = await engine.execute(DOCUMENT, {"n": 100, "t": territory}, bound)
        nodes = json.loads(answer.body)["data"]["releases"]["nodes"]
        assert any(node["isStreamable"] for node in nodes) is some
