"""Variables and arguments come out as graphql-core has them, right or wrong."""

from typing import Any

import pytest
from graphql import FieldNode, OperationDefinitionNode, build_schema, parse
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from graph.coerce import argument_reader, variable_reader

SCHEMA = build_schema("""
    enum Order { UP DOWN }
    input Test { contains: String, words: [String!] }
    type Query {
      found(id: ID, ids: [ID!], first: Int = 20, order: Order, test: Test, flag: Boolean!): Int
    }
""")
DOCUMENTS = [
    "query ($v: ID!) { found(id: $v, flag: true) }",
    "query ($v: ID) { found(id: $v, flag: true) }",
    "query ($v: ID = 7) { found(id: $v, flag: true) }",
    "query ($v: [ID!]) { found(ids: $v, flag: true) }",
    "query ($v: [ID!]!) { found(ids: $v, flag: true, first: 3) }",
    "query ($v: Int) { found(first: $v, flag: true, order: UP) }",
    "query ($v: Order) { found(order: $v, flag: false) }",
    "query ($v: Boolean!) { found(flag: $v) }",
    "query ($v: String) { found(flag: true, test: {contains: $v}) }",
    'query ($v: String) { found(flag: true, id: $v, test: {contains: "a", words: ["b"]}) }',
    "query ($v: Test) { found(flag: true, test: $v) }",
]
NOTHING = object()
VALUES: list[Any] = [
    NOTHING,
    None,
    "x",
    "",
    7,
    7.0,
    2.5,
    2**40,
    True,
    "UP",
    "SIDEWAYS",
    ["a", "b"],
    ["a", None],
    [],
    {"contains": "x"},
    {"contains": 1},
    {"other": 1},
]


@pytest.mark.parametrize("text", DOCUMENTS)
@pytest.mark.parametrize("value", VALUES, ids=lambda value: "nothing" if value is NOTHING else repr(value))
def test_values_and_errors_are_graphql_cores(text: str, value: Any) -> None:
    (operation,) = parse(text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    definitions = operation.variable_definitions or ()
    given = {} if value is NOTHING else {"v": value}
    expected = get_variable_values(SCHEMA, definitions, given, 10)
    found = variable_reader(SCHEMA, definitions, 10)(given)
    if isinstance(expected, list):
        assert isinstance(found, list)
        assert [str(error) for error in found] == [str(error) for error in expected]
        return
    assert isinstance(found, VariableValues)
    assert found.coerced == expected.coerced
    assert {name: source.value for name, source in found.sources.items()} == {
        name: source.value for name, source in expected.sources.items()
    }
    (node,) = operation.selection_set.selections
    assert isinstance(node, FieldNode)
    assert SCHEMA.query_type is not None
    field = SCHEMA.query_type.fields["found"]
    assert _told(lambda: argument_reader((field, node))(found)) == _told(
        lambda: get_argument_values(field, node, expected)
    )


def _told(ask: Any) -> Any:
    try:
        return ask()
    except Exception as error:
        return str(error)
