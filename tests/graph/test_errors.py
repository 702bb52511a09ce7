"""What can't be answered is refused with a code that stays, and nothing a caller sends is a fault."""

import base64
import json
import uuid
from typing import Any

import pytest

from domain.ids import encode_id
from graph.run import Engine, RequestRefused
from tests.factories import World, viewer
from tests.graph.conftest import Ask, Refused

PARSE, VALIDATION, INPUT = "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"
SOMEBODY = uuid.UUID(int=7)

DEEP = "{ releases { nodes " + "{ tracks { release " * 10 + "{ id }" + " } }" * 10 + " } }"
DOCUMENTS = {
    PARSE: [
        "",
        "{",
        "query { releases(first: ) { totalCount } }",
        '{ search(query: "\\ud800") { totalCount } }',
        "{ \0 }",
    ],
    VALIDATION: [
        "{ nothing }",
        "{ releases { nothing } }",
        "{ releases { nodes { owner_id } } }",
        "{ releases { nodes { ownerId } } }",
        "{ releases }",
        "{ releases { nodes } }",
        "{ releases(page: 1) { totalCount } }",
        '{ releases(first: "1") { totalCount } }',
        "{ releases(first: 3000000000) { totalCount } }",
        "{ releases(orderBy: NONE) { totalCount } }",
        '{ releases(upc: "123") { totalCount } }',
        '{ releases(filter: {updatedSince: "yesterday"}) { totalCount } }',
        '{ releases(filter: {updatedSince: "0001-01-01T00:00:00+14:00"}) { totalCount } }',
        "{ release { id } }",
        '{ node(id: "x") { title } }',
        '{ node(id: "x") { ... on Title { text } } }',
        "{ ...Missing }",
        "fragment A on Release { id }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "query A { __typename } query A { __typename }",
        "query ($a: ID!) { __typename }",
        "query ($a: Nothing) { release(id: $a) { id } }",
        "query ($a: Int) { release(id: $a) { id } }",
        "{ a: release(id: 1) { id } a: release(id: 2) { id } }",
        '{ updates(since: "2026-01-01T00:00:00Z", after: "99999999999999999999") { hasMore } }',
        '{ updates(since: "2026-01-01T00:00:00Z", after: 1.5) { hasMore } }',
        "subscription { releases { totalCount } }",
        'mutation { createArtist(input: {name: "x"}) { __typename } }',
    ],
    INPUT: [
        "{ releases(first: 0) { totalCount } }",
        "{ releases(first: -1) { totalCount } }",
        "{ releases(last: -2147483648) { totalCount } }",
        "{ releases(first: 1, last: 1) { totalCount } }",
        '{ releases(after: "", before: "") { totalCount } }',
        '{ releases(last: 1, after: "") { totalCount } }',
        '{ releases(first: 1, before: "") { totalCount } }',
        '{ release(id: "") { id } }',
        '{ release(id: "garbage") { id } }',
        "{ release(id: 5) { id } }",
        f'{{ release(id: "{encode_id("artist", SOMEBODY)}") {{ id }} }}',
        '{ node(id: "garbage") { id } }',
        f'{{ node(id: "{SOMEBODY}") {{ id }} }}',
        '{ nodes(ids: ["ä"]) { id } }',
        '{ releases(filter: {ids: ["garbage"]}) { totalCount } }',
        f'{{ releases(filter: {{ids: ["{encode_id("artist", SOMEBODY)}"]}}) {{ totalCount }} }}',
        '{ search(query: "") { totalCount } }',
        '{ search(query: "  ") { totalCount } }',
        '{ search(query: "a\\u0000b") { totalCount } }',
        '{ releases(filter: {title: {contains: "\\u0000"}}) { totalCount } }',
        '{ releases(filter: {genre: ["\\u0000"]}) { totalCount } }',
        '{ releases(filter: {identifier: {scheme: "a", value: "\\u0000"}}) { totalCount } }',
        '{ releases(catalogNumber: "\\u0000") { totalCount } }',
    ],
    "LIMIT_EXCEEDED": [
        "{ a" * 1_300 + " }" * 1_300,
        "{ releases(ids: " + "[" * 1_500 + "]" * 1_500 + ") { totalCount } }",
        "query ($a: " + "[" * 1_500 + "ID" + "]" * 1_500 + ") { releases { totalCount } }",
        DEEP,
        "#" * 70_000,
        "{ " + "a " * 5_000 + "}",
        "{ releases { nodes { " + "title " * 1_000 + "} } }",
        "{ releases { nodes { " + " ".join(f"a{place}: title" for place in range(500)) + "} } }",
        "{ ...F0 } " + " ".join(f"fragment F{place} on Query {{ __typename }}" for place in range(51)),
    ],
    "PAGE_TOO_LARGE": [
        "{ releases(first: 101) { totalCount } }",
        "{ releases { nodes { history(last: 2147483647) { totalCount } } } }",
        '{ search(query: "a", first: 101) { totalCount } }',
    ],
    "TOO_MANY": [
        "{ nodes(ids: [" + f'"{encode_id("artist", SOMEBODY)}" ' * 101 + "]) { id } }",
    ],
    "BAD_CURSOR": [
        '{ releases(after: "") { totalCount } }',
        '{ releases(after: "garbage") { totalCount nodes { id } } }',
    ],
}


