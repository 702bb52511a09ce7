"""Walking a list by its cursors, forward and backward, while it grows; and cursors that are not ours."""

import base64
import random
import uuid
from typing import Any

import asyncpg
import orjson
import pytest

from domain.adapters.postgres import open_read_pool
from graph.paging import CursorKey
from graph.run import Engine
from graph.schema import LARGEST_PAGE
from tests.conftest import Databases
from tests.factories import FIRST_ID, OURS, THEIRS, World, viewer
from tests.graph.conftest import KEY, Ask, Refused

PAGE = (
    "{ nodes { id } edges { cursor node { id } } totalCount "
    "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"
)
ROOTS = [
    ("releases", "ID_ASC"),
    ("releases", "ID_DESC"),
    ("releases", "TITLE_ASC"),
    ("releases", "TITLE_DESC"),
    ("releases", "CREATED_AT_ASC"),
    ("releases", "UPDATED_AT_DESC"),
    ("releases", "RELEASE_DATE_ASC"),
    ("recordings", "TITLE_ASC"),
    ("artists", "NAME_DESC"),
    ("images", "TYPE_ASC"),
    ("episodes", "TITLE_ASC"),
    ("deals", "ID_DESC"),
    ("jobs", "CREATED_AT_DESC"),
    ("changeSets", "CREATED_AT_ASC"),
    ("deliveries", "RECEIVED_AT_ASC"),
]
NESTED = [
    ("artist", "artist full", "releases", "id"),
    ("artist", "artist full", "recordings", "id"),
    ("recording", "recording full", "tracks", "id"),
    ("podcast", "podcast full", "episodes", "id"),
    ("release", "release bare", "history", "seq"),
    ("delivery", "delivery full", "findings", "position"),
    ("changeSet", "our change set many", "changes", "seq"),
]


async def walk(ask: Ask, document: str, path: tuple[str, ...], size: int, backward: bool) -> list[Any]:
    """Every node, page by page, in the list's order."""
    found: list[Any] = []
    cursor: str | None = None
    names = ("last", "before") if backward else ("first", "after")
    while True:
        page: Any = await ask(document, {names[0]: size, names[1]: cursor})
        for step in path:
            page = page[step]
        info, edges = page["pageInfo"], page["edges"]
        assert [edge["node"] for edge in edges] == page["nodes"]
        assert (info["startCursor"], info["endCursor"]) == (
            (edges[0]["cursor"], edges[-1]["cursor"]) if edges else (None, None)
        )
        assert len(edges) <= size
        found = [*page["nodes"], *found] if backward else [*found, *page["nodes"]]
        behind, ahead = ("hasNextPage", "hasPreviousPage") if backward else ("hasPreviousPage", "hasNextPage")
        assert info[behind] == (cursor is not None)
        if not info[ahead]:
            assert page["totalCount"] == len(found)
            return found
        assert len(edges) == size
        cursor = info["startCursor" if backward else "endCursor"]


ARGUMENTS = "first: $first, after: $after, last: $last, before: $before"
VARIABLES = "query ($first: Int, $after: String, $last: Int, $before: String)"


@pytest.mark.parametrize(("name", "order"), ROOTS)
async def test_a_list_is_walked_once_either_way(name: str, order: str, ask: Ask) -> None:
    document = f"{VARIABLES} {{ {name}({ARGUMENTS}, orderBy: {order}) {PAGE} }}"
    forward = await walk(ask, document, (name,), 4, backward=False)
    assert forward
    assert len({node["id"] for node in forward}) == len(forward)
    assert await walk(ask, document, (name,), 3, backward=True) == forward
    assert await walk(ask, document, (name,), LARGEST_PAGE, backward=False) == forward
    other = order.replace("ASC", "desc").replace("DESC", "ASC").replace("desc", "DESC")
    document = document.replace(order, other)
    assert await walk(ask, document, (name,), 5, backward=False) == forward[::-1]


