"""In random worlds, every viewer is told what the slow reference tells, in its order, and of nothing else."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from domain.access.viewer import Viewer
from domain.adapters.postgres import Connection, Pool, open_pool
from domain.ids import decode_id, encode_id
from domain.row import new_id
from graph.paging import CursorKey
from graph.run import Engine
from tests.access_rows.worlds import RandomWorld, a_world, plant
from tests.conftest import Databases
from tests.similar.reference import Heard
from tests.similar.worlds import listen, some_filter

HIT = "recording { id } similarity sound tempo key tempoBpm tempoRatio tempoShiftPercent camelot keyRelation"
ANSWER = f"isComparable reason text model modelVersion dimensions hits {{ {HIT} }}"
DOCUMENT = (
    "query ($id: ID!, $first: Int, $filter: SimilarFilter) { "
    f"similar(recordingId: $id, first: $first, filter: $filter) {{ {ANSWER} }} "
    f"mixableNext(recordingId: $id, first: $first, filter: $filter) {{ {ANSWER} }} }}"
)


@pytest.fixture(scope="module")
async def planting(databases: Databases) -> AsyncIterator[Pool]:
    """A pool on a database of these tests' own, in which nothing stays."""
    opened = await open_pool(await databases.clone("similar"), max_size=1)
    yield opened
    opened.terminate()


async def planted(seed: int, sql: Connection, dimensions: int) -> tuple[RandomWorld, Heard]:
    world = a_world(seed)
    for _ in range(24):
        world.content("recording")
    for row in world.rows["recording"]:
        row.update({"type": "audio", "languages": [], "genres": []} | row)
    await plant(sql, world)
    await listen(sql, world, dimensions)
    return world, await Heard.load(sql)


# An index finds neighbours among vectors of 400 numbers; others are compared one by one.
@pytest.mark.parametrize(("seed", "dimensions"), [(seed, 400 if seed % 2 else 8) for seed in range(6)])
async def test_the_answer_is_the_reference_s(seed: int, dimensions: int, planting: Pool) -> None:
    await compare(seed, dimensions, planting)


@pytest.mark.long
@pytest.mark.parametrize("batch", range(100, 300, 20))
async def test_the_answer_is_the_reference_s_in_many_worlds(batch: int, planting: Pool) -> None:
    for seed in range(batch, batch + 20):
        await compare(seed, 400 if seed % 2 else 8, planting)


async def compare(seed: int, dimensions: int, pool: Pool) -> None:
    """Ask as everybody about some recordings, under some filters."""
    engine, chance, told = Engine(pool, CursorKey(b"similar")), random.Random(seed), 0
    async with pool.acquire() as acquired:
        transaction = acquired.transaction()
        await transaction.start()
        try:
            sql = cast(Connection, acquired)
            world, heard = await planted(seed, sql, dimensions)
            if seed % 4 == 1:
                await sql.execute("set local enable_seqscan = off")
                await sql.execute("set local enable_sort = off")
            for name, viewer in world.viewers().items():
                for row in chance.sample(world.rows["recording"], 3):
                    first, given = chance.choice((1, 3, 50)), some_filter(chance)
                    variables = {"id": encode_id("recording", row["id"]), "first": first, "filter": given}
                    answer = await engine.execute(DOCUMENT, variables, viewer, sql=sql)
                    data = json.loads(answer.body)["data"]
                    where = f"{seed}, {name}, {variables}"
                    for field, mix in (("similar", False), ("mixableNext", True)):
                        expected = heard.answer(viewer, row["id"], first, given, mix=mix)
                        expect(data[field], expected, f"{where}: {field}")
                        told += len(data[field]["hits"]) if data[field] else 0
        finally:
            await transaction.rollback()
    assert told, "a world in which nothing is similar tries nothing"


def expect(found: Any, expected: Any, where: str) -> None:
    """That an answer is the expected one, numbers to the fourth place."""
    if expected is None:
        assert found is None, where
        return
    for name, key in (("isComparable", "is_comparable"), ("reason", "reason"), ("model", "model")):
        assert found[name] == expected[key], where
    assert found["text"], where
    ids = [decode_id(hit["recording"]["id"])[1] for hit in found["hits"]]
    assert ids == [hit["recording_id"] for hit in expected["hits"]], where
    for ours, theirs in zip(found["hits"], expected["hits"], strict=True):
        for name in ("similarity", "sound", "tempo", "key"):
            assert ours[name] == pytest.approx(theirs[name], abs=2e-3 if name == "sound" else 1e-3), where
        assert ours["tempoShiftPercent"] == pytest.approx(theirs["tempo_shift_percent"], abs=1e-3), where
        for name, key in (("tempoRatio", "tempo_ratio"), ("camelot", "camelot")):
            assert ours[name] == theirs[key], where
        assert ours["keyRelation"] == theirs["key_relation"], where
        assert ours["tempoBpm"] == theirs["tempo_bpm"], where


async def test_the_index_is_of_use_to_the_statement(planting: Pool) -> None:
    """Another cast or condition than the index has would compare everything, and nobody would notice."""
    engine, asker = Engine(planting, CursorKey(b"similar")), a_world(0).viewers()["outsider"]
    prepared = engine._prepare(DOCUMENT, None)
    coerced = engine._variables(
        prepared, {"id": encode_id("recording", new_id()), "filter": {"mixable": True}}
    )
    compiled = engine._compile(prepared, coerced, asker)
    assert compiled.statement is not None
    values = compiled.statement.values(engine.bound(asker, engine._arguments(compiled, coerced)))
    async with planting.acquire() as sql, sql.transaction():
        await sql.execute("set local enable_seqscan = off")
        await sql.execute("set local enable_sort = off")
        plan = await sql.fetch(f"explain {compiled.statement.text}", *values)
    assert any("Index Scan using ix_embedding_sound_400" in row["QUERY PLAN"] for row in plan)


def test_a_viewer_is_never_told_of_what_it_may_not_see() -> None:
    """The worlds above hide something from somebody: without hidden rows they would show nothing."""
    hidden = 0
    for seed in range(6):
        world = a_world(seed)
        outsider: Viewer = world.viewers()["outsider"]
        rows = world.rows["recording"]
        hidden += sum(
            row["visibility"] != "public" and row["owner_id"] != outsider.organization_id for row in rows
        )
    assert hidden > 10
