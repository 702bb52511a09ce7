"""What may not be seen is not found: not in lists, by id, nested, counted, searched or told of."""

import json
import re
from typing import Any

import asyncpg
import pytest
from graphql import GraphQLObjectType

from domain.access.scopes import ROLE_SCOPES, Access, Role, Scope
from domain.ids import decode_id, encode_id
from domain.inputs import camel
from graph.bind import TYPES, GraphType, Many, One
from graph.paging import CursorKey
from graph.run import Engine
from graph.schema import schema
from tests.factories import OURS, THEIRS, World, administrator, viewer
from tests.graph import executor
from tests.graph.conftest import Ask, Refused

ROOTS = [t for t in TYPES.values() if t.plural]
# Who may read every kind of thing, of their own organization alone.
US = administrator()
GIVEN = {"territory": '"DE"', "useType": '"OnDemandStream"', "commercialModel": '"SubscriptionModel"'}
# Texts that stand in private rows of the other organization, and in nothing that may be seen.
HIDDEN_TEXTS = (
    "Hidden song",
    "Hidden recording",
    "Hidden clip",
    "Post hidden",
    "Hidden talk",
    "hidden-guid",
    "Hidden tale",
    "Hidden read",
    "Ghost",
    "0000000109198884",
    "GBAYC1700601",
    "GBAYC1700606",
    "602557190328",
    "T0000000010",
    "666000",
    "their private artist-2",
    "their private release-2",
    "their private recording-2",
    "their private track",
    "tempo_bpm of their private recording",
    "hidden eve",
    "hidden.eve",
    "their client",
    "their.invitation",
    "their_client",
    # What is kept of secrets, of anybody's.
    "f" * 64,
    "argon2id",
)


@pytest.fixture(scope="module")
async def seen(plain: "asyncpg.Connection[asyncpg.Record]", world: World) -> dict[str, set[str]]:
    """By kind: the ids of the rows that ours may see, worked out by the reference."""
    found: dict[str, set[str]] = {}
    asked = executor.Asked(US, plain, CursorKey(b""))
    for t in ROOTS:
        rows = await asked.rows(t, f"select * from {t.kind}")
        found[t.kind] = {encode_id(t.kind, row.id) for row in rows}
    return found


@pytest.fixture(scope="module")
def hidden(world: World, seen: dict[str, set[str]]) -> dict[str, list[str]]:
    """By kind: the names of the rows that ours may not see. A merged id is not hidden; it is another."""
    found = {
        kind: [name for name in world.named(kind) if world.id(name) not in ids and "merged" not in name]
        for kind, ids in seen.items()
    }
    assert all(found.values())
    assert "their private release" in found["release"]
    assert "track deleted" in found["track"]
    assert "their public deal" in found["deal"]
    return found


@pytest.mark.parametrize("t", ROOTS, ids=lambda t: t.name)
async def test_a_list_has_what_may_be_seen_and_counts_no_more(
    t: GraphType, ask: Ask, seen: dict[str, set[str]]
) -> None:
    nodes: list[str] = []
    after: str | None = None
    document = (
        f"query ($after: String) {{ {t.plural}(first: 100, after: $after) "
        "{ totalCount nodes { id } pageInfo { hasNextPage endCursor } } }"
    )
    while True:
        page = (await ask(document, {"after": after}, US))[t.plural]
        nodes += [node["id"] for node in page["nodes"]]
        assert page["totalCount"] == len(seen[t.kind])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert set(nodes) == seen[t.kind]


@pytest.mark.parametrize("t", ROOTS, ids=lambda t: t.name)
async def test_a_hidden_row_is_not_found_by_its_id(
    t: GraphType, ask: Ask, world: World, hidden: dict[str, list[str]]
) -> None:
    for name in hidden[t.kind]:
        id = world.id(name)
        one = f"{t.one_name}(id: $id) {{ id }} node(id: $id) {{ id __typename }} nodes(ids: [$id]) {{ id }}"
        ids = f"{t.plural}(filter: {{ids: [$id]}}) {{ totalCount nodes {{ id }} pageInfo {{ endCursor }} }}"
        data = await ask(f"query ($id: ID!) {{ {one} {ids} }}", {"id": id}, US)
        nothing = {"totalCount": 0, "nodes": [], "pageInfo": {"endCursor": None}}
        assert data == {t.one_name: None, "node": None, "nodes": [None], t.plural: nothing}, name
        if not name.endswith(("deleted", "purged")):
            theirs = await ask(f"query ($id: ID!) {{ {one} }}", {"id": id}, administrator(world.owners[name]))
            assert theirs["node"] == {"id": id, "__typename": t.name}


