"""The planted rest: pictures, credits, what is spoken, rights, many rows to page through, deliveries."""

from decimal import Decimal
from typing import Any

from domain.vectors.keep import keep_embedding
from domain.vectors.text import TEXT_MODEL, TEXT_VERSION, text_vector
from tests.factories import (
    EMOJI,
    LINES,
    OURS,
    PARTNER,
    PARTNER_DPID,
    QUOTES,
    RTL,
    TEXTS,
    THEIRS,
    Planter,
    instant,
)


async def pictures(planter: Planter) -> None:
    ids = planter.world.ids
    await planter.plant(
        "image",
        "image full",
        subject_id=ids["release full"],
        type="booklet",
        title=EMOJI,
        file_name="cover.jpg",
        media_type="image/jpeg",
        sha256="ab" * 32,
        width=3000,
        height=2000,
        size_bytes=9_007_199_254_740_993,
        visibility="public",
    )
    await planter.plant("image", "image bare", subject_id=ids["release full"])
    await planter.plant("image", "image loose")
    await planter.plant("image", "their image", THEIRS, subject_id=ids["artist full"], visibility="public")
    await planter.plant(
        "image", "their private image", THEIRS, subject_id=ids["release full"], sha256="cd" * 32
    )
    await planter.plant(
        "credit",
        "credit row full",
        subject_id=ids["recording full"],
        artist_id=ids["artist full"],
        name=LINES,
        role="Producer",
        instruments=["guitar", QUOTES],
        position=7,
    )
    await planter.plant(
        "credit", "credit row bare", subject_id=ids["recording full"], name="bare", role="Mixer"
    )
    await planter.plant(
        "credit",
        "their credit",
        THEIRS,
        subject_id=ids["recording full"],
        artist_id=ids["artist private"],
        name="Théirs",
        role="Engineer",
        visibility="public",
    )
    await planter.plant(
        "credit",
        "their private credit",
        THEIRS,
        subject_id=ids["recording full"],
        artist_id=ids["their private artist"],
        name="Hidden",
        role="Ghost",
    )
    await planter.plant(
        "credit",
        "credit of hidden",
        subject_id=ids["release full"],
        artist_id=ids["their private artist"],
        name="Somebody",
        role="Writer",
    )


async def measured(planter: Planter) -> None:
    ids = planter.world.ids
    said = {"owner_id": OURS, "source": "analysis", "external_id": "recording:full"}
    claims = {"kind": "recording", "exists": False, "fields": {"title": QUOTES}, "locks": []}
    await planter.row("source_mapping", id=planter.next_id(), **said, entity_id=ids["recording full"])
    await planter.row(
        "source_record", id=planter.next_id(), **said, version=1, checksum="", claims=claims, confidence=0.5
    )
    for recording in ("recording full", "recording private", "their private recording", "recording deleted"):
        given = {"recording_id": ids[recording], "model": "tempo", "measured_at": instant(5)}
        bare = {"model_version": "1", "name": "bare", "basis": "measured", "source": "analysis"}
        await planter.row("audio_feature", **given, **bare)
        await planter.row(
            "audio_feature",
            **given,
            model_version="2",
            basis="judged",
            source="manual",
            reason=QUOTES,
            detail={"segments": [[0, 1.5]]},
            locked=True,
            name=f"tempo_bpm of {recording}",
            number=119.99999999999999,
            text=QUOTES,
            rivals=[{"number": 60, "confidence": 0.25}, None],
            confidence=0.75,
        )


