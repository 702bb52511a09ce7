"""`serve`: the API alone, for containers; it starts and migrates nothing."""

from contextlib import suppress
from typing import Annotated

import typer

from api.cli.output import Fault, say
from api.processes import interrupt_on_sigterm


def register(app: typer.Typer) -> None:
    """Hang `serve` off the command line."""
    app.command()(serve)


def serve(
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=0, max=65535)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
) -> None:
    """Serve the API over the database and Redis that DATABASE_URL and REDIS_URL name."""
    from api import house
    from api.cli.client import settings_here
    from api.logs import configure_logs

    settings = settings_here()
    require_servers(settings.database_url, settings.redis_url)
    configure_logs(settings.log_level, settings.log_format)
    settings = settings.using(
        port=settings.port if port is None else port, host=settings.host if host is None else host
    )
    interrupt_on_sigterm()
    with suppress(KeyboardInterrupt), house.listening(settings.host, settings.port) as line:
        settings = settings.using(port=line.getsockname()[1])
        house.serve(settings, line, lambda: say(f"Catalograph listens at {house.address_of(settings)}"))
    say("Stopped.")


def require_servers(database_url: str, redis_url: str) -> None:
    """Raise Fault naming what is missing."""
    missing = [name for name, url in (("DATABASE_URL", database_url), ("REDIS_URL", redis_url)) if not url]
    if missing:
        raise Fault(
            f"{' and '.join(missing)} must be set: this verb starts no servers of its own. "
            "`python3 -m api` starts everything in one process tree."
        )