async def test_rows_of_others_are_read_when_they_are_public(ask: Ask, world: World) -> None:
    for name in ("their artist", "their release", "their recording", "their track", "their podcast"):
        data = await ask("query ($id: ID!) { node(id: $id) { id } }", {"id": world.id(name)})
        assert data == {"node": {"id": world.id(name)}}


@pytest.mark.parametrize(
    "field",
    [
        'artists(isni: "0000000109198884")',
        'artists(ipi: "hidden")',
        'artists(filter: {name: {equals: "björk hidden"}})',
        'artists(filter: {name: {startsWith: "Björk H"}})',
        'artists(filter: {name: {contains: "hidden"}})',
        'artists(filter: {identifier: {scheme: "proprietary", value: "their private artist-2"}})',
        'releases(upc: "602557190328")',
        'releases(upc: "602557190304")',
        'releases(filter: {identifier: {scheme: "proprietary", value: "their private release-2"}})',
        'releases(filter: {status: "deleted"})',
        'recordings(isrc: ["GBAYC1700601", "GBAYC1700602"])',
        'tracks(isrc: ["GBAYC1700601", "GBAYC1700602", "GBAYC1700606"])',
        'works(iswc: "T0000000010")',
        'videos(isrc: "GBAYC1700606")',
        'podcasts(guid: "hidden-guid")',
        f'images(sha256: "{"cd" * 32}")',
        'deals(reference: ["hidden", "theirs", "gone"])',
        f'deliveries(sha256: "{"cd" * 32}", messageId: "m-1")',
        'changeSets(actor: "user:their")',
        'organizations(slug: "theirs")',
        'dpids(filter: {ids: ["@their dpid"]})',
        'members(filter: {ids: ["@their member ann"]})',
        'invitations(email: "their.invitation@example.org")',
        'clients(filter: {ids: ["@their client"]})',
        'apiKeys(prefix: "cg_live_their_client_full")',
        'sessions(filter: {ids: ["@their session", "@their session ann"]})',
    ],
)
async def test_nothing_is_found_by_what_a_hidden_row_says(field: str, ask: Ask, world: World) -> None:
    field = re.sub(r'"@([^"]+)"', lambda name: json.dumps(world.id(name[1])), field)
    (page,) = (await ask(f"{{ {field} {{ totalCount nodes {{ __typename }} }} }}", None, US)).values()
    assert page == {"totalCount": 0, "nodes": []}


@pytest.mark.parametrize("text", ["hidden", "Björk Hid", "deleted", "purged", "their private", "gone", "h"])
async def test_search_finds_no_hidden_row(text: str, ask: Ask, seen: dict[str, set[str]]) -> None:
    document = (
        "query ($text: String!) { search(query: $text, first: 100) "
        "{ totalCount nodes { ... on Node { id } } pageInfo { hasNextPage } } }"
    )
    page = (await ask(document, {"text": text}))["search"]
    ids = {node["id"] for node in page["nodes"]}
    assert ids <= set().union(*seen.values())
    assert page["totalCount"] == len(ids) or page["pageInfo"]["hasNextPage"]


async def test_search_finds_no_hidden_row_by_its_other_titles(ask: Ask, world: World) -> None:
    document = '{ search(query: "he said", first: 100) { totalCount nodes { ... on Node { id } } } }'
    ours = (await ask(document))["search"]
    ids = {node["id"] for node in ours["nodes"]}
    assert world.id("artist full") in ids
    assert world.id("their artist") in ids
    assert not ids & {world.id("their private artist"), world.id("their private release")}
    assert ours["totalCount"] == len(ids)


def needed_arguments(t: GraphType, field: str) -> str:
    """What a field can't be asked without."""
    of = schema().core.type_map[t.name]
    assert isinstance(of, GraphQLObjectType)
    needed = [name for name, given in of.fields[field].args.items() if str(given.type).endswith("!")]
    return f"({', '.join(f'{name}: {GIVEN[name]}' for name in needed)})" if needed else ""


