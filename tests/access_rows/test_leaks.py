"""Every place a hidden row could show through: for licensees, bound ones and outsiders; three tenants."""

import base64
import dataclasses
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from domain.access.scopes import Role
from domain.access.viewer import Viewer
from domain.ids import encode_id
from domain.inputs import camel
from domain.kinds import KINDS
from graph.bind import TYPES, GraphType, Many, One
from graph.run import Engine
from tests.access_rows.reference import Row, Rows, visible
from tests.factories import PARTNER, THEIRS, World, viewer
from tests.graph.test_visibility import needed_arguments

# Filters by a column of another name.
MANY = {"territory": "territories", "use_type": "use_types", "commercial_model": "commercial_models"}
NOBODY = uuid.UUID(int=0)
VIEWERS = {
    "licensee": viewer(PARTNER),
    "licensee in DE": viewer(PARTNER, territories=("DE",)),
    "licensee in FR": viewer(PARTNER, territories=("FR",)),
    "licensee nowhere": viewer(PARTNER, territories=()),
    "outsider": viewer(NOBODY),
    "outsider in FR": viewer(NOBODY, territories=("FR",)),
    "other tenant in DE": viewer(THEIRS, territories=("DE",)),
}
ROOTS = [t for t in TYPES.values() if t.plural]
CONTENT = [t for t in ROOTS if t.kind in KINDS]
OWNED = [t for t in ROOTS if t.kind not in KINDS and "owner_id" in t.table.columns]


@pytest.fixture(scope="module")
async def rows(plain: "asyncpg.Connection[asyncpg.Record]") -> Rows:
    """The planted rows."""
    return await Rows.load(plain)


@pytest.fixture(params=VIEWERS)
def who(request: pytest.FixtureRequest) -> Viewer:
    """Everybody in turn."""
    return VIEWERS[request.param]


def hidden(rows: Rows, who: Viewer, kind: str) -> list[Row]:
    """The rows of a kind that somebody may not see. A merged row is another by then."""
    seen = visible(rows, who, [kind])[kind]
    return [row for row in rows.tables[kind] if row["id"] not in seen]


async def ask(engine: Engine, who: Viewer, document: str, **variables: Any) -> dict[str, Any]:
    """The data, from one statement."""
    answer = await engine.execute(document, variables, who)
    assert answer.statements == 1
    data: dict[str, Any] = json.loads(answer.body)["data"]
    return data


def test_there_is_something_to_hide_and_something_to_show(rows: Rows) -> None:
    for name, who in VIEWERS.items():
        seen = visible(rows, who)
        assert sum(map(len, seen.values())) < sum(len(rows.tables[kind]) for kind in KINDS), name
    licensee, outsider = visible(rows, VIEWERS["licensee"]), visible(rows, VIEWERS["outsider"])
    more = {kind for kind in KINDS if licensee[kind] > outsider[kind]}
    assert more >= {"artist", "release", "recording", "track", "podcast", "episode", "book", "image", "deal"}
    for bound in ("licensee in DE", "licensee in FR"):
        kinds = visible(rows, VIEWERS[bound])
        assert kinds["release"] < licensee["release"]
        assert kinds["release"]
    assert not any(visible(rows, VIEWERS["licensee nowhere"]).values())


@pytest.mark.parametrize("t", CONTENT, ids=lambda t: t.name)
async def test_lists_pages_and_counts(t: GraphType, who: Viewer, engine: Engine, rows: Rows) -> None:
    expected = {encode_id(t.kind, id) for id in visible(rows, who, [t.kind])[t.kind]}
    document = (
        f"query ($after: String) {{ {t.plural}(first: 7, after: $after) {{ totalCount nodes {{ id }} "
        "edges { cursor } pageInfo { hasNextPage endCursor } } }"
    )
    dark = [row["id"].bytes for row in hidden(rows, who, t.kind)]
    found: list[str] = []
    after: str | None = None
    while True:
        page = (await ask(engine, who, document, after=after))[t.plural]
        assert page["totalCount"] == len(expected)
        found += [node["id"] for node in page["nodes"]]
        for edge in page["edges"]:
            raw = base64.urlsafe_b64decode(edge["cursor"] + "=" * (-len(edge["cursor"]) % 4))
            assert not any(id in raw for id in dark)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(found) == len(set(found))
    assert set(found) == expected


