"""Every field of every type that can be read, root fields among them, for everybody who may ask."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from domain.access.scopes import Scope
from domain.command import COMMANDS
from domain.ids import encode_id
from domain.inputs import camel
from domain.row import new_id
from graph.schema import schema
from tests.matrix import rules
from tests.matrix.callers import (
    COLUMNS,
    FOREIGN,
    GOOD,
    NARROW,
    OWN,
    REFUSED,
    Crowd,
    code_of,
    without,
)
from tests.matrix.ways import CORE, READ_TYPES, ROWS, Way, fields_of, full, private, takes_id, ways_to

CELLS: Counter[str] = Counter()
# Whose rows are there for the person they belong to, and for who manages members.
NOT_FOR_EVERYBODY = ("Session", "SessionConnection", "SessionEdge")
# What is told of deals to those who may read them.
OF_DEALS = ("DealVerdict",)
# Whose rows the operator's administrators see of everybody.
OF_THE_SYSTEM = ("Organization", "Dpid")


def own_needs(type_name: str, field: str) -> frozenset[str]:
    return rules.of_field(CORE, type_name, field)


def fields(type_name: str) -> list[str]:
    return sorted(field for name, field in ROWS if name == type_name)


def judged(column: str, cells: set[tuple[str, str]]) -> None:
    """Every row has its cell in this column."""
    assert cells == ROWS, sorted(ROWS - cells)[:20]
    CELLS[column] = len(cells)


@pytest.fixture(scope="module", autouse=True)
def counted() -> Iterator[None]:
    """Say how many cells there were."""
    yield
    print(f"\nmatrix of fields: {sum(CELLS.values()):,} cells in {len(CELLS)} columns")


@pytest.fixture(scope="module")
def ways(crowd: Crowd) -> dict[str, Way]:
    """By type: a way on which an administrator finds something, and with it the fields have values."""
    found = {}
    for name in READ_TYPES:
        for way in ways_to(name):
            asked = way.document("__typename", full(crowd.planted.world, way.kind))
            who = "operator's admin" if "system:admin" in way.needs else "admin"
            status, answer = crowd.ask(crowd.brings(who), asked)
            assert (status, answer.get("errors")) == (200, None), (asked, answer)
            if name == "Query" or way.found(answer["data"]):
                found[name] = way
                break
        assert name in found, f"nothing of the type {name} is planted, so its fields would go untried"
    return found


Ids = Callable[[str], str]


def ids_of_ours(crowd: Crowd) -> Ids:
    """By kind: the row of ours with the most in it."""
    return lambda kind: full(crowd.planted.world, kind)


def private_ids(crowd: Crowd) -> Ids:
    """By kind: a row of ours that is nobody else's to see."""
    return lambda kind: private(crowd.planted.world, kind)


def ids_of_nobody() -> Ids:
    """By kind: an id that no row has; the same one each time."""
    id = new_id()
    return lambda kind: encode_id(kind, id)


def document(way: Way, name: str, chosen: list[str], id_of: Ids) -> str:
    """The query for fields of a type on its way."""
    return way.document(fields_of(name, chosen, id_of), id_of(way.kind))


def _few(chosen: list[str]) -> Iterator[list[str]]:
    """Root fields by twenty, which is as many as one operation may have."""
    for begin in range(0, len(chosen), 20):
        yield chosen[begin : begin + 20]


def test_the_declarations_say_what_the_rules_say() -> None:
    declared = schema().needed
    wrong = {
        (name, field): (scopes, of_rule)
        for name, field in ROWS
        if (scopes := {s.value for s in declared[name][field] if isinstance(s, Scope)})
        != (of_rule := set(own_needs(name, field)))
    }
    assert not wrong
    for name, command in COMMANDS.items():
        assert (command.scope.value if isinstance(command.scope, Scope) else "") == rules.of_command(name)
        assert set(declared["Mutation"][camel(name)]) == {command.scope}
    assert {scope.value for scope in Scope} == rules.EVERY_SCOPE


def test_the_columns_are_those_that_were_decided_on() -> None:
    assert set(COLUMNS) == {
        "anonymous", "admin", "label_user", "api_user", "service", "API key", "session", "operator's admin",
        "other tenant", "revoked API key", "revoked token", "expired token", "logged-out session",
        "bound partner", "all but the needed scope", "only the needed scope",
    }  # fmt: skip


@pytest.mark.parametrize("column", OWN)
def test_people_of_the_organization(crowd: Crowd, ways: dict[str, Way], column: str) -> None:
    """What the role may is there, with a value or null; what it may not is refused."""
    headers, held = crowd.brings(column), GOOD[column][1]
    cells: set[tuple[str, str]] = set()
    for name, way in ways.items():
        allowed = [field for field in fields(name) if (way.needs | own_needs(name, field)) <= held]
        for chosen in _few(allowed):
            status, answer = crowd.ask(headers, document(way, name, chosen, ids_of_ours(crowd)))
            assert (status, answer.get("errors")) == (200, None), (name, answer)
            there = way.found(answer["data"])
            assert there or (name in NOT_FOR_EVERYBODY and "members:manage" not in held), name
            for field in chosen:
                assert all(field in one for one in there), (name, field)
                cells.add((name, field))
        for field in set(fields(name)) - set(allowed):
            status, answer = crowd.ask(headers, document(way, name, [field], ids_of_ours(crowd)))
            assert code_of(answer) == "INSUFFICIENT_SCOPE", (name, field, answer)
            assert answer.get("data") is None
            cells.add((name, field))
    judged(column, cells)


