"""How verbs speak: results on standard output, everything else on standard error."""

import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

REFUSED, WRONG_CALL, FAULT = 1, 2, 3

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output instead of a table.")]


# Columns of ids.
_WHOLE = frozenset({"id", "job"})
# What steers a terminal, or turns the order of what is read; and halves of characters.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Refused(Exception):
    """The input was refused or has findings: exit status 1."""


class Fault(Exception):
    """Something that should work doesn't: exit status 3. The text says what to do."""


def say(text: str) -> None:
    """A line for the person at the terminal."""
    typer.echo(text, err=True)


def shown(text: str) -> str:
    """A text of others as a terminal may show it: with a sign in place of what would steer it."""
    return _UNSHOWN.sub("\ufffd", text)


def print_json(value: Any) -> None:
    """A result as JSON: indented on a terminal, one line otherwise."""
    import orjson

    option = orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0
    typer.echo(orjson.dumps(value, default=str, option=option | orjson.OPT_NON_STR_KEYS).decode())


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, as_json: bool = False) -> None:
    """A result as a table; as JSON a list of objects."""
    held = [list(row) for row in rows]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in held])
        return
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    # An id is there to be used in the next command: the other columns make room for the whole of it.
    heads = (
        Column(name, no_wrap=name in _WHOLE, min_width=_least(name, held, at))
        for at, name in enumerate(columns)
    )
    table = Table(*heads)
    for row in held:
        table.add_row(*(Text("" if cell is None else shown(str(cell))) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _least(name: str, rows: Sequence[Sequence[Any]], at: int) -> int | None:
    return max((len(str(row[at])) for row in rows), default=0) if name in _WHOLE else None


def progress() -> "Progress":
    """A progress bar on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