async def heard(planter: Planter) -> None:
    """Vectors, tempos and keys: ours, theirs, hidden and deleted, of two versions, and silence."""
    ids = planter.world.ids
    vectors: dict[str, tuple[float, ...] | None] = {
        "recording full": (1.0, 0.25, 0.0),
        "recording private": (0.5, 1.0, 0.25),
        "their recording": (1.0, 0.0, 0.5),
        "their private recording": (1.0, 0.25, 0.0),
        "recording deleted": (1.0, 0.25, 0.0),
        "recording odd 0": (-1.0, 0.5, 0.25),
        "recording odd 1": None,
    }
    for name, vector in vectors.items():
        await keep_embedding(
            planter.connection,
            "recording",
            ids[name],
            model="listener",
            version="1",
            vector=vector,
            dimensions=3,
            of_sha256="0" * 64,
            reason=None if vector else "silence",
        )
    for name in ("recording full", "recording private", "their recording", "their private recording"):
        words: dict[str, Any] = {
            "model": TEXT_MODEL,
            "version": TEXT_VERSION,
            "made_of": "text",
            "of_sha256": "0" * 64,
        }
        await keep_embedding(planter.connection, "recording", ids[name], vector=text_vector(name), **words)
    id = ids["recording odd 2"]
    newer: dict[str, Any] = {"model": "listener", "version": "2", "of_sha256": "0" * 64}
    await keep_embedding(planter.connection, "recording", id, vector=[1.0], **newer)
    pace = {
        "recording full": (124.0, "A minor", 0.5),
        "recording private": (62.5, "C major", 0.5),
        "their recording": (126.0, "E minor", None),
        "their private recording": (124.0, "A minor", 1.0),
        "recording odd 0": (90.0, "Bb major", 0.25),
        "recording odd 1": (248.0, "D minor", 0.5),
    }
    for name, (tempo, scale, sure) in pace.items():
        given: dict[str, Any] = {"recording_id": ids[name], "model": "ear", "model_version": "1"}
        given |= {"basis": "measured", "source": "analysis", "measured_at": instant(6)}
        of_tempo = {"name": "tempo_bpm", "number": tempo, "confidence": sure}
        await planter.row("audio_feature", **given, **of_tempo)
        await planter.row("audio_feature", **given, name="key", text=scale)


async def spoken(planter: Planter) -> None:
    ids = planter.world.ids
    await planter.plant(
        "podcast",
        "podcast full",
        title="Talk & more",
        guid="917393e3-1b1e-5cef-ace4-edaa54e1f810",
        feed_url='https://example.com/feed?a=1&b="2"',
        author="Ann",
        description=LINES,
        languages=["en"],
        genres=["Society & Culture"],
        is_explicit=False,
    )
    await planter.values("podcast full")
    await planter.plant("podcast", "podcast bare", title="bare")
    await planter.plant("podcast", "their podcast", THEIRS, title="Théir talk", visibility="public")
    await planter.plant("podcast", "their private podcast", THEIRS, title="Hidden talk", guid="hidden-guid")
    await planter.plant(
        "episode",
        "episode full",
        podcast_id=ids["podcast full"],
        title="First",
        guid="e1",
        season=1,
        number=2,
        published_at=instant(3.5, 120),
        duration_ms=60_000,
        description=QUOTES,
        is_explicit=True,
    )
    await planter.plant("episode", "episode bare", podcast_id=ids["podcast full"], title="bare")
    for place in range(7):
        await planter.plant(
            "episode", f"episode {place}", podcast_id=ids["podcast full"], title=f"Part {place % 3}"
        )
    for name, owner, podcast, visibility in (
        ("their episode", THEIRS, "their podcast", "public"),
        ("their private episode", THEIRS, "their podcast", "private"),
        ("their hidden episode", THEIRS, "their private podcast", "public"),
        ("their guest episode", THEIRS, "podcast full", "private"),
        ("our guest episode", OURS, "their private podcast", "private"),
    ):
        await planter.plant(
            "episode", name, owner, podcast_id=ids[podcast], title=name, visibility=visibility
        )
    await planter.plant(
        "book",
        "book full",
        title="Tale",
        isbn="9780306406157",
        artist_credit_id=ids["credit full"],
        published="2001-01-31",
        publisher=QUOTES,
        languages=["en"],
    )
    await planter.plant("book", "book bare", title="bare")
    await planter.plant("book", "their private book", THEIRS, title="Hidden tale", isbn="9783161484100")
    await planter.plant(
        "audiobook",
        "audiobook full",
        title="Tale read",
        isbn="9783161484100",
        book_id=ids["book full"],
        artist_credit_id=ids["credit mixed"],
        published="2002",
        publisher="House",
        languages=["en", "de"],
        duration_ms=3_600_000,
    )
    await planter.plant("audiobook", "audiobook bare", title="bare", visibility="public")
    await planter.plant(
        "audiobook", "audiobook of hidden", title="Of hidden", book_id=ids["their private book"]
    )
    await planter.plant(
        "audiobook", "their private audiobook", THEIRS, title="Hidden read", book_id=ids["book full"]
    )
    for place, (title, start, end) in enumerate(
        (("One", 0, 5_000), (QUOTES, 5_000, None), (RTL, 2_000_000_000, 2_147_483_647))
    ):
        await planter.row(
            "chapter",
            audiobook_id=ids["audiobook full"],
            position=(place + 1) * 2,
            title=title,
            start_ms=start,
            end_ms=end,
        )