@pytest.mark.parametrize("column", FOREIGN)
def test_people_of_other_organizations(crowd: Crowd, ways: dict[str, Way], column: str) -> None:
    """Our private rows are to them as rows that never were; lists hold nothing of what is hidden."""
    headers, held = crowd.brings(column), GOOD[column][1]
    cells: set[tuple[str, str]] = set()
    for name, way in ways.items():
        allowed = [field for field in fields(name) if (way.needs | own_needs(name, field)) <= held]
        for chosen in _few(allowed):
            ours, nobodys = private_ids(crowd), ids_of_nobody()
            asked = ours(way.kind)
            status, answer = crowd.ask(headers, document(way, name, chosen, ours), asked)
            assert (status, answer.get("errors")) == (200, None), (name, answer)
            if way.node in OF_THE_SYSTEM and column == "operator's admin":
                assert answer["data"]["node"], name
            elif way.node:
                assert answer == {"data": {"node": None}}, name
                cost = crowd.cost
                absent = crowd.ask(headers, document(way, name, chosen, nobodys))
                assert (absent, crowd.cost) == ((status, answer), cost)
            for field in chosen if not way.steps else ():
                of_all = column == "operator's admin" and field in ("organization", "dpid")
                if takes_id(name, field) and not of_all:
                    assert answer["data"][field] in (None, [None]), field
            cells.update((name, field) for field in chosen)
        for field in set(fields(name)) - set(allowed):
            status, answer = crowd.ask(headers, document(way, name, [field], ids_of_ours(crowd)))
            assert code_of(answer) == "INSUFFICIENT_SCOPE", (name, field, answer)
            cells.add((name, field))
    judged(column, cells)


@pytest.mark.parametrize("column", REFUSED)
def test_whoever_is_nobody(crowd: Crowd, ways: dict[str, Way], column: str) -> None:
    """Without a good credential there is no answer at all."""
    headers = crowd.brings(column)
    cells: set[tuple[str, str]] = set()
    for name, way in ways.items():
        for chosen in _few(fields(name)):
            status, answer = crowd.ask(headers, document(way, name, chosen, ids_of_ours(crowd)))
            assert (status, code_of(answer)) == (401, REFUSED[column]), (name, answer)
            assert "data" not in answer
            cells.update((name, field) for field in chosen)
    judged(column, cells)


def test_all_but_the_needed_scope(crowd: Crowd, ways: dict[str, Way]) -> None:
    """A token that lacks one needed scope is refused each field that needs it, whatever else it carries."""
    cells: set[tuple[str, str]] = set()
    for name, way in ways.items():
        for field in fields(name):
            needed = own_needs(name, field)
            for scope in needed:
                _, answer = crowd.ask(
                    crowd.narrow(without(scope)), document(way, name, [field], ids_of_ours(crowd))
                )
                assert code_of(answer) == "INSUFFICIENT_SCOPE", (name, field, scope, answer)
                assert scope in answer["errors"][0]["message"]
                assert answer.get("data") is None
            if needed:
                cells.add((name, field))
        free = [field for field in fields(name) if not own_needs(name, field)]
        for chosen in _few(free) if way.steps else [[field] for field in free]:
            asked = document(way, name, chosen, ids_of_ours(crowd))
            for scope in way.needs:
                _, answer = crowd.ask(crowd.narrow(without(scope)), asked)
                assert code_of(answer) == "INSUFFICIENT_SCOPE", (name, scope, answer)
            if not way.needs:
                _, answer = crowd.ask(crowd.narrow(()), asked)
                assert "errors" not in answer, answer
                for field in chosen if not way.steps else ():
                    everybodys = field in ("organization", "dpid", "session")
                    if takes_id(name, field) and not everybodys:
                        assert answer["data"][field] in (None, [None]), field
            cells.update((name, field) for field in chosen)
    judged(NARROW[0], cells)


def test_only_the_needed_scope(crowd: Crowd, ways: dict[str, Way]) -> None:
    """A token that carries nothing beyond what is needed is enough."""
    cells: set[tuple[str, str]] = set()
    for name, way in ways.items():
        by_need: dict[frozenset[str], list[str]] = {}
        for field in fields(name):
            by_need.setdefault(way.needs | own_needs(name, field), []).append(field)
        for needed, every in by_need.items():
            for chosen in _few(every):
                headers = crowd.narrow(needed or {"catalog:read"}, operator="system:admin" in needed)
                status, answer = crowd.ask(headers, document(way, name, chosen, ids_of_ours(crowd)))
                assert (status, answer.get("errors")) == (200, None), (name, needed, answer)
                there = way.found(answer["data"]) if way.steps else [answer["data"]]
                assert there or name in (*NOT_FOR_EVERYBODY, *OF_DEALS) or "system:admin" in needed, name
                assert all(field in one for one in there for field in chosen)
                cells.update((name, field) for field in chosen)
    judged(NARROW[1], cells)


def test_no_cell_is_unasserted() -> None:
    """Every row was judged in every column, when all of this file has run."""
    if set(CELLS) != set(COLUMNS):
        pytest.skip("only a part of the columns was asked for")
    assert all(count == len(ROWS) for count in CELLS.values())
    assert sum(CELLS.values()) == len(ROWS) * len(COLUMNS)
