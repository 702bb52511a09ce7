"""`migrate`: brings the database to the newest revision."""

import typer

from api.cli.output import AsJson, print_json, say


def register(app: typer.Typer) -> None:
    """Hang `migrate` off the command line."""
    app.command()(migrate)


def migrate(as_json: AsJson = False) -> None:
    """Bring the database to the newest revision; does nothing when it is there. `up` does it by itself."""
    import asyncio

    from api.cli.client import settings_here
    from api.embedded import Embedded
    from api.migrated import bring_up_to_date

    settings = settings_here()
    if settings.database_url:
        before, after = asyncio.run(bring_up_to_date(settings))
    else:
        with Embedded(settings.state_folder, valkey=False) as servers:
            settings = settings.using(database_url=servers.database_url)
            before, after = asyncio.run(bring_up_to_date(settings))
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        say(f"The database is at {after}, the newest revision.")
    else:
        say(f"The database went from {before or 'nothing'} to {after}.")
