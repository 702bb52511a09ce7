"""The REST routes, printed: reads from the query type of the schema, writes from COMMANDS.

A read is a stored GraphQL document on the compiled path. Nothing here knows HTTP: `api/rest.py` mounts
what is printed, and `openapi/generate.py` describes it.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from domain.command import COMMANDS, STREAMED, Command
from openapi.selection import PAGE_INFO, select, tree
from openapi.shapes import is_connection, is_list, node_type

# Root fields with no route: where an id may name anything, REST has one path for each kind; what belongs to
# a thing is asked below its path.
_NO_ROUTE = frozenset({"node", "nodes", "similar", "mixableNext"})
# Sub-resources that are worth a path though they are no pages.
_OWN_PATH = frozenset({"features", "similar", "mixableNext"})
# Kinds of which a root field that asks about any entity has a path below theirs.
_ASKED_ABOUT = ("release", "track", "recording", "video")
# Input objects whose fields are query parameters under their own names.
_FLAT = frozenset({"filter", "where"})


@dataclass(frozen=True)
class Parameter:
    """One query parameter. path: the argument it fills, then the fields inside its input object."""

    name: str
    path: tuple[str, ...]
    type: Any
    required: bool
    description: str | None


@dataclass(frozen=True, eq=False)
class ReadRoute:
    """GET of one thing, of a page, or of a list.

    path: below /v1, with {id}. root: the query field; inner: the field of the thing found that is read
    instead of it. item: the graph type of what comes. shape: one, page or list. kind: what {id} names, where
    the root asks about any entity.
    """

    path: str
    root: str
    inner: str | None
    item: Any
    shape: str
    by_id: bool
    parameters: tuple[Parameter, ...]
    arguments: tuple[tuple[str, str], ...]
    summary: str
    kind: str = ""

    @property
    def operation_id(self) -> str:
        """The operation's name in OpenAPI."""
        words = "".join(part[:1].upper() + part[1:] for part in (self.kind, self.root, self.inner or ""))
        return ("get" if self.shape == "one" else "list") + words

    @property
    def selects(self) -> bool:
        """Whether `fields` and `include` mean something here."""
        return not is_leaf_type(self.item)

    def document(self, fields: tuple[str, ...], include: tuple[str, ...], used: frozenset[str]) -> str:
        """The stored query. used: the arguments that have a value. Raises Unprintable."""
        return _document(self, fields, include, used)


@dataclass(frozen=True)
class WriteRoute:
    """A command by HTTP.

    in_path: the input's fields that stand in the path; raw: the one that is the bytes of the body. form: the
    short fields of a form whose file is read while it comes; None where the body is no such form.
    """

    command: Command
    path: str
    in_path: tuple[str, ...]
    raw: str | None
    form: tuple[str, ...] | None = None

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.command.method

    @property
    def operation_id(self) -> str:
        """The operation's name in OpenAPI."""
        head, *rest = self.command.name.split("_")
        return head + "".join(part[:1].upper() + part[1:] for part in rest)


def read_routes(schema: GraphQLSchema) -> list[ReadRoute]:
    """Every GET route of the schema's query fields."""
    assert schema.query_type is not None
    return [
        route
        for name, field in schema.query_type.fields.items()
        if name not in _NO_ROUTE
        for route in _routes_of(name, field)
    ]


def write_routes() -> list[WriteRoute]:
    """Every route of a command."""
    return [_write_route(command) for command in (*COMMANDS.values(), *STREAMED.values())]


def _write_route(command: Command) -> WriteRoute:
    in_path = tuple(re.findall(r"\{(\w+)\}", command.path))
    raw = [field.name for field in dataclasses.fields(command.ask) if command.hints[field.name] is bytes]
    assert len(raw) <= 1, f"{command.name} has two inputs that are bytes"
    form = None
    if command.name in STREAMED:
        form = tuple(name for name, hint in command.hints.items() if not _is_found(hint))
    return WriteRoute(command, command.path, in_path, raw[0] if raw else None, form)


def _is_found(hint: Any) -> bool:
    """Whether an input is worked out from the bytes, and not said by the caller."""
    return any(dataclasses.is_dataclass(part) for part in (hint, *get_args(hint)))


