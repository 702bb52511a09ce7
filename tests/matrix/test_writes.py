"""Every command, by GraphQL and by REST, for everybody who may ask: who is let in, and what it leaves."""

import asyncio
import base64
import dataclasses
import json
import types
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Union, get_args, get_origin

import asyncpg
import pytest
from graphql import GraphQLObjectType, get_named_type, is_composite_type

from domain.command import COMMANDS, Command
from domain.ids import encode_id
from domain.inputs import camel
from domain.row import new_id
from domain.tables import metadata
from domain.types import Ref
from graph.mutations import payload_name
from openapi.routes import write_routes
from tests.matrix import rules
from tests.matrix.callers import COLUMNS, FOREIGN, GOOD, NARROW, OWN, REFUSED, Crowd, forms_of, without
from tests.matrix.planted import PLENTY
from tests.matrix.ways import CORE, private

Ids = Callable[[str], str]
DOORS = ("graphql", "rest")
ROWS = frozenset((name, door) for name in COMMANDS for door in DOORS)
ROUTES = {route.command.name: route for route in write_routes()}
CELLS: Counter[str] = Counter()
FIELDS = 0
# The codes of whoever is not let in.
BARRED = {"AUTH_REQUIRED", "INVALID_CREDENTIALS", "INVALID_API_KEY", "INSUFFICIENT_SCOPE", "CSRF_FAILED"}
# What the operator's administrators do to other organizations, which is what they are for.
OF_THE_SYSTEM = {name for name, scope in rules.COMMANDS.items() if scope == "system:admin"}
# What changes by being used.
_RESTLESS = {"session", "api_key", "request_tally"}
_TEXTS = {
    "email": "guest@people.example",
    "role": "label_user",
    "dpid": "PADPIDA2014120301Z",
    "auth_method": "client_secret",
    "scheme": "proprietary",
    "territory": "DE",
    "tier": "free",
    "subject_type": "entity",
    "entity_type": "recording",
    "rule": "exports",
    "audio_uri": "https://sound.example/a.flac",
}


def sample(command: Command, id_of: Ids) -> dict[str, Any]:
    """The least that a command takes, with ids of somebody's choosing."""
    if command.name == "apply_changes":
        step = {"command": "delete_recording", "input": {"id": id_of("recording")}}
        return {"changes": [step]}
    if command.name == "edit_tier":
        return {"name": "free", "pointsPerMinute": PLENTY}
    given = {}
    for field in dataclasses.fields(command.ask):
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if needed:
            given[camel(field.name)] = _value(field.name, command.hints[field.name], id_of)
    return given


def _value(name: str, hint: Any, id_of: Ids) -> Any:
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *marks = get_args(hint)
        for mark in marks:
            if isinstance(mark, Ref):
                return id_of("recording" if mark.kind == "*" else mark.kind)
        return _value(name, inner, id_of)
    if origin in (Union, types.UnionType):
        return _value(name, get_args(hint)[0], id_of)
    if origin is list:
        return ["catalog:read"] if name == "scopes" else [_value(name, get_args(hint)[0], id_of)]
    if dataclasses.is_dataclass(hint):
        return {}
    return {str: _TEXTS.get(name, "Some words"), int: 1, float: 1.0, bool: False, bytes: b"<x/>"}.get(hint)


def named_by(command: Command) -> bool:
    """Whether the command can't be asked for without naming something there is."""
    seen: list[str] = []

    def note(kind: str) -> str:
        seen.append(kind)
        return ""

    sample(command, note)
    return bool(seen)


def send(
    crowd: Crowd, headers: dict[str, str], name: str, door: str, id_of: Ids
) -> tuple[str, dict[str, Any]]:
    """Ask for a command; gives 'done' or the code of the refusal, and the answer."""
    command, asked = COMMANDS[name], []

    def noted(kind: str) -> str:
        asked.append(id_of(kind))
        return asked[-1]

    given = sample(command, noted)
    known = asked[0] if asked else ""
    if door == "graphql":
        return _by_graphql(crowd, headers, command, given, known)
    return _by_rest(crowd, headers, command, given, known)


