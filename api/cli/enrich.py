"""`enrich ID… | --all`: has the sound of recordings analysed, by the running server and its worker."""

from typing import Annotated, Any

import typer

from api.cli.awaiting import ended
from api.cli.client import answered
from api.cli.output import REFUSED, AsJson, Fault, Refused, print_json, print_rows, say
from domain.ids import IdInvalid, decode_id

_TOLD = ("recordings", "up_to_date", "done", "refused", "failed", "gone", "no_sound")

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Recordings and releases.")]


def register(app: typer.Typer) -> None:
    """Hang `enrich` off the command line."""
    app.command()(enrich)


def enrich(
    ids: Ids = None,
    whole: Annotated[bool, typer.Option("--all", help="Every recording of the organization.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Recordings whose sound gave nothing, once more; once a day.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the jobs, with their progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Analyse the sound of recordings; what is up to date is not analysed again, however often this is said.

    Exit status 1 when a file was refused or failed, or a job did not come to its end.
    """
    from api.cli.sending import Server

    given = ids or []
    if whole == bool(given):
        raise typer.BadParameter("give ids of recordings and releases, or --all")
    if again and (whole or any(_kind(id) == "release" for id in given)):
        raise typer.BadParameter("--again is for recordings, each by its id")
    server = Server()
    jobs: list[str] = []
    try:
        for path, body in _asked([] if whole else given, whole, again):
            jobs.append(answered(server.ask("POST", path, json=body))["id"])
    except (Refused, Fault) as error:
        if not jobs:
            raise
        # What was asked for before goes on, and nobody would know of it.
        raise type(error)(f"{error}\nAsked for already, and going on: {', '.join(jobs)}") from None
    if not wait:
        print_json([{"jobId": job} for job in jobs]) if as_json else say(
            "\n".join(f"job {job}; look: python3 -m api jobs watch {job}" for job in jobs)
        )
        return
    try:
        found = [ended(server, job) for job in jobs]
    except KeyboardInterrupt:
        raise Refused(
            "Stopped waiting. The server goes on; to cancel: python3 -m api jobs cancel JOB, of "
            f"{', '.join(jobs)}. Say the same again to go on where it was left."
        ) from None
    results = [{"jobId": job["id"], "state": job["state"], **_counts(job["result"])} for job in found]
    without = {
        name: why for job in found for name, why in ((job["result"] or {}).get("without") or {}).items()
    }
    if as_json:
        print_json(
            [
                row | {"without": (job["result"] or {}).get("without") or {}}
                for row, job in zip(results, found, strict=True)
            ]
        )
    else:
        print_rows(("job", "state", *_TOLD), [tuple(row.values()) for row in results])
    for name, why in without.items():
        say(f"Without {name}: {why}")
    for job in found:
        if job["errorText"]:
            say(f"{job['id']}: {job['errorText']}")
    if any(row["state"] != "done" or row["refused"] or row["failed"] for row in results):
        raise typer.Exit(REFUSED)


def _asked(ids: list[str], whole: bool, again: bool) -> list[tuple[str, dict[str, Any]]]:
    """The requests that mean all of these things."""
    if whole:
        return [("/v1/enrichments", {})]
    if again:
        return [(f"/v1/recordings/{id}/enrich", {"again": True}) for id in ids]
    releases = [id for id in ids if _kind(id) == "release"]
    recordings = [id for id in ids if id not in releases]
    asked: list[tuple[str, dict[str, Any]]] = [(f"/v1/releases/{id}/enrich", {}) for id in releases]
    return ([("/v1/enrichments", {"recordingIds": recordings})] if recordings else []) + asked


def _kind(id: str) -> str:
    try:
        return decode_id(id)[0]
    except IdInvalid:
        return "recording"


def _counts(result: dict[str, int] | None) -> dict[str, int]:
    return {name: (result or {}).get(name, 0) for name in _TOLD}