async def rights(planter: Planter) -> None:
    ids = planter.world.ids
    instants = (
        "valid_from",
        "valid_until",
        "pre_order_at",
        "release_display_at",
        "track_listing_display_at",
        "cover_art_display_at",
        "clip_preview_at",
    )
    await planter.plant(
        "deal",
        "deal full",
        licensor_dpid="PADPIDA2007040502I",
        licensee_dpid="PADPIDA2013021901W",
        reference=QUOTES,
        territories=["CH", "DE"],
        included_territories=["Worldwide"],
        excluded_territories=["US"],
        commercial_models=["SubscriptionModel"],
        use_types=["OnDemandStream", "ConditionalDownload"],
        distribution_channels=["Internet"],
        price_type="WholesalePricePerUnit",
        price_amount=Decimal("9.99"),
        price_currency="EUR",
        is_takedown=True,
        **{name: instant(place, place) for place, name in enumerate(instants)},
    )
    await planter.values("deal full")
    await planter.plant("deal", "deal bare", reference="bare")
    await planter.plant("deal", "deal without reference", territories=["DE"])
    await planter.plant("deal", "deal deleted", reference="gone", status="deleted")
    await planter.plant(
        "deal", "their public deal", THEIRS, reference="theirs", visibility="public", territories=["DE"]
    )
    await planter.plant("deal", "their private deal", THEIRS, reference="hidden", territories=["DE"])
    subjects = (
        ("deal full", "release full", "track full", "recording full", "their private release", "video full"),
        ("deal bare", "their release", "release full", "their private recording", "track of hidden"),
        ("deal deleted", "release full"),
        ("their public deal", "release full", "recording full", "their release"),
        ("their private deal", "release full", "track full", "recording full", "their release"),
    )
    for deal, *names in subjects:
        for place, name in enumerate(names):
            await planter.row("deal_subject", deal_id=ids[deal], position=place + 1, subject_id=ids[name])


async def licences(planter: Planter) -> None:
    """Deals with the partner: by id and by DPID, in some territories, one taken back, some not in force."""
    ids = planter.world.ids
    by_id, by_dpid = {"licensee_id": PARTNER}, {"licensee_dpid": PARTNER_DPID}
    deals: tuple[tuple[str, Any, dict[str, Any], tuple[str, ...]], ...] = (
        ("to partner", THEIRS, {**by_id, "territories": ["DE"]}, ("their private release",)),
        (
            "to partner by DPID",
            OURS,
            {**by_dpid, "territories": ["DE", "FR"]},
            ("release full", "recording private", "podcast full", "book full", "image loose", "artist bare"),
        ),
        ("taken from partner", OURS, {**by_id, "territories": ["DE"], "is_takedown": True}, ("track full",)),
        ("to everyone", THEIRS, {"territories": ["FR"]}, ("their release", "their private podcast")),
        ("over", OURS, {**by_id, "territories": ["FR"], "valid_until": instant(1)}, ("work bare",)),
        ("draft", OURS, {**by_id, "territories": ["FR"], "status": "draft"}, ("video full",)),
        ("of another's", THEIRS, {**by_id, "territories": ["FR"]}, ("audiobook full",)),
    )
    for name, owner, terms, subjects in deals:
        await planter.plant("deal", f"deal {name}", owner, reference=name, **terms)
        for place, subject in enumerate(subjects):
            await planter.row(
                "deal_subject", deal_id=ids[f"deal {name}"], position=place + 1, subject_id=ids[subject]
            )


