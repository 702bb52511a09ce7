"""Which rows each tenant finds, by every way that finds rows, against a slow reference that shares no SQL.

Lists, counts, look-ups by id and by several ids, search, the change feed: what is hidden is in none, and
what may be seen is in all that speak of it.
"""

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest

from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.ids import decode_id, encode_id
from domain.inputs import camel
from domain.kinds import KINDS
from domain.row import new_id
from graph.schema import schema
from openapi.routes import kebab
from tests.access_rows.reference import Rows, visible
from tests.matrix.callers import GOOD, Crowd
from tests.matrix.planted import BOUND_TO, PARTNER

TENANTS = ("admin", "other tenant", "operator's admin", "bound partner")
LISTS = {t.kind: (t.one_name, t.plural) for t in schema().types.values() if t.kind in KINDS}
Seen = dict[str, set[uuid.UUID]]


@pytest.fixture(scope="module")
def rows(crowd: Crowd) -> Rows:
    """Every row there is."""

    async def load() -> Rows:
        connection = await asyncpg.connect(crowd.house.database_url)
        try:
            return await Rows.load(connection)
        finally:
            await connection.close()

    return asyncio.run(load())


def expected(rows: Rows, column: str) -> Seen:
    """By kind: what a column may see, by the reference."""
    organization = GOOD[column][0]
    bound = BOUND_TO if organization == PARTNER else None
    return visible(rows, Viewer(organization, "reference", Role.ADMIN, frozenset(Scope), territories=bound))


def listed(crowd: Crowd, column: str, kind: str) -> tuple[set[uuid.UUID], int]:
    """All ids of a kind, page by page, and how many there are said to be."""
    found: list[uuid.UUID] = []
    after, count = "", -1
    while True:
        more = f', after: "{after}"' if after else ""
        _, answer = crowd.ask(
            crowd.brings(column),
            f"{{ it: {LISTS[kind][1]}(first: 50{more}) {{ totalCount nodes {{ id }} "
            "pageInfo { hasNextPage endCursor } } }",
        )
        page = answer["data"]["it"]
        found += [decode_id(node["id"])[1] for node in page["nodes"]]
        assert count in (-1, page["totalCount"])
        count, after = page["totalCount"], page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            assert len(found) == len(set(found))
            return set(found), count


@pytest.mark.parametrize("column", TENANTS)
def test_lists_and_counts(crowd: Crowd, rows: Rows, column: str) -> None:
    seen = expected(rows, column)
    assert any(seen.values())
    for kind in LISTS:
        found, count = listed(crowd, column, kind)
        assert found == seen[kind], kind
        assert count == len(seen[kind]), kind
        answer = crowd.call(crowd.brings(column), "GET", f"/v1/{kebab(LISTS[kind][1])}?first=100&fields=id")
        assert answer.status_code == 200
        by_rest = {decode_id(item["id"])[1] for item in answer.json()["items"]}
        assert by_rest <= seen[kind]
        assert len(by_rest) == min(100, len(seen[kind]))


@pytest.mark.parametrize("column", TENANTS)
def test_by_several_ids_and_by_filter(crowd: Crowd, rows: Rows, column: str) -> None:
    """node, nodes and the filter by ids find what may be seen, and of the rest as much as of nothing."""
    seen, headers = expected(rows, column), crowd.brings(column)
    merged = _merged(crowd)
    for kind in LISTS:
        ids = [row["id"] for row in rows.tables[kind] if row["id"] not in merged]
        for begin in range(0, len(ids), 50):
            some = [encode_id(kind, id) for id in (*ids[begin : begin + 50], new_id())]
            given = ", ".join(f'"{id}"' for id in some)
            page = f"{LISTS[kind][1]}(first: 100, filter: {{ids: [{given}]}})"
            asked = f"{{ nodes(ids: [{given}]) {{ id }} it: {page} {{ totalCount }} }}"
            _, answer = crowd.ask(headers, asked)
            found = [node and decode_id(node["id"])[1] for node in answer["data"]["nodes"]]
            of = [id if id in seen[kind] else None for id in (*ids[begin : begin + 50], None)]
            assert found == of, kind
            assert answer["data"]["it"]["totalCount"] == sum(id is not None for id in of), kind


def _merged(crowd: Crowd) -> set[uuid.UUID]:
    """Ids that stand for other rows now."""

    async def read() -> set[uuid.UUID]:
        connection = await asyncpg.connect(crowd.house.database_url)
        try:
            found = await connection.fetch("select id from entity where merged_into_id is not null")
            return {row["id"] for row in found}
        finally:
            await connection.close()

    return asyncio.run(read())


@pytest.mark.parametrize("column", TENANTS)
@pytest.mark.parametrize("words", ["private of", "Hidden", "licensed", "public", "Post", "théirs"])
def test_search(crowd: Crowd, rows: Rows, column: str, words: str) -> None:
    """What search finds, and how much it says there is, is among what may be seen."""
    seen = set().union(*expected(rows, column).values())
    document = f'{{ search(query: "{words}", first: 100) {{ totalCount nodes {{ ... on Node {{ id }} }} }} }}'
    _, answer = crowd.ask(crowd.brings(column), document)
    found = {decode_id(node["id"])[1] for node in answer["data"]["search"]["nodes"]}
    assert found <= seen
    assert answer["data"]["search"]["totalCount"] == len(found)


@pytest.mark.parametrize("column", TENANTS)
def test_the_feed_tells_of_ones_own(crowd: Crowd, column: str) -> None:
    organization, cursor, told = GOOD[column][0], "", 0
    owned = _owned(crowd, organization)
    while True:
        since = f'(since: "{cursor}", first: 100)' if cursor else "(first: 100)"
        document = f"{{ changes{since} {{ nextCursor hasMore changes {{ entityId kind changeSetId }} }} }}"
        _, answer = crowd.ask(crowd.brings(column), document)
        feed: dict[str, Any] = answer["data"]["changes"]
        for change in feed["changes"]:
            assert decode_id(change["entityId"])[1] in owned, change
        told, cursor = told + len(feed["changes"]), feed["nextCursor"]
        if not feed["hasMore"]:
            break
    assert told, "a tenant without a change tries nothing"


def _owned(crowd: Crowd, organization: uuid.UUID) -> set[uuid.UUID]:
    async def read() -> set[uuid.UUID]:
        connection = await asyncpg.connect(crowd.house.database_url)
        try:
            return {
                row["entity_id"]
                for row in await connection.fetch(
                    "select entity_id from change where owner_id = $1", organization
                )
            }
        finally:
            await connection.close()

    return asyncio.run(read())


def test_every_kind_of_content_has_rows_of_both_tenants(rows: Rows) -> None:
    ours, theirs = GOOD["admin"][0], GOOD["other tenant"][0]
    for kind in LISTS:
        owners = {row["owner_id"] for row in rows.tables[kind]}
        assert {ours, theirs} <= owners, kind
    assert {camel(kind) for kind in LISTS} == {camel(kind) for kind in KINDS}
