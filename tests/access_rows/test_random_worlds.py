"""Random worlds of deals: every kind of viewer sees what the slow reference says, by every road."""

import json
import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import pytest

from domain.access.viewer import Viewer
from domain.adapters.postgres import Connection, Pool, open_pool
from domain.ids import decode_id, encode_id
from domain.kinds import KINDS
from graph import licensed
from graph.bind import TYPES
from graph.paging import CursorKey
from graph.run import Engine
from graph.sql import Bound, Statement, Writer
from tests.access_rows.reference import Rows, visible
from tests.access_rows.worlds import RandomWorld, a_world, plant
from tests.conftest import Databases

WORLDS = 320
BATCH = 40
# The short form tries so many of them, and of those that are read by every road each so many-th.
FEW, STEP = 120, 96
ROOTS = {t.kind: t.plural for t in TYPES.values() if t.kind in KINDS}
PAGE = "(first: 100) { totalCount nodes { id } pageInfo { hasNextPage } }"
PAGES = "{" + " ".join(f"{root}{PAGE}" for root in ROOTS.values()) + "}"
LOOKED_UP = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
FOUND = (
    '{ search(query: "some", first: 100) { totalCount nodes { ... on Node { id } } } '
    "recordings(first: 100) { nodes { id features { name } } } "
    "tracks(last: 100, orderBy: TITLE_DESC) { nodes { id recording { id } release { id } } } "
    "begin: tracks(first: 2) { nodes { id } } end: recordings(last: 2) { nodes { id } } }"
)


KEY = CursorKey(b"rows")


@pytest.fixture(scope="module")
async def planting(databases: Databases) -> AsyncIterator[Pool]:
    """A pool on a database of these tests' own, in which nothing stays."""
    opened = await open_pool(await databases.clone("rows"), max_size=1)
    yield opened
    opened.terminate()


@pytest.mark.parametrize(
    "batch",
    [
        *range(0, FEW, BATCH),
        *(pytest.param(begin, marks=pytest.mark.long) for begin in range(FEW, WORLDS, BATCH)),
    ],
)
async def test_the_row_rules_are_those_of_the_reference(batch: int, planting: Pool) -> None:
    async for world, rows, sql in planted(range(batch, batch + BATCH), planting):
        for name, viewer in world.viewers().items():
            writer = Writer(viewer.sight)
            seen = " union all ".join(
                f"select '{kind}' as kind, t.id from {kind} t where {writer.sees(kind, 't')}"
                for kind in KINDS
            )
            values = Statement(seen, tuple(writer.parameters)).values(Bound(viewer, (), KEY))
            found: dict[str, set[uuid.UUID]] = {kind: set() for kind in KINDS}
            for row in await sql.fetch(seen, *values):
                found[row["kind"]].add(row["id"])
            assert found == visible(rows, viewer), f"{world.seed}, {name}"


# From so many rows on that deals may open, a page is read another way: none, some, and as it is.
@pytest.mark.parametrize("many", [0, 3, licensed.MANY_LICENSED])
@pytest.mark.parametrize("step", [STEP, pytest.param(STEP // 4, marks=pytest.mark.long)])
async def test_every_road_gives_what_the_reference_gives(
    many: int, step: int, planting: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(licensed, "MANY_LICENSED", many)
    engine = Engine(planting, KEY)
    async for world, rows, sql in planted(range(many % 7, WORLDS, step), planting):
        for name, viewer in world.viewers().items():
            await compare(rows, viewer, engine, sql, f"{world.seed}, {name}")


async def planted(seeds: Iterable[int], pool: Pool) -> AsyncIterator[tuple[RandomWorld, Rows, Connection]]:
    """Worlds one after the other, each alone in the database."""
    async with pool.acquire() as acquired:
        for seed in seeds:
            transaction = acquired.transaction()
            await transaction.start()
            try:
                world, sql = a_world(seed), cast(Connection, acquired)
                await plant(sql, world)
                yield world, await Rows.load(sql), sql
            finally:
                await transaction.rollback()


async def compare(rows: Rows, viewer: Viewer, engine: Engine, sql: Connection, where: str) -> None:
    """What one viewer is given by lists, counts, ids, search and from row to row."""

    async def ask(document: str, **variables: Any) -> dict[str, Any]:
        answer = await engine.execute(document, variables, viewer, sql=sql)
        data: dict[str, Any] = json.loads(answer.body)["data"]
        return data

    expected = visible(rows, viewer)
    pages = await ask(PAGES)
    for kind, root in ROOTS.items():
        ids = [decode_id(node["id"])[1] for node in pages[root]["nodes"]]
        assert set(ids) == expected[kind], f"{where}: {root}"
        assert len(ids) == len(set(ids)) == pages[root]["totalCount"], f"{where}: {root}"
        assert pages[root]["pageInfo"] == {"hasNextPage": False}
    asked = [encode_id(kind, row["id"]) for kind in KINDS for row in rows.tables[kind]]
    told = (await ask(LOOKED_UP, ids=asked))["nodes"]
    there = {encode_id(kind, id) for kind in KINDS for id in expected[kind]}
    assert [node and node["id"] for node in told] == [id if id in there else None for id in asked], where
    found = await ask(FOUND)
    hits = {node["id"] for node in found["search"]["nodes"]}
    searched = set(KINDS) - {"deal", "image", "credit"}
    assert hits == {encode_id(kind, id) for kind in searched for id in expected[kind]}, where
    assert found["search"]["totalCount"] == len(hits), where
    assert all(len(node["features"]) == 1 for node in found["recordings"]["nodes"]), where
    begin, end = sorted(expected["track"])[:2], sorted(expected["recording"])[-2:]
    assert [decode_id(node["id"])[1] for node in found["begin"]["nodes"]] == begin, where
    assert [decode_id(node["id"])[1] for node in found["end"]["nodes"]] == end, where
    backward = found["tracks"]["nodes"]
    assert {decode_id(node["id"])[1] for node in backward} == expected["track"], where
    for node in backward:
        track = rows.by_id[decode_id(node["id"])[1]][1]
        for one, key in (("recording", "recording_id"), ("release", "release_id")):
            seen: uuid.UUID | None = track[key] if track[key] in expected[one] else None
            assert node[one] == (seen and {"id": encode_id(one, seen)}), f"{where}: {one} of a track"


def test_the_worlds_have_something_to_tell() -> None:
    """Licensed rows, rows that only takedowns and territories take away, and drafts are all there."""
    seen = {"licensed": 0, "taken": 0, "elsewhere": 0}
    for seed in range(60):
        world = a_world(seed)
        tables = {kind: world.rows.get(kind, []) for kind in (*KINDS, "deal_subject", "organization_dpid")}
        assert any(tables.values())
        seen["taken"] += sum(row["is_takedown"] for row in tables["deal"])
        seen["licensed"] += sum("licensee_id" in row or "licensee_dpid" in row for row in tables["deal"])
        seen["elsewhere"] += sum(row["territories"] == ["US"] for row in tables["deal"])
    assert min(seen.values()) > 20
