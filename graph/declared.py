"""What each field of the schema needs, read off the declarations; a field that says nothing is an error.

A type's fields need the type's scope, and their own where they name one; a field that leads to another type
needs that one's as well; a command's field needs the command's. What is only reached through such a field (a
page, a payload, a value) needs nothing beyond it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_introspection_type

from domain.access.scopes import Access, Scope
from domain.command import COMMANDS
from domain.inputs import camel
from graph.bind import GraphType, Many, One

# All that is needed for a field, beyond what led to it; nothing for what comes with its holder.
Needed: TypeAlias = tuple[Scope | Access, ...]
WITH_ITS_HOLDER: Needed = ()


class Undeclared(Exception):
    """A field says nowhere what it needs."""


def declarations(
    core: GraphQLSchema, types: Mapping[str, GraphType], roots: Mapping[str, Any]
) -> dict[str, dict[str, Needed]]:
    """By type and field, in the schema's names, what a caller needs. Raises Undeclared.

    roots: the bindings of the fields of Query and Subscription.
    """
    found: dict[str, dict[str, Needed]] = {}
    for operation in (core.query_type, core.subscription_type):
        if operation is not None:
            found[operation.name] = {name: _of_root(operation.name, name, roots) for name in operation.fields}
    if core.mutation_type is not None:
        by_name = {camel(name): command for name, command in COMMANDS.items()}
        found[core.mutation_type.name] = {
            name: (_said(getattr(by_name.get(name), "scope", None), f"Mutation.{name}"),)
            for name in core.mutation_type.fields
        }
    for t in types.values():
        found[t.name] = {camel(name): _of_field(t, name, types) for name in t.bindings}
    for held in _held(core, frozenset(found)):
        found[held.name] = dict.fromkeys(held.fields, WITH_ITS_HOLDER)
    for name, type_ in core.type_map.items():
        if not isinstance(type_, GraphQLObjectType) or is_introspection_type(type_):
            continue
        if left_out := sorted(set(type_.fields) - set(found.get(name, ()))):
            raise Undeclared(f"{name}.{', '.join(left_out)}: no declaration says what it needs")
    return found


def _of_root(operation: str, name: str, roots: Mapping[str, Any]) -> Needed:
    return (_said(getattr(roots.get(name), "scope", None), f"{operation}.{name}"),)


def _of_field(t: GraphType, name: str, types: Mapping[str, GraphType]) -> Needed:
    binding = t.bindings[name]
    needed = [_said(t.scope, t.name), _said(t.scope_of(name), f"{t.name}.{name}")]
    if isinstance(binding, One | Many):
        needed.append(_said(types[binding.type].scope, binding.type))
    return tuple(dict.fromkeys(needed))


def _said(scope: Any, where: str) -> Scope | Access:
    if not isinstance(scope, Scope | Access):
        raise Undeclared(f"{where} declares no scope; Access.SIGNED_IN says that none is needed")
    return scope


def _held(core: GraphQLSchema, declared: frozenset[str]) -> Iterator[GraphQLObjectType]:
    """The object types that are reached through declared fields and declare nothing themselves."""
    waiting = [core.type_map[name] for name in declared if name in core.type_map]
    seen = set(declared)
    while waiting:
        type_ = waiting.pop()
        for field in getattr(type_, "fields", {}).values():
            inner = get_named_type(field.type)
            for one in (inner, *getattr(inner, "types", ())):
                if isinstance(one, GraphQLObjectType) and one.name not in seen:
                    seen.add(one.name)
                    waiting.append(one)
                    yield one