def everything(t: GraphType, depth: int) -> str:
    """A selection of every field, two levels down."""
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


@pytest.mark.parametrize("t", ROOTS, ids=lambda t: t.name)
async def test_no_answer_holds_a_word_of_a_hidden_row(
    t: GraphType, engine: Engine, world: World, hidden: dict[str, list[str]]
) -> None:
    depth = 2 if t.kind not in ("change_set",) else 1
    document = f"{{ {t.plural}(first: 100) {{ nodes {{ {everything(t, depth)} }} }} }}"
    answer = await engine.execute(document, None, US)
    text = json.dumps(json.loads(answer.body), ensure_ascii=False)
    for word in HIDDEN_TEXTS:
        assert word not in text, word
    # Change rows of ours name what they changed, so there the ids are no secret.
    for name in (name for kind in hidden for name in hidden[kind] if t.kind != "change_set"):
        assert world.id(name) not in text, name


async def test_the_trail_tells_of_our_rows_only(ask: Ask, engine: Engine, world: World) -> None:
    history = "query ($id: ID!) { node(id: $id) { ... on Release { history { totalCount nodes { seq } } } } }"
    data = await ask(history, {"id": world.id("their release")})
    assert data["node"]["history"] == {"totalCount": 0, "nodes": []}
    data = await ask(history, {"id": world.id("release bare")})
    assert data["node"]["history"]["totalCount"] == 2
    for field in (
        "changes(first: 1000) { changes { entityId kind } }",
        'updates(since: "2020-01-01T00:00:00Z", limit: 1000) { updates { id kind } }',
    ):
        answer = await engine.execute(f"{{ {field} }}", None, viewer())
        (feed,) = json.loads(answer.body)["data"].values()
        (rows,) = feed.values()
        told = {row.get("entityId") or row["id"] for row in rows}
        owners = {world.id(name): owner for name, owner in world.owners.items()}
        assert len(told) > 50
        assert {owners[id] for id in told} == {OURS}


async def test_the_parts_of_a_delivery_are_its_owners(ask: Ask, world: World) -> None:
    document = "query ($id: ID!) { delivery(id: $id) { findings { totalCount } jobs { id } } }"
    ours = (await ask(document, {"id": world.id("delivery full")}))["delivery"]
    assert ours["findings"]["totalCount"] == 5
    assert [job["id"] for job in ours["jobs"]] == [world.id("job full"), world.id("job 3")]
    assert await ask(document, {"id": world.id("their delivery")}) == {"delivery": None}


# -- scopes ------------------------------------------------------------------------------------------------


def without(*scopes: Scope) -> Any:
    """Somebody of ours whose token lacks scopes."""
    return viewer(OURS, [scope for scope in Scope if scope not in scopes], Role.ADMIN)


def test_every_root_has_a_scope_and_every_type_as_well() -> None:
    free = {name for name, root in schema().roots.items() if root.scope is Access.SIGNED_IN}
    own = {"organization", "organizations", "dpid", "dpids", "session", "sessions"}
    assert free == {"node", "nodes", "viewer", "rateLimit", "tiers", *own}
    ours = {t.name for t in TYPES.values() if t.scope not in ROLE_SCOPES[Role.API_USER]}
    people = {"Organization", "Dpid", "Session", "Member", "Invitation", "Client", "ApiKey"}
    assert ours == people | {"CallbackPartner", "CallbackEvent", "Distribution", "NoticeChannel", "LegalHold"}
    signed_in = {t.name for t in TYPES.values() if isinstance(t.scope, Access)}
    assert signed_in == {"Organization", "Dpid", "Session"}


_query = schema().core.query_type
assert _query
QUERY = _query.fields
# Subscriptions are tried by tests/matrix, over their own transports.
SCOPED_ROOTS = [name for name in QUERY if isinstance(schema().roots[name].scope, Scope)]


