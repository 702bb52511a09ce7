"""From the neutral message to claims: each release with everything that comes with it. Pure.

Keys are a sender's own: the same thing has the same key in the next message. What the catalog has no
column for stands in one annotation, so that a message can be written again from the claims.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from domain.claims import Draft
from domain.codes import ISWC
from domain.deliveries import mapping_values as values
from domain.deliveries.mapping_collect import Collector, Ref
from domain.deliveries.mapping_deals import Covered, deal_drafts
from domain.deliveries.mapping_media import Placed, images_of, media_of
from domain.deliveries.mapping_rest import (
    RECORDING,
    TRACK,
    VIDEO,
    described_rest,
    editions_rest,
    release_rest,
)
from domain.deliveries.message import Described, Message, Release, Resource
from domain.deliveries.parts import Code, Credit, Party, Work

HEARD = ("sound_recording", "midi")
# Contributors with these roles wrote the work.
WRITERS = frozenset(
    {
        "Adapter",
        "Arranger",
        "Author",
        "Composer",
        "ComposerLyricist",
        "Librettist",
        "Lyricist",
        "NonLyricAuthor",
        "SubArranger",
        "SubLyricist",
        "Translator",
        "Writer",
    }
)


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """One release and all that comes with it, in an order in which nothing refers to what comes later.

    key: what the release is known by with its sender. also_known_as: further keys it may have had.
    """

    key: str
    also_known_as: tuple[str, ...]
    drafts: tuple[Draft, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Everything the message says something of, as kind:key."""
        return tuple(draft.name for draft in self.drafts)


def drafts(message: Message) -> list[ReleaseDraft]:
    """Every release of a message that is no track release, with its claims."""
    if message.kind != "new_release":
        return []
    tracks = [release for release in message.releases if release.role == "track"]
    subjects = [release for release in message.releases if release.role != "track"]
    # Track releases without an album (none of the releases is another kind) stand on their own.
    return [_Mapper(message, release, tracks).made() for release in subjects or tracks]


def purged_keys(message: Message) -> tuple[str, ...]:
    """Every key by which the release of a purge message may be known."""
    return values.keys_of("release", message.purge.codes) if message.purge is not None else ()


def release_key(message: Message, release: Release) -> str:
    """What a release is known by: its strongest code, else the message thread and its local reference."""
    keys = values.keys_of("release", release.codes)
    if keys:
        return keys[0]
    thread = message.header.thread_id or message.header.message_id
    names = values.leading(release.artist_names)
    artist = names.text if names is not None else ""
    title = values.folded(f"{artist}/{release.title or ''}")
    return f"thread:{thread}/{release.reference}" if thread else f"title:{title}"