@pytest.mark.parametrize(("one", "row", "name", "value"), NESTED)
async def test_a_nested_list_is_walked_once_either_way(
    one: str, row: str, name: str, value: str, ask: Ask, world: World
) -> None:
    page = PAGE.replace("id }", f"{value} }}")
    document = f'{VARIABLES} {{ {one}(id: "{world.id(row)}") {{ {name}({ARGUMENTS}) {page} }} }}'
    forward = await walk(ask, document, (one, name), 2, backward=False)
    assert len({node[value] for node in forward}) == len(forward) > 1
    assert await walk(ask, document, (one, name), 3, backward=True) == forward


@pytest.mark.parametrize(
    "test",
    ['title: {contains: "pag"}', 'title: {startsWith: "PÄGE"}', 'visibility: ["public"]', 'genre: "pop"'],
)
async def test_a_filtered_list_is_walked_once_either_way(test: str, ask: Ask) -> None:
    document = f"{VARIABLES} {{ releases({ARGUMENTS}, filter: {{{test}}}, orderBy: TITLE_DESC) {PAGE} }}"
    forward = await walk(ask, document, ("releases",), 2, backward=False)
    assert forward
    assert await walk(ask, document, ("releases",), 3, backward=True) == forward


async def test_a_list_that_grows_shows_what_was_there_exactly_once(databases: Databases) -> None:
    url = await databases.clone("growing")
    connection = await asyncpg.connect(url)
    pool = await open_read_pool(url, max_size=1)
    try:
        await connection.execute(
            "insert into organization (id, name, slug) values ($1, 'a', 'a'), ($2, 'b', 'b')", OURS, THEIRS
        )
        chance = random.Random(20_261_121)
        numbers = iter(chance.sample(range(10_000), 400))

        async def grow(count: int) -> set[uuid.UUID]:
            ids = {uuid.UUID(int=FIRST_ID + next(numbers)) for _ in range(count)}
            for id in ids:
                await connection.execute(
                    "insert into work (id, owner_id, title, visibility) values ($1, $2, $3, 'public')",
                    id,
                    chance.choice((OURS, THEIRS)),
                    chance.choice(("a", "Ä", "b", "ba")),
                )
            return ids

        before = await grow(60)
        engine = Engine(pool, KEY)
        for order in ("ID_ASC", "TITLE_DESC", "CREATED_AT_ASC"):
            seen: list[str] = []
            cursor: str | None = None
            while True:
                answer = await engine.data(
                    f"query ($a: String) {{ works(first: 7, after: $a, orderBy: {order}) "
                    "{ nodes { id } pageInfo { endCursor hasNextPage } } }",
                    {"a": cursor},
                    viewer(),
                )
                page = orjson.loads(answer)["works"]
                seen += [node["id"] for node in page["nodes"]]
                cursor = page["pageInfo"]["endCursor"]
                if not page["pageInfo"]["hasNextPage"]:
                    break
                await grow(3)
            assert len(seen) == len(set(seen))
            whole = {base64.urlsafe_b64decode(id + "==")[-16:] for id in seen}
            assert {id.bytes for id in before} <= whole
    finally:
        await connection.close()
        pool.terminate()
        await databases.drop(url)


async def test_a_page_after_the_last_row_is_empty(ask: Ask) -> None:
    last = (await ask("{ works(last: 1) { pageInfo { endCursor } } }"))["works"]["pageInfo"]["endCursor"]
    document = f"query ($c: String) {{ works(after: $c) {PAGE} }}"
    page = (await ask(document, {"c": last}))["works"]
    nothing = {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None}
    assert (page["nodes"], page["edges"], page["pageInfo"]) == ([], [], nothing)
    assert page["totalCount"] > 0


async def test_the_default_page_has_twenty_rows(ask: Ask) -> None:
    page = (await ask("{ releases { nodes { id } totalCount } }"))["releases"]
    assert len(page["nodes"]) == 20 < page["totalCount"]


