"""JSON Schemas (2020-12, as OpenAPI 3.1 takes them) of command inputs, of graph types and of problems."""

import dataclasses
import types
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
)

from domain.inputs import camel
from domain.types import Json, Ref, Unset
from graph.mutations import input_name
from graph.words import WORDS, word_of_input

Schema = dict[str, Any]

# What each scalar of the schema looks like as JSON; one that is not named is text.
SCALARS: dict[str, Schema] = {
    "Int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "Float": {"type": "number"},
    "Boolean": {"type": "boolean"},
    "ID": {"type": "string"},
    "String": {"type": "string"},
    "DateTime": {"type": "string", "format": "date-time"},
    "Date": {"type": "string", "format": "date"},
    "JSON": {},
    "BigInt": {"type": "string", "pattern": "^-?[0-9]+$"},
}
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    Decimal: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
    bytes: {"type": "string", "contentEncoding": "base64"},
}


class Components:
    """Collects the named schemas that a document refers to."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}

    def named(self, name: str, make: Callable[[], Schema]) -> Schema:
        """A reference to the schema of that name, made the first time it is asked for."""
        if name not in self.schemas:
            self.schemas[name] = {}  # holds the name while a schema that refers to itself is made
            self.schemas[name] = make()
        return {"$ref": f"#/components/schemas/{name}"}


def input_schema(
    cls: type, components: Components, leave_out: frozenset[str] = frozenset(), *, name: str = ""
) -> Schema:
    """The object that a command's dataclass is read from, without the fields that stand in the path.

    name: of the type of the graph that has the same fields; the input of the class unless said.
    """
    name = name or input_name(cls)
    hints = get_type_hints(cls, include_extras=True)
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for field in dataclasses.fields(cls):
        if field.name in leave_out:
            continue
        schema = hint_schema(hints[field.name], components)
        if isinstance(field.default, str | int | float | bool):
            schema = {**schema, "default": field.default}
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            required.append(camel(field.name))
        about = word_of_input(name, camel(field.name), schema.get("description"))
        properties[camel(field.name)] = _with(schema, about)
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        made["required"] = required
    return described(made, cls)


def hint_schema(hint: Any, components: Components) -> Schema:
    """The schema of one field's type."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *marks = get_args(hint)
        for mark in marks:
            if isinstance(mark, Ref):
                return {"type": "string", "description": mark.about}
            if mark is Json:
                return {}
        return hint_schema(inner, components)
    if origin in (Union, types.UnionType):
        options = [option for option in get_args(hint) if option not in (types.NoneType, Unset)]
        found = hint_schema(options[0], components)
        return nullable(found) if types.NoneType in get_args(hint) else found
    if origin is list:
        return {"type": "array", "items": hint_schema(get_args(hint)[0], components)}
    if dataclasses.is_dataclass(hint):
        cls: type = hint  # type: ignore[assignment]
        return components.named(cls.__name__, lambda: input_schema(cls, components))
    return dict(_PLAIN[hint])


def output_schema(type_: Any, components: Components) -> Schema:
    """The JSON of a graph type; the properties of objects are optional, as the caller selects them."""
    if isinstance(type_, GraphQLNonNull):
        return _output(type_.of_type, components)
    return nullable(_output(type_, components))


def _output(type_: Any, components: Components) -> Schema:
    if isinstance(type_, GraphQLList):
        return {"type": "array", "items": output_schema(type_.of_type, components)}
    if isinstance(type_, GraphQLScalarType):
        return dict(SCALARS.get(type_.name, {"type": "string"}))
    if isinstance(type_, GraphQLEnumType):
        return components.named(type_.name, lambda: {"type": "string", "enum": list(type_.values)})
    if isinstance(type_, GraphQLUnionType):
        return {"anyOf": [_output(member, components) for member in type_.types]}
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        if is_connection(type_):
            return page_schema(node_type(type_), components)
        return components.named(type_.name, lambda: _object(type_, components))
    raise AssertionError(f"{type_} is no output")


def _object(type_: GraphQLObjectType | GraphQLInterfaceType, components: Components) -> Schema:
    made: Schema = {
        "type": "object",
        "properties": {
            name: _with(output_schema(field.type, components), field.description)
            for name, field in type_.fields.items()
        },
    }
    return {**made, "description": type_.description} if type_.description else made


def page_schema(item: Any, components: Components) -> Schema:
    """A page of a list, as REST writes it."""
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": _output(item, components)},
            "page": {"$ref": "#/components/schemas/Page"},
        },
        "required": ["items", "page"],
    }


def argument_schema(type_: Any) -> Schema:
    """A query parameter of a scalar, an enum, or a list of them."""
    if isinstance(type_, GraphQLNonNull):
        return argument_schema(type_.of_type)
    if isinstance(type_, GraphQLList):
        return {"type": "array", "items": argument_schema(type_.of_type)}
    if isinstance(type_, GraphQLEnumType):
        return {"type": "string", "enum": list(type_.values)}
    if isinstance(type_, GraphQLInputObjectType):
        return {"type": "object"}
    return dict(SCALARS.get(type_.name, {"type": "string"}))


def is_connection(type_: Any) -> bool:
    """Whether the type is a page of nodes."""
    named = get_named_type(type_)
    return isinstance(named, GraphQLObjectType) and {"nodes", "pageInfo"} <= set(named.fields)


def is_list(type_: Any) -> bool:
    """Whether the type is a list."""
    return isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)


def node_type(type_: Any) -> Any:
    """The named type of a field, or what its pages are of."""
    named: Any = get_named_type(type_)
    return get_named_type(named.fields["nodes"].type) if is_connection(named) else named


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    if not schema:
        return schema
    if "$ref" in schema or "anyOf" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    kind = schema["type"]
    return {**schema, "type": [*kind, "null"] if isinstance(kind, list) else [kind, "null"]}


def described(schema: Schema, cls: type) -> Schema:
    """The schema with the first paragraph of the class's docstring."""
    text = (cls.__doc__ or "").strip().split("\n\n")[0]
    return (
        schema if not text or text.startswith(f"{cls.__name__}(") else _with(schema, " ".join(text.split()))
    )


def _with(schema: Schema, description: str | None) -> Schema:
    return {**schema, "description": description} if description else schema


PROBLEM: Schema = {
    "type": "object",
    "description": "An answer that is no success (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was given and what would do."},
        "instance": {"type": "string", "format": "uri-reference"},
        "code": {
            "type": "string",
            "description": "Stable; the same code as in GraphQL. /problems lists all.",
        },
        "requestId": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                    "pointer": {"type": "string", "description": "Where in the body (RFC 6901)."},
                    "parameter": {"type": "string", "description": "Which query parameter or header."},
                },
                "required": ["code", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code"],
}
PAGE: Schema = {
    "type": "object",
    "properties": {
        name: {"type": kind, "description": WORDS[f"PageInfo.{name}"]}
        for name, kind in (
            ("hasNextPage", "boolean"),
            ("hasPreviousPage", "boolean"),
            ("startCursor", ["string", "null"]),
            ("endCursor", ["string", "null"]),
        )
    },
    "required": ["hasNextPage", "endCursor"],
}
