"""ERN 3: parties named in place, many releases, and details by territory.

The first block of details holds for every territory and is the default; later ones say what differs
there. Each value keeps the territories of its block.
"""

from collections.abc import Iterable

from domain.adapters.ern.common import (
    advisory_of,
    all_codes,
    all_words,
    flags_of,
    genre_of,
    length_of,
    lines_of,
    snake,
    terms,
    title_kind,
    title_of,
    whens,
    where_block,
    whole,
    words,
    yes,
)
from domain.adapters.ern.groups import group_of
from domain.adapters.ern.node import Node
from domain.adapters.ern.parties import Parties
from domain.adapters.ern.technical import all_technical
from domain.adapters.ern.v4 import contained_of
from domain.deliveries.message import Group, Release, Resource, ResourceUse
from domain.deliveries.parts import (
    EVERYWHERE,
    Advisory,
    Credit,
    Edition,
    Extra,
    Genre,
    Language,
    RightsLine,
    Technical,
    Title,
    When,
    Where,
    Words,
    Work,
    WorkUse,
)

KINDS = {
    "SoundRecording": "sound_recording",
    "MIDI": "midi",
    "Video": "video",
    "Image": "image",
    "Text": "text",
    "SheetMusic": "sheet_music",
    "Software": "software",
    "UserDefinedResource": "user_defined",
}
_CREDITS = (
    ("DisplayArtist", "display_artist"),
    ("DisplayConductor", "display_conductor"),
    ("DisplayComposer", "display_composer"),
    ("ResourceContributor", "contributor"),
    ("IndirectResourceContributor", "indirect"),
)
_ROLES = (
    "ArtistRole",
    "ResourceContributorRole",
    "IndirectResourceContributorRole",
    "MusicalWorkContributorRole",
)
_FLAGS = (
    "IsArtistRelated",
    "IsMedley",
    "IsPotpourri",
    "IsInstrumental",
    "IsBackground",
    "IsHiddenResource",
    "IsBonusResource",
    "HasPreOrderFulfillment",
    "IsComputerGenerated",
    "IsRemastered",
    "NoSilenceBefore",
    "NoSilenceAfter",
    "PerformerInformationRequired",
    "IsMultiArtistCompilation",
)
_DATES = (
    ("CreationDate", "creation"),
    ("MasteredDate", "mastered"),
    ("RemasteredDate", "remastered"),
    ("ResourceReleaseDate", "release"),
    ("OriginalResourceReleaseDate", "original_release"),
    ("ReleaseDate", "release"),
    ("OriginalReleaseDate", "original_release"),
    ("OriginalDigitalReleaseDate", "original_digital_release"),
    ("FulfillmentDate", "fulfillment"),
    ("GlobalReleaseDate", "global_release"),
    ("GlobalOriginalReleaseDate", "global_original_release"),
)
_LANGUAGES = (
    ("LanguageOfPerformance", "performance"),
    ("LanguageOfDubbing", "dubbing"),
    ("SubTitleLanguage", "subtitle"),
    ("LanguageOfLyrics", "lyrics"),
)
_TRACK_TYPES = frozenset({"TrackRelease", "VideoTrackRelease", "RingtoneTrackRelease"})


