"""The rules of a delivery beyond its XSD: references, structure and identity. Every finding, not the first.

Sources: DDEX ERN business rules, release profiles 1.4 (ERN 3.8) and 2.1 (ERN 4).
"""

from collections import Counter
from collections.abc import Iterator

from domain.deliveries import rules_deals, rules_values
from domain.deliveries.findings import Finding
from domain.deliveries.message import Described, Message
from domain.deliveries.parts import Credit, Item
from domain.deliveries.rule import RULES, Fault, rule

# Profiles in which every primary resource has a track release of its own.
_TRACK_PROFILES = frozenset({"Audio", "Video", "MixedMedia"})
_HEARD_OR_SEEN = ("sound_recording", "video", "midi")
# Release types that have nothing to hear.
_SILENT = ("Wallpaper", "Screensaver", "Document", "EBook", "SheetMusic", "Software", "Image")


def judge(message: Message) -> tuple[Finding, ...]:
    """Everything the rules find in a message."""
    return tuple(finding for test in RULES for finding in test(message))


@rule("reference_unresolved", "error")
def every_reference_resolves(message: Message) -> Iterator[Fault]:
    """What is referred to stands in the message."""
    there = {(anchor.of, anchor.reference) for anchor in message.anchors}
    for mention in message.mentions:
        if (mention.of, mention.reference) not in there:
            yield Fault(
                f"{mention.by} refers to {mention.of} {mention.reference}, which the message does not hold",
                mention,
                f"add the {mention.of.replace('_', ' ')}, or drop the reference",
            )


@rule("reference_repeated", "error")
def every_reference_is_given_once(message: Message) -> Iterator[Fault]:
    """A local reference names one thing."""
    seen: set[tuple[str, str]] = set()
    for anchor in message.anchors:
        if (anchor.of, anchor.reference) in seen:
            yield Fault(
                f"{anchor.of} {anchor.reference} is given twice", anchor, "give each its own reference"
            )
        seen.add((anchor.of, anchor.reference))


@rule("resource_unused", "warning")
def every_resource_is_used(message: Message) -> Iterator[Fault]:
    """A resource stands on a release."""
    used = {mention.reference for mention in message.mentions if mention.of == "resource"}
    for resource in message.resources:
        if resource.reference not in used:
            yield Fault(
                f"{resource.kind} {resource.reference} stands on no release",
                resource,
                "refer to it from a release, or leave it out",
            )


@rule("party_unused", "info")
def every_party_is_used(message: Message) -> Iterator[Fault]:
    """A party of the list has a part in something."""
    if message.family != 4:
        return
    used = {mention.reference for mention in message.mentions if mention.of == "party"}
    anchors = {anchor.reference: anchor for anchor in message.anchors if anchor.of == "party"}
    for reference, anchor in anchors.items():
        if reference not in used:
            yield Fault(f"party {reference} has no part in the message", anchor, "leave it out")


@rule("no_main_release", "error")
def the_message_has_one_main_release(message: Message) -> Iterator[Fault]:
    """Exactly one release is the subject of the message."""
    mains = message.main_releases
    if not message.releases:
        yield Fault(
            "the message holds no release", message, "send the release it is about", "fatal", "no_release"
        )
    elif not mains:
        yield Fault("no release is the main one", message.releases[0], 'mark it with IsMainRelease="true"')
    elif len(mains) > 1:
        for release in mains[1:]:
            yield Fault(
                f"{release.reference} is a further main release; a message is about one",
                release,
                "send one message for each release",
                code="main_release_repeated",
            )
    elif mains[0].inferred:
        yield Fault(
            f"no release is marked as the main one; {mains[0].reference} is taken to be it",
            mains[0],
            'mark it with IsMainRelease="true"',
            "error" if len(message.releases) > 1 else "info",
        )


@rule("release_unidentified", "error")
def the_main_release_is_identified(message: Message) -> Iterator[Fault]:
    """A release can be told from others by GRid, ICPN or a proprietary id."""
    for release in message.main_releases:
        if not any(release.code(s) for s in ("grid", "icpn", "proprietary", "isrc", "catalog_number")):
            yield Fault(
                f"release {release.reference} has no GRid, ICPN or ProprietaryId",
                release,
                "give it one of these",
            )


