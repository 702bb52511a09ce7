"""From a selection to a read plan: what is to be read, as plain data. Knows no SQL.

A plan is made for one shape of the variables (page sizes, orders, which filters are there); the values
themselves are bound later, so the plan and its statement are used again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values

from domain.access.scopes import Scope
from domain.access.viewer import Viewer
from graph.bind import Column, Expression, GlobalId, GraphType, Many, One, Served
from graph.problems import ReadRefused
from graph.schema import DEFAULT_PAGE, LARGEST_PAGE, SEARCHABLE, Root, Schema

DEEPEST = 15


@dataclass(frozen=True)
class Leaf:
    """A value of the row. slot: where its arguments are found, if it takes any."""

    key: str
    name: str
    binding: Column | GlobalId | Expression
    type: GraphType
    slot: int | None = None


@dataclass(frozen=True)
class Typename:
    """The name of the type, known beforehand."""

    key: str
    value: str


@dataclass(frozen=True)
class Single:
    """The row that a column points at, or one that is worked out from arguments."""

    key: str
    binding: One
    object: "ObjectPlan"
    slot: int = -1
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """Rows that belong to this one, whole."""

    key: str
    binding: Many
    object: "ObjectPlan"


@dataclass(frozen=True)
class Info:
    """A part of a page's own description: a pageInfo field."""

    key: str
    name: str


@dataclass(frozen=True)
class PagePart:
    """One selected field of a connection, by what it is: nodes, edges, pageInfo, totalCount, __typename."""

    key: str
    what: str
    object: "ObjectPlan | None" = None
    parts: tuple["EdgePart | Info", ...] = ()
    value: str = ""


@dataclass(frozen=True)
class EdgePart:
    """One selected field of an edge: cursor, node or __typename."""

    key: str
    what: str
    object: "ObjectPlan | None" = None
    value: str = ""


@dataclass(frozen=True)
class PageRead:
    """A page of rows. slot: where its arguments are found; size and direction are part of the shape."""

    key: str
    type: GraphType | None
    binding: Many | Root
    slot: int
    size: int
    backward: bool
    arguments: Mapping[str, Any]
    parts: tuple[PagePart, ...]


@dataclass(frozen=True)
class Lookup:
    """One row by id, or several in the order of their ids. many: whether a list was asked for."""

    key: str
    type: GraphType | None
    slot: int
    many: bool
    object: "ObjectPlan"


@dataclass(frozen=True)
class Through:
    """A field of one row by its id, in place of the row. slot: where the id is, as the argument `by`."""

    key: str
    type: GraphType
    slot: int
    by: str
    field: Single


@dataclass(frozen=True)
class ServedRead:
    """A root field that the executor serves. describes: it tells of the schema itself."""

    key: str
    describes: bool = False
    points: int = 0


Part: TypeAlias = Leaf | Typename | Single | Listing | PageRead


@dataclass(frozen=True)
class ObjectPlan:
    """What is read of a row: by type, since a row may be of one of several."""

    types: Mapping[str, tuple[Part, ...]]

    def of(self, name: str) -> tuple[Part, ...]:
        """The parts for one type."""
        return self.types[name]


@dataclass
class ReadPlan:
    """A whole operation. slots: the fields whose arguments are evaluated anew for each request."""

    roots: list[Lookup | PageRead | Through | Typename | ServedRead] = field(default_factory=list)
    slots: list[tuple[GraphQLField, FieldNode]] = field(default_factory=list)


