"""Assembles the schema: types from their bindings, connections, filters, orders, roots and mutations.

Strawberry makes the schema; what a field means stands in its binding, kept beside the schema for the
planner and the executor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import GenericAlias
from typing import Annotated, Any

import strawberry
from graphql import GraphQLSchema
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import get_object_definition
from strawberry.types.field import StrawberryField

import domain.commands
from domain.access.scopes import Access, Scope, needs
from domain.inputs import camel, snake
from graph import (
    access,
    alerts,
    audit,
    callbacks,
    catalog,
    deliveries,
    enrichment,
    files,
    live,
    media,
    notices,
    retention,
    rights,
    served,
    similar,
)
from graph.bind import TYPES, Expression, GraphType, Many, One, Served
from graph.declared import Needed, declarations
from graph.mutations import mutation_type
from graph.scalars import SCALARS
from graph.words import describe

MODULES = (
    domain.commands,
    access,
    alerts,
    audit,
    callbacks,
    catalog,
    deliveries,
    enrichment,
    files,
    media,
    notices,
    retention,
    rights,
    served,
    similar,
)
LARGEST_PAGE = 100
DEFAULT_PAGE = 20
MOST_NODES = 100
# Fields of recordings that can be asked at the root as well.
_THROUGH_RECORDINGS = {
    "similar": "Recordings that sound like one, nearest first, and what that rests on.",
    "mixableNext": "Recordings that follow well on one in a mix, by key, tempo and sound.",
}
SEARCHABLE = tuple(t for t in TYPES.values() if t.label in ("title", "name") and t.kind != "credit")


@strawberry.interface(description="Anything with a global id.")
class Node:
    """Anything with a global id."""

    id: strawberry.ID


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Where a page stands in its list (Relay)."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.input(description="A test of a text; letters are compared without case and accents.")
class TextFilter:
    """A test of a text."""

    equals: str | None = strawberry.UNSET
    starts_with: str | None = strawberry.UNSET
    contains: str | None = strawberry.UNSET


@strawberry.input(description="A code by its scheme.")
class IdentifierFilter:
    """A code by its scheme."""

    scheme: str
    value: str


@dataclass(frozen=True)
class Root:
    """What a field of Query reads. shape: one, page, node, nodes, search or through.

    only: of a page, SQL over {t} of a part; through a row, the field of it that is read.
    """

    shape: str
    type: GraphType | None
    scope: Scope | Access
    only: str = ""


@dataclass(frozen=True)
class Schema:
    """The schema and, beside it, how its fields are read and what a caller needs for each."""

    core: GraphQLSchema
    strawberry: strawberry.Schema
    types: Mapping[str, GraphType]
    roots: Mapping[str, Root | Served | live.Live]
    needed: Mapping[str, Mapping[str, Needed]]

    def binding(self, type_name: str, field_name: str) -> tuple[str, Any]:
        """Our name of a field, and how it is read, by their GraphQL names."""
        return BY_CAMEL[type_name][field_name]


BY_CAMEL: dict[str, dict[str, tuple[str, Any]]] = {
    t.name: {camel(name): (name, binding) for name, binding in t.bindings.items()} for t in TYPES.values()
}


@cache
def schema() -> Schema:
    """The whole schema, built once."""
    names: dict[str, Any] = {"Node": Node, "PageInfo": PageInfo}
    for t in TYPES.values():
        names[t.name] = _object(t, names)
    paged = {b.type for t in TYPES.values() for b in t.bindings.values() if isinstance(b, Many) and b.paged}
    for t in TYPES.values():
        if t.name in paged or t.plural:
            _connection(t.name, t.name, names)
    hits = tuple(names[t.name] for t in SEARCHABLE)
    names["SearchHit"] = Annotated[_union(hits), strawberry.union("SearchHit", description="A thing found.")]
    names["SearchKind"] = _enum(
        "SearchKind", {t.kind.upper(): t.kind for t in SEARCHABLE}, "What may be found."
    )
    _connection("Search", "SearchHit", names)
    query, roots = _query(names)
    # A command says what it returns by the kind, or by the type's name where the two differ.
    nodes = {name: names[t.name] for t in TYPES.values() for name in (t.kind, snake(t.name))}
    made = strawberry.Schema(
        query=query,
        mutation=mutation_type(nodes),
        subscription=_subscription(names),
        types=[names[t.name] for t in TYPES.values()],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    core = made._schema
    describe(core)
    every = {**roots, **live.ROOTS}
    whole = Schema(core, made, TYPES, every, declarations(core, TYPES, every))
    serve(whole)
    return whole


def serve(of: Schema) -> None:
    """Let the executor ask the served functions."""
    query = of.core.query_type
    assert query is not None
    for name, root in of.roots.items():
        if isinstance(root, Served):
            query.fields[name].resolve = _asking(root)


def _asking(root: Served) -> Any:
    async def resolve(_source: Any, info: Any, **arguments: Any) -> Any:
        given = {snake(name): value for name, value in arguments.items() if value is not None}
        async with info.context.turn:
            return await root.ask(info.context, **given)

    return resolve


def graphql_schema() -> GraphQLSchema:
    """The schema as graphql-core has it: for printing, validating and comparing."""
    return schema().core


def _object(t: GraphType, names: dict[str, Any]) -> type:
    fields: dict[str, Any] = {}
    for name, binding in t.bindings.items():
        arguments: list[StrawberryArgument] = []
        if isinstance(binding, One):
            annotation: Any = f"{binding.type} | None"
            arguments = _made_arguments(binding, names)
        elif isinstance(binding, Many) and binding.paged:
            annotation = f"{binding.type}Connection"
            arguments = _page_arguments()
        elif isinstance(binding, Many):
            annotation = f"list[{binding.type}]"
        else:
            annotation = t.annotations[name]
        about = ""
        if isinstance(binding, Expression):
            arguments = [_argument(key, taken.annotation, names) for key, taken in binding.takes.items()]
            about = binding.about
        if isinstance(binding, One | Many) and binding.scope is None:
            leads_to = TYPES[binding.type].scope
            about = needs(leads_to) if isinstance(leads_to, Scope) and leads_to is not t.scope else ""
        fields[name] = _field(annotation, arguments, names, binding.scope, about)
    return _made(t.name, fields, t.doc, (Node,) if t.is_node else ())


def _made(name: str, fields: Mapping[str, StrawberryField], about: str, bases: tuple[type, ...] = ()) -> type:
    """A Strawberry type of fields that say their own types.

    Strawberry takes a field's type from the class's annotations, where names of types made later can't
    be resolved; so each field gets its own annotation back.
    """
    said = {key: field.type_annotation for key, field in fields.items()}
    cls = strawberry.type(
        type(name, bases, {"__annotations__": dict.fromkeys(fields, Any), **fields}),
        name=name,
        description=about,
    )
    for field in get_object_definition(cls, strict=True).fields:
        field.type_annotation = said.get(field.python_name, field.type_annotation)
    return cls


def _field(
    annotation: Any,
    arguments: list[StrawberryArgument],
    names: dict[str, Any],
    scope: Scope | Access | None,
    about: str = "",
) -> StrawberryField:
    needed = needs(scope) if isinstance(scope, Scope) else ""
    field = StrawberryField(
        type_annotation=StrawberryAnnotation(annotation, namespace=names),
        description=" ".join(part for part in (about, needed) if part) or None,
        metadata={"scope": scope},
    )
    field.arguments = arguments
    return field


def _argument(
    name: str,
    annotation: Any,
    names: dict[str, Any],
    about: str | None = None,
    default: Any = strawberry.UNSET,
) -> StrawberryArgument:
    return StrawberryArgument(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(annotation, namespace=names),
        description=about,
        default=default,
    )


def _page_arguments() -> list[StrawberryArgument]:
    return [
        _argument(
            "first", int | None, {}, f"1 to {LARGEST_PAGE} from the beginning; {DEFAULT_PAGE} unless said."
        ),
        _argument("after", str | None, {}, "Begin after this cursor."),
        _argument("last", int | None, {}, f"1 to {LARGEST_PAGE} from the end."),
        _argument("before", str | None, {}, "End before this cursor."),
    ]


def _made_arguments(binding: One, names: dict[str, Any]) -> list[StrawberryArgument]:
    takes = binding.made.takes if binding.made else {}
    return [_argument(key, hint, names, about or None) for key, (hint, about) in takes.items()]


def _connection(name: str, item: str, names: dict[str, Any]) -> None:
    edge, connection = f"{name}Edge", f"{name}Connection"
    names[edge] = _made(
        edge,
        {"cursor": _field(str, [], names, None), "node": _field(item, [], names, None)},
        f"One {name} of a page, and its cursor.",
    )
    names[connection] = _made(
        connection,
        {
            "nodes": _field(f"list[{item}]", [], names, None),
            "edges": _field(f"list[{edge}]", [], names, None),
            "page_info": _field("PageInfo", [], names, None),
            "total_count": _field(
                int, [], names, None, "How many there are in all; counted only when asked."
            ),
        },
        f"A page of {name}.",
    )


def _union(members: tuple[type, ...]) -> Any:
    found: Any = members[0]
    for member in members[1:]:
        found = found | member
    return found


def _filter(t: GraphType, names: dict[str, Any]) -> type:
    annotations: dict[str, Any] = {"ids": list[strawberry.ID] | None}
    content = "status" in t.table.columns and "visibility" in t.table.columns
    if t.label in ("title", "name"):
        annotations[t.label] = TextFilter | None
    for name, (scalar, _) in t.filters.items():
        annotations[name] = _many_of(scalar)
    if content:
        annotations |= {
            "status": list[str] | None,
            "visibility": list[str] | None,
            "identifier": IdentifierFilter | None,
            "genre": list[str] | None,
            "updated_since": datetime | None,
        }
        if "genres" not in t.table.columns:
            del annotations["genre"]
    defaults = dict.fromkeys(annotations, strawberry.UNSET)
    made = type(f"{t.name}Filter", (), {"__annotations__": annotations, **defaults})
    return strawberry.input(made, description=f"Which {t.plural} are wanted; all conditions hold together.")


def _many_of(scalar: Any) -> Any:
    """One value or several; GraphQL takes one for a list of one."""
    return GenericAlias(list, (scalar,)) | None


def _enum(name: str, members: dict[str, str], about: str) -> Any:
    made: Any = Enum(name, members)  # type: ignore[misc]
    return strawberry.enum(made, description=about)


def _order(t: GraphType) -> Any:
    members = {
        f"{name.upper()}_{way}": f"{name}:{way.lower()}" for name in t.orders for way in ("ASC", "DESC")
    }
    return _enum(f"{t.name}Order", members, f"Orders of {t.plural}.")


def _subscription(names: dict[str, Any]) -> type:
    fields: dict[str, StrawberryField] = {}
    for name, of in live.ROOTS.items():
        arguments = [_argument(key, hint, names, about) for key, (hint, about) in of.arguments.items()]
        fields[name] = _field(of.type, arguments, names, of.scope, of.about)
        fields[name].graphql_name = name
    return _made("Subscription", fields, "What can be followed, over WebSocket and as server-sent events.")


def _query(names: dict[str, Any]) -> tuple[type, dict[str, Root | Served]]:
    fields: dict[str, StrawberryField] = {}
    roots: dict[str, Root | Served] = {}

    def add(
        name: str, root: Root | Served, annotation: Any, arguments: list[StrawberryArgument], about: str
    ) -> None:
        fields[name] = _field(annotation, arguments, names, root.scope, about)
        fields[name].graphql_name = name
        roots[name] = root

    add(
        "node",
        Root("node", None, Access.SIGNED_IN),
        "Node | None",
        [_argument("id", strawberry.ID, names)],
        "Anything, by its id.",
    )
    add(
        "nodes",
        Root("nodes", None, Access.SIGNED_IN),
        "list[Node | None]",
        [_argument("ids", list[strawberry.ID], names, f"At most {MOST_NODES}.")],
        "Several things, in the order of their ids; null for what is not there for you.",
    )
    for t in TYPES.values():
        if not t.plural:
            continue
        about = t.doc.split("\n")[0]
        add(
            t.one_name,
            Root("one", t, t.scope),
            f"{t.name} | None",
            [_argument("id", strawberry.ID, names)],
            about,
        )
        names[f"{t.name}Filter"], names[f"{t.name}Order"] = _filter(t, names), _order(t)
        arguments = [
            *_page_arguments(),
            _argument("filter", f"{t.name}Filter | None", names),
            _argument("order_by", f"{t.name}Order | None", names, "By id unless said."),
            *(
                _argument(name, _many_of(scalar), names, "Short for the same filter.")
                for name, (scalar, _) in t.filters.items()
                if name not in ("kind", "state", "command")
            ),
        ]
        add(t.plural, Root("page", t, t.scope), f"{t.name}Connection", arguments, f"A page of {t.plural}.")
        for name, (only, said) in t.views.items():
            add(name, Root("page", t, t.scope, only), f"{t.name}Connection", arguments, said)
    add(
        "search",
        Root("search", None, Scope.CATALOG_READ),
        "SearchConnection",
        [
            _argument("query", str, names, "Words, or part of one."),
            _argument("types", "list[SearchKind] | None", names, "All kinds unless said."),
            *_page_arguments()[:2],
        ],
        "Everything whose title or name matches, best first.",
    )
    for name, about in _THROUGH_RECORDINGS.items():
        t = TYPES["Recording"]
        binding = t.bindings[snake(name)]
        assert isinstance(binding, One)
        by = _argument(f"{t.kind}_id", strawberry.ID, names)
        arguments = [by, *_made_arguments(binding, names)]
        add(name, Root("through", t, t.scope, snake(name)), f"{binding.type} | None", arguments, about)
    for name, (served_by, annotation, about) in served.ROOTS.items():
        names.update(served.TYPES_BY_NAME)
        arguments = [_argument(key, hint, names) for key, hint in served_by.arguments.items()]
        add(name, served_by, annotation, arguments, about)
    return _made("Query", fields, "Everything that can be read."), roots
