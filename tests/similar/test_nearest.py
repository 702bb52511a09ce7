"""Neighbours by words in random worlds, against every vector compared in Python."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from domain.adapters.postgres import Connection, Pool, open_pool
from domain.ids import decode_id, encode_id
from domain.vectors.keep import keep_embedding
from domain.vectors.nearest import COMPARED
from graph.paging import CursorKey
from graph.run import Engine
from tests.access_rows.reference import Rows
from tests.access_rows.worlds import a_world, plant
from tests.conftest import Databases
from tests.similar.worlds import spread

DOCUMENT = (
    "query ($id: ID!, $first: Int, $types: [String!]) { similarTo(entity: $id, first: $first, types: $types) "
    "{ isComparable reason hits { id kind label similarity } } }"
)
LABELS = {"artist": "name", "credit": "name", "image": "type"}


@pytest.fixture(scope="module")
async def planting(databases: Databases) -> AsyncIterator[Pool]:
    """A pool on a database of these tests' own, in which nothing stays."""
    opened = await open_pool(await databases.clone("nearest"), max_size=1)
    yield opened
    opened.terminate()


@pytest.mark.parametrize("seed", range(4))
async def test_the_neighbours_are_those_of_the_reference(seed: int, planting: Pool) -> None:
    engine, chance = Engine(planting, CursorKey(b"nearest")), random.Random(seed)
    async with planting.acquire() as acquired:
        transaction = acquired.transaction()
        await transaction.start()
        try:
            sql = cast(Connection, acquired)
            world = a_world(seed)
            await plant(sql, world)
            rows = await Rows.load(sql)
            entities = [(kind, row) for kind in COMPARED for row in rows.tables[kind]]
            for kind, row in entities:
                if chance.random() < 0.85:
                    silent = chance.random() < 0.1
                    await keep_embedding(
                        sql,
                        kind,
                        row["id"],
                        model="text-hash-ngram",
                        version=chance.choice(("1", "1", "1", "0")),
                        vector=None if silent else spread(chance, 256),
                        dimensions=256,
                        of_sha256="0" * 64,
                        made_of="text",
                        reason="no_words" if silent else None,
                    )
            if seed % 2:
                await sql.execute("set local enable_seqscan = off")
            found = await sql.fetch(
                "select entity_id, kind, reason, vector::text as numbers from embedding "
                "where model_version = '1'"
            )
            vectors = {row["entity_id"]: dict(row) for row in found}
            for viewer in world.viewers().values():
                seen = {row["id"]: kind for kind, row in entities if rows.sees(viewer, kind, row)}
                for kind, row in chance.sample(entities, 6):
                    types = chance.choice((None, ["artist"], ["recording", "track", "image"]))
                    first = chance.choice((1, 5, 100))
                    given = {"id": encode_id(kind, row["id"]), "first": first, "types": types}
                    answer = await engine.execute(DOCUMENT, given, viewer, sql=sql)
                    told = json.loads(answer.body)["data"]["similarTo"]
                    assert (told is None) == (row["id"] not in seen), given
                    if told is not None:
                        wanted = {id for id, of in seen.items() if types is None or of in types}
                        compare(told, vectors, row["id"], wanted, first, rows)
        finally:
            await transaction.rollback()


def compare(told: Any, vectors: dict[Any, Any], id: Any, seen: set[Any], first: int, rows: Rows) -> None:
    own = vectors.get(id)
    if own is None or own["numbers"] is None:
        assert told == {
            "isComparable": False,
            "reason": "no_words" if own else "no_embedding",
            "hits": [],
        }
        return
    mine = json.loads(own["numbers"])
    near = []
    for other, row in vectors.items():
        if other != id and other in seen and row["numbers"]:
            theirs = json.loads(row["numbers"])
            near.append((-sum(a * b for a, b in zip(mine, theirs, strict=True)), other))
    near.sort()
    assert [decode_id(hit["id"])[1] for hit in told["hits"]] == [other for _, other in near[:first]]
    assert told["isComparable"] == bool(near)
    for hit, (distance, other) in zip(told["hits"], near, strict=False):
        kind, row = rows.by_id[other]
        assert (hit["kind"], hit["label"]) == (kind, row[LABELS.get(kind, "title")])
        assert hit["similarity"] == pytest.approx(-distance, abs=3e-3)
