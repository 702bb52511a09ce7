"""Texts found anywhere in a title: however many match, the pages are the same."""

from functools import partial

import orjson
import pytest

import graph.sql
from domain.access.scopes import Role
from domain.adapters.load import Source, load_new
from domain.adapters.postgres import Pool, connect_reader
from domain.adapters.readers import Readers
from domain.demo.generate import units
from domain.row import new_id
from graph.paging import CursorKey
from graph.run import Engine
from tests.domain.desk import new_desk

QUERY = """query ($text: String!, $order: TrackOrder, $after: String, $last: Int, $first: Int) {
  tracks(first: $first, last: $last, after: $after, orderBy: $order, filter: {title: {contains: $text}}) {
    nodes { id title } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount } }"""


async def test_few_and_many_matches_give_the_same_pages(
    fresh_pool: Pool, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await new_desk(fresh_pool, role=Role.LABEL_USER)
    other = await new_desk(fresh_pool)
    for who, seed in ((desk, 1), (other, 2)):
        drafts = [draft for unit in units(250, seed) for draft in unit.drafts]
        source = Source("demo", str(seed))
        await load_new(
            fresh_pool, who.viewer, drafts, source, change_set_id=new_id(), command="demo", door="cli"
        )
    async with Readers(partial(connect_reader, fresh_database), 2) as readers:
        found: dict[int, list[bytes]] = {}
        for many in (2, 100_000):
            monkeypatch.setattr(graph.sql, "MANY_MATCHES", many)
            engine = Engine(readers, CursorKey(b"k" * 32))
            found[many] = []
            for text in ("the", "i", "river", "nothing at all", "%", "_", "夜"):
                for order in (None, "TITLE_ASC", "TITLE_DESC"):
                    variables = {"text": text, "order": order, "first": 4}
                    after = None
                    for _ in range(3):
                        answer = await engine.execute(QUERY, {**variables, "after": after}, desk.viewer)
                        found[many].append(answer.body)
                        after = orjson.loads(answer.body)["data"]["tracks"]["pageInfo"]["endCursor"]
                        if after is None:
                            break
                    backward = {"text": text, "order": order, "last": 3}
                    found[many].append((await engine.execute(QUERY, backward, desk.viewer)).body)
        assert found[2] == found[100_000]
        assert any(b'"hasNextPage":true' in body for body in found[2])
