"""`similar`: asks the server what sounds like a recording, or what follows well on it in a mix."""

from typing import Annotated, Any

import typer

from api.cli.output import AsJson, Refused, print_json, print_rows, say

_FIELDS = (
    "isComparable reason text model modelVersion dimensions madeAt hits { similarity sound tempo key "
    "tempoBpm tempoRatio tempoShiftPercent camelot keyRelation recording { id title artistCredit { name } } }"
)


def register(parent: typer.Typer) -> None:
    """Hang `similar` off the command line."""
    parent.command("similar")(similar)


def similar(
    recording: Annotated[str, typer.Argument(help="The id of a recording.")],
    first: Annotated[int, typer.Option(help="How many.", min=1, max=100)] = 10,
    mix: Annotated[
        bool, typer.Option("--mix", help="What follows well on it in a mix, by key, tempo and sound.")
    ] = False,
    mixable: Annotated[bool, typer.Option("--mixable", help="Only what could be mixed.")] = False,
    tempo_within: Annotated[float | None, typer.Option(help="Percent off its tempo; 6 for a mix.")] = None,
    tempo_min: Annotated[float | None, typer.Option(help="Beats a minute, half and double count.")] = None,
    tempo_max: Annotated[float | None, typer.Option(help="Beats a minute.")] = None,
    key: Annotated[list[str] | None, typer.Option(help="As 8A or Am; several may be said.")] = None,
    genre: Annotated[list[str] | None, typer.Option(help="Any of those said.")] = None,
    year_from: Annotated[int | None, typer.Option(help="Recorded in that year or later.")] = None,
    year_to: Annotated[int | None, typer.Option(help="Recorded in that year or earlier.")] = None,
    as_json: AsJson = False,
) -> None:
    """What sounds like a recording, nearest first. Exit status 1: nothing can be compared; it says why."""
    from api.cli.client import client

    asked = {
        "mixable": mixable or None,
        "tempoWithin": tempo_within,
        "tempoMin": tempo_min,
        "tempoMax": tempo_max,
        "key": key or None,
        "genre": genre or None,
        "yearFrom": year_from,
        "yearTo": year_to,
    }
    wanted = {name: value for name, value in asked.items() if value is not None}
    document = (
        "query ($id: ID!, $first: Int, $filter: SimilarFilter) { answer: "
        f"{'mixableNext' if mix else 'similar'}(recordingId: $id, first: $first, filter: $filter) "
        f"{{ {_FIELDS} }} }}"
    )
    given = {"id": recording, "first": first, "filter": wanted}
    with client() as server:
        told = server.post("/graphql", json={"query": document, "variables": given}).json()
    if errors := told.get("errors"):
        raise Refused("\n".join(f"{one['extensions']['code']}: {one['message']}" for one in errors))
    if "data" not in told:
        raise Refused(f"{told.get('code')}: {told.get('detail')}")
    answer: dict[str, Any] | None = told["data"]["answer"]
    if answer is None:
        raise Refused(
            f"NOT_FOUND: there is no recording with the id {recording!r}, or it is not for you to see"
        )
    if as_json:
        print_json(answer)
    else:
        _print(answer)
    if not answer["isComparable"]:
        raise typer.Exit(1)


def _print(answer: dict[str, Any]) -> None:
    print_rows(
        ("similarity", "title", "by", "bpm", "", "shift %", "key", "", "sound", "id"),
        [
            (
                hit["similarity"],
                hit["recording"]["title"],
                (hit["recording"]["artistCredit"] or {}).get("name"),
                hit["tempoBpm"],
                hit["tempoRatio"],
                hit["tempoShiftPercent"],
                hit["camelot"],
                hit["keyRelation"],
                hit["sound"],
                hit["recording"]["id"],
            )
            for hit in answer["hits"]
        ],
    )
    say(answer["text"])
    if answer["model"]:
        say(f"By {answer['model']} {answer['modelVersion']}, {answer['dimensions']} dimensions.")