def _routes_of(name: str, field: GraphQLField) -> Iterator[ReadRoute]:
    if "entity" in field.args:
        for kind in _ASKED_ABOUT:
            yield _route(f"/{plural(kind)}/{{id}}/{kebab(name)}", name, None, field, True, kind)
        return
    by_id = "id" in field.args and is_required_argument(field.args["id"])
    path = f"/{plural(kebab(name))}/{{id}}" if by_id else f"/{kebab(name)}"
    yield _route(path, name, None, field, by_id)
    inner = get_named_type(field.type)
    if not by_id or not hasattr(inner, "fields"):
        return
    for own_name, own in inner.fields.items():
        if not _needs(own) and (is_connection(own.type) or own_name in _OWN_PATH):
            yield _route(f"{path}/{kebab(own_name)}", name, own_name, own, by_id)


def _route(
    path: str, root: str, inner: str | None, field: GraphQLField, by_id: bool, kind: str = ""
) -> ReadRoute:
    item = node_type(field.type)
    shape = "page" if is_connection(field.type) else "list" if is_list(field.type) else "one"
    in_path = {"entity" if kind else "id"} if by_id and not inner else set()
    arguments = {key: argument for key, argument in field.args.items() if key not in in_path}
    found: dict[str, Parameter] = {}
    for key, given in arguments.items():
        for one in _parameters((key,), given.type, given.description, is_required_argument(given)):
            if one.name not in found or len(one.path) < len(found[one.name].path):
                found[one.name] = one
    summary = (field.description or f"Read {inner or root}.").strip().split("\n")[0]
    typed = tuple((key, str(argument.type)) for key, argument in arguments.items())
    return ReadRoute(path, root, inner, item, shape, by_id, tuple(found.values()), typed, summary, kind)


def _parameters(
    path: tuple[str, ...], type_: Any, description: str | None, required: bool
) -> Iterator[Parameter]:
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType):
        if is_list(type_) or len(path) > 3:
            return
        for name, field in named.fields.items():
            yield from _parameters((*path, name), field.type, field.description, False)
        return
    steps = path[1:] if path[0] in _FLAT and len(path) > 1 else path
    if len(steps) > 1 and steps[-1] == "equals":
        steps = steps[:-1]
    yield Parameter(".".join(steps), path, type_, required, description)


@lru_cache(maxsize=2048)
def _document(
    route: ReadRoute, fields: tuple[str, ...], include: tuple[str, ...], used: frozenset[str]
) -> str:
    declared = [f"${name}: {type_}" for name, type_ in route.arguments if name in used]
    passed = [f"{name}: ${name}" for name, _ in route.arguments if name in used]
    inside = f" {{ {select(route.item, tree(fields), tree(include), whole=True)} }}" if route.selects else ""
    if route.shape == "page":
        inside = f" {{ items: nodes{inside} page: {PAGE_INFO} }}"
    called = f"({', '.join(passed)})" if passed else ""
    if route.by_id:
        declared.insert(0, "$id: ID!")
        given = "entity: $id" if route.kind else "id: $id"
        body = (
            f"answer: {route.root}(id: $id) {{ answer: {route.inner}{called}{inside} }}"
            if route.inner
            else f"answer: {route.root}({', '.join([given, *passed])}){inside}"
        )
    else:
        body = f"answer: {route.root}{called}{inside}"
    head = f"query {route.operation_id}" + (f"({', '.join(declared)})" if declared else "")
    return f"{head} {{ {body} }}"


def variables(values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Argument values from parameter paths: {('filter', 'title'): 'x'} → {'filter': {'title': 'x'}}."""
    made: dict[str, Any] = {}
    for path, value in values.items():
        place = made
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    return made


def kebab(name: str) -> str:
    """camelCase as paths spell it: change-sets."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", name).lower()


def plural(name: str) -> str:
    """Many of a thing, as paths name it."""
    if name.endswith("y"):
        return name[:-1] + "ies"
    return name if name.endswith("s") else name + "s"


def _needs(field: GraphQLField) -> bool:
    """Whether the field can't be read without an argument, its page aside."""
    return any(
        is_required_argument(argument)
        for name, argument in field.args.items()
        if name not in ("first", "after")
    )
