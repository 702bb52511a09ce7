"""ERN 4: parties in a list, one Release and its TrackReleases, territory and language as attributes."""

from domain.adapters.ern.common import (
    advisory_of,
    all_codes,
    all_words,
    codes_of,
    flags_of,
    genre_of,
    length_of,
    lines_of,
    snake,
    term,
    terms,
    title_kind,
    title_of,
    whens,
    where_of,
    whole,
    words,
    yes,
)
from domain.adapters.ern.groups import group_of, links_of
from domain.adapters.ern.node import Node
from domain.adapters.ern.parties import Parties
from domain.adapters.ern.technical import all_technical
from domain.deliveries.message import Release, Resource, ResourceUse
from domain.deliveries.parts import Credit, Edition, Extra, Genre, Language, Term, Title, Words, WorkUse

KINDS = {
    "SoundRecording": "sound_recording",
    "Video": "video",
    "Image": "image",
    "Text": "text",
    "SheetMusic": "sheet_music",
    "Software": "software",
}
_TITLES = (
    ("DisplayTitleText", "display_text"),
    ("DisplayTitle", "display"),
    ("FormalTitle", "formal"),
    ("GroupingTitle", "grouping"),
)
_FLAGS = (
    "IsCover",
    "HasVocalPerformance",
    "HasForegroundVocalPerformance",
    "IsInstrumental",
    "ContainsHiddenContent",
    "IsRemastered",
    "IsHiResMusic",
    "DisableCrossfade",
    "DisableSearch",
    "IsSoundtrack",
    "IsCompilation",
    "IsSingleArtistCompilation",
    "IsMultiArtistCompilation",
)
_DATES = (
    ("CreationDate", "creation"),
    ("MasteredDate", "mastered"),
    ("RemasteredDate", "remastered"),
    ("FirstPublicationDate", "first_publication"),
    ("ReleaseDate", "release"),
    ("OriginalReleaseDate", "original_release"),
)
_LANGUAGES = (
    ("LanguageOfPerformance", "performance"),
    ("LanguageOfDubbing", "dubbing"),
    ("SubTitleLanguage", "subtitle"),
    ("LanguageOfLyrics", "lyrics"),
    ("LanguageOfText", "text"),
)


def parties_of(node: Node | None, parties: Parties) -> None:
    """Take the parties and brands of a PartyList."""
    if node is not None:
        for child in node.all("Party"):
            parties.listed(child)
        for child in node.all("Brand"):
            parties.listed(child, "BrandReference")


def resources_of(node: Node | None) -> tuple[Resource, ...]:
    """Every resource of a ResourceList."""
    if node is None:
        return ()
    return tuple(_resource_of(child, kind) for name, kind in KINDS.items() for child in node.all(name))


def releases_of(node: Node | None, parties: Parties) -> tuple[Release, ...]:
    """The main release, the track releases, the clip releases."""
    if node is None:
        return ()
    made = [_release_of(child, "main", parties) for child in node.all("Release")]
    for child in node.all("TrackRelease"):
        role = "main" if yes(child.attribute("IsMainRelease")) and not made else "track"
        made.append(_release_of(child, role, parties))
    made += [_release_of(child, "clip", parties) for child in node.all("ClipRelease")]
    return tuple(made)


def titles_of(node: Node) -> tuple[Title, ...]:
    """The titles standing in a node, of every kind."""
    made = [title_of(child, kind) for name, kind in _TITLES for child in node.all(name) if _says(child)]
    made += [
        title_of(child, title_kind(child.attribute("TitleType"), "additional"))
        for child in node.all("AdditionalTitle")
        if _says(child)
    ]
    return tuple(made)


def _says(node: Node) -> bool:
    return bool(node.text or node.children)


def credits_of(node: Node) -> tuple[Credit, ...]:
    """Display artists and contributors standing in a node."""
    artists = tuple(_artist_of(child) for child in node.all("DisplayArtist"))
    return artists + tuple(_contributor_of(child) for child in node.all("Contributor"))


def _artist_of(node: Node) -> Credit:
    return Credit(
        kind="display_artist",
        party=node.value("ArtistPartyReference"),
        special=node.value("SpecialDisplayArtist"),
        roles=terms(node.all("DisplayArtistRole")),
        artistic_roles=_roles(node, "ArtisticRole")[0],
        sequence=whole(node.attribute("SequenceNumber")),
        extras=node.rest(),
        where=where_of(node),
        line=node.line,
        path=node.path,
    )


def _contributor_of(node: Node) -> Credit:
    roles, played = _roles(node, "Role")
    return Credit(
        kind="contributor",
        party=node.value("ContributorPartyReference"),
        special=node.value("SpecialContributor"),
        roles=roles,
        instruments=(*terms(node.all("InstrumentType")), *played),
        sequence=whole(node.attribute("SequenceNumber")),
        featured=yes(node.value("HasMadeFeaturedContribution")),
        contracted=yes(node.value("HasMadeContractedContribution")),
        credited=yes(node.value("IsCredited")),
        extras=node.rest(),
        line=node.line,
        path=node.path,
    )


def _roles(node: Node, name: str) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """Roles and the instruments inside them; from 4.3.1 on a role is a composite.

    Which instrument belongs to which of several roles is kept among the extras.
    """
    found = node.all(name)
    if not any(child.children for child in found):
        return terms(found), ()
    if len(found) > 1 and any("InstrumentType" in child.children for child in found):
        node.kept.extend(child.extra() for child in found)
    played = tuple(made for child in found for made in terms(child.all("InstrumentType")))
    roles = tuple(
        made for child in found if (made := term(child.one("Value") or child)) is not None and made.value
    )
    return roles, played


