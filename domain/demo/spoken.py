"""Made-up podcasts and audiobooks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from domain.claims import Draft
from domain.demo import codes
from domain.demo.chance import chance
from domain.demo.people import Artist
from domain.demo.words import song_title

_FIRST_DAY = datetime(2016, 1, 4, 5, tzinfo=UTC)


def podcast(seed: int, number: int, host: Artist) -> Iterator[Draft]:
    """A podcast with five to thirty episodes."""
    random = chance(seed, "podcast", number)
    key = f"p{number}"
    subject = song_title(random, host.tongue)
    yield Draft(
        "podcast",
        key,
        {
            "title": f"{subject} – {host.name}",
            "guid": codes.mbid(random),
            "feed_url": f"https://feeds.demo.example/{seed}/{number}.xml" if random.random() < 0.9 else None,
            "author": host.name if random.random() < 0.9 else None,
            "description": random.choice(
                (None, f"<p>{host.name} talks & listens.</p>", f"{subject}\n\n{subject}?")
            ),
            "languages": [host.tongue.language],
            "genres": random.choice(([], ["Music"], ["Music", "Interviews"])),
            "is_explicit": random.choice((None, False, False, True)),
            "visibility": "public",
        },
    )
    day = _FIRST_DAY + timedelta(days=random.randrange(2500))
    for episode in range(1, random.randint(6, 31)):
        day += timedelta(days=7, minutes=random.randrange(600))
        numbered = random.random() < 0.85
        yield Draft(
            "episode",
            f"{key}.{episode}",
            {
                "podcast_id": {"ref": f"podcast:{key}"},
                "title": f"#{episode}: {song_title(random, host.tongue)}",
                "guid": f"{seed}-{number}-{episode}" if random.random() < 0.95 else None,
                "season": 1 + episode // 12 if numbered else None,
                "number": episode if numbered else None,
                "published_at": day.isoformat() if random.random() < 0.97 else None,
                "duration_ms": random.randint(600_000, 7_200_000) if random.random() < 0.95 else None,
                "description": random.choice((None, f"With {host.name}.")),
                "is_explicit": random.choice((None, False)),
                "visibility": "public",
            },
        )


def audiobook(seed: int, number: int, reader: Artist) -> Iterator[Draft]:
    """A book, and the same read aloud in chapters that follow each other."""
    random = chance(seed, "book", number)
    key, title = f"b{number}", song_title(random, reader.tongue)
    year = random.randint(1890, 2026)
    publisher = random.choice((None, "Sandpiper House", "Éditions du Phare", "Verlag am Fluß"))
    credit = [{"artist": reader.ref, "name": reader.name, "join_phrase": "", "role": "Author"}]
    languages = [reader.tongue.language]
    yield Draft(
        "book",
        key,
        {
            "title": title,
            "isbn": codes.isbn(seed, 2 * number) if random.random() < 0.9 else None,
            "artist_credit": credit if random.random() < 0.9 else [],
            "published": random.choice((None, f"{year}", f"{year}-10")),
            "publisher": publisher,
            "languages": languages,
        },
    )
    chapters, at = [], 0
    for chapter in range(1, random.randint(5, 40)):
        end = at + random.randint(240_000, 2_400_000)
        chapters.append(
            {"title": f"{chapter}. {song_title(random, reader.tongue)}", "start_ms": at, "end_ms": end}
        )
        at = end
    if random.random() < 0.2:
        chapters[-1]["end_ms"] = None
    yield Draft(
        "audiobook",
        key,
        {
            "title": title,
            "isbn": codes.isbn(seed, 2 * number + 1) if random.random() < 0.8 else None,
            "book_id": {"ref": f"book:{key}"} if random.random() < 0.95 else None,
            "artist_credit": [credit[0] | {"role": "Narrator"}],
            "published": f"{year}" if random.random() < 0.7 else None,
            "publisher": publisher,
            "languages": languages,
            "duration_ms": at if random.random() < 0.95 else None,
            "chapters": chapters,
        },
    )
