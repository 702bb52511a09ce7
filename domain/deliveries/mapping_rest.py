"""What the columns of a thing do not hold, as JSON for its annotation."""

from collections.abc import Mapping
from typing import Any

from domain.deliveries import mapping_values as values
from domain.deliveries.message import Described, Message, Release, Resource
from domain.deliveries.parts import Credit, Party

Parties = Mapping[str, Party]


def described_rest(item: Described, parties: Parties) -> dict[str, Any]:
    """What the columns that all described things have do not hold."""
    titles = [title for title in item.titles if title.original_language is not None or title.marks]
    odd = [title for title in item.titles if title.kind not in ("display", "display_text")]
    scoped = [w for w in item.artist_names if w.language or values.territories(w.where)]
    return {
        "types": values.plain(item.types),
        "titles": values.plain(item.titles) if titles or odd else None,
        "versions": values.plain(item.versions),
        "artist_names": values.plain(item.artist_names) if scoped or len(item.artist_names) > 1 else None,
        "artists": _artists_rest(item, parties),
        "labels": values.plain(item.labels),
        "genres": values.plain(item.genres),
        "dates": values.plain(item.dates),
        "advisories": values.plain(item.advisories),
        "languages": values.plain(item.languages)
        if any(la.use != "performance" for la in item.languages)
        else None,
        "keywords": values.plain(item.keywords),
        "synopses": values.plain(item.synopses),
        "comments": values.plain(item.comments),
        "flags": dict(item.flags),
        "language": item.language,
        "duration_ms": item.duration_ms if values.duration(item.duration_ms) is None else None,
        "extras": values.plain(item.extras),
    }


def editions_rest(resource: Resource) -> list[Any]:
    """The editions of a recording; of a single one without what the columns and identifiers hold."""
    editions = [values.plain(edition) for edition in resource.editions]
    if len(editions) == 1:
        editions[0].pop("codes", None)
        lines = resource.editions[0].lines
        if len(lines) == 1 and not (lines[0].company or lines[0].language or lines[0].type):
            editions[0].pop("lines", None)
    return [edition for edition in editions if edition]


def release_rest(release: Release, message: Message, parties: Parties) -> dict[str, Any]:
    return described_rest(release, parties) | {
        "role": None if release.role == "main" else release.role,
        "lines": values.plain(release.lines),
        "resources": values.plain(release.resources),
        "links": values.plain(release.links),
        "groups": [_group(values.plain(group), parties) for group in release.groups],
        "visibilities": [
            values.plain(v) for v in message.visibilities if v.reference in release.visibilities
        ],
    }


def _artists_rest(item: Described, parties: Parties) -> list[Any]:
    """Display artists whose numbers, roles or territories an artist credit can't hold."""
    artists = item.credits_of("display_artist", "display_conductor", "display_composer")
    plain = all(
        not c.extras and len(c.roles) <= 1 and values.territories(c.where) == [] and not c.special
        for c in artists
    )
    if plain and [c.sequence for c in artists] in ([None], [1], list(range(1, len(artists) + 1))):
        return []
    return [_named(values.plain(credit), parties, credit) for credit in artists]


def _named(said: dict[str, Any], parties: Mapping[str, Party], credit: Credit) -> dict[str, Any]:
    """A credit as JSON with the party by its key, because local references change between messages."""
    party = parties.get(credit.party or "")
    return said | ({"party": values.artist_key(party)} if party is not None else {})


def _group(said: dict[str, Any], parties: Mapping[str, Party]) -> dict[str, Any]:
    """A group as JSON with parties by key, at every depth."""
    changed = dict(said)
    if credits := said.get("credits"):
        changed["credits"] = [
            credit
            | (
                {"party": values.artist_key(parties[credit["party"]])}
                if credit.get("party") in parties
                else {}
            )
            for credit in credits
        ]
    if groups := said.get("groups"):
        changed["groups"] = [_group(group, parties) for group in groups]
    return changed
