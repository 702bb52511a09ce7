"""From `fields=` and `include=` to a GraphQL selection."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from graphql import (
    GraphQLField,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from openapi.shapes import is_connection, is_list, node_type

Tree: TypeAlias = dict[str, Any]  # each value is a Tree

# Lists inside a thing come up to the largest page; a sub-resource reads on from there.
INNER_PAGE = 100
PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
_ALWAYS = ("id", "version")
_DEEPEST = 8


class Unprintable(ValueError):
    """What a caller asked to select can't be. name: the part that is wrong."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.text = text
        self.name = name


def tree(paths: Iterable[str]) -> Tree:
    """Dotted paths as a tree: `media.tracks,titles` → {media: {tracks: {}}, titles: {}}."""
    root: Tree = {}
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            raise Unprintable(f"{path!r} is {len(steps)} steps deep; at most {_DEEPEST}", path)
        place = root
        for step in steps:
            place = place.setdefault(step, {})
    return root


def select(type_: Any, fields: Tree, include: Tree, *, whole: bool = False) -> str:
    """The selection of a thing: the named fields or the default ones, what is included, id and version.

    whole: what is no thing of its own (it has no id), but the frame of an answer, comes with its lists.
    Raises Unprintable naming a field that is not there, and those that are.
    """
    if isinstance(type_, GraphQLUnionType):
        return _abstract(type_, fields, include)
    named: list[str] = [name for name in _ALWAYS if name in type_.fields]
    default = default_fields(type_)
    if whole and "id" not in type_.fields and not fields:
        lists: Tree = {
            name: {} for name, field in type_.fields.items() if name not in default and not _needs(field)
        }
        include = {**lists, **include}
    named += [name for name in (fields or default) if name not in named]
    named += [name for name in include if name not in named]
    parts = [_part(type_, name, fields.get(name), include.get(name)) for name in named]
    return " ".join(parts)


def default_fields(type_: Any) -> list[str]:
    """What comes without `fields`: every scalar, and every reference to one thing.

    A reference that is worked out from arguments, or needs a scope of its own, comes when it is asked for.
    """
    return [
        name
        for name, field in type_.fields.items()
        if not _needs(field)
        and (
            is_leaf_type(get_named_type(field.type))
            or (is_to_one(field) and not field.args and not _own_scope(field))
        )
    ]


def _own_scope(field: GraphQLField) -> bool:
    """Whether the field needs another scope than its type."""
    declared = field.extensions.get("strawberry-definition")
    return getattr(declared, "metadata", {}).get("scope") is not None


def is_to_one(field: GraphQLField) -> bool:
    """Whether the field refers to one thing."""
    return (
        not is_list(field.type)
        and not is_leaf_type(get_named_type(field.type))
        and not is_connection(field.type)
    )


def _part(type_: Any, name: str, fields: Tree | None, include: Tree | None) -> str:
    field = type_.fields.get(name)
    if field is None:
        raise Unprintable(
            f"{type_.name} has no field {name!r}; it has {', '.join(sorted(type_.fields))}", name
        )
    if _needs(field):
        raise Unprintable(
            f"{name!r} needs arguments, which REST has no place for; ask for it in GraphQL", name
        )
    inner = get_named_type(field.type)
    if is_leaf_type(inner):
        if fields or include:
            raise Unprintable(f"{name!r} has no fields of its own", name)
        return name
    if fields is None and include is None:
        return f"{name} {{ {_shallow(inner)} }}"
    if is_connection(inner):
        first = f"(first: {INNER_PAGE})" if "first" in field.args else ""
        nodes = select(node_type(inner), fields or {}, include or {})
        return f"{name}{first} {{ items: nodes {{ {nodes} }} page: {PAGE_INFO} }}"
    return f"{name} {{ {select(inner, fields or {}, include or {})} }}"


def _shallow(type_: Any) -> str:
    """The scalars of a referred thing."""
    if isinstance(type_, GraphQLUnionType):
        return _abstract(type_, {}, {})
    return " ".join(
        name
        for name, field in type_.fields.items()
        if is_leaf_type(get_named_type(field.type)) and not _needs(field)
    )


def _abstract(type_: GraphQLUnionType, fields: Mapping[str, Any], include: Mapping[str, Any]) -> str:
    """Of a thing that may be of several types: which one it is, and its scalars.

    A name that means different types in different members can't stand in one selection (GraphQL §5.3.2).
    """
    alike = _alike(type_)
    wanted = [*fields, *include] or alike
    for name in wanted:
        if name not in alike:
            raise Unprintable(f"{type_.name} has no field {name!r}; it has {', '.join(alike)}", name)
    parts = [
        f"... on {member.name} {{ {' '.join(name for name in wanted if name in member.fields)} }}"
        for member in type_.types
        if any(name in member.fields for name in wanted)
    ]
    return " ".join(["kind: __typename", *parts])


def _alike(type_: GraphQLUnionType) -> list[str]:
    found: dict[str, set[str]] = {}
    for member in type_.types:
        for name, field in member.fields.items():
            leaf = is_leaf_type(get_named_type(field.type)) and not _needs(field)
            found.setdefault(name, set()).add(str(field.type) if leaf else "")
    return [name for name, kinds in found.items() if len(kinds) == 1 and "" not in kinds]


def _needs(field: GraphQLField) -> bool:
    return any(is_required_argument(argument) for argument in field.args.values())
