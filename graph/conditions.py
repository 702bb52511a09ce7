"""Filters as SQL conditions."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from domain.ids import IdInvalid, id_of
from domain.inputs import camel
from graph.bind import GraphType
from graph.plan import PageRead
from graph.problems import ReadRefused, plain_text
from graph.text import Seen, unwild

if TYPE_CHECKING:
    from graph.sql import Bound, Writer

_HIGHEST = "chr(1114111)"
MOST_VALUES = 1_000


def like_pattern(value: str) -> str:
    """SQL for a LIKE pattern that finds a folded text anywhere, its own wildcards escaped."""
    return f"'%'||{unwild(f'catalog_fold({value})')}||'%'"


def must_fence(t: GraphType, page: PageRead) -> bool:
    """Whether the rows must be found before they are ordered: an ordered index walk would be endless."""
    given: Mapping[str, Any] = page.arguments.get("filter") or {}
    test = given.get(t.label)
    return isinstance(test, Mapping) and test.get("contains") is not None


def names_rows(t: GraphType, page: PageRead) -> bool:
    """Whether the filter names rows by ids or codes, so that few can match."""
    given = {key for key, value in (page.arguments.get("filter") or {}).items() if value is not None}
    given |= {key for key, value in page.arguments.items() if value is not None}
    return bool(given & {"ids", "identifier", *map(camel, t.filters)})


def conditions(writer: "Writer", t: GraphType, page: PageRead, alias: str) -> list[str]:
    """The conditions of a page's filter, over the alias; their values bound for each request."""
    found: list[str] = []
    slot = page.slot
    flat = {name: page.arguments.get(camel(name)) for name in t.filters}
    for name, value in flat.items():
        if value is not None:
            bound = writer.bind(_values(slot, (camel(name),)), "text[]")
            found.append(_natural(writer, t, name, alias, bound))
    given: Mapping[str, Any] = page.arguments.get("filter") or {}
    for key, value in given.items():
        if value is None:
            continue
        found.append(_condition(writer, t, slot, key, value, alias))
    return found


def _condition(writer: "Writer", t: GraphType, slot: int, key: str, value: Any, alias: str) -> str:
    path = ("filter", key)
    if key == "ids":
        return f"{alias}.id = any({writer.bind(_ids(t.kind, slot), 'uuid[]')})"
    # A label that is a code, as a deal's reference is, is filtered as other codes are.
    if key == t.label and isinstance(value, Mapping):
        return (
            " and ".join(
                _text(writer, t, slot, test, alias) for test, text in value.items() if text is not None
            )
            or "true"
        )
    if key == "identifier":
        scheme = writer.bind(_value(slot, (*path, "scheme")), "text")
        code = writer.bind(_value(slot, (*path, "value")), "text")
        return (
            f"{alias}.id in (select i.entity_id from identifier i where i.scheme = {scheme} "
            f"and i.value = {code} and i.kind = '{t.kind}')"
        )
    if key == "genre":
        return f"{alias}.genres && {writer.bind(_values(slot, path), 'text[]')}"
    if key == "updatedSince":
        return f"{alias}.updated_at >= {writer.bind(_value(slot, path), 'timestamptz')}"
    if key in ("status", "visibility"):
        return f"{alias}.{key} = any({writer.bind(_values(slot, path), 'text[]')})"
    name = next(name for name in t.filters if camel(name) == key)
    return _natural(writer, t, name, alias, writer.bind(_values(slot, path), "text[]"))


def _natural(writer: "Writer", t: GraphType, name: str, alias: str, values: str) -> str:
    return t.filters[name][1].format(t=alias, v=values, sees=Seen(writer.sees))


def _text(writer: "Writer", t: GraphType, slot: int, test: str, alias: str) -> str:
    text = writer.bind(_value(slot, ("filter", t.label, test)), "text")
    column = f"catalog_fold({alias}.{t.label})"
    if test == "equals":
        return f"{column} = catalog_fold({text})"
    if test == "startsWith":
        return f"{column} ~>=~ catalog_fold({text}) and {column} ~<~ (catalog_fold({text})||{_HIGHEST})"
    return f"{column} like {like_pattern(text)}"


def _value(slot: int, path: tuple[str, ...]) -> Any:
    def extract(bound: "Bound") -> Any:
        value: Any = bound.arguments[slot]
        for step in path:
            value = value[step]
        return plain_text(value, ".".join(path)) if isinstance(value, str) else value

    return extract


def _values(slot: int, path: tuple[str, ...]) -> Any:
    one = _value(slot, path)

    def extract(bound: "Bound") -> list[str]:
        values, name = one(bound), ".".join(path)
        if len(values) > MOST_VALUES:
            raise ReadRefused("TOO_MANY", f"{name} has {len(values)} values; at most {MOST_VALUES}")
        return [plain_text(str(value), name) for value in values]

    return extract


def _ids(kind: str, slot: int) -> Any:
    values = _values(slot, ("filter", "ids"))

    def extract(bound: "Bound") -> list[uuid.UUID]:
        try:
            return [id_of(kind, text) for text in values(bound)]
        except IdInvalid as error:
            raise ReadRefused("BAD_USER_INPUT", str(error)) from None

    return extract
