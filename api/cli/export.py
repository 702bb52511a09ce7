"""`export csv | json | ndjson`: rows of the catalog as a file, through the running server."""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.awaiting import ended
from api.cli.client import answered
from api.cli.output import WRONG_CALL, AsJson, Fault, Refused, print_json, print_rows, progress, say

if TYPE_CHECKING:
    from api.cli.sending import Server

Several = list[str] | None


def register(app: typer.Typer) -> None:
    """Hang `export` off the command line."""
    app.command()(export)


def export(
    format: Annotated[str, typer.Argument(metavar="csv|json|ndjson", help="How rows are written.")],
    kind: Annotated[str, typer.Option(help="release, track, recording, artist, work …")],
    out: Annotated[Path | None, typer.Option(help="The file to write.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the job; --out waits too.")] = False,
    column: Annotated[Several, typer.Option(help="A column; repeat for several, in that order.")] = None,
    status: Annotated[Several, typer.Option(help="draft, active, taken_down; repeat for several.")] = None,
    visibility: Annotated[Several, typer.Option(help="public or private.")] = None,
    updated_since: Annotated[str | None, typer.Option(help="An instant, as 2026-01-31T12:00:00Z.")] = None,
    id: Annotated[Several, typer.Option(help="An id; repeat for several.")] = None,
    identifier: Annotated[str | None, typer.Option(help="SCHEME=VALUE.")] = None,
    code: Annotated[Several, typer.Option(help="NAME=VALUE, as isrc=…, upc=…; repeat.")] = None,
    genre: Annotated[Several, typer.Option(help="A genre; repeat for any of several.")] = None,
    as_json: AsJson = False,
) -> None:
    """Export rows of the catalog to a file.

    Exit status 1 when the export was refused, failed or cancelled, or the file is not what was written.
    """
    from api.cli.sending import Server

    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        say(f"{out} can't be written: it is a folder" if out.is_dir() else f"{out.parent} is no folder")
        raise typer.Exit(WRONG_CALL)
    filter = _filter(
        id, status, visibility, updated_since, identifier, {"genre": genre or []} | _codes(code or [])
    )
    server = Server()
    body = {"kind": kind, "format": format, "filter": filter, "columns": column or []}
    job = answered(server.ask("POST", "/v1/exports", json=body))
    if out is None and not wait:
        print_json(job) if as_json else say(f"job {job['id']}; look: python3 -m api jobs watch {job['id']}")
        return
    try:
        found = ended(server, job["id"])
    except KeyboardInterrupt:
        raise Refused(
            f"Stopped waiting. The server goes on; cancel it: python3 -m api jobs cancel {job['id']}"
        ) from None
    if found["state"] != "done":
        raise Refused(f"the export is {found['state']}: {found['errorText'] or 'somebody cancelled it'}")
    told = dict(found["result"])
    if out is not None:
        _fetch(server, job["id"], told, out)
        told["out"] = str(out)
    if as_json:
        print_json({"jobId": job["id"], **told})
    else:
        print_rows(("field", "value"), [("job", job["id"]), *told.items()])


def check(file: Path, told: dict[str, Any]) -> None:
    """Raise Refused unless the file holds the bytes and rows that the job told of."""
    digest, body, last, size, lines = hashlib.sha256(), hashlib.sha256(), b"", 0, 0
    with file.open("rb") as opened:
        for line in opened:
            digest.update(line)
            size += len(line)
            body.update(last)
            last = line
            lines += 1
    if (size, digest.hexdigest()) != (told["size_bytes"], told["sha256"]):
        raise Refused(
            f"{file} has {size} bytes and the sha256 {digest.hexdigest()}; {told['size_bytes']} bytes and "
            f"{told['sha256']} were written. Fetch it again."
        )
    count = _rows(file, told["format"], last, lines, body.hexdigest())
    if count != told["rows"]:
        raise Refused(f"{file} holds {count} rows; {told['rows']} were written")


def _rows(file: Path, format: str, last: bytes, lines: int, checksum: str) -> int:
    """How many rows a file holds; -1 where its closing line does not fit what stands before it."""
    import orjson

    if format == "csv":
        import csv

        from domain.exports.cells import LONGEST_CELL

        csv.field_size_limit(LONGEST_CELL)
        with file.open(encoding="utf-8", newline="") as opened:
            return sum(1 for _ in csv.reader(opened)) - 1
    end = orjson.loads(last if format == "ndjson" else b"{" + last.removeprefix(b"],"))
    counted = lines - (1 if format == "ndjson" else 2)
    fits = end["_end"] is True and end["count"] == counted and end["sha256"] == checksum
    return counted if fits else -1


def _fetch(server: "Server", job: str, told: dict[str, Any], out: Path) -> None:
    """Put the file beside its place, check it, and move it there: what stands there is whole."""
    import httpx2

    from api.settings import load_settings

    asked = server.ask("GET", f"/v1/exports/{job}/file", headers={"Accept": "application/json"})
    link = answered(asked)["url"]
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    part = Path(name)
    try:
        # The link is a credential of its own: no token goes along, wherever it leads.
        with (
            os.fdopen(handle, "wb") as file,
            httpx2.stream("GET", link, timeout=60, trust_env=bool(load_settings().url)) as answer,
            progress() as bar,
        ):
            if answer.status_code != 200:
                raise Fault(f"The file can't be fetched: the store answered {answer.status_code}")
            task = bar.add_task("fetching", total=told["size_bytes"])
            for chunk in answer.iter_bytes():
                file.write(chunk)
                bar.update(task, advance=len(chunk))
        check(part, told)
        os.replace(part, out)
    except httpx2.TransportError as error:
        raise Fault(f"The file can't be fetched: {error}") from error
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _filter(
    ids: Several,
    status: Several,
    visibility: Several,
    updated_since: str | None,
    identifier: str | None,
    more: dict[str, Any],
) -> dict[str, Any]:
    given: dict[str, Any] = {"ids": ids, "status": status, "visibility": visibility, **more}
    given["updatedSince"] = updated_since
    if identifier is not None:
        scheme, value = _pair(identifier, "--identifier")
        given["identifier"] = {"scheme": scheme, "value": value}
    return {name: value for name, value in given.items() if value}


def _codes(given: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in given:
        name, value = _pair(text, "--code")
        found.setdefault(name, []).append(value)
    return found


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name or not value:
        raise typer.BadParameter(f"{option} is {text!r}; NAME=VALUE will do")
    return name, value