def _by_graphql(
    crowd: Crowd, headers: dict[str, str], command: Command, given: dict[str, Any], asked: str
) -> tuple[str, dict[str, Any]]:
    root = CORE.mutation_type
    assert root is not None
    field = root.fields[camel(command.name)]
    bare = {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in given.items()}
    called = f"{camel(command.name)}(input: $input) {{ userErrors {{ code message path }} }}"
    document = f"mutation($input: {field.args['input'].type}) {{ {called} }}"
    status, answer = crowd.ask(headers, document, asked, input=bare)
    if "code" in answer:
        return str(answer["code"]), answer
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"]), answer
    refused = answer["data"][camel(command.name)]["userErrors"]
    assert status == 200
    return (str(refused[0]["code"]), answer) if refused else ("done", answer)


def _by_rest(
    crowd: Crowd, headers: dict[str, str], command: Command, given: dict[str, Any], asked: str
) -> tuple[str, dict[str, Any]]:
    route = ROUTES[command.name]
    path = "/v1" + route.path.format(**{name: given.pop(camel(name)) for name in route.in_path})
    more: dict[str, Any] = {"headers": {"Idempotency-Key": str(uuid.uuid4())}}
    if route.raw:
        more["content"] = given[camel(route.raw)]
        more["headers"]["Content-Type"] = "application/xml"
    elif given:
        more["json"] = given
    answer = crowd.call(headers, route.method, path, asked, **more)
    if answer.status_code < 300:
        return "done", {}
    body: dict[str, Any] = answer.json()
    return str(body["code"]), {name: value for name, value in body.items() if name != "instance"}


def private_ids(crowd: Crowd) -> Ids:
    """By kind: a row of ours that is nobody else's to see."""
    return lambda kind: private(crowd.planted.world, kind)


def ids_of_nobody() -> Ids:
    """By kind: an id that no row has."""
    id = new_id()
    return lambda kind: encode_id(kind, id)


def everything(crowd: Crowd) -> dict[str, tuple[int, int]]:
    """Every table's number of rows and a sum over all that stands in them."""

    async def read() -> dict[str, tuple[int, int]]:
        connection = await asyncpg.connect(crowd.house.database_url)
        try:
            found = {}
            for table in sorted(set(metadata.tables) - _RESTLESS):
                row = await connection.fetchrow(
                    "select count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text "
                    f"from {table} t"
                )
                assert row is not None
                found[table] = (row[0], row[1])
            return found
        finally:
            await connection.close()

    return asyncio.run(read())


@pytest.fixture(scope="module", autouse=True)
def counted() -> Iterator[None]:
    """Say how many cells there were."""
    yield
    print(f"\nmatrix of commands: {sum(CELLS.values()):,} cells in {len(CELLS)} columns")


def judged(column: str, cells: set[tuple[str, str]]) -> None:
    """Every row has its cell in this column."""
    assert cells == ROWS, sorted(ROWS - cells)
    CELLS[column] = len(cells)


def may(column: str, name: str) -> bool:
    """Whether the rules let a column in."""
    needed = rules.of_command(name)
    return not needed or needed in GOOD[column][1]


@pytest.mark.parametrize("column", OWN)
def test_people_of_the_organization(crowd: Crowd, column: str) -> None:
    """Whom the role lets in gets an answer of the command's own; whom it doesn't leaves no trace."""
    headers, cells = crowd.brings(column), set()
    for name, door in sorted(ROWS):
        if may(column, name):
            code, answer = send(crowd, headers, name, door, ids_of_nobody())
            assert code not in BARRED, (name, door, answer)
            cells.add((name, door))
    before = everything(crowd)
    for name, door in sorted(ROWS - cells):
        code, answer = send(crowd, headers, name, door, ids_of_nobody())
        assert code == "INSUFFICIENT_SCOPE", (name, door, answer)
        cells.add((name, door))
    assert everything(crowd) == before
    judged(column, cells)


@pytest.mark.parametrize("column", FOREIGN)
def test_people_of_other_organizations(crowd: Crowd, column: str) -> None:
    """A command on something of ours is answered as one on nothing at all, and changes nothing."""
    headers, cells = crowd.brings(column), set()
    before = everything(crowd)
    for name, door in sorted(ROWS):
        if may(column, name) and not named_by(COMMANDS[name]):
            continue
        if name in OF_THE_SYSTEM and may(column, name):
            continue
        code, answer = send(crowd, headers, name, door, private_ids(crowd))
        if not may(column, name):
            assert code == "INSUFFICIENT_SCOPE", (name, door, answer)
        else:
            assert code in ("NOT_FOUND", "REFERENCE_NOT_FOUND", "VALIDATION_ERROR"), (name, door, answer)
            nobody = ids_of_nobody()
            absent = send(crowd, headers, name, door, nobody)
            assert absent[0] == code, (name, door, answer, absent)
            assert _unnamed(absent[1], nobody) == _unnamed(answer, private_ids(crowd)), (name, door)
        cells.add((name, door))
    assert everything(crowd) == before
    for name, door in sorted(ROWS - cells):  # what makes something of their own, or runs the system
        code, answer = send(crowd, headers, name, door, ids_of_nobody())
        assert code not in BARRED, (name, door, answer)
        cells.add((name, door))
    judged(column, cells)


