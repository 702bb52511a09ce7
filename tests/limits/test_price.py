"""What a query costs, against a slow calculator that knows the schema and the text alone."""

import random
from typing import Any

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    parse,
)

from domain.access.scopes import Role
from graph.run import Engine
from tests.factories import World, viewer
from tests.graph.conftest import engine, plain, planted, read_pool, world
from tests.graph.test_random import Maker

__all__ = ["engine", "plain", "planted", "read_pool", "world"]

DEFAULT_PAGE, LIST = 20, 10
# A search among vectors, and how many hits it gives unless told.
SEARCH, DEFAULT_HITS = 20, 10
SEES_ALL = viewer(role=Role.ADMIN)


class Calculator:
    """Adds up objects, field by field, as docs/limits.md says it."""

    def __init__(self, schema: GraphQLSchema, document: str) -> None:
        self.schema = schema
        parsed = parse(document)
        self.fragments = {
            node.name.value: node for node in parsed.definitions if isinstance(node, FragmentDefinitionNode)
        }
        (self.operation,) = (n for n in parsed.definitions if isinstance(n, OperationDefinitionNode))

    def points(self) -> int:
        """The whole."""
        query = self.schema.query_type
        assert query is not None
        return max(
            1, sum(self.field(query, node) for node in self.fields(self.operation.selection_set, query))
        )

    def fields(self, selection: SelectionSetNode | None, of: Any) -> list[FieldNode]:
        """The fields that a selection asks of an object type."""
        found = []
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                found.append(node)
                continue
            inside = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            assert isinstance(inside, FragmentDefinitionNode | InlineFragmentNode)
            condition = inside.type_condition.name.value if inside.type_condition else of.name
            on = self.schema.get_type(condition)
            if on is of or (hasattr(of, "interfaces") and on in of.interfaces):
                found += self.fields(inside.selection_set, of)
        return found

    def field(self, parent: Any, node: FieldNode) -> int:
        """One field and what is in it."""
        if node.name.value == "__typename":
            return 0
        definition = parent.fields[node.name.value]
        named = get_named_type(definition.type)
        if is_leaf_type(named):
            return 1 if definition.args else 0
        if named.name.endswith("Connection"):
            return self.page(named, node)
        if named.name == "Similar":
            return self.similar(node)
        object_ = 1 + self.object(named, node.selection_set)
        if node.name.value == "nodes" and parent is self.schema.query_type:
            (ids,) = (argument.value for argument in node.arguments or ())
            assert isinstance(ids, ListValueNode)
            return 1 + len(ids.values) * object_
        return object_ * (LIST if "[" in str(definition.type) else 1)

    def similar(self, node: FieldNode) -> int:
        """A search among vectors, and its hits by tens."""
        given = {a.name.value: a.value for a in node.arguments or ()}.get("first")
        size = int(given.value) if isinstance(given, IntValueNode) else DEFAULT_HITS
        return SEARCH + -(-size // LIST) * self.object(self.schema.get_type("Similar"), node.selection_set)

    def object(self, named: Any, selection: SelectionSetNode | None) -> int:
        """What is in an object; of several types it may be of, the dearest."""
        types = list(self.schema.get_possible_types(named)) if is_abstract_type(named) else [named]
        return max(sum(self.field(each, node) for node in self.fields(selection, each)) for each in types)

    def page(self, connection: Any, node: FieldNode) -> int:
        """A page: its rows as often as they are told, and once more for counting all."""
        given = {a.name.value: a.value for a in node.arguments or ()}
        sizes = [v.value for k, v in given.items() if k in ("first", "last") and isinstance(v, IntValueNode)]
        told = counted = 0
        for part in self.fields(node.selection_set, connection):
            name = part.name.value
            counted += name == "totalCount"
            if name == "nodes":
                told += 1 + self.object(get_named_type(connection.fields[name].type), part.selection_set)
            if name == "edges":
                edge = get_named_type(connection.fields[name].type)
                for inner in self.fields(part.selection_set, edge):
                    if inner.name.value == "node":
                        of = get_named_type(edge.fields["node"].type)
                        told += 1 + self.object(of, inner.selection_set)
        return 1 + (int(sizes[0]) if sizes else DEFAULT_PAGE) * (max(1, told) + counted)


@pytest.mark.parametrize("seed", range(0, 200, 20))
def test_the_price_is_what_the_calculator_says(seed: int, engine: Engine, world: World) -> None:
    for each in range(seed, seed + 20):
        document = Maker(random.Random(10_000 + each), world, fields=40).query()
        expected = Calculator(engine.schema.core, document).points()
        # Some have more aliases than callers may use; what they cost is told all the same.
        assert engine.points(document, None, SEES_ALL, ours=True) == expected, document


@pytest.mark.parametrize(
    ("document", "points"),
    [
        ("{ __typename }", 1),
        ("{ works(first: 1) { pageInfo { hasNextPage } } }", 2),
        ("{ works { nodes { id } } }", 21),
        ("{ works(first: 10) { nodes { id } totalCount } }", 21),
        ("{ works(first: 10) { a: nodes { id } b: nodes { title } edges { node { id } } } }", 31),
        ("{ works(first: 10) { edges { cursor } } }", 11),
        ("{ rateLimit { remaining } }", 1),
        ("{ rateLimit { remaining } viewer { actor } }", 10),
    ],
)
def test_prices_that_people_can_work_out(engine: Engine, document: str, points: int) -> None:
    assert engine.points(document, None, SEES_ALL) == points


def test_what_is_asked_for_by_ids_costs_by_their_number(engine: Engine, world: World) -> None:
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    ids = [world.id(name) for name in world.named("work")]
    assert engine.points(document, {"ids": ids}, SEES_ALL) == 1 + len(ids)
    assert engine.points(document, {"ids": ids[:1]}, SEES_ALL) == 2
