"""`availability`: asks the server whether something may be used so, there, then, and prints why."""

from typing import Annotated, Any

import typer

from api.cli.output import REFUSED, AsJson, Refused, print_json, print_rows, say

_FIELDS = (
    "entity territory useType commercialModel at licensee allowed reason reasons text missing allowedFrom "
    "allowedUntil nextChange isPreOrderable deal { ...verdict } deals { ...verdict } nearest { ...verdict }"
)
_DOCUMENT = (
    "query ($entity: ID!, $territory: Territory!, $useType: String, $commercialModel: String, $at: DateTime, "
    "$licensee: ID) { availability(entity: $entity, territory: $territory, useType: $useType, "
    f"commercialModel: $commercialModel, at: $at, licensee: $licensee) {{ {_FIELDS} }} }} "
    "fragment verdict on DealVerdict { deal reference reasons text isTakedown licensee validFrom validUntil "
    "preOrderAt releaseDisplayAt trackListingDisplayAt coverArtDisplayAt clipPreviewAt }"
)


def register(parent: typer.Typer) -> None:
    """Hang `availability` off the command line."""
    parent.command("availability")(availability)


def availability(
    entity: Annotated[str, typer.Argument(help="The id of a release, track, recording or anything else.")],
    territory: Annotated[str, typer.Option(help="ISO 3166-1, a TIS number, or Worldwide.")],
    use_type: Annotated[str | None, typer.Option(help="As OnDemandStream; any unless said.")] = None,
    model: Annotated[str | None, typer.Option(help="As SubscriptionModel; any unless said.")] = None,
    at: Annotated[str | None, typer.Option(help="As 2026-03-01T00:00:00Z; now unless said.")] = None,
    licensee: Annotated[
        str | None, typer.Option(help="For whom an owner asks: an organization's id, or a DPID.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """May it be used so, there, then, and which deal says so? Exit status 0 is yes, 1 no."""
    from api.cli.client import client

    given = {
        "entity": entity,
        "territory": territory,
        "useType": use_type,
        "commercialModel": model,
        "at": at,
        "licensee": licensee,
    }
    with client() as server:
        told = server.post("/graphql", json={"query": _DOCUMENT, "variables": given}).json()
    if errors := told.get("errors"):
        raise Refused("\n".join(f"{one['extensions']['code']}: {one['message']}" for one in errors))
    if "data" not in told:
        raise Refused(f"{told.get('code')}: {told.get('detail')}")
    answer: dict[str, Any] | None = told["data"]["availability"]
    if answer is None:
        raise Refused(f"NOT_FOUND: there is nothing with the id {entity!r}, or it is not for you to see")
    if as_json:
        print_json(answer)
    else:
        _print(answer)
    if not answer["allowed"]:
        raise typer.Exit(REFUSED)


def _print(answer: dict[str, Any]) -> None:
    say(f"{'Yes' if answer['allowed'] else 'No'}: {answer['text']}")
    for label, name in (("until", "allowedUntil"), ("next change", "nextChange")):
        if answer[name]:
            say(f"{label}: {answer[name]}")
    deciding = [("decides", deal) for deal in answer["deals"]]
    nearest = [(", ".join(deal["reasons"]), deal) for deal in answer["nearest"]]
    print_rows(
        ("deal", "reference", "", "from", "until", "why"),
        [
            (deal["deal"], deal["reference"], what, deal["validFrom"], deal["validUntil"], deal["text"])
            for what, deal in deciding + nearest
        ],
    )