@pytest.mark.parametrize("name", SCOPED_ROOTS)
async def test_a_root_is_refused_to_a_token_without_its_scope(name: str, refused: Refused) -> None:
    root = schema().roots[name]
    assert isinstance(root.scope, Scope)
    given = {"id": '"x"', "query": '"x"', "since": '"2026-01-01T00:00:00Z"', "person": '"x"'}
    given |= {"recordingId": '"x"', "entity": '"x"', "entities": '["x"]', "territory": '"DE"'}
    needed = [a for a, definition in QUERY[name].args.items() if str(definition.type).endswith("!")]
    arguments = f"({', '.join(f'{a}: {given[a]}' for a in needed)})" if needed else ""
    document = f"{{ {name}{arguments} {{ __typename }} }}"
    assert await refused(document, of=without(root.scope)) == "INSUFFICIENT_SCOPE"
    # The role is the limit of what a token may carry.
    assert root.scope not in viewer(OURS, []).shape
    assert await refused(document, of=viewer(OURS, [])) == "INSUFFICIENT_SCOPE"


def scopes_of(t: GraphType, name: str) -> list[Scope]:
    """What a field needs beside the scope of its type."""
    binding = t.bindings[name]
    target = {TYPES[binding.type].scope} if isinstance(binding, One | Many) else set()
    return [scope for scope in ({t.scope_of(name)} | target) - {t.scope} if isinstance(scope, Scope)]


SCOPED = [(t, name) for t in TYPES.values() for name in t.bindings if scopes_of(t, name)]


def test_fields_with_a_scope_of_their_own_are_there() -> None:
    assert {name for _, name in SCOPED} >= {"history", "deals", "jobs", "releases"}


@pytest.mark.parametrize(("t", "name"), SCOPED, ids=lambda value: getattr(value, "name", value))
async def test_a_field_is_refused_to_a_token_without_its_scope(
    t: GraphType, name: str, engine: Engine, refused: Refused
) -> None:
    assert t.plural
    document = f"{{ {t.plural}(first: 1) {{ nodes {{ {camel(name)} {{ __typename }} }} }} }}"
    for scope in scopes_of(t, name):
        assert await refused(document, of=without(scope)) == "INSUFFICIENT_SCOPE"
    own = [t.scope] if isinstance(t.scope, Scope) else []
    enough = viewer(OURS, [*own, *scopes_of(t, name)], Role.ADMIN)
    assert (await engine.execute(document, None, enough)).statements == 1


async def test_node_gives_null_for_types_out_of_reach_and_refuses_fragments_on_them(
    ask: Ask, refused: Refused, world: World
) -> None:
    catalog = viewer(OURS, [Scope.CATALOG_READ])
    ids = [world.id(name) for name in ("release full", "deal full", "delivery full", "job full")]
    ids.append(world.id("our change set works"))
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }"
    data = await ask(document, {"ids": ids}, catalog)
    assert data == {"nodes": [{"id": ids[0], "__typename": "Release"}, None, None, None, None]}
    fragment = "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Deal { reference } } }"
    assert await refused(fragment, {"ids": ids}, of=catalog) == "INSUFFICIENT_SCOPE"
    named = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Node { id } ... on Release { title } } }"
    assert (await ask(named, {"ids": ids[:1]}, catalog))["nodes"] == [{"id": ids[0], "title": "Post"}]
    assert (await ask(document, {"ids": ids}, viewer(OURS, [])))["nodes"] == [None] * 5
    deliveries = viewer(OURS, [Scope.DELIVERIES_READ])
    data = await ask(document, {"ids": ids}, deliveries)
    assert data["nodes"] == [None, None, {"id": ids[2], "__typename": "Delivery"}, None, None]


async def test_a_plan_made_for_one_viewer_is_not_taken_for_another(
    ask: Ask, refused: Refused, world: World
) -> None:
    document = "query ($id: ID!) { release(id: $id) { id deals { reference } } }"
    id = world.id("their release")
    assert (await ask(document, {"id": id}))["release"]["deals"] == [{"reference": "bare"}]
    assert await refused(document, {"id": id}, of=without(Scope.RIGHTS_READ)) == "INSUFFICIENT_SCOPE"
    theirs = await ask(document, {"id": id}, viewer(THEIRS))
    assert [deal["reference"] for deal in theirs["release"]["deals"]] == ["theirs", "hidden", "to everyone"]
    assert decode_id(id)[0] == "release"
