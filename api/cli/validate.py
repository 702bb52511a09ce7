"""`validate`: says what is wrong with messages and applies none of them; needs no server."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.ingest import AllFindings, Paths
from api.cli.output import REFUSED, AsJson, progress

if TYPE_CHECKING:
    from api.cli.sending import Sent


def register(app: typer.Typer) -> None:
    """Hang `validate` off the command line."""
    app.command()(validate)


def validate(
    paths: Paths,
    as_json: AsJson = False,
    all_findings: AllFindings = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Check here, even when a server runs; nothing is stored.")
    ] = False,
) -> None:
    """Check messages and print the findings. Exit status 1 when one has an error or can't be accepted.

    With a server running it checks there, as a job that is kept; otherwise here, by the installed XSDs.
    """
    from api.cli.reporting import report
    from api.cli.sending import files_of, send_all
    from api.embedded import read_running
    from api.settings import load_settings

    files = files_of(paths)
    settings = load_settings()
    if offline or not (settings.url or read_running(settings.state_folder)):
        sent = _check_here(files, settings.state_folder)
    else:
        sent = send_all(files, "/v1/deliveries/validate", "checked")
    report(sent, as_json=as_json, every_finding=all_findings)
    bad = ("fatal", "error")
    if any(one.state == "failed" or any(f["severity"] in bad for f in one.findings) for one in sent):
        raise typer.Exit(REFUSED)


def _check_here(files: Sequence[tuple[str, Path | None]], state_folder: Path) -> "list[Sent]":
    from api.cli.sending import Sent, read
    from api.compose import ern_reader
    from domain.deliveries.check import check

    reader = ern_reader(state_folder)
    sent = []
    with progress() as bar:
        for name, path in bar.track(files, description="checked"):
            found = check(read(path), reader)
            sent.append(
                Sent(
                    name,
                    state="checked",
                    format=f"ERN {found.version}" if found.version else None,
                    summary=found.summary(),
                    findings=[asdict(finding) for finding in found.findings],
                )
            )
    return sent
