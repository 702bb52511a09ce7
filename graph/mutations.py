"""The Mutation type, printed from COMMANDS: one field, one input and one payload per command.

Inputs are made from the commands' dataclasses, payloads from what the commands return, so a field that a
command gains is in the schema without a word here. Nothing in this module runs a command; that is
`graph/perform.py`.
"""

import dataclasses
import types
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.scalars import JSON
from strawberry.types.arguments import StrawberryArgument

from domain.access.scopes import needs
from domain.command import COMMANDS, Command
from domain.inputs import camel
from domain.types import Json, Ref, Unset, reference_of
from graph.scalars import Base64, BigInt


@strawberry.type(
    description="An expected no: what was given and what would do, and where in the input it stands."
)
class UserError:
    """An expected no: what was given and what would do, and where in the input it stands."""

    code: str = strawberry.field(description="A stable code; the same in REST and on the command line.")
    message: str
    path: list[str] | None = strawberry.field(description="The way into the arguments, outermost first.")
    details: JSON | None = strawberry.field(description="What the code promises beside the message.")


@strawberry.interface(description="What every mutation gives: its result, or why there is none.")
class Payload:
    """What every mutation gives: its result, or the reasons why there is none."""

    user_errors: list[UserError] = strawberry.field(
        description="Why the command was refused; empty when it was done."
    )


def mutation_type(nodes: Mapping[str, Any]) -> type:
    """The Mutation type over every declared command.

    nodes: the graph type of each kind that a command may return, 'change_set' among them.
    """
    annotations: dict[str, Any] = {}
    namespace: dict[str, Any] = {}
    for command in COMMANDS.values():
        payload = payload_of(command, nodes)
        field = strawberry.field(description=f"{command.summary} {needs(command.scope)}")
        field.arguments = _arguments(command)
        # Nullable, so that a fault in one field leaves what the fields before it did.
        annotations[command.name] = payload | None
        namespace[command.name] = field
    made = type(
        "Mutation",
        (),
        {
            "__annotations__": annotations,
            "__doc__": "Every command. A refusal is data in userErrors; a fault is an error.",
            **namespace,
        },
    )
    return strawberry.type(made, description=made.__doc__)


def payload_name(command: Command) -> str:
    """The name of a command's payload type."""
    return _pascal(command.name) + "Payload"


def payload_of(command: Command, nodes: Mapping[str, Any]) -> type:
    """The payload type of a command: entity, change set, what else it tells, and userErrors."""
    annotations: dict[str, Any] = {}
    if is_deletion(command):
        annotations["deleted_id"] = strawberry.ID | None
    elif command.returns in nodes and command.returns != "change_set":
        annotations[command.returns] = nodes[command.returns] | None
    if command.value is not None:
        hints = get_type_hints(command.value, include_extras=True)
        for field in dataclasses.fields(command.value):
            annotations[field.name] = _annotation(hints[field.name], output_of) | None
    annotations["change_set"] = nodes["change_set"] | None
    made = type(payload_name(command), (Payload,), {"__annotations__": annotations})
    return strawberry.type(made, description=f"What {camel(command.name)} gives.")


def is_deletion(command: Command) -> bool:
    """Whether the command leaves nothing of its entity to be read."""
    return command.method == "DELETE"


@cache
def input_of(cls: type) -> type:
    """The GraphQL input of a command's dataclass, or of one nested in it."""
    hints = get_type_hints(cls, include_extras=True)
    annotations: dict[str, Any] = {}
    namespace: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        annotation = _annotation(hints[field.name], input_of, inside=field.name)
        given: dict[str, Any] = {}
        if isinstance(field.default, str | int | float | bool):
            given["default"] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            given["default_factory"] = field.default_factory
        elif field.default is not dataclasses.MISSING:
            given["default"] = strawberry.UNSET
        if (reference := reference_of(hints[field.name])) is not None:
            given["description"] = reference.about
        if given:
            namespace[field.name] = strawberry.field(**given)
        annotations[field.name] = annotation
    made = type(input_name(cls), (), {"__annotations__": annotations, **namespace})
    return strawberry.input(made, description=_summary(cls))


def input_name(cls: type) -> str:
    """The name of the GraphQL input of a command's dataclass."""
    return cls.__name__.removesuffix("Value") + "Input"


@cache
def output_of(cls: type) -> type:
    """The GraphQL type of a dataclass that a command gives beside its entity."""
    hints = get_type_hints(cls, include_extras=True)
    annotations = {field.name: _annotation(hints[field.name], output_of) for field in dataclasses.fields(cls)}
    made = type(cls.__name__, (), {"__annotations__": annotations})
    return strawberry.type(made, description=_summary(cls))


def _arguments(command: Command) -> list[StrawberryArgument]:
    named: list[tuple[str, Any, str]] = [
        ("input", input_of(command.ask), "What the command is asked to do."),
        (
            "idempotency_key",
            str | None,
            "1 to 255 visible ASCII characters; the same key and input give the first answer again, byte by "
            "byte, for 7 days.",
        ),
    ]
    if not any(field.name == "reason" for field in dataclasses.fields(command.ask)):
        named.append(("reason", str | None, "Why, for the audit trail."))
    return [
        StrawberryArgument(
            python_name=name,
            graphql_name=None,
            type_annotation=StrawberryAnnotation(annotation),
            description=description,
            default=strawberry.UNSET,
        )
        for name, annotation, description in named
    ]


def _annotation(hint: Any, nested: Callable[[type], type], inside: str = "") -> Any:
    """The Strawberry annotation of a domain type."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *marks = get_args(hint)
        if any(isinstance(mark, Ref) for mark in marks):
            return strawberry.ID
        return JSON if any(mark is Json for mark in marks) else _annotation(inner, nested, inside)
    if origin in (Union, types.UnionType):
        options = [option for option in get_args(hint) if option not in (types.NoneType, Unset)]
        optional = len(options) < len(get_args(hint))
        (only,) = options
        found = _annotation(only, nested, inside)
        return found | None if optional else found
    if origin is list:
        return list[_annotation(get_args(hint)[0], nested, inside)]  # type: ignore[misc]
    if dataclasses.is_dataclass(hint):
        return nested(hint)  # type: ignore[arg-type]
    if hint is bytes:
        return Base64
    if hint is int and inside == "size_bytes":
        return BigInt
    assert hint in (str, int, float, bool, datetime, Decimal), f"{hint} has no GraphQL type"
    return hint


def _summary(cls: type) -> str | None:
    text = (cls.__doc__ or "").strip().split("\n\n")[0]
    return None if text.startswith(f"{cls.__name__}(") else " ".join(text.split()) or None


def _pascal(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
