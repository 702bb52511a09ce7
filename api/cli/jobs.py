"""`jobs list | show | watch | cancel | retry | requeue`: the work that happens later."""

import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.client import answered
from api.cli.output import REFUSED, AsJson, Fault, Refused, print_json, print_rows, progress, say

if TYPE_CHECKING:
    from api.cli.board import Board
    from api.cli.sending import Server

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id of a job.")]
_STATES = ("queued", "running", "done", "failed", "dead", "cancelled")
ENDED = frozenset(_STATES[2:])
_COLUMNS = ("id", "kind", "lane", "state", "attempts", "progress", "created", "error")
_FIELDS = """id kind lane state attempts progressDone progressTotal progressText errorCode errorText
  createdAt startedAt finishedAt correlationId"""
_SEEN = "id kind lane state attempts progressDone progressTotal progressText errorText createdAt"
_FOLLOW_ONE = f"subscription($id: ID!) {{ jobProgress(id: $id) {{ {_FIELDS} }} }}"
_FOLLOW_ALL = f"subscription {{ jobsChanged {{ {_SEEN} }} }}"
_RUNNING = f"""{{ jobs(first: 100, orderBy: CREATED_AT_DESC, filter: {{state: "running"}}) {{
  nodes {{ {_SEEN} }} }} }}"""
_LANES = """query($everybody: Boolean) { jobLanes(everybody: $everybody) {
  lane waiting later running dead oldestWaitSeconds } }"""
_LOOK_S = 1.0
_READ_AGAIN_S = 5.0
_LAST_WORD_S = 2.0  # how long a line may take that is being printed when the watching ends


def register(app: typer.Typer) -> None:
    """Hang `jobs` off the command line."""
    jobs = typer.Typer(no_args_is_help=True, help="The work that happens later.")
    jobs.command(name="list")(listed)
    jobs.command()(show)
    jobs.command()(watch)
    jobs.command()(cancel)
    jobs.command()(retry)
    jobs.command()(requeue)
    app.add_typer(jobs, name="jobs")


def listed(
    state: Annotated[
        str | None, typer.Option(help="queued, running, done, failed, dead or cancelled.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Such as ingest_delivery.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up: the dead letters.")] = False,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=100)] = 20,
    as_json: AsJson = False,
) -> None:
    """Print jobs, newest first."""
    if dead and state is not None:
        raise Refused("--dead is a state of its own; leave --state out")
    if state is not None and state not in _STATES:
        raise Refused(f"state {state!r} is unknown; there are {', '.join(_STATES)}")
    params = {"first": str(limit), "orderBy": "CREATED_AT_DESC", "state": state, "kind": kind}
    answer = _server().ask(
        "GET",
        "/v1/dead-letters" if dead else "/v1/jobs",
        params={name: value for name, value in params.items() if value is not None},
    )
    body = answered(answer)
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