async def test_what_the_house_asks_itself_has_a_depth_as_well(engine: Engine) -> None:
    with pytest.raises(RequestRefused) as refusal:
        await engine.data(DEEP, None, viewer())
    assert refusal.value.code == "TOO_DEEP"


@pytest.mark.parametrize("code", DOCUMENTS)
async def test_a_document_is_refused_with_its_code(code: str, refused: Refused) -> None:
    for document in DOCUMENTS[code]:
        assert await refused(document) == code, document[:200]


def of(text: str) -> str:
    """An id whose kind is the text."""
    return base64.urlsafe_b64encode(text.encode() + b":" + SOMEBODY.bytes).decode().rstrip("=")


VARIABLES: list[tuple[str, str, Any, str]] = [
    ("Int", "releases(first: $v)", 3_000_000_000, INPUT),
    ("Int", "releases(first: $v)", 1.5, INPUT),
    ("Int", "releases(first: $v)", "1", INPUT),
    ("Int", "releases(first: $v)", True, INPUT),
    ("Int", "releases(first: $v)", 101, "PAGE_TOO_LARGE"),
    ("Int", "releases(first: $v)", -1, INPUT),
    ("String", "releases(after: $v)", "\ud800", "BAD_CURSOR"),
    ("String", "releases(after: $v)", "A" * 100_000, "BAD_CURSOR"),
    ("[ICPN!]", "releases(upc: $v)", ["123"], INPUT),
    ("[ICPN!]", "releases(upc: $v)", [5], INPUT),
    ("[ICPN!]", "releases(upc: $v)", [None], INPUT),
    ("[ICPN!]", "releases(upc: $v)", ["602557190298"] * 1_001, "TOO_MANY"),
    ("ReleaseFilter", "releases(filter: $v)", {"nothing": 1}, INPUT),
    ("ReleaseFilter", "releases(filter: $v)", {"title": "text"}, INPUT),
    ("ReleaseFilter", "releases(filter: $v)", {"identifier": {"scheme": "a"}}, INPUT),
    ("ReleaseFilter", "releases(filter: $v)", {"status": ["\x00"]}, INPUT),
    ("ReleaseFilter", "releases(filter: $v)", {"status": ["\ud800"]}, INPUT),
    ("ReleaseFilter", "releases(filter: $v)", {"title": {"contains": "\udfff"}}, INPUT),
    ("ReleaseFilter", "releases(filter: $v)", {"ids": [str(SOMEBODY)] * 1_001}, "TOO_MANY"),
    ("ReleaseFilter", "releases(filter: $v)", {"updatedSince": "9999-12-31T23:59:59-14:00"}, INPUT),
    ("ReleaseFilter", "releases(filter: $v)", {"updatedSince": {"a": 1}}, INPUT),
    ("ReleaseOrder", "releases(orderBy: $v)", "id:asc", INPUT),
    ("[Territory!]", "deals(territory: $v)", [5], INPUT),
    ("[Territory!]", "deals(territory: $v)", ["\x00"], INPUT),
]
NEEDED: list[tuple[str, str, Any, str]] = [
    ("ID!", "release(id: $v)", None, INPUT),
    ("ID!", "release(id: $v)", "\ud800", INPUT),
    ("ID!", "release(id: $v)", ["a"], INPUT),
    ("ID!", "node(id: $v)", of("artist\x00"), INPUT),
    ("ID!", "node(id: $v)", "", INPUT),
    ("[ID!]!", "nodes(ids: $v)", [of("artist")] * 101, "TOO_MANY"),
    ("[ID!]!", "nodes(ids: $v)", [None], INPUT),
]
SEARCHES: list[tuple[str, Any, str]] = [
    ("String!", "x" * 201, INPUT),
    ("String!", "\ud800x", INPUT),
    ("String!", 5, INPUT),
    ("String!", None, INPUT),
]


