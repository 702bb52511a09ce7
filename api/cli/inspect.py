"""`inspect`: tells what files are by their content, and whether they would be taken; needs no server."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import REFUSED, AsJson, Refused, print_json, print_rows

_COLUMNS = ("file", "media_type", "kind", "code", "text", "size", "cover")


def register(app: typer.Typer) -> None:
    """Hang `inspect` off the command line."""
    app.command()(inspect)


def inspect(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The files to look at.")],
    declared: Annotated[str | None, typer.Option(help="The media type that they are declared as.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what files are by their content. Exit status 1 when one would not be taken.

    This is the look that every upload gets: docs/files.md lists the types, the limits and the codes.
    """
    from api.compose import file_inspector

    look = file_inspector()
    found = []
    for path in paths:
        try:
            with path.open("rb") as source:
                found.append((path, look(source, path.stat().st_size, path.name, declared)))
        except OSError as error:
            raise Refused(f"{path}: {error.strerror}") from error
    if as_json:
        print_json([{"file": str(path), **_as_json(asdict(verdict))} for path, verdict in found])
    else:
        print_rows(_COLUMNS, [_row(path, asdict(verdict)) for path, verdict in found])
    if not all(verdict.ok for _, verdict in found):
        raise typer.Exit(REFUSED)


def _as_json(verdict: dict[str, object]) -> dict[str, object]:
    """A verdict without the bytes of its cover, whose size stands in their place."""
    cover = verdict["cover"]
    if isinstance(cover, dict):
        cover["size_bytes"] = len(cover.pop("data"))
    return verdict


def _row(path: Path, verdict: dict[str, object]) -> list[object]:
    cover = verdict["cover"]
    return [
        path.name,
        verdict["media_type"],
        verdict["kind"],
        verdict["code"] or "ok",
        verdict["text"],
        f"{verdict['width']} × {verdict['height']}" if verdict["width"] else None,
        f"{cover['media_type']} {cover['width']} × {cover['height']}" if isinstance(cover, dict) else None,
    ]
