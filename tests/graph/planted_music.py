"""The planted music: people, works, recordings, releases and tracks of both organizations."""

import uuid
from typing import Any

from tests.factories import LINES, QUOTES, TEXTS, THEIRS, Planter


async def people(planter: Planter) -> None:
    full = await planter.plant(
        "artist",
        "artist full",
        name="Björk Full",
        sort_name="Full, Björk",
        type="person",
        disambiguation=LINES,
        country="IS",
        begin_date="1965-11",
        end_date="2020-02-29",
        isni="000000012146438X",
        ipi="00045620792",
        mbid="87c5dedd-371d-4a53-9f7f-80522fb7f3cb",
        visibility="public",
        version=3,
    )
    await planter.values("artist full")
    await planter.plant("artist", "artist bare", name="bare", status="draft")
    for place, text in enumerate(TEXTS):
        await planter.plant("artist", f"artist odd {place}", name=text, disambiguation=text)
    deleted = await planter.plant("artist", "artist deleted", name="Deleted", status="deleted")
    await planter.plant("artist", "artist private", name="Ours Alone", isni="0000000121032683")
    await planter.plant("artist", "their artist", THEIRS, name="Björk Théirs", visibility="public")
    await planter.plant(
        "artist", "their private artist", THEIRS, name="Björk Hidden", isni="0000000109198884", ipi="hidden"
    )
    await planter.values("their artist")
    await planter.values("their private artist")
    merged = await planter.plant("artist", "artist merged", name="Bjork", status="deleted")
    ids = planter.world.ids
    await planter.connection.execute("update entity set merged_into_id = $1 where id = $2", full, merged)
    await planter.credit("unused", ("unused", None, "", None))
    ids["credit mixed"] = await planter.credit(
        'Björk & "Hidden" feat. Théirs',
        ("Björk", full, " & ", "MainArtist"),
        ("Hidden", ids["their private artist"], " feat. ", None),
        ("Théirs", ids["their artist"], ", ", "FeaturedArtist"),
        ("Gone", deleted, " with ", None),
        (QUOTES, None, "", LINES),
    )
    ids["credit full"] = await planter.credit("Björk Full", ("Björk Full", full, "", None))
    ids["credit private"] = await planter.credit(
        "Ours Alone", ("Ours Alone", ids["artist private"], "", None)
    )
    ids["credit hidden"] = await planter.credit(
        "Björk Hidden", ("Björk Hidden", ids["their private artist"], "", None)
    )


async def works(planter: Planter) -> None:
    ids = planter.world.ids
    full = await planter.plant(
        "work",
        "work full",
        title="Hyperballad (song)",
        iswc="T0345246801",
        type="song",
        languages=["en", "is"],
        mbid="5b8ff1b5-1d10-3a6d-b9d4-ad0e0a5b0c7c",
    )
    await planter.values("work full")
    bare = await planter.plant("work", "work bare", title="bare")
    await planter.plant("work", "their work", THEIRS, title="Their song", visibility="public")
    hidden = await planter.plant(
        "work", "their private work", THEIRS, title="Hidden song", iswc="T0000000010"
    )
    gone = await planter.plant("work", "work deleted", title="Gone song", status="deleted")
    writers: tuple[tuple[uuid.UUID | None, str, str | None, float | None], ...] = (
        (ids["artist full"], "Björk", "00045620792", 33.333333333333336),
        (ids["their private artist"], "Hidden", None, 0.1),
        (None, QUOTES, None, None),
        (ids["artist deleted"], "Gone", None, 100.0),
    )
    for place, (artist_id, name, ipi, share) in enumerate(writers):
        await planter.row(
            "work_writer",
            work_id=full,
            position=place + 1,
            artist_id=artist_id,
            name=name,
            role="composer",
            ipi=ipi,
            share=share,
        )
    for work in (bare, hidden, gone):
        await planter.row(
            "work_writer", work_id=work, position=1, artist_id=ids["artist full"], name="B", role="lyricist"
        )


async def recordings(planter: Planter) -> None:
    ids = planter.world.ids
    await planter.plant(
        "recording",
        "recording full",
        title="Hyperballad",
        version_title="Remix",
        artist_credit_id=ids["credit mixed"],
        type="dj_mix",
        isrc="GBAYC1700599",
        duration_ms=321_000,
        languages=["en"],
        genres=["pop", "electronic"],
        recording_date="1995",
        parental_warning="not_explicit",
        p_line_year=1995,
        p_line="℗ One Little Indian",
        mbid="0a9e1a5a-7c2e-4b62-8a94-5f3b1d2c8c1e",
        visibility="public",
    )
    await planter.values("recording full")
    await planter.plant("recording", "recording bare", title="bare")
    for place, text in enumerate(TEXTS):
        await planter.plant(
            "recording", f"recording odd {place}", title=text, genres=["pop", text], status="taken_down"
        )
    await planter.plant("recording", "recording deleted", title="D", isrc="GBAYC1700602", status="deleted")
    await planter.plant(
        "recording",
        "recording private",
        title="Ours Alone",
        isrc="GBAYC1700600",
        duration_ms=1_000,
        artist_credit_id=ids["credit private"],
    )
    await planter.plant(
        "recording",
        "their recording",
        THEIRS,
        title="Théirs",
        isrc="GBAYC1700603",
        duration_ms=2_000,
        visibility="public",
        artist_credit_id=ids["credit mixed"],
    )
    await planter.plant(
        "recording",
        "their private recording",
        THEIRS,
        title="Hidden recording",
        isrc="GBAYC1700601",
        duration_ms=666_000,
        artist_credit_id=ids["credit full"],
    )
    await planter.values("their private recording")
    joins = (
        ("recording full", "work full", "work bare", "their work", "their private work", "work deleted"),
        ("recording private", "work full"),
        ("their recording", "their work", "work full"),
        ("their private recording", "their private work", "work full"),
        ("recording deleted", "work full"),
    )
    for recording, *works in joins:
        for place, work in enumerate(works):
            await planter.row(
                "recording_work", recording_id=ids[recording], position=9 - place, work_id=ids[work]
            )
    await planter.plant(
        "video",
        "video full",
        title="Clip",
        version_title="4K",
        artist_credit_id=ids["credit full"],
        type="MusicVideo",
        isrc="GBAYC1700605",
        isan="0000-0000-D07A-0090-Q",
        duration_ms=5_000,
        languages=["en"],
        genres=["pop"],
        parental_warning="explicit",
        p_line_year=1996,
        p_line="℗ 1996",
    )
    await planter.plant("video", "video bare", title="bare clip", visibility="public")
    await planter.plant("video", "their private video", THEIRS, title="Hidden clip", isrc="GBAYC1700606")
    for place, recording in enumerate(
        ("recording private", "recording full", "their private recording", "recording deleted")
    ):
        await planter.row(
            "video_recording", video_id=ids["video full"], position=9 - place, recording_id=ids[recording]
        )


