"""The claims of a made-up catalog: one release after the other, with all that comes with it. Pure.

A unit depends on the seed and its number alone. So equal seeds give equal catalogs, a larger catalog
begins with the smaller one, and one that was broken off can be continued.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from domain.claims import Draft
from domain.demo import codes
from domain.demo.chance import chance
from domain.demo.music import Discography, Recording, Release, media_of
from domain.demo.people import Ref, pool_size, popular
from domain.demo.spoken import audiobook, podcast
from domain.demo.words import BY_LANGUAGE, CREDIT_ROLES, INSTRUMENTS, person_name, song_title

_TERRITORIES: tuple[tuple[list[str], list[str]], ...] = (
    (["Worldwide"], []),
    (["Worldwide"], []),
    ([], ["US", "CA"]),
    (["DE", "AT", "CH"], []),
    (["US", "CA", "MX"], []),
    (["GB", "IE", "FR", "ES", "PT", "IT", "BE", "NL", "LU"], []),
    (["JP", "KR", "TW"], []),
    (["Worldwide"], ["RU", "BY"]),
)
_TERMS: tuple[tuple[list[str], list[str]], ...] = (
    (["SubscriptionModel"], ["OnDemandStream", "NonInteractiveStream", "ConditionalDownload"]),
    (["AdvertisementSupportedModel"], ["OnDemandStream", "NonInteractiveStream"]),
    (["PayAsYouGoModel"], ["PermanentDownload"]),
    (["SubscriptionModel", "AdvertisementSupportedModel"], ["OnDemandStream"]),
    (["RightsClaimModel"], ["UserMakeAvailableUserProvided"]),
)


@dataclass(frozen=True)
class Unit:
    """One release and what comes with it, in an order in which nothing refers to what comes later."""

    number: int
    drafts: tuple[Draft, ...]
    tracks: int


def units(tracks: int, seed: int = 1) -> Iterator[Unit]:
    """Units until they hold at least so many tracks; the last release stays whole."""
    music = Discography(seed)
    number = made = 0
    while made < tracks:
        unit = _unit(music, number)
        yield unit
        made += unit.tracks
        number += 1


def _unit(music: Discography, number: int) -> Unit:
    seed, release = music.seed, music.release(number)
    first = 0 if number == 0 else pool_size(number - 1)
    drafts = [music.artist(one).draft() for one in range(first, pool_size(number))]
    drafts += _songs(music, release)
    drafts += _release(music, release)
    if number % 97 == 5:
        drafts += podcast(seed, number, release.artist)
    if number % 89 == 7:
        drafts += audiobook(seed, number, release.artist)
    return Unit(number, tuple(drafts), release.size)


def _songs(music: Discography, release: Release) -> Iterator[Draft]:
    """The recordings a release brings, the works they perform, who worked on them, and a video."""
    random = chance(music.seed, "songs", release.number)
    for place in range(release.own):
        recording = music.recording(release.number, place)
        fields = dict(recording.fields)
        work = _work_of(music, random, release, recording, place)
        if isinstance(work, Draft):
            yield work
            fields["works"] = [{"work_id": {"ref": work.name}}]
        elif work is not None:
            fields["works"] = [{"work_id": work}]
        if random.random() < 0.25:
            fields["titles"] = _titles(
                random, recording.title, release.tongue.language, release.tongue.script
            )
        if random.random() < 0.06:
            value = f"REC-{release.number}-{place}"
            fields["identifiers"] = [{"scheme": "proprietary", "value": value, "namespace": "demo"}]
        if random.random() < 0.04:
            fields["annotations"] = [
                {"key": "mood", "value": random.choice(("calm", "bright", "späte Nacht"))}
            ]
        yield Draft("recording", recording.key, fields)
        yield from _credits(music, random, release, recording)
    if release.own and random.random() < 0.05:
        yield _video(random, release, music.recording(release.number, 0))


def _work_of(
    music: Discography, random: Random, release: Release, recording: Recording, place: int
) -> Draft | Ref | None:
    """The work performed: a new one, an earlier one (a cover), or none known."""
    drawn = random.random()
    if drawn < 0.25:
        return None
    if drawn < 0.3 and release.number > 20:
        covered = music.release(popular(random, release.number))
        first = f"{covered.key}.0"
        return {"ref": f"work:{first}"} if covered.own and _has_work(music, covered) else None
    serial = release.number * 32 + place
    writers = _writers(music, random, release)
    fields = {
        "title": recording.title,
        "iswc": codes.iswc(music.seed, serial) if random.random() < 0.85 else None,
        "type": random.choice((None, None, "Song", "Instrumental")),
        "languages": [release.tongue.language] if random.random() < 0.8 else [],
        "mbid": codes.mbid(random) if random.random() < 0.1 else None,
        "writers": writers,
        "visibility": "public" if random.random() < 0.5 else "private",
    }
    return Draft("work", recording.key, fields)


def _has_work(music: Discography, release: Release) -> bool:
    """Whether the first recording of a release brought a work of its own."""
    return chance(music.seed, "songs", release.number).random() >= 0.3


def _writers(music: Discography, random: Random, release: Release) -> list[dict[str, Any]]:
    shares = random.choice(
        ((100.0,), (50.0, 50.0), (50.0, 25.0, 25.0), (33.33, 33.33, 33.34), (60.0, 40.0), ())
    )
    roles = ("ComposerLyricist", "Composer", "Lyricist", "Arranger")
    writers = []
    for place, share in enumerate(shares):
        artist = release.artist if place == 0 and random.random() < 0.6 else None
        number = random.randrange(1_000_000)
        writers.append(
            {
                "artist_id": artist.ref if artist else None,
                "name": artist.name if artist else person_name(random, release.tongue)[0],
                "role": roles[0] if len(shares) == 1 else random.choice(roles),
                "ipi": codes.ipi(music.seed, number) if random.random() < 0.7 else None,
                "share": share if random.random() < 0.9 else None,
            }
        )
    return writers


def _credits(music: Discography, random: Random, release: Release, recording: Recording) -> Iterator[Draft]:
    for place in range(random.choices((0, 1, 2, 3), (45, 30, 15, 10))[0]):
        role = random.choice(CREDIT_ROLES)
        known = random.random() < 0.35
        artist = music.artist(popular(random, pool_size(release.number))) if known else None
        plays = role == "AssociatedPerformer" and random.random() < 0.95
        yield Draft(
            "credit",
            f"{recording.key}/{place}",
            {
                "subject_id": {"ref": f"recording:{recording.key}"},
                "artist_id": artist.ref if artist else None,
                "name": artist.name if artist else person_name(random, release.tongue)[0],
                "role": role,
                "instruments": random.sample(INSTRUMENTS, random.choice((1, 1, 2))) if plays else [],
                "position": place,
            },
        )


def _video(random: Random, release: Release, recording: Recording) -> Draft:
    return Draft(
        "video",
        release.key,
        {
            "title": f"{recording.title} (Official Video)",
            "artist_credit": recording.credit,
            "type": random.choice((None, "ShortFormMusicalWorkVideo", "LiveVideo")),
            "duration_ms": recording.duration_ms,
            "languages": [release.tongue.language],
            "genres": release.genres,
            "p_line_year": release.year,
            "p_line": f"{release.year} {release.label}",
            "recordings": [{"recording_id": {"ref": f"recording:{recording.key}"}}],
        },
    )


def _release(music: Discography, release: Release) -> Iterator[Draft]:
    """The release, its tracks, its cover and its deals."""
    random = chance(music.seed, "product", release.number)
    media, places = media_of(release)
    sources = (*release.takes, *((release.number, place) for place in range(release.own)))
    recordings = [music.recording(*source) for source in sources]
    yield Draft("release", release.key, _product(music.seed, random, release, recordings, media))
    for place, (recording, (disc, position)) in enumerate(zip(recordings, places, strict=True)):
        yield Draft(
            "track", f"{release.key}/{place}", _track(random, release, recording, disc, position, media)
        )
    if random.random() < 0.9:
        yield _cover(random, release)
    for place in range(random.choices((0, 1, 2), (8, 70, 22))[0]):
        yield _deal(random, release, place)


def _product(
    seed: int,
    random: Random,
    release: Release,
    recordings: Sequence[Recording],
    media: list[dict[str, Any]],
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "title": release.title,
        "version_title": random.choice((None, None, None, None, "Remastered", "Bonus Edition")),
        "artist_credit": release.credit,
        "type": release.type if random.random() < 0.98 else None,
        "upc": codes.upc(seed, release.number) if random.random() < 0.96 else None,
        "grid": codes.grid(seed, release.number) if random.random() < 0.3 else None,
        "catalog_number": f"{release.label[:2].upper()}{release.number:05}"
        if random.random() < 0.7
        else None,
        "labels": [release.label] if random.random() < 0.95 else [],
        "genres": release.genres,
        "languages": [release.tongue.language] if random.random() < 0.9 else [],
        "release_date": random.choice((release.date, release.date, release.date, f"{release.year}", None)),
        "original_release_date": f"{release.year}" if random.random() < 0.5 else None,
        "duration_ms": sum(one.duration_ms or 0 for one in recordings) if random.random() < 0.8 else None,
        "parental_warning": random.choice(("not_explicit", "explicit", "unknown", None)),
        "p_line_year": release.year if random.random() < 0.9 else None,
        "p_line": f"{release.year} {release.label}" if random.random() < 0.9 else None,
        "c_line_year": release.year if random.random() < 0.85 else None,
        "c_line": f"{release.year} {release.label}" if random.random() < 0.85 else None,
        "mbid": codes.mbid(random) if random.random() < 0.3 else None,
        "media": media,
        "status": random.choices(("active", "draft", "taken_down"), (94, 4, 2))[0],
        "visibility": "public" if random.random() < 0.6 else "private",
    }
    if random.random() < 0.4:
        fields["titles"] = _titles(random, release.title, release.tongue.language, release.tongue.script)
    if random.random() < 0.1:
        fields["identifiers"] = [
            {"scheme": "proprietary", "value": f"REL-{release.number}", "namespace": "demo"}
        ]
    return fields


def _track(
    random: Random,
    release: Release,
    recording: Recording,
    disc: int,
    position: int,
    media: list[dict[str, Any]],
) -> dict[str, Any]:
    vinyl = media[0]["format"] == "Vinyl"
    return {
        "release_id": {"ref": f"release:{release.key}"},
        "medium_position": disc,
        "position": position,
        "number": f"{'AB'[disc - 1]}{position}"
        if vinyl
        else f"{position}"
        if random.random() < 0.7
        else None,
        "title": recording.title,
        "version_title": recording.version_title,
        "artist_credit": recording.credit if random.random() < 0.95 else [],
        "recording_id": {"ref": f"recording:{recording.key}"} if random.random() < 0.99 else None,
        "duration_ms": recording.duration_ms if random.random() < 0.9 else None,
        "is_bonus": random.random() < 0.02,
        "is_hidden": random.random() < 0.005,
        "visibility": "public" if random.random() < 0.6 else "private",
    }


def _cover(random: Random, release: Release) -> Draft:
    side = random.choice((600, 1400, 3000, None))
    return Draft(
        "image",
        release.key,
        {
            "subject_id": {"ref": f"release:{release.key}"},
            "type": "front_cover",
            "title": random.choice((None, release.title)),
            "file_name": f"{release.key}.jpg",
            "media_type": random.choice(("image/jpeg", "image/jpeg", "image/png", None)),
            "width": side,
            "height": side,
            "size_bytes": random.randint(40_000, 9_000_000) if side else None,
        },
    )


def _deal(random: Random, release: Release, place: int) -> Draft:
    included, excluded = random.choice(_TERRITORIES)
    models, uses = random.choice(_TERMS)
    start = datetime(release.year, 1, 1, tzinfo=UTC) + timedelta(days=random.randrange(365))
    ends = random.random() < 0.2
    sold = "PayAsYouGoModel" in models
    subjects: list[dict[str, Any]] = [{"subject_id": {"ref": f"release:{release.key}"}}]
    if place == 1 and random.random() < 0.3:
        subjects = [{"subject_id": {"ref": f"track:{release.key}/0"}}]
    return Draft(
        "deal",
        f"{release.key}/{place}",
        {
            "licensor_dpid": codes.dpid(sum(map(ord, release.label))) if random.random() < 0.95 else None,
            "licensee_dpid": codes.dpid(900_000 + random.randrange(6)) if random.random() < 0.5 else None,
            "reference": f"D{release.number}-{place}" if random.random() < 0.9 else None,
            "included_territories": included,
            "excluded_territories": excluded,
            "commercial_models": models,
            "use_types": uses,
            "distribution_channels": [codes.dpid(800_001)] if random.random() < 0.1 else [],
            "valid_from": start.isoformat() if random.random() < 0.97 else None,
            "valid_until": (start + timedelta(days=random.randint(30, 4000))).isoformat() if ends else None,
            "pre_order_at": (start - timedelta(days=21)).isoformat() if random.random() < 0.1 else None,
            "price_type": "FullPrice" if sold else None,
            "price_amount": f"{random.choice((6.99, 9.99, 12.99))}" if sold else None,
            "price_currency": random.choice(("EUR", "USD", "GBP")) if sold else None,
            "is_takedown": random.random() < 0.01,
            "subjects": subjects,
        },
    )


def _titles(random: Random, title: str, language: str, script: str) -> list[dict[str, Any]]:
    """The title in its own language, and sometimes in another."""
    named = language if random.random() < 0.9 else None
    titles: list[dict[str, Any]] = [
        {"text": title, "language": named, "script": script if named else None, "is_default": True}
    ]
    if random.random() < 0.4:
        other = BY_LANGUAGE[random.choice(("en", "de", "es", "ja"))]
        titles.append(
            {
                "text": song_title(random, other),
                "subtitle": random.choice((None, "A Song")),
                "language": other.language,
                "script": other.script,
                "type": "translated",
                "territories": [random.choice(other.countries)] if random.random() < 0.3 else [],
            }
        )
    return titles