class Details:
    """What stands in one node, or in one block of details by territory."""

    def __init__(self, parties: Parties) -> None:
        self.parties = parties
        self.titles: list[Title] = []
        self.credits: list[Credit] = []
        self.artist_names: list[Words] = []
        self.labels: list[Words] = []
        self.lines: list[RightsLine] = []
        self.genres: list[Genre] = []
        self.dates: list[When] = []
        self.advisories: list[Advisory] = []
        self.keywords: list[Words] = []
        self.synopses: list[Words] = []
        self.comments: list[Words] = []
        self.technical: list[Technical] = []
        self.groups: list[Group] = []
        self.flags: tuple[tuple[str, bool], ...] = ()

    def take(self, node: Node, where: Where = EVERYWHERE, *, default: bool = False) -> None:
        """Take the values standing in the node, said for those territories."""
        self.titles += [
            title_of(child, "reference", where, default=default) for child in node.all("ReferenceTitle")
        ]
        self.titles += [
            title_of(child, title_kind(child.attribute("TitleType")), where, default=default)
            for child in node.all("Title")
        ]
        self.credits += credits_of(node, self.parties, where, default=default)
        self.artist_names += all_words(node.all("DisplayArtistName"), where, default=default)
        self.labels += [_label_of(c, where, default=default) for c in node.all("LabelName") if c.text]
        self.lines += lines_of(node, where, default=default)
        self.genres += [genre_of(child, where, default=default) for child in node.all("Genre")]
        self.dates += whens(node, _DATES, where, default=default)
        self.advisories += [
            advisory_of(c, where, default=default) for c in node.all("ParentalWarningType") if c.text
        ]
        self.keywords += all_words(node.all("Keywords"), where, default=default)
        self.synopses += all_words(node.all("Synopsis"), where, default=default)
        self.comments += all_words(node.all("MarketingComment"), where, default=default)
        self.technical += all_technical(node, where, default=default)
        self.groups += [
            group_of(child, _group_titles, self._group_credits, where, default=default)
            for child in node.all("ResourceGroup")
        ]
        self.flags += flags_of(node, _FLAGS)

    def blocks(self, nodes: Iterable[Node]) -> tuple[Extra, ...]:
        """Take blocks of details by territory; what no field holds is given back with its territories."""
        extras: list[Extra] = []
        for number, node in enumerate(nodes):
            where = where_block(node)
            self.take(node, where, default=number == 0)
            if rest := node.rest():
                codes = [Extra("TerritoryCode", code) for code in where.included]
                codes += [Extra("ExcludedTerritoryCode", code) for code in where.excluded]
                extras.append(Extra(node.name, children=(*codes, *rest)))
        return tuple(extras)

    def _group_credits(self, node: Node) -> tuple[Credit, ...]:
        return credits_of(node, self.parties)


def _group_titles(node: Node) -> tuple[Title, ...]:
    return tuple(title_of(child, title_kind(child.attribute("TitleType"))) for child in node.all("Title"))


def _label_of(node: Node, where: Where, *, default: bool) -> Words:
    kind = node.attribute("LabelNameType")
    return words(node, where, snake(kind) if kind else None, default=default)


def credits_of(
    node: Node, parties: Parties, where: Where = EVERYWHERE, *, default: bool = False
) -> tuple[Credit, ...]:
    """Artists and contributors standing in a node; their parties are named in place."""
    return tuple(
        _credit_of(child, kind, parties, where, default=default)
        for name, kind in _CREDITS
        if name in node.children
        for child in node.all(name)
    )


def _credit_of(node: Node, kind: str, parties: Parties, where: Where, *, default: bool = False) -> Credit:
    party = parties.named(node) if "PartyId" in node.children or "PartyName" in node.children else None
    return Credit(
        kind=kind,
        party=party,
        roles=tuple(role for name in _ROLES if name in node.children for role in terms(node.all(name))),
        instruments=terms(node.all("InstrumentType")),
        sequence=whole(node.attribute("SequenceNumber")),
        featured=yes(node.value("IsFeaturedArtist")),
        contracted=yes(node.value("IsContractedArtist")),
        extras=node.rest(),
        where=where,
        default=default,
        line=node.line,
        path=node.path,
    )


def works_of(node: Node | None, parties: Parties) -> tuple[Work, ...]:
    """The works of a WorkList."""
    if node is None:
        return ()
    return tuple(
        Work(
            codes=all_codes(child.all("MusicalWorkId")),
            reference=child.value("MusicalWorkReference") or "",
            titles=tuple(title_of(title, "reference") for title in child.all("ReferenceTitle")),
            credits=tuple(
                _credit_of(writer, "indirect", parties, EVERYWHERE)
                for writer in child.all("MusicalWorkContributor")
            ),
            types=terms(child.all("MusicalWorkType")),
            extras=child.rest(),
            line=child.line,
            path=child.path,
        )
        for child in node.all("MusicalWork")
    )


def resources_of(node: Node | None, parties: Parties) -> tuple[Resource, ...]:
    """Every resource of a ResourceList."""
    if node is None:
        return ()
    return tuple(
        _resource_of(child, name, kind, parties) for name, kind in KINDS.items() for child in node.all(name)
    )


