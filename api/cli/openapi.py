"""`openapi`: prints the interface files, or says whether they are current."""

from typing import Annotated

import typer

from api.cli.output import REFUSED, say


def register(parent: typer.Typer) -> None:
    """Hang `openapi` off the command line."""
    parent.command("openapi")(openapi)


def openapi(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 when a file is stale.")
    ] = False,
) -> None:
    """Print openapi/ and the pages of docs/ that come from the schema, the commands and the codes."""
    import api.app  # noqa: F401  (what refuses is loaded with what serves)
    from api.reference import printed_docs
    from openapi.generate import printed

    files = {**printed(), **printed_docs()}
    stale = {file for file, content in files.items() if not file.exists() or file.read_bytes() != content}
    for file, content in files.items():
        if file in stale and not check:
            file.write_bytes(content)
        state = "current" if file not in stale else "stale" if check else "written"
        say(f"{file.parent.name}/{file.name}: {state}")
    if check and stale:
        raise typer.Exit(REFUSED)
