"""Made-up releases and recordings: each depends on the seed and its numbers alone.

So a compilation can take a recording of any earlier release without any being remembered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from domain.demo import codes
from domain.demo.chance import chance
from domain.demo.people import Artist, cast, pool_size, popular
from domain.demo.words import GENRE_WEIGHTS, GENRES, JOIN_PHRASES, LABELS, VERSIONS, Tongue, song_title

Credit = list[dict[str, Any]]

# kind of release, in how many of a hundred, DDEX ReleaseType, fewest and most own tracks
_FORMS = (
    ("single", 40, "Single", 1, 3),
    ("ep", 12, "EP", 4, 6),
    ("album", 36, "Album", 8, 15),
    ("double", 3, "Album", 16, 28),
    ("compilation", 6, "Compilation", 12, 22),
    ("reissue", 3, "Album", 0, 0),
)
_FORMATS = ("Digital", "Digital", "Digital", "CD", "Vinyl", None)
VARIOUS: Credit = [{"artist": None, "name": "Various Artists", "join_phrase": "", "role": None}]


@dataclass(frozen=True)
class Release:
    """A release as planned: what it is, whose, and how much of its own music it has.

    takes: recordings of other releases that it puts again, as (release, place).
    """

    number: int
    form: str
    type: str
    artist: Artist
    credit: Credit
    title: str
    year: int
    date: str
    genres: list[str]
    label: str
    own: int
    takes: tuple[tuple[int, int], ...]

    @property
    def key(self) -> str:
        return f"r{self.number}"

    @property
    def tongue(self) -> Tongue:
        return self.artist.tongue

    @property
    def size(self) -> int:
        """How many tracks it has."""
        return len(self.takes) + self.own


@dataclass(frozen=True)
class Recording:
    """One made-up recording, known by its first release and its place there."""

    key: str
    title: str
    version_title: str | None
    credit: Credit
    tongue: Tongue
    duration_ms: int | None
    fields: dict[str, Any]


class Discography:
    """All the music of a seed, made when asked for."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.artist: Callable[[int], Artist] = cast(seed)
        self.release: Callable[[int], Release] = lru_cache(maxsize=8192)(self._release)
        self.recording: Callable[[int, int], Recording] = lru_cache(maxsize=32_768)(self._recording)

    def _release(self, number: int) -> Release:
        random = chance(self.seed, "release", number)
        artists = pool_size(number)
        form, _, type_, fewest, most = random.choices(_FORMS, [form[1] for form in _FORMS])[0]
        earlier = self._earlier(random, number, form)
        if form in ("compilation", "reissue") and not earlier:
            form, _, type_, fewest, most = _FORMS[2]
        artist = self.artist(popular(random, artists))
        year = min(2026, 1962 + int(65 * random.random() ** 0.5))
        title = song_title(random, artist.tongue)
        own = random.randint(fewest, most)
        if form == "compilation":
            credit, own = VARIOUS, 0
        elif form == "reissue":
            first = self.release(earlier[0][0])
            artist, credit, own = first.artist, first.credit, random.randint(1, 3)
            title, year = f"{first.title} (Deluxe Edition)", min(2026, first.year + random.randint(1, 30))
        else:
            credit = self._credit(random, artist, artists, guests=0.12)
        return Release(
            number=number,
            form=form,
            type=type_,
            artist=artist,
            credit=credit,
            title=title,
            year=year,
            date=f"{year}-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
            genres=random.choices(GENRES, GENRE_WEIGHTS, k=random.choice((1, 1, 1, 2, 2, 3))),
            label=random.choice(LABELS),
            own=own,
            takes=earlier if form in ("compilation", "reissue") else (),
        )

    def _earlier(self, random: Random, number: int, form: str) -> tuple[tuple[int, int], ...]:
        """Recordings that came out before: some of many releases, or all of one album."""
        if number < 12:
            return ()
        if form == "compilation":
            picked = [self.release(popular(random, number)) for _ in range(random.randint(12, 22))]
            found = {(one.number, random.randrange(one.own)) for one in picked if one.own}
            return tuple(sorted(found))
        if form == "reissue":
            candidates = (self.release(popular(random, number)) for _ in range(20))
            album = next((one for one in candidates if one.form == "album"), None)
            return tuple((album.number, place) for place in range(album.own)) if album else ()
        return ()

    def _recording(self, number: int, place: int) -> Recording:
        release = self.release(number)
        random = chance(self.seed, "recording", number, place)
        # A release has at most 31 recordings of its own, so the numbers never meet.
        serial = number * 32 + place
        title = song_title(random, release.tongue)
        version = random.choice(VERSIONS) if random.random() < 0.12 else None
        credit = release.credit
        if random.random() < 0.2:
            credit = self._credit(random, release.artist, pool_size(number), guests=1.0)
        kind = random.choices(("audio", "live_set", "dj_mix"), (97, 2, 1))[0]
        longest = 320_000 if kind == "audio" else 5_400_000
        duration = random.randint(95_000, longest) if random.random() < 0.97 else None
        fields: dict[str, Any] = {
            "title": title,
            "version_title": version,
            "artist_credit": credit,
            "type": kind,
            "isrc": codes.isrc(self.seed, serial, release.year) if random.random() < 0.96 else None,
            "duration_ms": duration,
            "languages": [release.tongue.language] if random.random() < 0.8 else [],
            "genres": list(release.genres) if random.random() < 0.9 else [],
            "recording_date": random.choice(
                (None, None, f"{release.year}", f"{release.year}-03", release.date)
            ),
            "parental_warning": random.choices(
                ("not_explicit", "explicit", "explicit_content_edited", "no_advice_available", None),
                (55, 14, 1, 10, 20),
            )[0],
            "p_line_year": release.year if random.random() < 0.9 else None,
            "p_line": f"{release.year} {release.label}" if random.random() < 0.9 else None,
            "mbid": codes.mbid(random) if random.random() < 0.25 else None,
            "visibility": "public" if random.random() < 0.6 else "private",
        }
        return Recording(f"{release.key}.{place}", title, version, credit, release.tongue, duration, fields)

    def _credit(self, random: Random, artist: Artist, artists: int, guests: float) -> Credit:
        names = [artist]
        if random.random() < guests:
            names += [self.artist(popular(random, artists)) for _ in range(random.choice((1, 1, 1, 2, 3)))]
        names = list({one.number: one for one in names}.values())
        parts = []
        for place, one in enumerate(names):
            last = place == len(names) - 1
            parts.append(
                {
                    "artist": one.ref,
                    "name": one.name if random.random() < 0.97 else one.name.upper(),
                    "join_phrase": "" if last else random.choice(JOIN_PHRASES),
                    "role": ("MainArtist" if place == 0 else "FeaturedArtist")
                    if random.random() < 0.8
                    else None,
                }
            )
        return parts


def media_of(release: Release) -> tuple[list[dict[str, Any]], list[tuple[int, int]]]:
    """The media of a release, and for each track its medium and its position there."""
    random = chance("media", release.number, release.title)
    format_ = random.choice(_FORMATS)
    discs = 2 if release.form == "double" else 1
    first = -(-release.size // discs)
    media = [
        {"position": disc, "format": format_, "title": f"Disc {disc}" if discs > 1 and format_ else None}
        for disc in range(1, discs + 1)
    ]
    return media, [(place // first + 1, place % first + 1) for place in range(release.size)]