@pytest.mark.parametrize("t", OWNED, ids=lambda t: t.name)
async def test_what_is_an_owners_alone_is_nobody_elses(
    t: GraphType, who: Viewer, engine: Engine, plain: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    who = dataclasses.replace(who, role=Role.ADMIN)  # also what only administrators look at
    others = await plain.fetch(f"select id from {t.kind} where owner_id <> $1", who.organization_id)
    assert others
    mine = await plain.fetchval(f"select count(*) from {t.kind} where owner_id = $1", who.organization_id)
    ids = [encode_id(t.kind, row["id"]) for row in others][:100]
    document = (
        f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ id }} all: {t.plural} {{ totalCount }} "
        f"{t.plural}(filter: {{ids: $ids}}) {{ totalCount nodes {{ id }} }} }}"
    )
    data = await ask(engine, who, document, ids=ids)
    assert data == {
        "nodes": [None] * len(ids),
        "all": {"totalCount": mine},
        t.plural: {"totalCount": 0, "nodes": []},
    }


@pytest.mark.parametrize("t", CONTENT, ids=lambda t: t.name)
async def test_a_hidden_row_answers_as_an_absent_one(
    t: GraphType, who: Viewer, engine: Engine, rows: Rows
) -> None:
    document = (
        f"query ($id: ID!) {{ {t.one_name}(id: $id) {{ id }} node(id: $id) {{ id __typename }} "
        f"nodes(ids: [$id]) {{ id }} {t.plural}(filter: {{ids: [$id]}}) "
        "{ totalCount nodes { id } pageInfo { hasNextPage startCursor endCursor } } }"
    )
    absent = await engine.execute(document, {"id": encode_id(t.kind, uuid.uuid4())}, who)
    merged = {row["id"] for row in rows.tables[t.kind] if row["status"] == "deleted"}
    dark = [row for row in hidden(rows, who, t.kind) if row["id"] not in merged]
    assert dark
    for row in dark[:25]:
        answer = await engine.execute(document, {"id": encode_id(t.kind, row["id"])}, who)
        assert answer.body == absent.body


async def test_a_merged_id_leads_no_further_than_its_target(
    who: Viewer, engine: Engine, rows: Rows, world: World
) -> None:
    for old, new in (("artist merged", "artist full"),):
        seen = world.ids[new] in visible(rows, who, ["artist"])["artist"]
        data = await ask(engine, who, "query ($id: ID!) { node(id: $id) { id } }", id=world.id(old))
        assert data["node"] == ({"id": world.id(new)} if seen else None)


