"""One verb for each declared command, printed from its declaration: `create-recording --title X`.

Fields of the input are options; texts and numbers as they are, lists of texts repeated, anything deeper
as JSON. `--input` gives the whole input as JSON, and options are put over it.
"""

import dataclasses
import inspect
import sys
import types
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import typer

from api.cli.output import AsJson, Fault, Refused, print_json, print_rows, say
from api.cli.query import read_argument

if TYPE_CHECKING:
    from domain.command import Command

_PANEL = "Commands: every declared write"
_OWN = ("input_document", "idempotency_key", "reason_given", "as_json")


def register(parent: typer.Typer) -> None:
    """Hang a verb for every command off the command line."""
    from domain.commands import COMMANDS

    for command in COMMANDS.values():
        name = command.name.replace("_", "-")
        parent.command(name, help=_help(command), rich_help_panel=_PANEL)(verb_of(command))


def _help(command: "Command") -> str:
    """What the command does, and what its input says of its fields beyond their names."""
    about = inspect.cleandoc(command.ask.__doc__ or "").split("\n\n")[1:]
    return "\n\n".join([command.summary, *(" ".join(part.split()) for part in about)])


def verb_of(command: "Command") -> Callable[..., None]:
    """The function behind a command's verb; typer reads its options off its signature."""
    in_path = {part[1:-1] for part in command.path.split("/") if part.startswith("{")}
    raw = next((name for name, hint in command.hints.items() if hint is bytes), None)
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for name, annotation, default in _parameters(command, in_path, raw)
    ]

    def verb(**given: Any) -> None:
        own = {name: given.pop(name, None) for name in _OWN}
        body = _body(command, own["input_document"], given, in_path, raw)
        headers = {"Idempotency-Key": own["idempotency_key"], "X-Reason": own["reason_given"]}
        path = command.path.format(**{name: given[name] for name in in_path})
        _call(command, path, body, raw, {k: v for k, v in headers.items() if v}, bool(own["as_json"]))

    verb.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    verb.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return verb


def _parameters(command: "Command", in_path: set[str], raw: str | None) -> list[tuple[str, Any, Any]]:
    found: list[tuple[str, Any, Any]] = []
    for field in dataclasses.fields(command.ask):
        if field.name in in_path:
            found.append(
                (field.name, Annotated[str, typer.Argument(help="Id or UUID.")], inspect.Parameter.empty)
            )
        elif field.name == raw:
            argument = typer.Argument(help="The file; - reads standard input.")
            found.append((field.name, Annotated[str, argument], inspect.Parameter.empty))
        else:
            kind, about = _option(command.hints[field.name])
            option = typer.Option(f"--{field.name.replace('_', '-')}", help=about)
            if kind is bool:
                name = field.name.replace("_", "-")
                option = typer.Option(f"--{name}/--no-{name}", help=about)
            found.append((field.name, Annotated[kind | None, option], None))
    if raw is None:
        whole = typer.Option("--input", help="The whole input as JSON, @FILE or -.")
        found.append(("input_document", Annotated[str | None, whole], None))
    key = typer.Option("--idempotency-key", help="Repeat safely: the same key gives the first answer.")
    found.append(("idempotency_key", Annotated[str | None, key], None))
    if "reason" not in command.hints:
        reason = typer.Option("--reason", help="Why, for the audit trail.")
        found.append(("reason_given", Annotated[str | None, reason], None))
    found.append(("as_json", AsJson, False))
    return found


def _option(hint: Any) -> tuple[Any, str | None]:
    """The type of an option for a field, and what to say of it."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner = get_args(hint)[0]
        return (str, "JSON.") if inner is Any else (_option(inner)[0], "Id or UUID.")
    if origin in (Union, types.UnionType):
        return _option(get_args(hint)[0])
    if origin is list:
        inner, _ = _option(get_args(hint)[0])
        return (list[str], "Repeat for several.") if _is_text(get_args(hint)[0]) else (str, "A JSON list.")
    if hint in (str, int, float, bool):
        return hint, None
    if hint is Decimal:
        return str, "A decimal number."
    return (str, "An instant, as 2026-01-31T12:00:00Z.") if hint is datetime else (str, "JSON.")


def _is_text(hint: Any) -> bool:
    return (get_args(hint)[0] if get_origin(hint) is Annotated else hint) is str


def _body(
    command: "Command", document: str | None, given: dict[str, Any], in_path: set[str], raw: str | None
) -> dict[str, Any]:
    """The input as REST takes it: the document, and the options over it."""
    import orjson

    from domain.inputs import camel

    body: dict[str, Any] = {}
    try:
        if document is not None:
            body = orjson.loads(read_argument(document))
        for name, value in given.items():
            if name in in_path or name == raw or value is None or value == []:
                continue
            is_json = _option(command.hints[name])[1] in ("JSON.", "A JSON list.")
            body[camel(name)] = orjson.loads(read_argument(value)) if is_json else value
    except orjson.JSONDecodeError as error:
        raise typer.BadParameter(f"this is not JSON: {error}") from None
    if raw is not None:
        body[raw] = given[raw]
    return body


def _call(
    command: "Command",
    path: str,
    body: dict[str, Any],
    raw: str | None,
    headers: dict[str, str],
    as_json: bool,
) -> None:
    from api.cli.client import client

    with client() as server:
        if raw is not None:
            name = body.pop(raw)
            content = sys.stdin.buffer.read() if name == "-" else _bytes_of(Path(name))
            params = {} if name == "-" else {"fileName": Path(name).name} | body
            headers = {**headers, "Content-Type": "application/octet-stream"}
            answer = server.request(
                command.method, f"/v1{path}", content=content, params=params, headers=headers
            )
        else:
            if (version := body.pop("expectedVersion", None)) is not None:
                headers = {**headers, "If-Match": f'"{version}"'}
            answer = server.request(command.method, f"/v1{path}", headers=headers, json=body or None)
    if answer.status_code == 204:
        print_json({"deleted": True}) if as_json else typer.echo("deleted")
        return
    try:
        told = answer.json()
    except ValueError:
        raise Fault(f"the server answered {answer.status_code} without JSON") from None
    if answer.status_code >= 400:
        said = f"{told.get('code')}: {told.get('detail')}"
        raise (
            Fault(f"{said} (request {told.get('requestId')})") if answer.status_code >= 500 else Refused(said)
        )
    if as_json:
        print_json(told)
    else:
        shown = {name: value for name, value in told.items() if value not in (None, [], {})}
        secrets = [shown.pop(name) for name in _disclosed(command) if name in shown]
        print_rows(["field", "value"], shown.items())
        for secret in secrets:
            # On a line of its own, whole: a table would break it.
            say("Shown this once:")
            typer.echo(secret)


def _disclosed(command: "Command") -> list[str]:
    """The fields of the answer that hold a secret."""
    from domain.inputs import camel

    if not command.discloses or command.value is None:
        return []
    return [camel(field.name) for field in dataclasses.fields(command.value)]


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Refused(f"{file} can't be read: {error.strerror}") from None
