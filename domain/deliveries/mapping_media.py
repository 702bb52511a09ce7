"""What stands where on a release: its media, the places of its tracks, and its pictures."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.claims import Draft
from domain.deliveries import mapping_values as values
from domain.deliveries.message import Group, Message, Place, Release, Resource

# Groups of these types are parts of a work or chapters, not carriers.
_NO_MEDIA = frozenset({"MultiWorkPart", "ConceptGroup", "AudioChapter", "VideoChapter", "ReleaseComponent"})
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "WebP": "image/webp",
}
_LAST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Placed:
    """A resource at its place on a medium, both counted from 1."""

    resource: str
    medium: int
    position: int
    number: str | None = None
    duration_ms: int | None = None
    is_bonus: bool = False
    is_hidden: bool = False


def media_of(
    release: Release, resources: Mapping[str, Resource], kinds: Iterable[str]
) -> tuple[list[dict[str, Any]], list[Placed]]:
    """The media of a release and the places on them; resources of other kinds have no place.

    The groups right below the top one are media, unless they are parts of a work. A release without
    groups has one medium, with its resources in the order named.
    """
    playable = {reference for reference, resource in resources.items() if resource.kind in set(kinds)}
    media: list[dict[str, Any]] = []
    placed: list[Placed] = []
    for group, places in _carriers(release):
        heard = [p for p in places if p.resource in playable and p.type != "SecondaryResource"]
        if not heard:
            continue
        number = len(media) + 1
        media.append(_medium(group, number))
        placed += [_placed(place, number, position) for position, place in enumerate(heard, start=1)]
    standing = {place.resource for place in placed}
    named = [
        use.reference
        for use in release.resources
        if use.reference in playable and use.reference not in standing and use.type != "SecondaryResource"
    ]
    if named:
        if not media:
            media.append(_medium(None, 1))
        after = max((place.position for place in placed if place.medium == len(media)), default=0)
        placed += [
            Placed(reference, len(media), position)
            for position, reference in enumerate(dict.fromkeys(named), start=after + 1)
        ]
    return media or [_medium(None, 1)], placed


def _carriers(release: Release) -> Iterator[tuple[Group | None, list[Place]]]:
    """The groups that are media, with all places below them in order."""
    groups = release.groups
    # In ERN 3 each block of territories has groups of its own: those of the first one are the release.
    if groups and any(group.default for group in groups):
        groups = tuple(group for group in groups if group.default)
    for top in groups:
        parts = [group for group in top.groups if group.type not in _NO_MEDIA]
        if parts and len(parts) == len(top.groups):
            for part in sorted(parts, key=lambda group: _order(group.sequence)):
                yield part, list(_below(part))
            yield top, list(top.places)
        else:
            yield (None if len(groups) == 1 else top), list(_below(top))


def _below(group: Group) -> Iterator[Place]:
    """The places of a group and of those in it, by their numbers; without numbers groups come first."""
    members: list[Group | Place] = [*group.groups, *group.places]
    for member in sorted(members, key=lambda one: _order(one.sequence)):
        if isinstance(member, Group):
            yield from _below(member)
        else:
            yield member


def _order(sequence: int | None) -> int:
    return sequence if sequence is not None else _LAST


def _medium(group: Group | None, position: int) -> dict[str, Any]:
    title = values.leading([t for t in group.titles if t.text]) if group is not None else None
    carrier = group.carriers[0].text if group is not None and group.carriers else None
    return {"position": position, "format": carrier, "title": title.text if title is not None else None}


def _placed(place: Place, medium: int, position: int) -> Placed:
    flags = dict(place.flags)
    number = place.display_sequence or (str(place.sequence) if place.sequence is not None else None)
    return Placed(
        resource=place.resource or "",
        medium=medium,
        position=position,
        number=None if place.no_display_sequence else number,
        duration_ms=place.duration_ms,
        is_bonus=flags.get("is_bonus_resource", False),
        is_hidden=flags.get("is_hidden_resource", False),
    )


def images_of(
    message: Message,
    release: Release,
    release_key: str,
    resources: Iterable[Resource],
    refs: Mapping[str, Mapping[str, str]],
) -> Iterator[Draft]:
    """The pictures of a release; one that is linked from a single place only is that recording's."""
    linked: dict[str, list[str]] = {}
    for place in release.every_place():
        for link in place.links:
            linked.setdefault(link.reference, []).append(place.resource or "")
    on_top = {link.reference for group in release.groups for link in group.links}
    on_top |= {place.resource or "" for place in release.every_place()}
    on_top |= {use.reference for use in release.resources} | {link.reference for link in release.links}
    for resource in resources:
        if resource.kind != "image":
            continue
        places = linked.get(resource.reference, [])
        alone = len(places) == 1 and resource.reference not in on_top and places[0] in refs
        subject = dict(refs[places[0]]) if alone else {"ref": f"release:{release_key}"}
        yield _image(resource, release_key, subject)


def _image(resource: Resource, release_key: str, subject: Mapping[str, str]) -> Draft:
    keys = values.keys_of("image", resource.codes)
    encodings = [encoding for details in resource.technical for encoding in details.encodings]
    measures = {name: measure.value for e in encodings for name, measure in e.measures}
    files = [file for encoding in encodings for file in encoding.files]
    codec = next((e.codec.text for e in encodings if e.codec is not None), "")
    fields = {
        "subject_id": dict(subject),
        "type": _image_type(resource),
        "title": resource.title,
        "file_name": next((file.name or file.uri for file in files if file.name or file.uri), None),
        "media_type": _MEDIA_TYPES.get(codec),
        "width": _pixels(measures.get("image_width")),
        "height": _pixels(measures.get("image_height")),
        "parental_warning": values.warning(resource.advisories),
        "titles": values.titles(resource.titles),
        "identifiers": values.identifiers(resource.codes),
        "annotations": values.annotation(
            {
                name: value
                for name, value in values.plain(resource).items()
                if name not in ("kind", "titles") or value != "image"
            }
        ),
    }
    return Draft("image", keys[0] if keys else f"{release_key}/{resource.reference}", fields)


def _image_type(resource: Resource) -> str:
    if not resource.types:
        return "front_cover"
    return _HUMP.sub("_", resource.types[0].text.removesuffix("Image") or resource.types[0].text).lower()


def _pixels(text: str | None) -> int | None:
    value = text.split(".")[0] if text else ""
    return int(value) if value.isdecimal() and len(value) <= 9 else None
