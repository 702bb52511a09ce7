"""`ingest`: takes deliveries in through the running server and tells what became of them."""

from typing import Annotated

import typer

from api.cli.output import REFUSED, AsJson

AllFindings = Annotated[
    bool, typer.Option("--all-findings", help="Print every finding, also for information.")
]
Paths = Annotated[
    list[str], typer.Argument(metavar="FILE|FOLDER|-", help="Messages, or folders of them (*.xml).")
]


def register(app: typer.Typer) -> None:
    """Hang `ingest` off the command line."""
    app.command()(ingest)


def ingest(paths: Paths, as_json: AsJson = False, all_findings: AllFindings = False) -> None:
    """Take messages in, wait until they are applied, and print a summary with the findings.

    Exit status 1 when something was refused.
    """
    from api.cli.reporting import report
    from api.cli.sending import files_of, send_all

    sent = send_all(files_of(paths), "/v1/deliveries", "applied")
    report(sent, as_json=as_json, every_finding=all_findings)
    if any(one.state in ("refused", "failed") for one in sent):
        raise typer.Exit(REFUSED)
