"""Ways through the schema: how each type is reached from a root, and the documents that go there."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_required_argument,
)

from graph.schema import schema
from tests.factories import World
from tests.matrix import rules

CORE = schema().core
NODES = {t.name: t.kind for t in schema().types.values() if t.is_node}
READ_TYPES = sorted({*rules.TYPES, *rules.held(CORE, {"Query", *rules.TYPES}), "Query"})
# Every field that can be read, which is every row of the matrix of fields.
ROWS = frozenset((name, field) for name in READ_TYPES for field in CORE.type_map[name].fields)  # type: ignore[attr-defined]
_LONGEST = 7
_MOST = 40
_VALUES: Mapping[str, Any] = {
    "String": "Post",
    "Int": 1,
    "DateTime": "2026-01-01T00:00:00Z",
    "Territory": "DE",
    "Boolean": True,
    "BigInt": 0,
}
ANY_ID = "%ID%"


@dataclass(frozen=True)
class Step:
    """One field on a way, and the type that is meant of those it may lead to."""

    field: str
    arguments: str
    on: str
    is_abstract: bool


@dataclass(frozen=True)
class Way:
    """Steps from the root to a type. node: the type of the node it begins at, where it begins at one."""

    steps: tuple[Step, ...]
    needs: frozenset[str]
    node: str = ""

    def document(self, inner: str, id: str) -> str:
        """The query that selects `inner` at the end of the way."""
        opened, closed = "{", "}"
        for step in self.steps:
            opened += f" {step.field}{step.arguments.replace(ANY_ID, id)} {{"
            closed += " }"
            if step.is_abstract:
                opened += f" ... on {step.on} {{"
                closed += " }"
        return f"{opened} {inner} {closed}"

    @property
    def kind(self) -> str:
        """Of what kind the id is that the way begins with."""
        return NODES[self.node] if self.node else "recording"

    def found(self, data: Any) -> list[dict[str, Any]]:
        """The objects at the end of the way."""
        here = [data]
        for step in self.steps:
            here = [
                inner
                for one in here
                for inner in _flat(one.get(step.field) if isinstance(one, dict) else None)
            ]
        return [one for one in here if isinstance(one, dict) and one]


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for one in value:
            yield from _flat(one)
    elif value is not None:
        yield value


def ways_to(type_name: str) -> list[Way]:
    """Ways to a type, the shortest first; nodes are gone to by their ids."""
    return _WAYS.get(type_name, [])


def fields_of(type_name: str, names: Iterable[str], id_of: Callable[[str], str]) -> str:
    """A selection of fields, each with the least inside it. id_of: a kind's id, for fields that take one."""
    type_ = CORE.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    return " ".join(_selected(name, type_.fields[name], id_of) for name in sorted(names))


def takes_id(type_name: str, field: str) -> bool:
    """Whether a field can't be read without an id."""
    return ANY_ID in arguments_of(CORE.type_map[type_name].fields[field])  # type: ignore[attr-defined]


def _selected(name: str, field: GraphQLField, id_of: Callable[[str], str]) -> str:
    named = get_named_type(field.type)
    inner = " { __typename }" if is_composite_type(named) else ""
    arguments = arguments_of(field)
    if ANY_ID in arguments:
        arguments = arguments.replace(ANY_ID, id_of(NODES.get(named.name, "recording")))
    return f"{name}{arguments}{inner}"


def arguments_of(field: GraphQLField) -> str:
    """The arguments that a field can't do without."""
    given = {
        name: _value(argument.type) for name, argument in field.args.items() if is_required_argument(argument)
    }
    return f"({', '.join(f'{name}: {value}' for name, value in given.items())})" if given else ""


def _value(type_: Any) -> str:
    if isinstance(type_, GraphQLNonNull):
        return _value(type_.of_type)
    if isinstance(type_, GraphQLList):
        return f"[{_value(type_.of_type)}]"
    if isinstance(type_, GraphQLEnumType):
        return str(next(iter(type_.values)))
    if isinstance(type_, GraphQLInputObjectType):
        needed = {n: f for n, f in type_.fields.items() if isinstance(f.type, GraphQLNonNull)}
        return "{" + ", ".join(f"{name}: {_value(field.type)}" for name, field in needed.items()) + "}"
    if type_.name == "ID":
        return f'"{ANY_ID}"'
    return json.dumps(_VALUES[type_.name])


def _all_ways() -> dict[str, list[Way]]:
    """The shortest ways to every type, from the root's fields and from each node."""
    found: dict[str, list[Way]] = {"Query": [Way((), frozenset())]}
    begin = [
        Way((Step("node", f'(id: "{ANY_ID}")', name, True),), rules.of_type(name), name) for name in NODES
    ]
    waiting: list[tuple[str, Way]] = [(way.node, way) for way in begin]
    root = CORE.query_type
    assert root is not None
    waiting += [
        (name, way)
        for field in root.fields
        if field not in ("node", "nodes") and "id" not in root.fields[field].args
        for name, way in _steps("Query", field, Way((), frozenset()))
    ]
    while waiting:
        following: list[tuple[str, Way]] = []
        for name, way in waiting:
            known = found.setdefault(name, [])
            if len(known) >= _MOST or len(way.steps) > _LONGEST:
                continue
            known.append(way)
            type_ = CORE.type_map[name]
            assert isinstance(type_, GraphQLObjectType)
            for field in type_.fields:
                following += _steps(name, field, way)
        waiting = following
    return found


def _steps(type_name: str, field: str, way: Way) -> list[tuple[str, Way]]:
    type_ = CORE.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    named = get_named_type(type_.fields[field].type)
    arguments = arguments_of(type_.fields[field])
    needs = way.needs | rules.of_field(CORE, type_name, field)
    inside = named.types if isinstance(named, GraphQLUnionType) else (named,)
    return [
        (
            one.name,
            Way(
                (*way.steps, Step(field, arguments, one.name, one is not named)),
                needs | rules.of_type(one.name),
                way.node,
            ),
        )
        for one in inside
        if isinstance(one, GraphQLObjectType)
    ]


_WAYS = _all_ways()


def full(world: World, kind: str) -> str:
    """The id of the row of ours with the most in it."""
    named = {"credit": "credit row full", "change_set": "our change set people"}
    name = named.get(kind, f"{kind} full")
    return world.id(name if name in world.ids else f"our own {kind}")


def private(world: World, kind: str, of: str = "our") -> str:
    """The id of a private row of an organization."""
    return world.id(f"{of} own {kind}")
