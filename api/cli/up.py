"""`up`: the whole house in one process tree, for as long as the terminal stays open."""

import os
import sys
import time
from contextlib import suppress
from typing import Annotated

import typer

from api.bootstrap import BEGAN
from api.cli.output import say
from api.processes import interrupt_on_sigterm


def register(app: typer.Typer) -> None:
    """Hang `up` off the command line."""
    app.command()(up)


def up(
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    worker: Annotated[bool, typer.Option(help="Run the job worker too.")] = True,
) -> None:
    """Start PostgreSQL, Valkey, the API and the worker; migrate; Ctrl-C stops everything."""
    from api.house import House
    from api.logs import configure_logs
    from api.settings import load_settings

    settings = load_settings()
    settings = settings.using(
        port=settings.port if port is None else port, host=settings.host if host is None else host
    )
    configure_logs(settings.log_level, settings.log_format)
    interrupt_on_sigterm()
    began = float(os.environ.pop(BEGAN, time.time()))
    house = House(settings, report=_stage, with_worker=worker)
    with suppress(KeyboardInterrupt):
        house.run(ready=lambda address, token: _welcome(address, token, time.time() - began))
    say("Stopped.")


def _stage(name: str, seconds: float) -> None:
    say(f"  {name:<11} {seconds:6.2f} s")


def _welcome(address: str, token: str, seconds: float) -> None:
    from api.development import EMAIL as DEVELOPMENT_EMAIL

    _stage("ready after", seconds)
    print(  # noqa: T201  (what `up` is asked for)
        f"""
Catalograph listens at {address}
A development token (administrator, 12 hours; `python3 -m api token` makes others):

{token}

Three things to try in another terminal:
  python3 -m api query '{{ releases(first: 5) {{ nodes {{ id title }} }} }}'
  python3 -m api ingest FILE_OR_FOLDER_OF_ERN_XML
  open {address}/graphql in a browser (GraphiQL), or {address}/docs (REST)

To log in at {address}/login, give the administrator a password:
  python3 -m api people set-password --email {DEVELOPMENT_EMAIL}

Ctrl-C stops everything.""",
        file=sys.stdout,
        flush=True,
    )