def _resource_of(node: Node, name: str, kind: str, parties: Parties) -> Resource:
    prefix = "Midi" if name == "MIDI" else name
    codes = all_codes(node.all(f"{prefix}Id"))
    details = Details(parties)
    details.take(node)
    contained, more = contained_of(node)
    extras = (*more, *details.blocks(node.all(f"{prefix}DetailsByTerritory")))
    edition = Edition(
        codes=codes,
        lines=tuple(details.lines),
        technical=tuple(details.technical),
        line=node.line,
        path=node.path,
    )
    return Resource(
        reference=node.value("ResourceReference") or "",
        kind=kind,
        types=terms(node.all(f"{prefix}Type")),
        editions=(edition,),
        works=_works(node, prefix),
        titles=tuple(details.titles),
        artist_names=tuple(details.artist_names),
        credits=tuple(details.credits),
        labels=tuple(details.labels),
        genres=tuple(details.genres),
        dates=tuple(details.dates),
        advisories=tuple(details.advisories),
        languages=_languages(node),
        keywords=tuple(details.keywords),
        synopses=tuple(details.synopses),
        comments=tuple(details.comments),
        flags=details.flags,
        duration_ms=length_of(node),
        language=node.attribute("LanguageAndScriptCode"),
        contained=contained,
        extras=(*extras, *node.rest()),
        line=node.line,
        path=node.path,
    )


def _works(node: Node, prefix: str) -> tuple[WorkUse, ...]:
    made = [
        WorkUse(codes=all_codes([child]), extras=child.rest(), line=child.line, path=child.path)
        for child in node.all(f"Indirect{prefix}Id")
    ]
    listed = node.one("ResourceMusicalWorkReferenceList")
    if listed is not None:
        made += [
            WorkUse(
                reference=child.value("ResourceMusicalWorkReference"),
                sequence=whole(child.value("SequenceNumber")),
                extras=child.rest(),
                line=child.line,
                path=child.path,
            )
            for child in listed.all("ResourceMusicalWorkReference")
        ]
    return tuple(made)


def _languages(node: Node) -> tuple[Language, ...]:
    return tuple(
        Language(use=use, tag=child.text, line=child.line, path=child.path)
        for name, use in _LANGUAGES
        if name in node.children
        for child in node.all(name)
        if child.text
    )


def releases_of(node: Node | None, parties: Parties) -> tuple[Release, ...]:
    """Every release; the main one is marked, or else it is the only one that is no track release."""
    if node is None:
        return ()
    found = node.all("Release")
    marked = [bool(yes(child.attribute("IsMainRelease"))) for child in found]
    typed = [_is_track(child) for child in found]
    candidates = [number for number, track in enumerate(typed) if not track]
    by_name = [
        n for n in candidates if any(r.text == "R0" for r in found[n].children.get("ReleaseReference", ()))
    ]
    inferred = -1
    if not any(marked) and candidates:
        inferred = by_name[0] if by_name else candidates[0]
    made = []
    for number, child in enumerate(found):
        main = marked[number] or number == inferred
        role = "main" if main else "track" if typed[number] else "other"
        made.append(_release_of(child, role, parties, inferred=number == inferred))
    return tuple(made)


def _is_track(node: Node) -> bool:
    types = {child.text for child in node.children.get("ReleaseType", ())}
    for block in node.children.get("ReleaseDetailsByTerritory", ()):
        types |= {child.text for child in block.children.get("ReleaseType", ())}
    return bool(types & _TRACK_TYPES)


def _release_of(node: Node, role: str, parties: Parties, *, inferred: bool) -> Release:
    references = node.values("ReleaseReference")
    codes = all_codes(node.all("ReleaseId"))
    details = Details(parties)
    details.take(node)
    blocks = node.all("ReleaseDetailsByTerritory")
    kinds = [*node.all("ReleaseType")]
    for block in blocks:
        kinds += block.all("ReleaseType")
    listed = node.one("ReleaseResourceReferenceList")
    resources = (
        tuple(
            ResourceUse(
                reference=child.text,
                type=child.attribute("ReleaseResourceType"),
                line=child.line,
                path=child.path,
            )
            for child in listed.all("ReleaseResourceReference")
            if child.text
        )
        if listed is not None
        else ()
    )
    extras = details.blocks(blocks)
    return Release(
        reference=references[0] if references else "",
        references=references,
        role=role,
        inferred=inferred,
        types=terms(kinds),
        codes=codes,
        titles=tuple(details.titles),
        artist_names=tuple(details.artist_names),
        credits=tuple(details.credits),
        labels=tuple(details.labels),
        lines=tuple(details.lines),
        genres=tuple(details.genres),
        dates=tuple(details.dates),
        advisories=tuple(details.advisories),
        languages=_languages(node),
        keywords=tuple(details.keywords),
        synopses=tuple(details.synopses),
        comments=tuple(details.comments),
        flags=details.flags,
        duration_ms=length_of(node),
        language=node.attribute("LanguageAndScriptCode"),
        resources=resources,
        groups=tuple(details.groups),
        extras=(*extras, *node.rest()),
        line=node.line,
        path=node.path,
    )
