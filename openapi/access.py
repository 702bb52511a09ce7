"""Prints `docs/access.md`, who may do what, from the declarations; part of `python -m openapi.generate`."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from domain.access.scopes import Access, Role, Scope, role_scopes
from domain.command import COMMANDS, STREAMED
from domain.inputs import camel
from graph.declared import WITH_ITS_HOLDER, Needed
from graph.schema import Schema
from openapi.doors import DOORS, Proof
from openapi.routes import read_routes, write_routes

PLACE = Path(__file__).parent.parent / "docs" / "access.md"

_BEGINNING = """# Who may do what

Printed from the declarations by `python -m openapi.generate`; a test compares. What declares nothing does
not start: neither a field, nor a command, nor a path.

A scope opens the door. Which rows are behind it is another matter: those of the caller's own organization,
public ones, and what a deal in force grants. What may not be seen is not found, whatever is asked.
"""


def access_bytes(whole: Schema) -> bytes:
    """The document as it is committed."""
    parts = [_BEGINNING, *_roles(), *_roots(whole), *_types(whole), *_commands(), *_doors()]
    return ("\n".join(parts).rstrip() + "\n").encode()


def _roles() -> Iterator[str]:
    columns = [("admin of the operator", role_scopes(Role.ADMIN, operator=True))]
    columns += [(role.value, role_scopes(role)) for role in Role]
    yield "## Roles and scopes\n"
    yield "The most that a role may hold; a token, a key or a client may carry less.\n"
    yield from _table(
        ("scope", *(name for name, _ in columns)),
        ((f"`{scope}`", *("yes" if scope in held else "" for _, held in columns)) for scope in Scope),
    )


def _roots(whole: Schema) -> Iterator[str]:
    paths: dict[str, list[str]] = {}
    for route in read_routes(whole.core):
        paths.setdefault(route.root, []).append(f"`GET /v1{route.path}`")
    for operation in (whole.core.query_type, whole.core.subscription_type):
        if operation is not None:
            yield f"## {operation.name}\n"
            yield from _table(
                ("field", "needs", "REST"),
                (
                    (f"`{name}`", _told(whole.needed[operation.name][name]), ", ".join(paths.get(name, ())))
                    for name in operation.fields
                ),
            )


def _types(whole: Schema) -> Iterator[str]:
    yield "## Types and fields\n"
    yield "A field that leads to another type needs that type's scope as well.\n"
    for name in sorted(whole.types):
        grouped: dict[Needed, list[str]] = {}
        for field, needed in whole.needed[name].items():
            grouped.setdefault(needed, []).append(f"`{field}`")
        yield f"### {name}\n"
        yield from _table(
            ("needs", "fields"), ((_told(needed), ", ".join(fields)) for needed, fields in grouped.items())
        )
    mutation = whole.core.mutation_type.name if whole.core.mutation_type else ""
    held = [
        name
        for name, fields in sorted(whole.needed.items())
        if name != mutation and all(needed == WITH_ITS_HOLDER for needed in fields.values())
    ]
    yield "### What comes with its holder\n"
    yield "Pages, payloads and values need nothing beyond the field that holds them.\n"
    for name in held:
        yield f"- `{name}`: {', '.join(f'`{field}`' for field in whole.needed[name])}"
    yield ""


def _commands() -> Iterator[str]:
    paths = {route.command.name: f"`{route.method} /v1{_path(route.path)}`" for route in write_routes()}
    yield "## Commands\n"
    yield "Each is a mutation, a route and a verb of `python3 -m api`. ✱: REST needs an Idempotency-Key.\n"
    yield from _table(
        ("mutation", "needs", "REST", "verb"),
        (
            (
                f"`{camel(name)}`",
                _told((command.scope,)),
                paths[name] + (" ✱" if command.needs_key else ""),
                f"`{name.replace('_', '-')}`",
            )
            for name, command in sorted(COMMANDS.items())
        ),
    )
    yield "Its bytes are read while they come, so it has no mutation:\n"
    yield from _table(
        ("needs", "REST"),
        (
            (_told((command.scope,)), paths[name] + (" ✱" if command.needs_key else ""))
            for name, command in sorted(STREAMED.items())
        ),
    )


def _doors() -> Iterator[str]:
    yield "## Other paths\n"
    yield from _table(
        ("path", "who", "shows", "why"),
        (
            (
                f"`{door.method} {door.path}`",
                door.access.value,
                door.proof.value if door.proof is not Proof.NONE else "",
                f"{door.why} Only {door.only}." if door.only else door.why,
            )
            for door in DOORS
        ),
    )


def _told(needed: Needed) -> str:
    return " and ".join(one.value if isinstance(one, Access) else f"`{one}`" for one in needed)


def _path(path: str) -> str:
    return "/".join(
        "{" + camel(step[1:-1]) + "}" if step.startswith("{") else step for step in path.split("/")
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(' --- ' for _ in head)}|"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
