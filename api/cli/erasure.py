"""`erasure plan | run | list`: forgetting a person on request, and the proof."""

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.client import answered
from api.cli.output import REFUSED, AsJson, print_json, print_rows, say

if TYPE_CHECKING:
    from api.cli.sending import Server

Person = Annotated[str, typer.Argument(metavar="PERSON", help="A user id or an e-mail address.")]
_PLAN = """query($person: String!) { erasurePlan(person: $person) {
  userId holds traces { table columns content } } }"""
_LIST = "{ erasures { id pseudonym state reason requestedBy result proof startedAt finishedAt } }"


def register(app: typer.Typer) -> None:
    """Hang `erasure` off the command line."""
    erasure = typer.Typer(no_args_is_help=True, help="Forget a person on request, and prove it.")
    erasure.command()(plan)
    erasure.command()(run)
    erasure.command(name="list")(listed)
    app.add_typer(erasure, name="erasure")


def plan(person: Person, as_json: AsJson = False) -> None:
    """Print where a person is named, and what forbids an erasure. Changes nothing."""
    found = _server().query(_PLAN, person=person)["erasurePlan"]
    if as_json:
        print_json(found)
    else:
        rows = [
            (trace["table"], column, count, "kept: content" if trace["content"] else "goes")
            for trace in found["traces"]
            for column, count in trace["columns"].items()
        ]
        print_rows(("table", "column", "rows", "what becomes of it"), rows)
        for hold in found["holds"]:
            say(f"held by {hold}")
    if found["holds"]:
        raise typer.Exit(REFUSED)


def run(
    person: Person,
    reason: Annotated[str, typer.Option(help="On what ground, for the trail.")],
    as_json: AsJson = False,
) -> None:
    """Forget a person: account, sessions, credentials and name in the trail."""
    body = answered(_server().ask("POST", "/v1/erasures", json={"person": person, "reason": reason}))
    if as_json:
        print_json(body)
    else:
        said = "was asked for before, and is not done twice" if body["known"] else "is asked for"
        typer.echo(f"{body['erasureId']} {said}; `erasure list` has its state and proof")


def listed(as_json: AsJson = False) -> None:
    """Print the erasures there were, with their proofs."""
    found = _server().query(_LIST)["erasures"]
    if as_json:
        print_json(found)
        return
    print_rows(
        ("id", "state", "pseudonym", "finished", "left"),
        [
            (
                one["id"],
                one["state"],
                one["pseudonym"],
                one["finishedAt"],
                (one["proof"] or {}).get("left") or "",
            )
            for one in found
        ],
    )


def _server() -> "Server":
    from api.cli.sending import Server

    return Server()