@rule("no_sound_recording", "error")
def the_main_release_has_something_to_hear(message: Message) -> Iterator[Fault]:
    """A release of music holds recordings, videos or ringtones."""
    if any(resource.kind in _HEARD_OR_SEEN for resource in message.resources):
        return
    for release in message.main_releases:
        types = [term.text for term in release.types] + [message.profile or ""]
        if any(extra.name == "ResourceOmissionReason" for extra in release.extras):
            continue
        if not any(silent in text for silent in _SILENT for text in types):
            yield Fault(
                f"release {release.reference} holds no sound recording and no video",
                release,
                "send the resources it consists of",
            )


@rule("no_image", "error")
def the_main_release_has_a_front_cover(message: Message) -> Iterator[Fault]:
    """A release of recordings comes with exactly one front cover."""
    if not message.main_releases or not any(
        r.kind in ("sound_recording", "video") for r in message.resources
    ):
        return
    images = message.of_kind("image")
    covers = [image for image in images if any(term.value == "FrontCoverImage" for term in image.types)]
    main = message.main_releases[0]
    if not images:
        yield Fault("the release comes without any image", main, "send a FrontCoverImage")
    elif not covers and message.profile and "Video" not in message.profile:
        yield Fault(
            "none of the images is a FrontCoverImage",
            main,
            "give the cover the type FrontCoverImage",
            "warning",
            "no_front_cover",
        )
    for cover in covers[1:]:
        yield Fault(
            f"{cover.reference} is a further FrontCoverImage",
            cover,
            "send one",
            "warning",
            "front_cover_repeated",
        )


@rule("front_cover_unlinked", "warning")
def the_front_cover_is_linked(message: Message) -> Iterator[Fault]:
    """The cover is reached from the main release."""
    reached = {
        reference
        for release in message.main_releases
        for reference in (
            *(use.reference for use in release.resources),
            *(link.reference for link in release.links),
            *(link.reference for group in release.groups for link in group.every_link()),
        )
    }
    for image in message.of_kind("image"):
        is_cover = any(term.value == "FrontCoverImage" for term in image.types)
        if is_cover and message.main_releases and image.reference not in reached:
            yield Fault(
                f"the front cover {image.reference} is not linked from the main release",
                image,
                "name it in LinkedReleaseResourceReference of the top resource group",
            )


@rule("missing_isrc", "error")
def every_primary_recording_has_an_isrc(message: Message) -> Iterator[Fault]:
    """Recordings and videos of a release are known by ISRC; secondary ones need an id of some kind."""
    secondary = {
        reference
        for release in message.main_releases
        for reference in (
            *(use.reference for use in release.resources if use.type == "SecondaryResource"),
            *(link.reference for group in release.groups for link in group.every_link()),
        )
    }
    for resource in message.resources:
        if resource.kind not in ("sound_recording", "video"):
            continue
        schemes = {code.scheme for code in resource.codes}
        if resource.reference in secondary or resource.supplemental:
            if not schemes:
                yield Fault(
                    f"secondary {resource.kind} {resource.reference} has no id",
                    resource,
                    "give it a ProprietaryId",
                    code="resource_unidentified",
                )
        elif "isrc" not in schemes:
            held = f"only {', '.join(sorted(schemes))}" if schemes else "no id"
            yield Fault(
                f"{resource.kind} {resource.reference} has {held} where an ISRC is needed",
                resource,
                "give its ISRC",
            )


@rule("isrc_repeated", "warning")
def every_isrc_names_one_recording(message: Message) -> Iterator[Fault]:
    """Two resources of one kind are two recordings."""
    seen: dict[tuple[str, str], str] = {}
    for resource in message.resources:
        for code in resource.codes:
            if code.scheme != "isrc" or code.replaced:
                continue
            first = seen.setdefault((resource.kind, code.value), resource.reference)
            if first != resource.reference:
                yield Fault(f"{resource.reference} has the ISRC of {first}, {code.value}", code)


