"""Variables and arguments as graphql-core coerces them, with what stays the same worked out once.

graphql-core looks up every type and signature again for each request, which costs more than the rest of a
compiled read. Whatever is not plain here, and everything that is wrong, goes its way, so that the values
and the errors are its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
    is_non_null_type,
    is_required_argument,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import (
    VariableValues,
    VariableValueSource,
    get_argument_values,
    get_variable_values,
)
from graphql.pyutils import Undefined
from graphql.utilities import coerce_input_value

Slot: TypeAlias = tuple[GraphQLField, FieldNode]
ReadVariables: TypeAlias = Callable[[Mapping[str, Any]], VariableValues | list[GraphQLError]]
ReadArguments: TypeAlias = Callable[[VariableValues], dict[str, Any]]


def variable_reader(
    schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode], most_errors: int
) -> ReadVariables:
    """What coerces the variables of one operation."""

    def whole_way(given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        return get_variable_values(schema, definitions, dict(given), most_errors)

    signatures: list[GraphQLVariableSignature] = []
    for definition in definitions:
        signature = get_variable_signature(schema, definition)
        if isinstance(signature, GraphQLError) or not is_leaf_type(get_named_type(signature.type)):
            return whole_way
        signatures.append(signature)
    known = tuple(
        (one.name, one.type, one, VariableValueSource(one), definition.default_value is None)
        for one, definition in zip(signatures, definitions, strict=True)
    )

    def read(given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for name, type, signature, silent, has_no_default in known:
            value = given.get(name, Undefined)
            if value is Undefined:
                if is_non_null_type(type) or not has_no_default:
                    return whole_way(given)
                sources[name] = silent
                continue
            sources[name] = VariableValueSource(signature, value)
            value = coerce_input_value(value, type)
            if value is Undefined:
                return whole_way(given)
            coerced[name] = value
        return VariableValues(sources, coerced)

    return read


@dataclass(frozen=True)
class _Argument:
    out_name: str
    variable: str | None
    constant: Any
    may_be_absent: bool
    may_be_null: bool


def argument_reader(slot: Slot) -> ReadArguments:
    """What gives the arguments of one field."""
    field, node = slot

    def whole_way(variables: VariableValues) -> dict[str, Any]:
        return get_argument_values(field, node, variables)

    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    plain: list[_Argument] = []
    for name, definition in field.args.items():
        value, out_name = given.get(name), definition.out_name or name
        has_default = definition.default is not None or definition.default_value is not Undefined
        if value is None:
            if has_default or is_required_argument(definition):
                return whole_way
            continue
        if isinstance(value, VariableNode):
            optional = not has_default and not is_required_argument(definition)
            nullable = not is_non_null_type(definition.type)
            plain.append(_Argument(out_name, value.name.value, None, optional, nullable))
            continue
        if _has_variable(value):
            return whole_way
        constant = get_argument_values(
            GraphQLField(field.type, args={name: definition}),
            FieldNode(
                name=node.name, arguments=tuple(a for a in node.arguments or () if a.name.value == name)
            ),
        )
        plain.append(_Argument(out_name, None, constant[out_name], True, True))

    def read(variables: VariableValues) -> dict[str, Any]:
        found: dict[str, Any] = {}
        coerced = variables.coerced
        for argument in plain:
            if argument.variable is None:
                found[argument.out_name] = argument.constant
            elif argument.variable in coerced:
                value = coerced[argument.variable]
                if value is None and not argument.may_be_null:
                    return whole_way(variables)
                found[argument.out_name] = value
            elif not argument.may_be_absent:
                return whole_way(variables)
        return found

    return read


def _has_variable(value: ValueNode) -> bool:
    if isinstance(value, VariableNode):
        return True
    inner = getattr(value, "values", None) or [field.value for field in getattr(value, "fields", None) or ()]
    return any(_has_variable(one) for one in inner)


def shape_of(value: Any, type: GraphQLInputType) -> Any:
    """What of a variable's value changes the plan: whether it is there, sizes, orders, which filters."""
    if value is None:
        return None
    named = get_named_type(type)
    if isinstance(value, bool | int | Enum):
        return value
    if isinstance(named, GraphQLEnumType):
        return tuple(value) if isinstance(value, list) else value
    if isinstance(named, GraphQLInputObjectType) and isinstance(value, dict):
        return tuple((key, shape_of(inner, named.fields[key].type)) for key, inner in sorted(value.items()))
    if isinstance(value, list) and named is GraphQLID:
        return type.__class__.__name__, magnitude(value)
    return type.__class__.__name__


def magnitude(values: Sequence[Any]) -> int:
    """How many there are, up to the next power of two: what a list counts as in a price."""
    return 1 << max(0, len(values) - 1).bit_length()
