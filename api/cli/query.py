"""`query`: runs a GraphQL document against the server and prints what it answers."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.output import AsJson, Fault, Refused, print_json, print_rows


def register(parent: typer.Typer) -> None:
    """Hang `query` off the command line."""
    parent.command("query")(query)


def query(
    document: Annotated[str, typer.Argument(help="The document; @FILE reads a file, - standard input.")],
    variables: Annotated[str, typer.Option("--variables", help="A JSON object, @FILE or -.")] = "{}",
    operation: Annotated[str | None, typer.Option("--operation", help="Which operation to run.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a GraphQL query or mutation. A list of things is printed as a table, anything else as JSON."""
    import orjson

    from api.cli.client import client

    try:
        given = orjson.loads(read_argument(variables))
    except orjson.JSONDecodeError as error:
        raise typer.BadParameter(f"--variables is not JSON: {error}") from None
    body = {"query": read_argument(document), "variables": given, "operationName": operation}
    with client() as server:
        answer = server.post("/graphql", json=body)
    told = _json(answer)
    data, errors = told.get("data"), told.get("errors") or []
    rows = None if as_json or errors else _rows(data)
    if rows is None:
        print_json(told if errors else data)
    else:
        print_rows(rows[0], rows[1])
    if errors:
        raise Refused("\n".join(f"{_code(error)}: {error['message']}" for error in errors))


def read_argument(text: str) -> str:
    """The text itself, or what it points at: @FILE, or - for standard input."""
    if text == "-":
        return sys.stdin.read()
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_text()
        except OSError as error:
            raise typer.BadParameter(f"{text[1:]} can't be read: {error.strerror}") from None
    return text


def _json(answer: Any) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        raise Fault(f"the server answered {answer.status_code} without JSON") from None
    if "errors" not in told and "data" not in told:
        raise Refused(f"{told.get('code', answer.status_code)}: {told.get('detail', told)}")
    found: dict[str, Any] = told
    return found


def _code(error: dict[str, Any]) -> str:
    return str(error.get("extensions", {}).get("code", "ERROR"))


def _rows(data: Any) -> tuple[list[str], list[list[Any]]] | None:
    """The one list of an answer as columns and rows; None when it is no such answer."""
    if not isinstance(data, dict) or len(data) != 1:
        return None
    (inner,) = data.values()
    items = inner.get("nodes") if isinstance(inner, dict) else inner
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        return None
    columns = list(dict.fromkeys(name for item in items for name in item))
    return columns, [[_cell(item.get(name)) for name in columns] for item in items]


def _cell(value: Any) -> Any:
    """A value in a cell of a table: what is inside things, on lines of its own."""
    if isinstance(value, list):
        return "\n".join(str(_cell(item)) for item in value)
    if isinstance(value, dict):
        return " ".join(str(_cell(item)) for item in value.values() if item is not None)
    return "" if value is None else value
