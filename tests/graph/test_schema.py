"""What the schema refuses to be built of, what a plan costs, and what is kept of what was asked."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import FieldNode, OperationDefinitionNode, parse
from graphql.execution.values import get_variable_values

from domain.access.scopes import Scope
from domain.access.tables import ApiKey, Client, Invitation, Member, Organization, Session, UserAccount
from domain.adapters.postgres import Pool
from domain.catalog import tables
from graph.bind import TYPES, Many, One, column, expression, graph_type, many, one
from graph.plan import Listing, PageRead, Planner, Single
from graph.price import LIST_ROWS, price
from graph.run import SHAPES, Engine
from graph.schema import schema
from tests.factories import World, viewer
from tests.graph.conftest import KEY, Ask


@pytest.fixture(autouse=True)
def declared() -> Iterator[None]:
    """Types declared by a test are forgotten after it."""
    before = copy.copy(TYPES)
    yield
    TYPES.clear()
    TYPES.update(before)


def declare(of: Any = tables.Artist, named: str = "Made", /, **fields: tuple[Any, Any]) -> None:
    """Declare a graph type of fields, each an annotation and a binding."""
    body: dict[str, Any] = {name: binding for name, (_, binding) in fields.items() if binding is not ...}
    body["__annotations__"] = {name: annotation for name, (annotation, _) in fields.items()}
    graph_type(of=of, scope=Scope.CATALOG_READ, name=named)(type("MadeNode", (), body))


def test_a_good_declaration_is_taken() -> None:
    declare(
        name=(str, column()),
        title=(str, column("name")),
        country=(str | None, column()),
        count=(int | None, expression("1")),
        one=("ArtistNode | None", one("Artist", "id")),
        many=(list[str], many("Title", "true", "{t}.position")),
    )
    assert TYPES["Made"].bindings["title"].name == "name"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("why", "of", "fields"),
    [
        ("user_account has no row policy", UserAccount, {"email": (str, column())}),
        ("may be invisible: make it nullable", tables.Artist, {"one": ("ArtistNode", one("Artist", "id"))}),
        ("Made.*country may be null", tables.Artist, {"country": (str, column())}),
        ("does not say how it is read", tables.Artist, {"name": (str, ...)}),
        ("does not say how it is read", tables.Artist, {"name": (str, "a default")}),
        ("artist has no column shoe_size", tables.Artist, {"shoe_size": (int, column())}),
    ],
)
def test_a_bad_declaration_is_refused(why: str, of: Any, fields: dict[str, tuple[Any, Any]]) -> None:
    with pytest.raises(AssertionError, match=why):
        declare(of, **fields)
    assert "Made" not in TYPES


def test_a_name_is_declared_once() -> None:
    with pytest.raises(AssertionError, match="Artist is declared twice"):
        declare(tables.Artist, "Artist", name=(str, column()))


def test_a_table_with_a_policy_is_taken() -> None:
    declare(Organization, name=(str, column()))


def test_every_type_that_a_field_names_is_declared() -> None:
    for t in TYPES.values():
        for name, binding in t.bindings.items():
            if isinstance(binding, One | Many):
                assert binding.type in TYPES, f"{t.name}.{name}"
            if isinstance(binding, One) and binding.made is None:
                assert binding.by in t.table.columns
                assert binding.key in TYPES[binding.type].table.columns
        for column_name in t.filters:
            assert column_name.isidentifier()


def plan(document: str, **variables: Any) -> Any:
    """The plan of a query, for somebody who may read everything."""
    parsed = parse(document)
    (operation,) = [node for node in parsed.definitions if isinstance(node, OperationDefinitionNode)]
    values = get_variable_values(schema().core, operation.variable_definitions or (), variables)
    assert not isinstance(values, list)
    return Planner(schema(), {}, values, viewer()).operation(operation)


def test_a_plan_is_plain_data() -> None:
    made = plan(
        "{ releases(last: 3) { nodes { id artistCredit { name } tracks { title } history { totalCount } } } }"
    )
    (page,) = made.roots
    assert isinstance(page, PageRead)
    assert (page.size, page.backward, page.key) == (3, True, "releases")
    (nodes,) = page.parts
    assert nodes.object is not None
    parts = nodes.object.of("Release")
    assert [type(part).__name__ for part in parts] == ["Leaf", "Single", "Listing", "PageRead"]
    assert isinstance(parts[1], Single)
    assert isinstance(parts[2], Listing)
    assert len(made.slots) == 2


def points(document: str, **variables: Any) -> int:
    """What a query is priced at."""
    return price(plan(document, **variables))


def test_values_cost_nothing_and_rows_cost_by_their_number() -> None:
    document = "query ($n: Int) { releases(first: $n) { nodes { id } } }"
    assert points(document, n=1) < points(document, n=20) == points(document) < points(document, n=100)
    assert points(document, n=100) == 101
    more = "{ releases(first: 20) { nodes { id title upc genres labels createdAt } } }"
    assert points(more) == points(document, n=20)


def test_a_price_grows_with_what_is_nested() -> None:
    flat = points("{ releases(first: 10) { nodes { id } } }")
    one_more = points("{ releases(first: 10) { nodes { id artistCredit { name } } } }")
    whole = points("{ releases(first: 10) { nodes { id tracks { id } } } }")
    paged = points("{ releases(first: 10) { nodes { id history(first: 50) { nodes { op } } } } }")
    assert flat == 11
    assert one_more == flat + 10
    assert whole == flat + 10 * LIST_ROWS
    assert paged == flat + 10 * 51


def test_what_is_asked_twice_is_paid_twice_and_nothing_is_free() -> None:
    page = "releases(first: 10) { nodes { id } }"
    assert points(f"{{ a: {page} b: {page} }}") == 2 * points(f"{{ {page} }}")
    assert points("{ __typename }") == 1
    assert points("{ viewer { actor } }") > 1


def test_a_row_of_several_types_costs_as_the_dearest() -> None:
    of = "... on Artist { releases(first: 100) { nodes { id } } }"
    cheap = points('{ node(id: "x") { id } }')
    assert cheap == 1
    assert points(f'{{ node(id: "x") {{ id {of} }} }}') == cheap + 101


# -- what is kept -------------------------------------------------------------------------------------------


async def test_values_of_variables_make_no_new_plans_and_sizes_make_few(read_pool: Pool) -> None:
    engine = Engine(read_pool, KEY)
    document = (
        "query ($n: Int, $t: String!) { releases(first: $n, filter: {title: {equals: $t}}) { totalCount } }"
    )
    for place in range(200):
        await engine.execute(document, {"n": 5, "t": f"title {place}"}, viewer())
    (kept,) = engine._documents.values()
    assert len(kept.plans) == 1
    for place in range(1, 101):
        await engine.execute(document, {"n": place, "t": "t"}, viewer())
    assert len(kept.plans) == SHAPES


async def test_plans_count_as_much_as_documents(read_pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.run.CHARACTERS", 3_000)
    engine = Engine(read_pool, KEY)
    for place in range(5):
        document = f"query ($n: Int) {{ r{place}: releases(first: $n) {{ totalCount }} }}"
        for size in range(1, 101):
            await engine.execute(document, {"n": size}, viewer())
            kept = engine._documents.values()
            assert engine._characters == sum(prepared.weight for prepared in kept) <= 3_000
    assert [len(prepared.plans) for prepared in kept] == [3_000 // len(document) - 1]


async def test_documents_that_differ_in_a_literal_share_a_statement(
    read_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graph.run.DOCUMENTS", most := 100)
    engine = Engine(read_pool, KEY)
    made = [
        f'{{ releases(upc: "602557190298", filter: {{title: {{contains: "{place}"}}}}) {{ totalCount }} }}'
        for place in range(most + 5)
    ]
    async with read_pool.acquire() as connection:
        before = await connection.fetchval("select count(*) from pg_prepared_statements")
        for document in made:
            await engine.execute(document, None, viewer(), sql=connection)
        after = await connection.fetchval("select count(*) from pg_prepared_statements")
    assert len(engine._documents) == most
    assert after - before <= 2
    texts = {
        compiled.statement.text
        for prepared in engine._documents.values()
        for compiled in prepared.plans.values()
        if compiled.statement
    }
    assert len(texts) == 1


async def test_statements_that_differ_are_kept_up_to_a_bound(read_pool: Pool) -> None:
    engine = Engine(read_pool, KEY)
    async with read_pool.acquire() as connection:
        for place in range(700):
            document = f"{{ works(first: 1) {{ nodes {{ a{place}: id }} }} }}"
            await engine.execute(document, None, viewer(), sql=connection)
        kept = await connection.fetchval("select count(*) from pg_prepared_statements")
    assert kept <= 513


async def test_a_variable_and_a_literal_give_the_same(ask: Ask) -> None:
    literal = await ask("{ releases(first: 2, orderBy: TITLE_DESC) { nodes { title } } }")
    variables = {"n": 2, "o": "TITLE_DESC"}
    document = "query ($n: Int, $o: ReleaseOrder) { releases(first: $n, orderBy: $o) { nodes { title } } }"
    assert await ask(document, variables) == literal


async def test_a_payload_is_read_like_a_query(engine: Engine, ask: Ask, world: World) -> None:
    fields = "id title tracks { title isrc durationMs } history(first: 2) { totalCount }"
    document = f'{{ release(id: "{world.id("release full")}") {{ {fields} }} }}'
    parsed = engine.parsed(document)
    (field,) = parsed.operation.selection_set.selections
    assert isinstance(field, FieldNode)
    assert field.selection_set is not None
    async with engine.pool.acquire() as connection:
        for name in ("release full", "release deleted", "their private release"):
            id = world.ids[name]
            found = await engine.read_json("release", id, field.selection_set, parsed, viewer(), connection)
            expected = (await ask(document))["release"] if name == "release full" else None
            assert json.loads(found) == expected


@pytest.mark.parametrize(
    ("of", "binding"),
    [
        (Client, column("secret_hash")),
        (Client, column("previous_secret_hash")),
        (ApiKey, column("hash")),
        (Session, column("token_hash")),
        (Invitation, column("token_hash")),
        (Member, expression("(select u.password_hash from user_account u where u.id = {p}.user_id)")),
    ],
)
def test_what_is_kept_of_a_secret_can_not_be_bound(of: Any, binding: Any) -> None:
    with pytest.raises(AssertionError, match="would show"):
        declare(of, told=(str | None, binding))


def test_nothing_is_found_or_ordered_by_what_is_kept_of_a_secret() -> None:
    for asked in (
        {"filters": {"hash": (str, "{t}.hash = any({v})")}},
        {"orders": {"hash": ("{t}.hash", "text")}},
    ):
        with pytest.raises(AssertionError, match="could be asked"):
            graph_type(of=ApiKey, scope=Scope.CLIENTS_MANAGE, name="Asked", **asked)(
                type("AskedNode", (), {})
            )