def _unnamed(answer: dict[str, Any], id_of: Ids) -> str:
    """An answer without the ids that were asked for."""
    text = json.dumps({name: value for name, value in answer.items() if name != "requestId"}, sort_keys=True)
    for kind in {kind for command in COMMANDS.values() for kind in _kinds(command)}:
        for form in forms_of(id_of(kind)):
            text = text.replace(form, "…")
    return text


def _kinds(command: Command) -> set[str]:
    seen: set[str] = set()

    def note(kind: str) -> str:
        seen.add(kind)
        return ""

    sample(command, note)
    return seen


@pytest.mark.parametrize("column", REFUSED)
def test_whoever_is_nobody(crowd: Crowd, column: str) -> None:
    """Without a good credential nothing is done, and nothing told."""
    headers, cells = crowd.brings(column), set()
    before = everything(crowd)
    for name, door in sorted(ROWS):
        code, answer = send(crowd, headers, name, door, private_ids(crowd))
        assert code == REFUSED[column], (name, door, answer)
        cells.add((name, door))
    assert everything(crowd) == before
    judged(column, cells)


def test_all_but_the_needed_scope(crowd: Crowd) -> None:
    """A token that lacks the command's scope is refused, whatever else it carries."""
    cells = set()
    before = everything(crowd)
    for name, door in sorted(ROWS):
        if needed := rules.of_command(name):
            code, answer = send(crowd, crowd.narrow(without(needed)), name, door, private_ids(crowd))
            assert code == "INSUFFICIENT_SCOPE", (name, door, answer)
        else:
            code, answer = send(crowd, crowd.narrow({"catalog:read"}), name, door, ids_of_nobody())
            assert code not in BARRED, (name, door, answer)
        cells.add((name, door))
    assert everything(crowd) == before
    judged(NARROW[0], cells)


def test_only_the_needed_scope(crowd: Crowd) -> None:
    """A token that carries the command's scope and no other is enough, also where the answer shows more."""
    cells = set()
    for name, door in sorted(ROWS):
        needed = rules.of_command(name)
        headers = crowd.narrow({needed} if needed else {"catalog:read"}, operator=needed == "system:admin")
        code, answer = send(crowd, headers, name, door, ids_of_nobody())
        assert code not in BARRED, (name, door, answer)
        cells.add((name, door))
    judged(NARROW[1], cells)


def test_a_payload_needs_what_it_shows(crowd: Crowd) -> None:
    """Each field of each payload is there for whoever may read it, and holds nobody's secrets."""
    seen = 0
    for name, command in sorted(COMMANDS.items()):
        payload = CORE.type_map[payload_name(command)]
        assert isinstance(payload, GraphQLObjectType)
        inner = " ".join(
            f"{field} {{ __typename }}"
            if is_composite_type(get_named_type(payload.fields[field].type))
            else field
            for field in payload.fields
        )
        document = f"mutation($i: {_input(name)}) {{ it: {camel(name)}(input: $i) {{ {inner} }} }}"
        given = sample(command, ids_of_nobody())
        given = {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in given.items()}
        who = "operator's admin" if rules.of_command(name) == "system:admin" else "admin"
        status, answer = crowd.ask(crowd.brings(who), document, i=given)
        assert (status, answer.get("errors")) == (200, None), (name, answer)
        assert set(answer["data"]["it"]) == set(payload.fields)
        seen += len(payload.fields)
    assert seen > 150


def _input(name: str) -> str:
    root = CORE.mutation_type
    assert root is not None
    return str(root.fields[camel(name)].args["input"].type)


def test_no_cell_is_unasserted() -> None:
    """Every row was judged in every column, when all of this file has run."""
    if set(CELLS) != set(COLUMNS):
        pytest.skip("only a part of the columns was asked for")
    assert sum(CELLS.values()) == len(ROWS) * len(COLUMNS)
