"""`retention plan | run | hold | release | extend | policy`: what is kept for how long, and what goes."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.awaiting import ended
from api.cli.client import answered
from api.cli.output import REFUSED, AsJson, Refused, print_json, print_rows, say

if TYPE_CHECKING:
    from api.cli.sending import Server

Reason = Annotated[str, typer.Option(help="Why, for the audit trail.")]
Subject = Annotated[str, typer.Argument(metavar="ID", help="The id of what is meant.")]
Rule = Annotated[str, typer.Argument(metavar="RULE", help="The class of things, as the plan names it.")]
_PLAN = """query($days: Int, $everybody: Boolean) { retentionPlan(days: $days, everybody: $everybody) {
  rule about organization state why count sizeBytes oldestAt dueAt goesAt examples } }"""
_COLUMNS = ("rule", "state", "things", "bytes", "goes", "why")


def register(app: typer.Typer) -> None:
    """Hang `retention` off the command line."""
    retention = typer.Typer(no_args_is_help=True, help="What is kept for how long, and what goes.")
    for verb in (plan, run, hold, release, extend, policy):
        retention.command()(verb)
    app.add_typer(retention, name="retention")


def plan(
    days: Annotated[int, typer.Option(help="How far to look ahead.", min=0, max=3660)] = 7,
    everybody: Annotated[bool, typer.Option(help="Of all organizations; for the operator.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what goes now or soon, when and why, and what is held. Changes nothing."""
    lines = _server().query(_PLAN, days=days, everybody=everybody)["retentionPlan"]
    if as_json:
        print_json(lines)
        return
    print_rows(
        _COLUMNS,
        [
            (line["rule"], line["state"], line["count"], line["sizeBytes"], line["goesAt"], line["why"])
            for line in lines
        ],
    )


def run(
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end, with its progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run retention now, for everybody; it also runs each day by itself.

    With --wait: exit status 1 when it did not come to its end.
    """
    if not wait:
        _order("POST", "/v1/retention-runs", {}, as_json)
        return
    server = _server()
    job = answered(server.ask("POST", "/v1/retention-runs", json={}))["id"]
    try:
        found = ended(server, job)
    except KeyboardInterrupt:
        raise Refused(
            f"Stopped waiting. The server goes on; to cancel: python3 -m api jobs cancel {job}."
        ) from None
    result = found["result"] or {}
    if as_json:
        print_json({"jobId": job, "state": found["state"], "errorText": found["errorText"], "result": result})
    else:
        shown = {name: value for name, value in result.items() if value not in (None, [], {})}
        print_rows(("field", "value"), [("job", found["state"]), *shown.items()])
        if found["errorText"]:
            say(found["errorText"])
    if found["state"] != "done":
        raise typer.Exit(REFUSED)


def hold(
    subject_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="organization, entity, file or person.")
    ],
    subject: Subject,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Place a legal hold: what it names is not deleted, whatever else says that it should."""
    said = {"subjectType": subject_type, "subjectId": subject, "reason": reason}
    _order("POST", "/v1/legal-holds", said, as_json)


def release(
    hold: Annotated[str, typer.Argument(metavar="HOLD", help="The id of a hold.")],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Release a legal hold."""
    _order("POST", f"/v1/legal-holds/{hold}/release", {"reason": reason}, as_json)


def extend(
    rule: Rule,
    days: Annotated[int, typer.Option(help="Counted from now; at most 1098.")],
    reason: Reason,
    subject: Annotated[str | None, typer.Option(help="One thing; all of the class unless said.")] = None,
    as_json: AsJson = False,
) -> None:
    """Keep a class of things, or one of them, longer; for enterprises."""
    said = {"rule": rule, "days": days, "reason": reason, "subjectId": subject}
    _order("POST", "/v1/retention-extensions", said, as_json)


def policy(
    rule: Rule,
    months: Annotated[int, typer.Option(help="Calendar months.")] = 0,
    days: Annotated[int, typer.Option(help="Days beside the months.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say how long an enterprise keeps a class of things; no time keeps it for ever."""
    _order("PATCH", f"/v1/retention-policies/{rule}", {"months": months, "days": days}, as_json)


def _order(method: str, path: str, said: dict[str, Any], as_json: bool) -> None:
    given = {name: value for name, value in said.items() if value is not None}
    body = answered(_server().ask(method, path, json=given))
    if as_json:
        print_json(body)
    else:
        shown = {name: value for name, value in body.items() if value not in (None, [], {})}
        print_rows(("field", "value"), shown.items())
        asked = body.get("state") == "queued"
        say(f"asked; follow it: python3 -m api jobs watch {body['id']}" if asked else "done")


def _server() -> "Server":
    from api.cli.sending import Server

    return Server()