def _editions(node: Node) -> tuple[Edition, ...]:
    """The editions of a recording or video; before 4.3 what would be in one stands in the resource."""
    found = (*node.all("SoundRecordingEdition"), *node.all("VideoEdition"))
    return tuple(_edition_of(child) for child in found) or (_edition_of(node, inside=False),)


def _edition_of(node: Node, *, inside: bool = True) -> Edition:
    codes = all_codes(node.all("ResourceId"))
    lines = lines_of(node)
    technical = all_technical(node)
    if not inside:
        return Edition(codes=codes, lines=lines, technical=technical, line=node.line, path=node.path)
    return Edition(
        type=node.value("Type"),
        codes=codes,
        credits=tuple(_contributor_of(child) for child in node.all("EditionContributor")),
        lines=lines,
        recording_mode=node.value("RecordingMode"),
        technical=technical,
        extras=node.rest(),
        line=node.line,
        path=node.path,
    )


def _genres(node: Node) -> tuple[Genre, ...]:
    return tuple(genre_of(child) for child in (*node.all("Genre"), *node.all("DisplayGenre")))


def _languages(node: Node) -> tuple[Language, ...]:
    return tuple(
        Language(
            use=use,
            tag=child.text,
            main=yes(child.attribute("IsMainLanguage")),
            line=child.line,
            path=child.path,
        )
        for name, use in _LANGUAGES
        if name in node.children
        for child in node.all(name)
        if child.text
    )


def _works(node: Node) -> tuple[WorkUse, ...]:
    return tuple(
        WorkUse(codes=codes_of(child), extras=child.rest(), line=child.line, path=child.path)
        for child in node.all("WorkId")
    )


def _resource_of(node: Node, kind: str) -> Resource:
    contained, extras = contained_of(node)
    return Resource(
        reference=node.value("ResourceReference") or "",
        kind=kind,
        types=terms(node.all("Type")),
        editions=_editions(node),
        works=_works(node),
        titles=titles_of(node),
        versions=terms(node.all("VersionType")),
        artist_names=all_words(node.all("DisplayArtistName")),
        credits=credits_of(node),
        dates=whens(node, _DATES),
        advisories=tuple(advisory_of(c) for c in node.all("ParentalWarningType") if c.text),
        languages=_languages(node),
        flags=flags_of(node, _FLAGS),
        duration_ms=length_of(node),
        language=node.attribute("LanguageAndScriptCode"),
        supplemental=yes(node.attribute("IsSupplemental")),
        contained=contained,
        extras=(*extras, *node.rest()),
        line=node.line,
        path=node.path,
    )


def contained_of(node: Node) -> tuple[tuple[str, ...], tuple[Extra, ...]]:
    """The resources that a resource contains, by reference; what else was said of them stays an extra."""
    listed = node.one("ResourceContainedResourceReferenceList")
    if listed is None:
        return (), ()
    inside = listed.all("ResourceContainedResourceReference")
    plain = all(len(child.children) == 1 for child in inside)
    extras = () if plain else (Extra(listed.name, children=tuple(child.extra() for child in inside)),)
    return tuple(child.value("ResourceContainedResourceReference") or "" for child in inside), extras


def _labels(node: Node, parties: Parties) -> tuple[Words, ...]:
    """Labels by the name of the party they refer to; the reference stays as a mark."""
    made = []
    for child in node.all("ReleaseLabelReference"):
        reference = child.text
        if not reference:
            continue
        child.text = parties.name(reference) or reference
        kind = child.attribute("LabelType")
        child.attributes["party"] = reference
        made.append(words(child, kind=snake(kind) if kind else None))
    return tuple(made)


def _release_of(node: Node, role: str, parties: Parties) -> Release:
    references = node.values("ReleaseReference")
    groups = tuple(group_of(child, titles_of, credits_of) for child in node.all("ResourceGroup"))
    resources = [
        ResourceUse(reference=child.text, type="PrimaryResource", line=child.line, path=child.path)
        for child in node.all("ReleaseResourceReference")
        if child.text
    ]
    resources += [
        ResourceUse(reference=place.resource, line=place.line, path=place.path)
        for group in groups
        for place in group.every_place()
        if place.resource
    ]
    return Release(
        reference=references[0] if references else "",
        references=references,
        role=role,
        types=terms(node.all("ReleaseType")),
        codes=all_codes(node.all("ReleaseId")),
        titles=titles_of(node),
        versions=terms(node.all("VersionType")),
        artist_names=all_words(node.all("DisplayArtistName")),
        credits=credits_of(node),
        labels=_labels(node, parties),
        lines=lines_of(node),
        genres=_genres(node),
        dates=whens(node, _DATES),
        advisories=tuple(advisory_of(c) for c in node.all("ParentalWarningType") if c.text),
        keywords=all_words(node.all("Keywords")),
        synopses=all_words(node.all("Synopsis")),
        comments=all_words(node.all("MarketingComment")),
        flags=flags_of(node, _FLAGS),
        duration_ms=length_of(node),
        language=node.attribute("LanguageAndScriptCode"),
        resources=tuple(resources),
        links=links_of(node),
        groups=groups,
        visibilities=node.values("ReleaseVisibilityReference"),
        extras=node.rest(),
        line=node.line,
        path=node.path,
    )