@pytest.mark.parametrize(("kind", "field", "value", "code"), VARIABLES)
async def test_a_variable_of_a_page_is_refused_with_its_code(
    kind: str, field: str, value: Any, code: str, engine: Engine, refused: Refused
) -> None:
    document = f"query ($v: {kind}) {{ {field} {{ nodes {{ id }} }} }}"
    # The plan may be known already, made for a value that was right.
    await engine.execute(document, {}, viewer())
    assert await refused(document, {"v": value}) == code


@pytest.mark.parametrize(("kind", "field", "value", "code"), NEEDED)
async def test_a_variable_of_a_look_up_is_refused_with_its_code(
    kind: str, field: str, value: Any, code: str, engine: Engine, refused: Refused
) -> None:
    document = f"query ($v: {kind}) {{ {field} {{ id }} }}"
    right = of("release")
    await engine.execute(document, {"v": [right] if "nodes" in field else right}, viewer())
    assert await refused(document, {"v": value}) == code
    assert await refused(document, {}) == INPUT


@pytest.mark.parametrize(("kind", "value", "code"), SEARCHES)
async def test_a_search_is_refused_with_its_code(kind: str, value: Any, code: str, refused: Refused) -> None:
    document = f"query ($v: {kind}) {{ search(query: $v) {{ totalCount }} }}"
    assert await refused(document, {"v": value}) == code


async def test_an_operation_must_be_named_where_there_are_several(engine: Engine, refused: Refused) -> None:
    two = "query A { a: __typename } query B { b: __typename }"
    assert await refused(two) == VALIDATION
    assert await refused(two, operation_name="C") == VALIDATION
    answer = await engine.execute(two, None, viewer(), operation_name="B")
    assert json.loads(answer.body) == {"data": {"b": "Query"}}
    assert await refused("query A { __typename }", operation_name="B") == VALIDATION


async def test_null_for_a_directive_is_refused(refused: Refused) -> None:
    document = "query ($x: Boolean = true) { releases @include(if: $x) { totalCount } }"
    assert await refused(document, {"x": None}) == INPUT


async def test_ids_of_no_type_or_of_nothing_are_null(ask: Ask, world: World) -> None:
    ids = [of("organization"), of(""), of("nothing"), of("title"), of("artist"), world.id("artist full")]
    data = await ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})
    assert data == {"nodes": [None, None, None, None, None, {"id": ids[-1]}]}


async def test_an_error_says_where_it_is(engine: Engine, refused: Refused) -> None:
    with pytest.raises(Exception, match="nothing") as found:
        await engine.execute("{\n  nothing\n}", None, viewer())
    (error,) = found.value.errors  # type: ignore[attr-defined]
    assert error["locations"] == [{"line": 2, "column": 3}]


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ('changes(since: "garbage") { hasMore }', "BAD_CURSOR"),
        ("changes(first: 0) { hasMore }", "BAD_PAGE_SIZE"),
        ('updates(since: "2026-01-01T00:00:00Z", limit: 1001) { hasMore }', "BAD_PAGE_SIZE"),
    ],
)
async def test_a_served_field_that_fails_leaves_no_data(field: str, code: str, engine: Engine) -> None:
    answer = await engine.execute(
        f"{{ viewer {{ actor }} releases {{ totalCount }} {field} }}", None, viewer()
    )
    whole = json.loads(answer.body)
    assert whole["data"] is None
    assert [error["extensions"]["code"] for error in whole["errors"]] == [code]
    assert answer.has_errors