@pytest.mark.parametrize("t", CONTENT, ids=lambda t: t.name)
async def test_no_filter_finds_a_hidden_row(
    t: GraphType,
    who: Viewer,
    engine: Engine,
    rows: Rows,
    plain: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    dark = hidden(rows, who, t.kind)
    ids = [row["id"] for row in dark]
    codes = await plain.fetch("select scheme, value from identifier where entity_id = any($1)", ids)
    filters: list[dict[str, Any]] = [
        {"identifier": {"scheme": code["scheme"], "value": code["value"]}} for code in codes
    ]
    for name in t.filters:
        columns = {
            "territory": "territories",
            "use_type": "use_types",
            "commercial_model": "commercial_models",
        }
        if (column := columns.get(name, name)) in t.table.columns:
            values = {value for row in dark for value in _many(row[column])}
            filters += [{camel(name): sorted(values)}] if values else []
    if t.kind == "track":
        heard = await plain.fetch("select isrc from recording where isrc is not null")
        filters.append({"isrc": [row["isrc"] for row in heard]})
    if t.label in ("title", "name"):
        texts = {row[t.label] for row in dark if row[t.label]}
        for text in sorted(texts)[:12]:
            filters += [{t.label: {test: text}} for test in ("equals", "startsWith", "contains")]
    document = (
        f"query ($filter: {t.name}Filter!) {{ {t.plural}(first: 100, filter: $filter) "
        "{ totalCount nodes { id } pageInfo { hasNextPage } } }"
    )
    never = {encode_id(t.kind, id) for id in ids}
    for given in filters:
        page = (await ask(engine, who, document, filter=given))[t.plural]
        found = [node["id"] for node in page["nodes"]]
        assert not never & set(found), given
        assert page["totalCount"] == len(found) or page["pageInfo"]["hasNextPage"], given


def _many(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, str):
        yield value


async def test_search_and_what_it_takes_for_alike(who: Viewer, engine: Engine, rows: Rows) -> None:
    document = (
        "query ($text: String!) { search(query: $text, first: 100) "
        "{ totalCount nodes { ... on Node { id } } edges { cursor } pageInfo { hasNextPage } } }"
    )
    seen = {encode_id(kind, id) for kind, ids in visible(rows, who).items() for id in ids}
    texts = {
        str(row[t.label])[:40].strip()
        for t in CONTENT
        if t.label in ("title", "name")
        for row in hidden(rows, who, t.kind)
        if row[t.label] and row[t.label].strip()
    }
    for text in sorted(texts):
        page = (await ask(engine, who, document, text=text))["search"]
        found = [node["id"] for node in page["nodes"]]
        assert set(found) <= seen, text
        assert page["totalCount"] == len(found), text


async def test_hidden_titles_do_not_use_up_the_room_of_others(
    engine: Engine, rows: Rows, world: World
) -> None:
    document = '{ search(query: "other he said", first: 100) { nodes { ... on Node { id } } } }'
    for who in VIEWERS.values():
        found = {node["id"] for node in (await ask(engine, who, document))["search"]["nodes"]}
        titled = {"release": "release full", "podcast": "podcast full", "recording": "recording full"}
        for kind, name in titled.items():
            assert (world.id(name) in found) == (world.ids[name] in visible(rows, who, [kind])[kind]), name


def everything(t: GraphType, depth: int) -> str:
    """A selection of every field, some levels down."""
    parts: list[str] = []
    for name, binding in t.bindings.items():
        own = camel(name)
        if not isinstance(binding, One | Many):
            parts.append(own + needed_arguments(t, own))
        elif depth:
            inner = everything(TYPES[binding.type], depth - 1)
            paged = isinstance(binding, Many) and binding.paged
            parts.append(f"{own}(first: 5) {{ nodes {{ {inner} }} }}" if paged else f"{own} {{ {inner} }}")
    return " ".join(parts)


@pytest.mark.parametrize("t", CONTENT, ids=lambda t: t.name)
async def test_every_field_of_every_type_two_steps_from_every_root(
    t: GraphType, who: Viewer, engine: Engine, rows: Rows, world: World
) -> None:
    document = f"{{ {t.plural}(first: 100) {{ nodes {{ {everything(t, 2)} }} }} }}"
    text = (await engine.execute(document, None, who)).body.decode()
    told = set(re.findall(r'"id":"([^"]+)"', text))
    seen = {encode_id(kind, id) for kind, ids in visible(rows, who).items() for id in ids}
    for kind in ("file", "enrichment"):
        seen |= {world.id(name) for name in world.named(kind, owner=who.organization_id)}
    trail = {encode_id("change_set", uuid.UUID(int=0))[:6]}
    assert {id for id in told if not any(id.startswith(begin) for begin in trail)} - seen <= set(
        re.findall(r'"changeSet":\{"id":"([^"]+)"', text)
    )


async def test_feeds_tell_of_own_rows_only(who: Viewer, engine: Engine, world: World) -> None:
    for field in (
        "changes(first: 1000) { changes { entityId } }",
        'updates(since: "2020-01-01T00:00:00Z", limit: 1000) { updates { id } }',
    ):
        answer = await engine.execute(f"{{ {field} }}", None, who)
        told = re.findall(r'"(?:entityId|id)":"([^"]+)"', answer.body.decode())
        owners = {world.id(name): owner for name, owner in world.owners.items()}
        assert {owners[id] for id in told if id in owners} <= {who.organization_id}
        assert bool(told) == (who.organization_id == THEIRS)


async def test_a_licensee_sees_its_deals_and_no_other_of_the_owners(engine: Engine, world: World) -> None:
    document = "{ deals(first: 100) { nodes { reference releases { id } tracks { totalCount } } } }"
    expected = {
        "licensee": {"to partner", "to partner by DPID", "taken from partner", "over", "of another's"},
        "licensee in DE": {"to partner", "to partner by DPID", "taken from partner"},
        "licensee in FR": {"to partner by DPID", "over", "of another's"},
        "licensee nowhere": set(),
        "outsider": set(),
        "outsider in FR": set(),
    }
    for name, references in expected.items():
        deals = (await ask(engine, VIEWERS[name], document))["deals"]["nodes"]
        assert {deal["reference"] for deal in deals} == references, name
        # Another's row can't be licensed away.
        assert all(deal["releases"] == [] for deal in deals if deal["reference"] == "of another's")


async def test_what_was_measured_follows_its_recording(engine: Engine, rows: Rows, world: World) -> None:
    document = (
        "query ($id: ID!) { recording(id: $id) { features { name } tracks { nodes { features { name } } } } }"
    )
    for who in VIEWERS.values():
        for name in ("recording private", "their private recording"):
            seen = world.ids[name] in visible(rows, who, ["recording"])["recording"]
            found = (await ask(engine, who, document, id=world.id(name)))["recording"]
            assert (found is not None) == seen
            assert found is None or len(found["features"]) == 4
