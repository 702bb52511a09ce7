"""The planted files: one of each state, on things of ours and of theirs."""

from tests.factories import EMOJI, OURS, QUOTES, RTL, THEIRS, Planter, instant


async def files(planter: Planter) -> None:
    """A full and a bare file of ours, a duplicate, and one of theirs."""
    made = {"created_at": instant(6), "updated_at": instant(7)}
    whole = {
        "xxh128": "cd" * 16,
        "media_type": "audio/flac",
        "declared_type": QUOTES,
        "kind": "audio",
        "width": 3,
        "height": 4,
        "temporary": True,
        "keep_until": instant(20),
        "upload_until": instant(8),
        "created_by": "user:tests",
    }
    for owner, name, recording in ((OURS, "full", "recording full"), (THEIRS, "theirs", "their recording")):
        cover = await planter.plant(
            "file",
            f"file {name} cover",
            owner,
            file_name="cover.jpg",
            size_bytes=9,
            sha256="ef" * 32,
            state="ready",
            kind="image",
            **made,
        )
        found = await planter.plant(
            "file",
            f"file {name}",
            owner,
            file_name=f"{name} {EMOJI}",
            size_bytes=1 << 40,
            sha256="ab" * 32,
            state="quarantined",
            reason="not_what_it_says",
            reason_text=QUOTES,
            subject_type="recording",
            subject_id=planter.world.ids.get(recording, planter.next_id()),
            cover_id=cover,
            **whole,
            **made,
        )
        await planter.plant(
            "file",
            f"file {name} again",
            owner,
            file_name=RTL,
            size_bytes=1 << 40,
            sha256="ab" * 32,
            state="deleted",
            reason="duplicate",
            duplicate_of_id=found,
            deleted_at=instant(9),
            **made,
        )
        hangs_on = planter.world.ids.get(recording)
        shared = {"sha256": "ab" * 32, "models": {"tempo": "1"}, **made}
        await planter.plant(
            "enrichment",
            f"enrichment {name}",
            owner,
            state="done",
            file_id=found,
            recording_id=hangs_on,
            job_id=planter.next_id(),
            result={"flags": [QUOTES]},
            **shared,
        )
        await planter.plant(
            "enrichment",
            f"enrichment {name} refused",
            owner,
            state="refused",
            file_id=cover,
            code="audio_empty",
            text=QUOTES,
            **shared,
        )
    await planter.plant("file", "file bare", OURS, file_name="bare", size_bytes=0, **made)