async def releases(planter: Planter) -> None:
    ids = planter.world.ids
    await planter.plant(
        "release",
        "release full",
        title="Post",
        version_title="Deluxe",
        artist_credit_id=ids["credit mixed"],
        type="Album",
        upc="602557190298",
        grid="A12425GABC1234002M",
        catalog_number="TPLP51CD",
        labels=["One Little Indian", QUOTES],
        genres=["pop", "Jazz & blues"],
        languages=["en", "is"],
        release_date="1995-06-13",
        original_release_date="1995",
        duration_ms=2_780_000,
        parental_warning="explicit_content_edited",
        p_line_year=1995,
        p_line="℗ 1995",
        c_line_year=1996,
        c_line="© 1996",
        mbid="76df3287-6cda-33eb-8e9a-044b5e15ffdd",
        version=2,
    )
    await planter.values("release full")
    await planter.plant("release", "release bare", title="bare")
    for place, text in enumerate(TEXTS):
        await planter.plant(
            "release",
            f"release odd {place}",
            title=text,
            p_line=text,
            labels=[text, ""],
            genres=[text],
            artist_credit_id=ids["credit private"],
        )
    await planter.plant("release", "release deleted", title="Post", upc="602557190304", status="deleted")
    await planter.plant(
        "release",
        "release public",
        title="pöst-2",
        visibility="public",
        status="taken_down",
        artist_credit_id=ids["credit hidden"],
    )
    await planter.plant(
        "release",
        "their release",
        THEIRS,
        title="Post of theirs",
        visibility="public",
        artist_credit_id=ids["credit mixed"],
        genres=["pop"],
        upc="602557190311",
    )
    await planter.plant(
        "release",
        "their private release",
        THEIRS,
        title="Post hidden",
        artist_credit_id=ids["credit full"],
        upc="602557190328",
        genres=["pop"],
    )
    await planter.values("their release")
    await planter.values("their private release")
    for release, position, form, title in (
        ("release full", 1, "CD", QUOTES),
        ("release full", 2, None, None),
        ("release full", 3, "Vinyl", "empty"),
        ("release public", 1, None, None),
        ("their release", 1, "CD", None),
        ("their private release", 1, "CD", None),
    ):
        await planter.row("medium", release_id=ids[release], position=position, format=form, title=title)


async def tracks(planter: Planter) -> None:
    ids = planter.world.ids

    async def track(name: str, release: str, medium: int | None, position: int, **more: Any) -> None:
        owner = planter.world.owners[release]
        await planter.plant(
            "track",
            name,
            owner,
            release_id=ids[release],
            medium_position=medium,
            position=position,
            **{"title": name, **more},
        )

    await track(
        "track full",
        "release full",
        1,
        2,
        number="A2",
        title=QUOTES,
        version_title="Live",
        artist_credit_id=ids["credit full"],
        recording_id=ids["recording full"],
        video_id=ids["video full"],
        duration_ms=320_500,
        is_bonus=True,
        is_hidden=True,
        visibility="public",
    )
    await planter.values("track full")
    await track("track bare", "release full", 1, 1)
    await track("track of private", "release full", 2, 1, recording_id=ids["recording private"])
    await track("track of hidden", "release full", 2, 2, recording_id=ids["their private recording"])
    await track("track of theirs", "release full", 2, 3, recording_id=ids["their recording"])
    await track("track of deleted", "release full", 2, 4, recording_id=ids["recording deleted"])
    await track("track of video", "release full", 2, 5, video_id=ids["video full"])
    await track("track of hidden video", "release full", 2, 6, video_id=ids["their private video"])
    await track("track deleted", "release full", None, 3, status="deleted")
    await track("track of full", "release public", 1, 1, recording_id=ids["recording full"])
    public: dict[str, Any] = {"visibility": "public"}
    await track("their track", "their release", 1, 1, recording_id=ids["recording private"], **public)
    await track("their track 2", "their release", 1, 2, recording_id=ids["their private recording"], **public)
    await track("their track 3", "their release", 1, 3, recording_id=ids["recording full"], **public)
    await track("their private track", "their release", 1, 4, recording_id=ids["recording full"])
    await track("their hidden track", "their private release", 1, 1, recording_id=ids["recording full"])