@dataclass(slots=True)
class _Mapper:
    """Collects the claims about one release."""

    message: Message
    release: Release
    tracks: list[Release]
    key: str = ""
    claims: Collector = field(default_factory=lambda: Collector({}))
    resources: dict[str, Resource] = field(default_factory=dict)
    parties: dict[str, Party] = field(default_factory=dict)
    works: dict[str, Work] = field(default_factory=dict)
    refs: dict[str, Ref] = field(default_factory=dict)
    track_releases: dict[str, Release] = field(default_factory=dict)

    def made(self) -> ReleaseDraft:
        """The release's claims."""
        self.key = release_key(self.message, self.release)
        self.resources = {resource.reference: resource for resource in self.message.resources}
        self.parties = {party.reference: party for party in self.message.parties}
        self.claims = Collector(self.parties)
        self.works = {work.reference: work for work in self.message.works}
        for track in self.tracks:
            for reference in _primary(track):
                self.track_releases.setdefault(reference, track)
        media, placed = media_of(self.release, self.resources, (*HEARD, "video"))
        subject = {"ref": f"release:{self.key}"}
        resources = self._own_resources(placed)
        for resource in resources:
            self._resource(resource)
        rest = self._left_over(resources, placed)
        self._release(media, rest)
        covered = {reference: Covered(subject, self.release.visibilities) for reference in self._references()}
        covered |= self._tracks(placed)
        for draft in images_of(self.message, self.release, self.key, resources, self.refs):
            self.claims.add(draft)
        self.claims.credits(self.release, subject, self.release.credits)
        for draft in deal_drafts(self.message, self.key, covered, self.refs):
            self.claims.add(draft)
        keys = values.keys_of("release", self.release.codes)
        return ReleaseDraft(self.key, tuple(k for k in keys if k != self.key), self.claims.ordered())

    # -- collecting -------------------------------------------------------------------------------------

    def _references(self) -> tuple[str, ...]:
        return self.release.references or (self.release.reference,)

    def _own_resources(self, placed: Iterable[Placed]) -> list[Resource]:
        """The resources of this release: named by it, standing on it, linked to it or contained in these.

        Where the message has one release, also those that stand nowhere: they were sent.
        """
        subjects = [release for release in self.message.releases if release.role != "track"]
        if len(subjects) <= 1:
            return list(self.message.resources)
        wanted = [use.reference for use in self.release.resources]
        wanted += [place.resource for place in placed]
        wanted += [link.reference for link in self.release.links]
        wanted += [link.reference for group in self.release.groups for link in group.every_link()]
        wanted += [place.resource for place in self.release.every_place() if place.resource]
        found = dict.fromkeys(reference for reference in wanted if reference in self.resources)
        for reference in list(found):
            found |= dict.fromkeys(c for c in self.resources[reference].contained if c in self.resources)
        return [resource for reference, resource in self.resources.items() if reference in found]

    # -- resources --------------------------------------------------------------------------------------

    def _resource(self, resource: Resource) -> None:
        """Claim a recording or video with its credits and works; other kinds have no entity of their own."""
        kind = "video" if resource.kind == "video" else "recording"
        if resource.kind not in (*HEARD, "video"):
            return
        codes = resource.codes
        keys = values.keys_of(kind, codes)
        key = keys[0] if keys else f"{self.key}/{resource.reference}"
        fields = self._described(resource) | {
            "isrc": values.column(codes, "isrc"),
            "identifiers": values.identifiers(codes),
            "duration_ms": values.duration(resource.duration_ms),
            "languages": values.languages(resource),
            **values.line_fields(resource.lines, "p"),
        }
        if kind == "recording":
            fields["type"] = _recording_type(resource)
            fields["recording_date"] = values.date_of(resource.dates, "creation")
            fields["works"] = [{"work_id": ref} for ref in self._works(resource, key)]
        else:
            heard = [self.refs[c] for c in resource.contained if c in self.refs]
            fields["type"] = resource.types[0].text if resource.types else None
            fields["isan"] = values.column(codes, "isan")
            fields["recordings"] = [{"recording_id": r} for r in heard if r["ref"].startswith("recording:")]
        fields["annotations"] = values.annotation(self._resource_rest(resource))
        self.refs[resource.reference] = self.claims.add(Draft(kind, key, fields))
        self.claims.credits(resource, self.refs[resource.reference], resource.all_credits)

    def _described(self, item: Described) -> dict[str, Any]:
        return {
            "title": item.title or item.reference or "[untitled]",
            "version_title": values.version_title(item),
            "titles": values.titles(item.titles),
            "artist_credit": self.claims.artist_credit(item),
            "genres": values.genres(item),
            "parental_warning": values.warning(item.advisories),
        }

    def _resource_rest(self, resource: Resource) -> dict[str, Any]:
        return described_rest(resource, self.parties, VIDEO if resource.kind == "video" else RECORDING) | {
            "kind": None if resource.kind in ("sound_recording", "video") else resource.kind,
            "editions": editions_rest(resource),
            "works": values.plain(resource.works),
            "contained": [
                self.refs.get(reference, {"ref": reference})["ref"] for reference in resource.contained
            ],
            "supplemental": resource.supplemental,
        }

    def _works(self, resource: Resource, key: str) -> list[Ref]:
        """The works a recording performs, claimed with their writers."""
        writers = [c for c in resource.all_credits if c.kind == "indirect" or _wrote(c)]
        refs = []
        for use in resource.works:
            work = self.works.get(use.reference or "")
            codes = (*use.codes, *(work.codes if work is not None else ()))
            said = work.credits if work is not None and work.credits else ()
            own = said or (tuple(writers) if len(resource.works) == 1 else ())
            refs.append(self._work(resource, key, codes, own, work))
        if not resource.works and any(_wrote(c) for c in writers):
            refs.append(self._work(resource, key, (), tuple(writers), None))
        return list({ref["ref"]: ref for ref in refs}.values())

    def _work(
        self,
        resource: Resource,
        key: str,
        codes: tuple[Code, ...],
        writers: tuple[Credit, ...],
        work: Work | None,
    ) -> Ref:
        # A code whose check digit is wrong is often a placeholder that many works share: no key, no column.
        sound = [c for c in codes if c.scheme != "iswc" or ISWC.holds(c.value)]
        keys = values.keys_of("work", sound)
        titles = values.titles(work.titles) if work is not None else []
        fields = {
            "title": (titles[0]["text"] if titles else resource.title) or "[untitled]",
            "iswc": values.column(sound, "iswc"),
            "type": work.types[0].text if work is not None and work.types else None,
            "titles": titles,
            "identifiers": values.identifiers(codes),
            "writers": [writer for credit in writers for writer in self._writer(credit)],
            "annotations": values.annotation(
                {"extras": values.plain(work.extras) if work is not None else None}
            ),
        }
        return self.claims.add(Draft("work", keys[0] if keys else f"of:{key}", fields))

    def _writer(self, credit: Credit) -> Iterator[dict[str, Any]]:
        target, name = self.claims.artist(credit.party) if credit.party else (None, credit.special or "")
        party = self.parties.get(credit.party or "")
        if not name:
            return
        for role in [t.text for t in credit.roles if credit.kind == "indirect" or t.text in WRITERS] or [
            "Writer"
        ]:
            yield {
                "artist_id": target,
                "name": name,
                "role": role,
                "ipi": values.column(party.codes, "ipi") if party is not None else None,
                "share": None,
            }

    # -- the release ------------------------------------------------------------------------------------

    def _release(self, media: list[dict[str, Any]], rest: dict[str, Any]) -> None:
        release = self.release
        fields = self._described(release) | {
            "type": release.types[0].text if release.types else None,
            "upc": values.column(release.codes, "icpn"),
            "grid": values.column(release.codes, "grid"),
            "catalog_number": values.column(release.codes, "catalog_number"),
            "identifiers": values.identifiers(release.codes),
            "labels": list(dict.fromkeys(label.text for label in release.labels)),
            "languages": values.languages(release),
            "release_date": values.date_of(release.dates, "release", "global_release"),
            "original_release_date": values.date_of(
                release.dates, "original_release", "global_original_release", "original_digital_release"
            ),
            "duration_ms": values.duration(release.duration_ms),
            **values.line_fields(release.lines, "p"),
            **values.line_fields(release.lines, "c"),
            "media": media,
        }
        fields["annotations"] = values.annotation(release_rest(release, self.message, self.parties) | rest)
        self.claims.add(Draft("release", self.key, fields))

    def _left_over(self, resources: Iterable[Resource], placed: Iterable[Placed]) -> dict[str, Any]:
        """What came with the release and has no entity: texts, sheet music, software, the message's frame."""
        message = self.message
        kept = [r for r in resources if r.kind not in (*HEARD, "video", "image")]
        standing = {place.resource for place in placed} & self.refs.keys()
        told = [self.track_releases[reference] for reference in standing & self.track_releases.keys()]
        odd = [track for track in self.tracks if not any(track is one for one in told)]
        labels = {value for label in self.release.labels for mark, value in label.marks if mark == "party"}
        credited = {credit.party for credit in self.release.credits}
        credited |= {credit.party for resource in resources for credit in resource.all_credits}
        # A label's plain name stands among the labels; other parties of the list have nowhere else to stand.
        parties = [
            party
            for party in message.parties
            if party.reference not in credited
            and not party.reference.startswith("inline-")
            and (party.reference not in labels or party.codes or party.extras or party.names[1:])
        ]
        return {
            "message": {
                name: value
                for name, value in (
                    ("profile", message.profile),
                    ("profile_variant", message.profile_variant),
                    ("business_profile", message.business_profile),
                    ("language", message.language),
                    ("backfill", message.backfill),
                    ("extras", values.plain(message.extras)),
                )
                if value not in (None, [])
            },
            "other_resources": values.plain(kept),
            "other_track_releases": values.plain(odd) if self.release.role == "main" else None,
            "other_parties": values.plain(parties),
        }

    def _tracks(self, placed: Iterable[Placed]) -> dict[str, Covered]:
        """Claim a track for each place, with what its track release says; gives what deals can cover."""
        covered: dict[str, Covered] = {}
        placed_at: dict[str, Ref] = {}
        for place in placed:
            target = self.refs.get(place.resource)
            if target is not None:
                track = self.track_releases.get(place.resource)
                ref = self._track(place, self.resources[place.resource], track, target)
                placed_at.setdefault(place.resource, ref)
        for track in self.tracks:
            for resource in _primary(track):
                # The deals of a track release whose resource stands nowhere cover the recording itself.
                if (ref_of := placed_at.get(resource) or self.refs.get(resource)) is not None:
                    for reference in track.references:
                        covered.setdefault(reference, Covered(ref_of, track.visibilities))
        return covered

    def _track(self, place: Placed, resource: Resource, release: Release | None, target: Ref) -> Ref:
        said: Described = release if release is not None and release.titles else resource
        kind, key = target["ref"].split(":", 1)
        codes = release.codes if release is not None else ()
        fields = {
            "release_id": {"ref": f"release:{self.key}"},
            "medium_position": place.medium,
            "position": place.position,
            "number": place.number,
            "title": said.title or resource.title or resource.reference or "[untitled]",
            "version_title": values.version_title(said),
            "titles": values.titles(release.titles) if release is not None else [],
            "identifiers": values.identifiers(codes),
            "artist_credit": self.claims.artist_credit(
                release if release is not None and (release.credits or release.artist_names) else resource
            ),
            "recording_id": target if kind == "recording" else None,
            "video_id": target if kind == "video" else None,
            "duration_ms": values.duration(place.duration_ms or resource.duration_ms),
            "is_bonus": place.is_bonus or bool(resource.flag("is_bonus_resource")),
            "is_hidden": place.is_hidden or bool(resource.flag("is_hidden_resource")),
            "annotations": values.annotation(
                {
                    "release": {
                        n: v
                        for n, v in release_rest(release, self.message, self.parties, TRACK).items()
                        if v not in (None, [], {})
                    }
                }
                if release is not None
                else {}
            ),
        }
        return self.claims.add(Draft("track", f"{self.key}/{kind}:{key}", fields))


def _primary(track: Release) -> list[str]:
    """The resources a track release is of."""
    return [use.reference for use in track.resources if use.type != "SecondaryResource"]


def _wrote(credit: Credit) -> bool:
    return credit.kind in ("indirect", "contributor") and any(term.text in WRITERS for term in credit.roles)


def _recording_type(resource: Resource) -> str:
    words = " ".join(term.text.lower() for term in resource.types)
    return "dj_mix" if "djmix" in words or "continuousmix" in words else "audio"