@rule("track_release_missing", "warning")
def every_primary_resource_has_one_track_release(message: Message) -> Iterator[Fault]:
    """ERN 4: a track release for each primary resource, and none for secondary ones."""
    if message.family != 4 or not message.main_releases or message.main_releases[0].role != "main":
        return
    places = {
        place.resource: place
        for release in message.main_releases
        for place in release.every_place()
        if place.resource
    }
    tracks: Counter[str] = Counter()
    for release in message.releases:
        if release.role != "track":
            continue
        for use in release.resources:
            tracks[use.reference] += 1
            if tracks[use.reference] == 2:
                yield Fault(
                    f"{use.reference} has more than one track release", release, code="track_release_repeated"
                )
            if use.reference not in places:
                yield Fault(
                    f"track release {release.reference} is of {use.reference}, which the release lacks",
                    release,
                    code="track_release_of_secondary",
                )
    if message.profile not in _TRACK_PROFILES:
        return
    for resource in message.resources:
        place = places.get(resource.reference)
        primary = resource.kind in ("sound_recording", "video") and not resource.supplemental
        if place is not None and primary and not tracks[resource.reference]:
            yield Fault(
                f"{resource.kind} {resource.reference} has no TrackRelease", resource, "add its TrackRelease"
            )


@rule("artist_sequence", "warning")
def display_artists_are_in_sequence(message: Message) -> Iterator[Fault]:
    """Display artists are numbered from one, without gap, each number once."""
    for item in (*message.resources, *message.releases):
        by_block: dict[object, list[Credit]] = {}
        for credit in item.credits_of("display_artist"):
            by_block.setdefault(credit.where, []).append(credit)
        for artists in by_block.values():
            yield from _out_of_sequence(item, artists)


def _out_of_sequence(item: Described, artists: list[Credit]) -> Iterator[Fault]:
    numbers = [artist.sequence for artist in artists]
    if len(artists) > 1 and None in numbers:
        yield Fault(
            f"{item.reference} has {len(artists)} display artists, and not all have a SequenceNumber",
            artists[numbers.index(None)],
            "number them from 1",
            code="artist_sequence_missing",
        )
    given = [number for number in numbers if number is not None]
    for artist, number in zip(artists, numbers, strict=True):
        if number is not None and given.count(number) > 1 and artist is not artists[numbers.index(number)]:
            yield Fault(
                f"{item.reference} has two display artists with SequenceNumber {number}",
                artist,
                "number them from 1, each number once",
                code="artist_sequence_repeated",
            )
    if given and len(set(given)) == len(given) and sorted(given) != list(range(1, len(given) + 1)):
        shown = ", ".join(map(str, sorted(given)))
        yield Fault(
            f"the display artists of {item.reference} are numbered {shown}",
            artists[0],
            "number them from 1 without gap",
            code="artist_sequence_gap",
        )


@rule("contributor_repeated", "info")
def every_contributor_is_named_once(message: Message) -> Iterator[Fault]:
    """A contributor stands once, with several roles."""
    for resource in message.resources:
        seen: set[tuple[str | None, object]] = set()
        for credit in resource.credits_of("contributor"):
            mark = (credit.party, credit.where)
            if credit.party and mark in seen:
                party = message.party(credit.party)
                name = party.name if party else credit.party
                yield Fault(
                    f"{name} is a contributor of {resource.reference} twice", credit, "join the roles"
                )
            seen.add(mark)


@rule("place_sequence_repeated", "warning")
def places_are_numbered_once(message: Message) -> Iterator[Fault]:
    """No two places of a group have the same number."""
    for release in message.main_releases:
        waiting = list(release.groups)
        while waiting:
            group = waiting.pop()
            waiting.extend(group.groups)
            numbers = Counter((p.sequence, p.sub_sequence) for p in group.places)
            for place in group.places:
                if place.sequence is not None and numbers[(place.sequence, place.sub_sequence)] > 1:
                    yield Fault(f"SequenceNumber {place.sequence} stands twice in its group", place)
                    numbers[(place.sequence, place.sub_sequence)] = 0


@rule("no_release_date", "warning")
def the_main_release_has_a_date(message: Message) -> Iterator[Fault]:
    """A ReleaseDate or OriginalReleaseDate is there."""
    for release in message.main_releases:
        if not any(when.kind.endswith("release") for when in release.dates):
            yield Fault(
                f"release {release.reference} has no ReleaseDate and no OriginalReleaseDate",
                release,
                "give at least one of them",
            )


@rule("purge_unidentified", "fatal", kinds=("purge_release",))
def a_purge_names_its_release(message: Message) -> Iterator[Fault]:
    """What is to be forgotten can be told."""
    if message.purge is None or not message.purge.codes:
        at: Item = message.purge or message
        yield Fault("the purge names no release by GRid, ICPN, catalog number or proprietary id", at)


# Importing these declares their rules.
DECLARED_IN = (rules_deals, rules_values)
