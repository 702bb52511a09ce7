"""What the columns of a thing do not hold, as JSON for its annotation."""

from collections.abc import Mapping
from typing import Any

from domain.deliveries import mapping_values as values
from domain.deliveries.message import Described, Message, Release, Resource
from domain.deliveries.parts import Credit, Genre, Party, Scoped, Words
from domain.rights.territory import WORLDWIDE

Parties = Mapping[str, Party]


# What the columns of each kind hold, when it is said plainly: one value of a kind, for everywhere.
RECORDING = frozenset({"genres", "advisories", "creation"})
VIDEO = frozenset({"genres", "advisories"})
RELEASE = frozenset({"genres", "advisories", "labels", "release", "original_release"})
TRACK: frozenset[str] = frozenset()


def described_rest(item: Described, parties: Parties, held: frozenset[str]) -> dict[str, Any]:
    """What is said of a thing and its columns, those named in `held`, do not hold."""
    titles = [title for title in item.titles if title.original_language is not None or title.marks]
    odd = [title for title in item.titles if title.kind not in ("display", "display_text")]
    scoped = [w for w in item.artist_names if w.language or values.territories(w.where)]
    unlike = any(not _printed_in_order(words.text, item, parties) for words in item.artist_names)
    return {
        "types": values.plain(item.types),
        "titles": values.plain(item.titles) if titles or odd else None,
        "versions": values.plain(item.versions),
        "artist_names": values.plain(item.artist_names)
        if scoped or unlike or len(item.artist_names) > 1
        else None,
        "artists": _artists_rest(item, parties),
        "labels": _unless("labels" in held and all(map(_plain_label, item.labels)), item.labels),
        "genres": _unless("genres" in held and all(map(_plain_genre, item.genres)), item.genres),
        "dates": _unless(_plain_dates(item, held), item.dates),
        "advisories": _unless("advisories" in held and _plain_advisories(item), item.advisories),
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


def _printed_in_order(text: str, item: Described, parties: Parties) -> bool:
    """Whether the printed artist name is what the artist credit prints: its names in their order."""
    at = 0
    credits = item.credits_of("display_artist")
    for credit in sorted(credits, key=lambda c: c.sequence if c.sequence is not None else values.LARGEST_INT):
        party = parties.get(credit.party or "")
        found = text.find(party.name, at) if party is not None else -1
        if found < 0 or (at == 0 and found != 0):
            return False
        at = found + len(party.name) if party is not None else at
    return True


def _unless(held: bool, said: Any) -> Any:
    """What was said as JSON, unless columns hold it."""
    return None if held else values.plain(said)


def _everywhere(said: Scoped) -> bool:
    return not said.where.excluded and said.where.included in ((), (WORLDWIDE,))


def _plain_label(label: Words) -> bool:
    return _everywhere(label) and not (label.language or label.kind or label.marks)


def _plain_genre(genre: Genre) -> bool:
    return _everywhere(genre) and not (genre.sub or genre.language or genre.extras)


def _plain_dates(item: Described, held: frozenset[str]) -> bool:
    """Whether the date columns hold every date: one of each kind, exact, for everywhere."""
    kinds = [when.kind for when in item.dates]
    return (
        len(set(kinds)) == len(kinds)
        and set(kinds) <= held
        and all(_everywhere(w) and w.date and not (w.approximate or w.before or w.after) for w in item.dates)
        and not any(when.place or when.language or when.marks for when in item.dates)
    )


def _plain_advisories(item: Described) -> bool:
    """Whether the parental warning column holds all that was said."""
    said = item.advisories
    return not said or (
        len(said) == 1 and _everywhere(said[0]) and said[0].standard is None and not said[0].term.user_value
    )


def editions_rest(resource: Resource) -> list[Any]:
    """The editions of a recording; of a single one without what the columns and identifiers hold."""
    editions = [values.plain(edition) for edition in resource.editions]
    if len(editions) == 1:
        editions[0].pop("codes", None)
        lines = resource.editions[0].lines
        if len(lines) == 1 and not (lines[0].company or lines[0].language or lines[0].type):
            editions[0].pop("lines", None)
    return [edition for edition in editions if edition]


def release_rest(
    release: Release, message: Message, parties: Parties, held: frozenset[str] = RELEASE
) -> dict[str, Any]:
    """What is said of a release and its columns do not hold."""
    return described_rest(release, parties, held) | {
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
