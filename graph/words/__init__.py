"""What fields, arguments and enum values of the schema mean, beyond their names: one table, by room.

A key is `Type.field`, `Type.field(argument)` or `Enum.VALUE`. `*` stands for any type, `*Input` for any whose
name ends so; `*(argument)` for an argument of any field. Where nothing is said of an input, a filter or a
payload, what is said of the type that it is about holds: `EditTierInput.mostFileMb` is `Tier.mostFileMb`.
"""

import re
from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    is_introspection_type,
)

from graph.words import catalog, house, models, shared, sound

ROOMS = (shared, catalog, house, sound, models)
WORDS: dict[str, str] = {key: said for room in ROOMS for key, said in room.WORDS.items()}
_ABOUT = re.compile(r"(?:Create|Edit|Add)?(\w+?)(Input|Filter|Payload|Connection|Edge|Order)")
_ONLY_NEEDS = "Needs the scope "


def describe(core: GraphQLSchema) -> None:
    """Give a description to all that has none of its own."""
    for name, type_ in core.type_map.items():
        if is_introspection_type(type_):
            continue
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for member, field in type_.fields.items():
                field.description = _with(word(name, member), field.description)
                for argument, given in field.args.items():
                    given.description = _with(word(name, f"{member}({argument})"), given.description)
        elif isinstance(type_, GraphQLInputObjectType):
            for member, given in type_.fields.items():
                given.description = word_of_input(name, member, given.description)
        elif isinstance(type_, GraphQLEnumType):
            for member, value in type_.values.items():
                value.description = _with(word(name, member), value.description)


def word(type_name: str, member: str) -> str | None:
    """What is said of a member of a type: a field, `field(argument)` or an enum value."""
    return next((WORDS[key] for key in keys_of(type_name, member) if key in WORDS), None)


def word_of_input(type_name: str, member: str, own: str | None) -> str | None:
    """What is said of an input's field: of this very one, else its own words, else of its like."""
    return WORDS.get(f"{type_name}.{member}") or own or word(type_name, member)


def keys_of(type_name: str, member: str) -> Iterator[str]:
    """Where the words of a member may stand, what is nearest first."""
    yield f"{type_name}.{member}"
    if found := _ABOUT.fullmatch(type_name):
        yield f"*{found[2]}.{member}"
        yield f"{found[1]}.{member}"
    yield f"*.{member}"
    if member.endswith(")"):
        yield f"*{member[member.index('(') :]}"


def _with(said: str | None, own: str | None) -> str | None:
    """Our words before the scope that a field needs; nothing of ours where it has words of its own."""
    if own is None or said is None:
        return own or said
    return f"{said} {own}" if own.startswith(_ONLY_NEEDS) else own
