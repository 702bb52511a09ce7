"""`jobs list | show | watch | cancel | retry`: the work that happens later."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import REFUSED, AsJson, Fault, Refused, print_json, print_rows, progress, say

if TYPE_CHECKING:
    from api.cli.sending import Server

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id of a job.")]
_STATES = ("queued", "running", "done", "failed", "dead", "cancelled")
ENDED = frozenset(_STATES[2:])
_COLUMNS = ("id", "kind", "lane", "state", "attempts", "progress", "created", "error")
_FIELDS = """id kind lane state attempts progressDone progressTotal progressText errorCode errorText
  createdAt startedAt finishedAt correlationId"""


def register(app: typer.Typer) -> None:
    """Hang `jobs` off the command line."""
    jobs = typer.Typer(no_args_is_help=True, help="The work that happens later.")
    jobs.command(name="list")(listed)
    jobs.command()(show)
    jobs.command()(watch)
    jobs.command()(cancel)
    jobs.command()(retry)
    app.add_typer(jobs, name="jobs")


def listed(
    state: Annotated[
        str | None, typer.Option(help="queued, running, done, failed, dead or cancelled.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Such as ingest_delivery.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=100)] = 20,
    as_json: AsJson = False,
) -> None:
    """Print jobs, newest first."""
    if state is not None and state not in _STATES:
        raise Refused(f"state {state!r} is unknown; there are {', '.join(_STATES)}")
    params = {"first": str(limit), "orderBy": "CREATED_AT_DESC", "state": state, "kind": kind}
    answer = _server().ask(
        "GET", "/v1/jobs", params={name: value for name, value in params.items() if value is not None}
    )
    body = answer.json()
    if answer.status_code == 400:
        raise Refused(str(body.get("detail") or body))
    if answer.status_code >= 400:
        raise Fault(f"The server answered {answer.status_code}: {body.get('detail') or body}")
    nodes = body["items"]
    if as_json:
        print_json(nodes)
        return
    print_rows(_COLUMNS, [_row(node) for node in nodes])


def show(job: JobId, as_json: AsJson = False) -> None:
    """Print one job with its history."""
    found = _find(_server(), job, f"{_FIELDS} history result")
    if as_json:
        print_json(found)
        return
    print_rows(("field", "value"), [(name, value) for name, value in found.items() if name != "history"])
    if found["history"]:
        print_rows(
            ("attempt", "at", "code", "what happened"),
            [(entry["attempt"], entry["at"], entry["code"], entry["text"]) for entry in found["history"]],
        )


def watch(job: JobId, as_json: AsJson = False) -> None:
    """Follow a job to its end. Exit status 1 when it did not succeed."""
    server = _server()
    with progress() as bar:
        task = bar.add_task("waits", total=None)
        while (found := _find(server, job, _FIELDS))["state"] not in ENDED:
            text = found["progressText"] or found["state"]
            bar.update(task, description=text, completed=found["progressDone"], total=found["progressTotal"])
            time.sleep(0.25)
        bar.update(task, description=found["state"], completed=1, total=1)
    if as_json:
        print_json(found)
    else:
        print_rows(_COLUMNS, [_row(found)])
    if found["state"] != "done":
        raise typer.Exit(REFUSED)


def cancel(job: JobId) -> None:
    """Cancel a job that waits, or ask a running one to stop at its next safe point."""
    _order(job, "cancel")


def retry(job: JobId) -> None:
    """Begin a dead, failed or cancelled job anew, with all its tries."""
    _order(job, "retry")


def _order(job: str, verb: str) -> None:
    answer = _server().ask("POST", f"/v1/jobs/{job}/{verb}", json={})
    body = answer.json()
    if answer.status_code in (400, 404, 409, 422):
        raise Refused(str(body.get("detail") or body))
    if answer.status_code >= 400:
        raise Fault(f"The server answered {answer.status_code}: {body.get('detail') or body}")
    say(f"{verb}: {body.get('state', 'asked')}")


def _server() -> "Server":
    from api.cli.sending import Server

    return Server()


def _find(server: "Server", job: str, fields: str) -> dict[str, Any]:
    found: dict[str, Any] | None = server.query(f"query($id: ID!) {{ job(id: $id) {{ {fields} }} }}", id=job)[
        "job"
    ]
    if found is None:
        raise Refused(f"There is no job {job} in your organization.")
    return found


def _row(node: dict[str, Any]) -> tuple[Any, ...]:
    total = node.get("progressTotal")
    done = f"{node['progressDone']}/{total} {node.get('progressText') or ''}" if total else ""
    return (
        node["id"],
        node["kind"],
        node["lane"],
        node["state"],
        node["attempts"],
        done,
        node["createdAt"],
        node.get("errorText"),
    )
