"""From JSON to a command's input: one reader for REST bodies, change lists and the command line.

Field names are taken in camelCase or snake_case. Unknown fields, missing ones and wrong types are all
refused by name and path, so a misspelt field never passes for one that was left out.
"""

import base64
import binascii
import dataclasses
import re
import types
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from domain.refusals import InputInvalid
from domain.types import Json, Ref, Unset

T = TypeVar("T")
Path = tuple[str | int, ...]
_WORDS = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    float: "a number",
    datetime: "an instant",
}


def snake(name: str) -> str:
    """The snake_case of a camelCase name."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def camel(name: str) -> str:
    """The camelCase of a snake_case name."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


@cache
def hints_of(cls: type) -> Mapping[str, Any]:
    """The fields of an input with their types, resolved once: that takes longer than reading an input."""
    return get_type_hints(cls, include_extras=True)


def parse(cls: type[T], given: Any, path: Path = (), aliases: Mapping[str, str] | None = None) -> T:
    """An input of the dataclass, from JSON. Raises InputInvalid.

    aliases: what '@name' stands for where an id is asked for.
    """
    if not isinstance(given, Mapping):
        raise InputInvalid(f"{_at(path)} is {_said(given)}; an object is asked for", path=path)
    hints = hints_of(cls)  # type: ignore[arg-type]
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for name, value in given.items():
        known = snake(str(name))
        if known not in fields:
            near = ", ".join(camel(field) for field in fields)
            raise InputInvalid(f"{name!r} is no field of this input; it has {near}", path=(*path, str(name)))
        if known in values:
            raise InputInvalid(f"{name!r} is given twice, in two spellings", path=(*path, str(name)))
        values[known] = _value(hints[known], value, (*path, str(name)), aliases or {})
    for name, field in fields.items():
        missing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if missing and name not in values:
            raise InputInvalid(f"{camel(name)} is missing", path=(*path, camel(name)))
    return cls(**values)


def _value(hint: Any, given: Any, path: Path, aliases: Mapping[str, str]) -> Any:
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        if any(isinstance(mark, Ref) for mark in marks) and isinstance(given, str) and given.startswith("@"):
            if given[1:] not in aliases:
                raise InputInvalid(f"{given!r} is the alias of no earlier step", path=path)
            return aliases[given[1:]]
        if any(mark is Json for mark in marks):
            return given
        return _value(inner, given, path, aliases)
    if get_origin(hint) in (Union, types.UnionType):
        options = [option for option in get_args(hint) if option not in (types.NoneType, Unset)]
        if given is None:
            if types.NoneType in get_args(hint):
                return None
            raise InputInvalid(f"{_at(path)} is null; a value is asked for", path=path)
        return _value(options[0], given, path, aliases)
    if get_origin(hint) is list:
        if not isinstance(given, list):
            raise InputInvalid(f"{_at(path)} is {_said(given)}; a list is asked for", path=path)
        return [_value(get_args(hint)[0], item, (*path, place), aliases) for place, item in enumerate(given)]
    if dataclasses.is_dataclass(hint):
        return parse(hint, given, path, aliases)  # type: ignore[arg-type]
    return _scalar(hint, given, path)


def _scalar(hint: Any, given: Any, path: Path) -> Any:
    if hint is datetime and isinstance(given, str):
        try:
            return datetime.fromisoformat(given)
        except ValueError:
            raise InputInvalid(
                f"{_at(path)} is {given!r}; an instant as 2026-01-31T12:00:00Z will do", path=path
            ) from None
    if hint is Decimal and isinstance(given, str | int | float) and not isinstance(given, bool):
        try:
            return Decimal(str(given))
        except InvalidOperation:
            raise InputInvalid(f"{_at(path)} is {given!r}; a number is asked for", path=path) from None
    if hint is bytes and isinstance(given, str):
        try:
            return base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            raise InputInvalid(f"{_at(path)} is not base64", path=path) from None
    if hint is float and isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    if isinstance(given, hint) and (hint is bool or not isinstance(given, bool)):
        return given
    asked = _WORDS.get(hint, getattr(hint, "__name__", str(hint)))
    raise InputInvalid(f"{_at(path)} is {_said(given)}; {asked} is asked for", path=path)


def _at(path: Path) -> str:
    return ".".join(str(part) for part in path) or "the input"


def _said(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 60 else text[:57] + "…"