async def many(planter: Planter) -> None:
    """Enough rows to turn pages, of both organizations in turns, with equal titles and letters."""
    ids = planter.world.ids
    for place in range(24):
        owner = (OURS, THEIRS, OURS)[place % 3]
        for kind in ("release", "recording"):
            await planter.plant(
                kind,
                f"{kind} page {place}",
                owner,
                title=("Page", "päge", "PAGE two", "page-one")[place % 4],
                visibility="public" if place % 2 else "private",
                artist_credit_id=ids["credit full"],
            )
        await planter.plant(
            "track",
            f"track page {place}",
            owner,
            release_id=ids[f"release page {place}"],
            position=1,
            title="Page track",
            recording_id=ids["recording full"],
            visibility="public" if place % 4 == 1 else "private",
        )
    gone = await planter.plant("podcast", "podcast purged", title="Purged")
    await planter.connection.execute("delete from podcast where id = $1", gone)
    await planter.connection.execute(
        "update release set title = title || $1, version = version + 1 where id = $2",
        " – " + EMOJI,
        ids["release bare"],
    )


async def deliveries(planter: Planter) -> None:
    ids = planter.world.ids
    full = await planter.plant(
        "delivery",
        "delivery full",
        state="applied",
        purpose="apply",
        format="ern",
        namespace="http://ddex.net/xml/ern/43",
        schema_checked="valid",
        file_name=QUOTES,
        sha256="ab" * 32,
        size_bytes=9_007_199_254_740_993,
        sender_dpid="PADPIDA2007040502I",
        recipient_dpid="PADPIDA2013021901W",
        message_id="m-1",
        message_thread_id="t-1",
        message_created_at=instant(1, 1),
        releases=2,
        summary={"made": {"release": 1}, "text": LINES, "share": 0.5, "none": None},
        change_set_id=ids["our change set people"],
        received_at=instant(2, 123_000),
        finished_at=instant(3),
    )
    plain: dict[str, Any] = {"size_bytes": 0, "received_at": instant(2)}
    await planter.plant("delivery", "delivery bare", sha256="cd" * 32, **plain)
    await planter.plant("delivery", "delivery 3", sha256="ab" * 32, state="refused", **plain)
    hidden = await planter.plant(
        "delivery", "their delivery", THEIRS, sha256="ab" * 32, message_id="m-1", **plain
    )
    for place in range(5):
        await planter.row(
            "finding",
            delivery_id=full,
            position=place + 1,
            code=f"E{place}",
            rule="every_release_has_a_deal",
            severity=("error", "warning")[place % 2],
            line=place or None,
            path="/a/b[1]" if place else None,
            text=TEXTS[place],
            fix="Add one." if place else None,
        )
    await planter.row(
        "finding", delivery_id=hidden, position=1, code="H", rule="hidden", severity="info", text="hidden"
    )
    await planter.plant(
        "job",
        "job full",
        kind="ingest_delivery",
        unique_key="u",
        subject_id=full,
        lane="high",
        state="done",
        payload={"delivery_id": str(full)},
        attempts=2,
        history=[{"at": "2026-01-01T00:00:00Z", "error": QUOTES}],
        progress_done=3,
        progress_total=4,
        progress_text=EMOJI,
        result={"nested": [1, {"deep": None}]},
        error_code="E",
        error_text=LINES,
        correlation_id="c-1",
        run_at=instant(2),
        created_at=instant(2),
        started_at=instant(2, 5),
        finished_at=instant(3),
    )
    when = {"run_at": instant(4), "created_at": instant(4)}
    await planter.plant("job", "job bare", kind="enrich", **when)
    await planter.plant("job", "job 3", kind="enrich", subject_id=full, state="failed", **when)
    await planter.plant("job", "their job", THEIRS, kind="enrich", subject_id=full, **when)