def watch(
    job: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="The id of a job; all of them without one.")
    ] = None,
    everybody: Annotated[
        bool, typer.Option(help="Lanes of all organizations; for the operator's administrators.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Follow jobs as they change: one to its end, or all of them and their lanes until Ctrl-C.

    Exit status with a job: 0 done, 1 when it did not succeed. Lost connections are made anew.
    """
    if job is not None:
        _watch_one(job, as_json)
    else:
        _watch_all(everybody, as_json)


def _watch_one(job: str, as_json: bool) -> None:
    from api.cli.board import line_of
    from api.cli.following import answers

    found: dict[str, Any] = {}
    try:
        if sys.stderr.isatty():
            with progress() as bar:
                task = bar.add_task("waits", total=None)
                for data in answers(_FOLLOW_ONE, {"id": job}):
                    found = data["jobProgress"]
                    done, total = found["progressDone"], found["progressTotal"]
                    text = found["progressText"] or found["state"]
                    bar.update(task, description=text, completed=done, total=total)
                bar.update(task, description=found["state"], completed=1, total=1)
        else:
            for data in answers(_FOLLOW_ONE, {"id": job}):
                found = data["jobProgress"]
                say(line_of(found))
    except KeyboardInterrupt:
        say("Stopped watching; the job goes on.")
        raise typer.Exit(130) from None
    if as_json:
        print_json(found)
    else:
        print_rows(_COLUMNS, [_row(found)])
    if found["state"] != "done":
        raise typer.Exit(REFUSED)


def _watch_all(everybody: bool, as_json: bool) -> None:
    from api.cli.board import Board

    board = Board()
    drawn = sys.stdout.isatty() and not as_json
    failed: list[Exception] = []
    speaking = threading.Lock()
    given = (board, drawn, as_json, failed, speaking)
    threading.Thread(target=_follow_all, args=given, daemon=True).start()
    try:
        _look_at_lanes(board, everybody, drawn, as_json, failed)
    except KeyboardInterrupt:
        say("Stopped watching.")
    finally:
        # Kept: Python aborts where a thread is in the middle of a line when it ends.
        speaking.acquire(timeout=_LAST_WORD_S)


def _follow_all(
    board: "Board", drawn: bool, as_json: bool, failed: list[Exception], speaking: threading.Lock
) -> None:
    """Take in every change, and print it where nothing is drawn."""
    from api.cli.board import line_of
    from api.cli.following import answers

    def tell(text: str) -> None:
        with speaking:
            say(text)

    try:
        for data in answers(_FOLLOW_ALL, tell=tell):
            job = data["jobsChanged"]
            board.changed(job)
            if as_json or not drawn:
                with speaking:
                    typer.echo(json.dumps({"job": job}) if as_json else line_of(job))
    except Exception as error:
        failed.append(error)


def _look_at_lanes(
    board: "Board", everybody: bool, drawn: bool, as_json: bool, failed: list[Exception]
) -> None:
    """Read the lanes every second, and what runs now and then, until somebody has had enough."""
    from contextlib import nullcontext

    from rich.console import Console
    from rich.live import Live

    server = _server()
    view = Live(console=Console(), auto_refresh=False) if drawn else None
    read = 0.0
    last: Any = None
    away = False
    with view or nullcontext():
        while not failed:
            try:
                board.lanes = server.query(_LANES, everybody=everybody)["jobLanes"]
                if time.monotonic() - read > _READ_AGAIN_S:
                    board.running(server.query(_RUNNING)["jobs"]["nodes"])
                    read = time.monotonic()
                away = False
            except Fault as fault:  # it may come back, as it does for what is followed
                if last is None:
                    raise
                if not away:
                    say(str(fault))
                away = True
            # How long the oldest waits is different every second; by itself it is no news.
            said = [{**lane, "oldestWaitSeconds": None} for lane in board.lanes]
            if view is not None:
                view.update(board.drawn(), refresh=True)
            elif as_json and said != last:
                typer.echo(json.dumps({"lanes": board.lanes}))
            elif said != last:
                _print_lanes(board.lanes)
            last = said
            time.sleep(_LOOK_S)
    raise failed[0]


def _print_lanes(lanes: list[dict[str, Any]]) -> None:
    from api.cli.board import row_of

    for lane in lanes:
        name, waiting, oldest, later, running, dead = row_of(lane)
        wait = f" (oldest {oldest})" if oldest else ""
        at = time.strftime("%H:%M:%S")
        typer.echo(
            f"{at} lane {name}: {waiting} waiting{wait}, {later} later, {running} running, {dead} dead"
        )


def cancel(job: JobId) -> None:
    """Cancel a job that waits, or ask a running one to stop at its next safe point."""
    _order(job, "cancel")


def retry(job: JobId) -> None:
    """Begin a dead, failed or cancelled job anew, with all its tries."""
    _order(job, "retry")


def requeue(
    job: Annotated[list[str] | None, typer.Argument(metavar="[JOB]...", help="Ids of dead jobs.")] = None,
    kind: Annotated[str | None, typer.Option(help="All dead ones of a kind.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All dead ones.")] = False,
) -> None:
    """Begin dead jobs anew: those named, those of a kind, or all; a thousand at most in one call."""
    if not (job or kind or everything):
        raise Refused("say which: ids of jobs, --kind KIND or --all")
    given = {"jobIds": job or None, "kind": kind}
    said = {name: value for name, value in given.items() if value}
    body = answered(_server().ask("POST", "/v1/dead-letters/requeue", json=said))
    say(f"requeued: {body['requeued']}; still dead: {body['left']}")


def _order(job: str, verb: str) -> None:
    body = answered(_server().ask("POST", f"/v1/jobs/{job}/{verb}", json={}))
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