async def test_a_cursor_stays_good_when_its_row_goes(databases: Databases) -> None:
    url = await databases.clone("going")
    connection = await asyncpg.connect(url)
    pool = await open_read_pool(url, max_size=1)
    try:
        await connection.execute("insert into organization (id, name, slug) values ($1, 'a', 'a')", OURS)
        for place in range(4):
            await connection.execute(
                "insert into work (id, owner_id, title) values ($1, $2, 'a')",
                uuid.UUID(int=FIRST_ID + place),
                OURS,
            )
        engine = Engine(pool, KEY)
        document = (
            "query ($a: String) { works(first: 2, after: $a, orderBy: TITLE_ASC) "
            "{ nodes { id } pageInfo { endCursor } } }"
        )
        first = orjson.loads(await engine.data(document, None, viewer()))["works"]
        await connection.execute(
            "update work set status = 'deleted', version = 2 where id = $1", uuid.UUID(int=FIRST_ID + 1)
        )
        cursor = {"a": first["pageInfo"]["endCursor"]}
        after = orjson.loads(await engine.data(document, cursor, viewer()))["works"]
        assert len(after["nodes"]) == 2
    finally:
        await connection.close()
        pool.terminate()
        await databases.drop(url)


async def cursors(ask: Ask) -> dict[str, str]:
    """A cursor of each of some lists."""
    data = await ask(
        """{
          id: releases(first: 1) { pageInfo { endCursor } }
          down: releases(first: 1, orderBy: ID_DESC) { pageInfo { endCursor } }
          title: releases(first: 1, orderBy: TITLE_ASC) { pageInfo { endCursor } }
          works: works(first: 1) { pageInfo { endCursor } }
          search: search(query: "post", first: 1) { pageInfo { endCursor } }
        }"""
    )
    return {name: page["pageInfo"]["endCursor"] for name, page in data.items()}


async def test_a_cursor_of_another_list_or_order_is_refused(ask: Ask, refused: Refused) -> None:
    given = await cursors(ask)
    document = "query ($c: String, $o: ReleaseOrder) { releases(after: $c, orderBy: $o) { totalCount } }"
    orders = {"id": "ID_ASC", "down": "ID_DESC", "title": "TITLE_ASC"}
    for order in orders.values():
        for name, cursor in given.items():
            if orders.get(name) != order:
                assert await refused(document, {"c": cursor, "o": order}) == "BAD_CURSOR"
    search = 'query ($c: String) { search(query: "post", after: $c) { totalCount } }'
    assert await refused(search, {"c": given["id"]}) == "BAD_CURSOR"


async def test_no_bit_of_a_cursor_can_be_changed(ask: Ask, refused: Refused) -> None:
    given = await cursors(ask)
    document = "query ($c: String) { releases(after: $c, orderBy: TITLE_ASC) { totalCount } }"
    raw = base64.urlsafe_b64decode(given["title"] + "==")
    chance = random.Random(7)
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1 << chance.randrange(8)
        text = base64.urlsafe_b64encode(bytes(changed)).rstrip(b"=").decode()
        assert await refused(document, {"c": text}) == "BAD_CURSOR"
    for cut in range(len(raw)):
        text = base64.urlsafe_b64encode(raw[:cut]).rstrip(b"=").decode()
        assert await refused(document, {"c": text}) == "BAD_CURSOR"


@pytest.mark.parametrize("text", ["", "x", "====", "é", "\ud800", "\x00", "A" * 10_000, "' or 1=1 --", " "])
async def test_garbage_is_no_cursor(text: str, refused: Refused) -> None:
    document = "query ($c: String) { releases(after: $c) { nodes { id } } }"
    assert await refused(document, {"c": text}) == "BAD_CURSOR"


async def test_a_cursor_of_another_key_is_refused(engine: Engine, ask: Ask, refused: Refused) -> None:
    document = "query ($c: String) { releases(after: $c) { nodes { id } pageInfo { endCursor } } }"
    foreign = Engine(engine.pool, CursorKey(b"another key"))
    answer = orjson.loads(await foreign.data(document, None, viewer()))
    assert await refused(document, {"c": answer["releases"]["pageInfo"]["endCursor"]}) == "BAD_CURSOR"
    long = CursorKey(b"k" * 200)
    assert len(long.inner) == len(long.outer) == 64
    walked = Engine(engine.pool, long)
    end = orjson.loads(await walked.data(document, None, viewer()))["releases"]["pageInfo"]
    assert await walked.data(document, {"c": end["endCursor"]}, viewer())
