"""`doctor`: the state of each part."""

import typer

from api.cli.output import REFUSED, AsJson, print_rows


def register(app: typer.Typer) -> None:
    """Hang `doctor` off the command line."""
    app.command()(doctor)


def doctor(as_json: AsJson = False) -> None:
    """Print the state of each part; exit status 1 when one is down."""
    import asyncio

    from api.doctor import diagnose

    found = asyncio.run(diagnose())
    print_rows(
        ("part", "state", "detail"), [(one.part, one.state, one.detail) for one in found], as_json=as_json
    )
    if any(one.state == "down" for one in found):
        raise typer.Exit(REFUSED)
