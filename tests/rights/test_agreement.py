"""The reference and the product agree on ten thousand random deals."""

import asyncpg
import pytest

from tests.conftest import Databases
from tests.rights.agreement import Tally, compare, compare_coverage, questions
from tests.rights.worlds import World

SEEDS = range(5)


@pytest.fixture(scope="module", params=SEEDS)
async def planted(request: pytest.FixtureRequest, databases: Databases):  # type: ignore[no-untyped-def]
    """A world of two thousand deals, and a connection to it."""
    world = World(request.param)
    url = await databases.clone(f"rights_{request.param}")
    connection = await asyncpg.connect(url)
    await world.plant(connection)
    await connection.execute("analyze")
    yield world, connection
    await connection.close()
    await databases.drop(url)


async def test_the_reference_agrees(planted: tuple[World, "asyncpg.Connection[asyncpg.Record]"]) -> None:
    world, connection = planted
    tally = Tally()
    viewers = [world.viewer(one) for one in (*world.owners, world.by_id, world.by_dpid, world.outsider)]
    for place, question in enumerate(questions(world, 40)):
        viewer = viewers[place % len(viewers)]
        named = world.chance.choice(world.licensees())
        some = world.chance.sample(world.everything, 60)
        tally.add(await compare(world, connection, viewer, question, named, some))
    assert tally.differ == []
    assert tally.asked > 2_000
    assert 0.05 < tally.yes / tally.asked < 0.8


async def test_coverage_agrees(planted: tuple[World, "asyncpg.Connection[asyncpg.Record]"]) -> None:
    world, connection = planted
    tally = Tally()
    viewers = [world.viewer(one) for one in (world.owners[0], world.by_id, world.by_dpid)]
    for place, question in enumerate(questions(world, 6)):
        some = world.chance.sample(world.everything, 20)
        tally.add(await compare_coverage(world, connection, viewers[place % 3], question, None, some))
    assert tally.differ == []
    assert tally.asked > 1_000
    assert tally.yes > 50