class Planner:
    """Plans one operation for one viewer and one shape of variables."""

    def __init__(
        self,
        schema: Schema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues | None,
        viewer: Viewer,
    ) -> None:
        self.schema = schema
        self.fragments = fragments
        self.variables = variables
        self.viewer = viewer
        self.plan = ReadPlan()

    def operation(self, operation: OperationDefinitionNode) -> ReadPlan:
        """The plan of a query. Raises ReadRefused."""
        query = self.schema.core.query_type
        assert query is not None
        for key, nodes in self.collect([operation.selection_set], query.name).items():
            name = nodes[0].name.value
            if name == "__typename":
                self.plan.roots.append(Typename(key, query.name))
            elif name.startswith("__") or isinstance(self.schema.roots[name], Served):
                if name.startswith("__"):
                    self.plan.roots.append(ServedRead(key, describes=True))
                    continue
                root = self.schema.roots[name]
                assert isinstance(root, Served)
                self.needs(root.scope, name)
                points = root.points
                if callable(points):
                    points = points(get_argument_values(query.fields[name], nodes[0], self.variables))
                self.plan.roots.append(ServedRead(key, points=points))
            else:
                self.plan.roots.append(self._root(key, name, nodes, query))
        return self.plan

    def _root(
        self, key: str, name: str, nodes: list[FieldNode], query: GraphQLObjectType
    ) -> Lookup | PageRead | Through:
        root = self.schema.roots[name]
        assert isinstance(root, Root)
        self.needs(root.scope, name)
        slot, arguments = self._slot(query.fields[name], nodes[0])
        if root.shape == "through":
            assert root.type is not None
            self.needs(root.type.scope, name)
            field = self._single(key, root.type.bindings[root.only], slot, arguments, nodes, 1)
            return Through(key, root.type, slot, f"{root.type.one_name}Id", field)
        if root.shape == "page":
            assert root.type is not None
            return self._page(key, root.type, root, slot, arguments, nodes, 1)
        if root.shape == "search":
            return self._page(key, None, root, slot, arguments, nodes, 1)
        many = root.shape == "nodes"
        types = [root.type] if root.type else self._nodes(nodes)
        return Lookup(key, root.type, slot, many, self._object(types, nodes, 1))

    def _nodes(self, nodes: list[FieldNode]) -> list[GraphType]:
        """The types that a global id may be of, for this viewer.

        A type whose scope the token lacks is as good as not there; a fragment on it is refused.
        """
        sets = [node.selection_set for node in nodes if node.selection_set]
        common = set(self.collect(sets, "Node"))
        types = [
            t
            for t in self.schema.types.values()
            if t.is_node
            and (self.viewer.may(t.scope) or not common.issuperset(self.collect(sets, t.name, True)))
        ]
        if not types:
            self.needs(Scope.CATALOG_READ, nodes[0].name.value)
        return types

    def object(self, type: GraphType, selection: SelectionSetNode) -> ObjectPlan:
        """The plan of a selection on one type, for payloads."""
        return ObjectPlan({type.name: self._parts(type, [selection], 1)})

    def _object(self, types: Iterable[GraphType], nodes: list[FieldNode], depth: int) -> ObjectPlan:
        sets = [node.selection_set for node in nodes if node.selection_set]
        return ObjectPlan({t.name: self._parts(t, sets, depth) for t in types})

    def _parts(self, t: GraphType, sets: list[SelectionSetNode], depth: int) -> tuple[Part, ...]:
        if depth > DEEPEST:
            raise ReadRefused("TOO_DEEP", f"the selection is more than {DEEPEST} levels deep")
        self.needs(t.scope, t.name)
        return tuple(
            self._part(t, key, nodes, depth) for key, nodes in self.collect(sets, t.name, t.is_node).items()
        )

    def _part(self, t: GraphType, key: str, nodes: list[FieldNode], depth: int) -> Part:
        name = nodes[0].name.value
        if name == "__typename":
            return Typename(key, t.name)
        own, binding = self.schema.binding(t.name, name)
        self.needs(t.scope_of(own), f"{t.name}.{name}")
        if isinstance(binding, One):
            self.needs(self.schema.types[binding.type].scope, f"{t.name}.{name}")
            if binding.made is None:
                return self._single(key, binding, -1, {}, nodes, depth + 1)
            return self._single(key, binding, *self._slot(self._defined(t, name), nodes[0]), nodes, depth + 1)
        if isinstance(binding, Many):
            target = self.schema.types[binding.type]
            self.needs(target.scope, f"{t.name}.{name}")
            if not binding.paged:
                return Listing(key, binding, self._object([target], nodes, depth + 1))
            slot, arguments = self._slot(self._defined(t, name), nodes[0])
            return self._page(key, target, binding, slot, arguments, nodes, depth + 1)
        if isinstance(binding, Expression) and binding.takes:
            slot, _ = self._slot(self._defined(t, name), nodes[0])
            return Leaf(key, own, binding, t, slot)
        return Leaf(key, own, binding, t)

    def _single(
        self,
        key: str,
        binding: Any,
        slot: int,
        arguments: Mapping[str, Any],
        nodes: list[FieldNode],
        depth: int,
    ) -> Single:
        assert isinstance(binding, One)
        target = self.schema.types[binding.type]
        if binding.made is not None:
            page_size(arguments, key)
        return Single(key, binding, self._object([target], nodes, depth), slot, arguments)

    def _defined(self, t: GraphType, name: str) -> GraphQLField:
        owner = self.schema.core.get_type(t.name)
        assert isinstance(owner, GraphQLObjectType)
        found: GraphQLField = owner.fields[name]
        return found

    def _slot(self, definition: GraphQLField, node: FieldNode) -> tuple[int, dict[str, Any]]:
        self.plan.slots.append((definition, node))
        return len(self.plan.slots) - 1, get_argument_values(definition, node, self.variables)

    def _page(
        self,
        key: str,
        t: GraphType | None,
        binding: Many | Root,
        slot: int,
        arguments: Mapping[str, Any],
        nodes: list[FieldNode],
        depth: int,
    ) -> PageRead:
        size, backward = page_size(arguments, key)
        name = t.name if t else "Search"
        types = [t] if t else list(SEARCHABLE)
        sets = [node.selection_set for node in nodes if node.selection_set]
        parts = tuple(
            self._page_part(name, types, own, found, depth)
            for own, found in self.collect(sets, f"{name}Connection").items()
        )
        return PageRead(key, t, binding, slot, size, backward, arguments, parts)

    def _page_part(
        self, name: str, types: list[GraphType], key: str, nodes: list[FieldNode], depth: int
    ) -> PagePart:
        what = nodes[0].name.value
        sets = [node.selection_set for node in nodes if node.selection_set]
        if what == "nodes":
            return PagePart(key, what, self._object(types, nodes, depth))
        if what == "edges":
            inner: list[EdgePart | Info] = []
            for own, found in self.collect(sets, f"{name}Edge").items():
                kind = found[0].name.value
                inner.append(
                    EdgePart(
                        own,
                        kind,
                        self._object(types, found, depth) if kind == "node" else None,
                        f"{name}Edge",
                    )
                )
            return PagePart(key, what, parts=tuple(inner))
        if what == "pageInfo":
            infos = tuple(
                Info(own, found[0].name.value) for own, found in self.collect(sets, "PageInfo").items()
            )
            return PagePart(key, what, parts=infos)
        return PagePart(key, what, value=f"{name}Connection")

    def needs(self, scope: Any, name: str) -> None:
        """Raise ReadRefused where the viewer lacks the scope that a name needs."""
        if scope is not None and not self.viewer.may(scope):
            raise ReadRefused(
                "INSUFFICIENT_SCOPE", f"{name} needs the scope {scope}; the token does not carry it"
            )

    def collect(
        self, sets: Iterable[SelectionSetNode], type_name: str, is_node: bool = False
    ) -> dict[str, list[FieldNode]]:
        """The selected fields by response key, fragments and directives taken into account."""
        found: dict[str, list[FieldNode]] = {}
        for one in sets:
            for node in self._fields(one, type_name, is_node):
                found.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        return found

    def _fields(self, selection: SelectionSetNode, type_name: str, is_node: bool) -> Iterator[FieldNode]:
        for node in selection.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                yield node
                continue
            inside: FragmentDefinitionNode | InlineFragmentNode
            if isinstance(node, FragmentSpreadNode):
                inside = self.fragments[node.name.value]
            else:
                assert isinstance(node, InlineFragmentNode)
                inside = node
            condition = inside.type_condition.name.value if inside.type_condition else type_name
            searchable = any(t.name == type_name for t in SEARCHABLE)
            if (
                condition == type_name
                or (condition == "Node" and is_node)
                or (condition == "SearchHit" and searchable)
            ):
                yield from self._fields(inside.selection_set, type_name, is_node)

    def _included(self, node: Any) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        if skip and skip["if"]:
            return False
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return not (include and not include["if"])


def page_size(arguments: Mapping[str, Any], key: str) -> tuple[int, bool]:
    """How many rows, and whether from the end. Raises ReadRefused for what is too large or contradictory."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is not None and last is not None:
        raise ReadRefused(
            "BAD_USER_INPUT", "first and last were both given; one of them will do", path=(key,)
        )
    after, before = arguments.get("after") is not None, arguments.get("before") is not None
    if after and before:
        raise ReadRefused(
            "BAD_USER_INPUT", "after and before were both given; one of them will do", path=(key,)
        )
    if (last is not None and after) or (last is None and before):
        raise ReadRefused("BAD_USER_INPUT", "first goes with after, and last with before", path=(key,))
    size = first if first is not None else last if last is not None else DEFAULT_PAGE
    if size < 1 or size > LARGEST_PAGE:
        code = "PAGE_TOO_LARGE" if size > LARGEST_PAGE else "BAD_USER_INPUT"
        asked = "last" if last is not None else "first"
        raise ReadRefused(code, f"{asked} is {size}; 1 to {LARGEST_PAGE} will do", path=(key,))
    return size, last is not None
