"""Search: what is found, in which order, and what is not found."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from domain.adapters.postgres import open_read_pool
from graph.run import Engine
from tests.conftest import Databases
from tests.factories import OURS, THEIRS, Planter, viewer
from tests.graph.conftest import KEY

NAMES = "__typename ... on Recording { title } ... on Artist { name } ... on Release { title }"
Search = Callable[..., Awaitable[dict[str, Any]]]


async def plant(url: str) -> None:
    """Titles with an order among them, of two organizations."""
    connection = await asyncpg.connect(url)
    planter = Planter(connection)
    for id, name in ((OURS, "ours"), (THEIRS, "theirs")):
        await planter.row("organization", id=id, name=name, slug=name)
    async with connection.transaction():
        for title in (
            "Night Drive",
            "Night Drive (Live)",
            "A Night Drive",
            "Drive by Night",
            "Midnight Driver",
            "Café del Mar",
            "100% Pure",
            "1000 Pures",
            "under_score",
            "underscore",
            "U2 Medley",
            "Zu2ka",
            "Metallica Tribute",
        ):
            await planter.plant("recording", title, title=title)
        await planter.plant("recording", "gone", title="Night Drive", status="deleted")
        await planter.plant("recording", "hidden", THEIRS, title="Night Drive Hidden")
        await planter.plant("recording", "shared", THEIRS, title="Night Drive Shared", visibility="public")
        await planter.plant("artist", "artist", name="Night Drive")
        for name, owner in (("other", OURS), ("their other", THEIRS)):
            await planter.plant("release", name, owner, title=f"Called something else, {name}")
            await planter.row(
                "title",
                entity_id=planter.world.ids[name],
                kind="release",
                position=1,
                text="Nachtfahrt",
                type="translated",
            )
        for number in range(250):
            await planter.plant("recording", f"many {number}", title=f"Common Song {number:03}")
        await planter.plant("recording", "the one", title="Common")
    await connection.close()


@pytest.fixture(scope="module")
async def engine(databases: Databases) -> AsyncIterator[Engine]:
    url = await databases.clone("search")
    await plant(url)
    pool = await open_read_pool(url, max_size=2)
    yield Engine(pool, KEY)
    pool.terminate()


@pytest.fixture(scope="module")
def search(engine: Engine) -> Search:
    """Search as one of ours unless said; the whole connection."""

    async def asked(query: str, fields: str = "", of: Any = None, **more: Any) -> dict[str, Any]:
        document = (
            "query ($query: String!, $types: [SearchKind!], $first: Int, $after: String) { search("
            "query: $query, types: $types, first: $first, after: $after) "
            f"{{ nodes {{ {NAMES} }} pageInfo {{ hasNextPage endCursor }} {fields} }} }}"
        )
        answer = await engine.execute(document, {"query": query, **more}, of or viewer())
        assert answer.statements == 1
        found: dict[str, Any] = json.loads(answer.body)["data"]["search"]
        return found

    return asked


async def titles(search: Search, query: str, **more: Any) -> list[str]:
    """The labels of what is found, in order."""
    return [node.get("title") or node["name"] for node in (await search(query, **more))["nodes"]]


async def test_the_very_title_comes_first_then_beginnings_then_words_then_parts(search: Search) -> None:
    found = await titles(search, "night drive")
    assert found[:2] == ["Night Drive", "Night Drive"]
    assert set(found[2:4]) == {"Night Drive (Live)", "Night Drive Shared"}
    assert found[4:] == ["A Night Drive", "Drive by Night", "Midnight Driver"]


async def test_a_viewer_finds_nothing_that_is_not_theirs_to_see(search: Search) -> None:
    theirs = await titles(search, "night drive", of=viewer(THEIRS))
    assert sorted(theirs) == ["Night Drive Hidden", "Night Drive Shared"]
    assert "Night Drive Hidden" not in await titles(search, "night drive")
    assert (await search("hidden", "totalCount"))["totalCount"] == 0


async def test_words_are_found_in_any_order(search: Search) -> None:
    assert "A Night Drive" in await titles(search, "drive night")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("CAFE DEL", "Café del Mar"),
        ("café", "Café del Mar"),
        ("metalica", "Metallica Tribute"),
        ("mettalica tribut", "Metallica Tribute"),
        ("u2", "U2 Medley"),
    ],
)
async def test_case_accents_and_small_mistakes_do_not_matter(search: Search, query: str, found: str) -> None:
    assert (await titles(search, query))[:1] == [found]


async def test_what_like_takes_for_wildcards_stands_for_itself(search: Search) -> None:
    assert await titles(search, "100% p") == ["100% Pure"]
    assert await titles(search, "under_s") == ["under_score"]
    assert await titles(search, "\\") == []
    assert await titles(search, "'; drop table recording; --") == []


async def test_another_title_is_a_title(search: Search) -> None:
    assert await titles(search, "nachtfahrt") == ["Called something else, other"]


async def test_kinds_can_be_chosen(search: Search) -> None:
    answer = await search("night drive", types=["ARTIST"])
    assert answer["nodes"] == [{"__typename": "Artist", "name": "Night Drive"}]
    assert await titles(search, "night drive", types=["PODCAST", "BOOK"]) == []


async def test_the_one_asked_for_is_found_among_very_many(search: Search) -> None:
    assert (await titles(search, "common", first=3))[0] == "Common"


async def test_pages_give_everything_once(search: Search) -> None:
    whole = await titles(search, "night", first=100)
    paged: list[str] = []
    after = None
    while True:
        page = await search("night", first=2, after=after)
        paged += [node.get("title") or node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert paged == whole
    assert len(whole) == 7


async def test_edges_are_the_nodes_with_their_cursors(search: Search) -> None:
    answer = await search("night drive", f"edges {{ cursor node {{ {NAMES} }} }} totalCount", first=3)
    assert [edge["node"] for edge in answer["edges"]] == answer["nodes"]
    assert answer["edges"][-1]["cursor"] == answer["pageInfo"]["endCursor"]
    assert answer["totalCount"] == 7
