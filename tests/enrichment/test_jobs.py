"""Files that are analysed: by themselves or together, and once for the same bytes, whoever has them."""

import asyncio
import io
import json
import uuid
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from domain.adapters.audio import analyse as adapter
from domain.adapters.audio.enriching import Analysing
from domain.adapters.postgres import Pool
from domain.audio.analysis import NotAnalysed
from domain.audio.refused import not_analysed
from domain.features.kept import Kept, lease
from domain.provenance import provenance_of
from domain.refusals import NotFound, TooMany
from jobs.worker import run_job
from tests.audio.made import encoded, tone
from tests.enrichment.conftest import Ear, Studio, open_studio
from tests.weights import weights_folder

_serial = iter(range(1, 1_000))


def sound(seconds: float = 1.0, **tags: str) -> bytes:
    """Sound that nobody has sent before: another pitch each time."""
    hertz = 300.0 + next(_serial) + np.random.default_rng().integers(1, 1 << 20) / (1 << 20)
    return encoded(tone(seconds, hertz), "flac", "flac", tags=tags or None)


async def test_sound_that_is_hung_on_a_recording_is_enriched_by_itself(studio: Studio) -> None:
    recording = await studio.recording()
    content = sound(2.0, title="From the file", BPM="128", initialkey="8A", genre="Techno")
    file = await studio.upload(content, recording, "a.flac")
    assert [job["kind"] for job in await studio.jobs()] == ["enrich_file"]
    assert await studio.work() == ["done"]
    figures = await studio.figures(recording)
    assert figures["loudness_lufs"]["source"] == "analysis"
    assert -12 < figures["loudness_lufs"]["number"] < -3
    assert figures["duration_s"]["number"] == pytest.approx(2.0, abs=0.01)
    assert figures["genre"] is None or figures["genre"]["text"]
    # Each says what it is, or why it can't be said: of two seconds neither range nor stability.
    assert all(one["reason"] for one in figures.values() if one["number"] is None and one["text"] is None), (
        figures
    )
    assert figures["loudness_range_lu"]["reason"] == "no window of three seconds is louder than -70 LUFS"
    (told,) = await studio.enrichments()
    assert (told["state"], told["file_id"], str(told["recording_id"])) == ("done", file, recording)
    assert json.loads(told["models"]) == dict(studio.ear.versions)
    # What the file says of itself is a claim beside what was measured, and moves no title of a person's.
    async with studio.yard.pool.acquire() as sql:
        found = await provenance_of(sql, studio.owner, uuid.UUID(recording))
    assert found is not None
    claims = {one.field: {claim.source: claim.value for claim in one.claims} for one in found}
    assert claims["features.tempo_bpm"]["tags"]["number"] == 128
    assert claims["features.key"]["tags"]["text"] == "A minor"
    assert claims["features.key"]["tags"]["detail"] == {"camelot": "8A", "open_key": "1m"}
    assert claims["title"] == {"manual": "A", "tags": "From the file"}
    (row,) = await studio.yard.fetch("select * from recording where id = $1", uuid.UUID(recording))
    assert (row["title"], row["genres"], row["isrc"]) == ("A", ["Techno"], None)


async def test_the_same_bytes_are_analysed_once_for_everybody_and_nobody_is_told(
    studio: Studio, pool: Pool, tmp_path: Path
) -> None:
    other = await open_studio(pool, tmp_path / "other", studio.ear)
    content, results = sound(), []
    for one in (studio, other):
        recording = await one.recording()
        await one.upload(content, recording)
        assert await one.work() == ["done"]
        (job,) = await one.jobs()
        results.append(json.loads(job["result"]))
        assert (await one.figures(recording))["loudness_lufs"]["number"] < 0
    assert len(studio.ear.asked) == 1
    assert sorted(results[0]) == sorted(results[1])
    assert len(await other.enrichments()) == 1


async def test_a_new_version_of_a_part_analyses_that_part_again_and_no_other(studio: Studio) -> None:
    recording = await studio.recording()
    await studio.upload(sound(), recording)
    await studio.work()
    before = await studio.figures(recording)
    studio.ear.versions = {**studio.ear.versions, "loudness": "loudness of tomorrow"}
    outcome = await studio.do("enrich_recording", id=recording)
    assert await studio.work() == ["done"]
    assert studio.ear.asked == [frozenset(studio.ear.versions), frozenset({"loudness"})]
    after = await studio.figures(recording)
    assert after["loudness_lufs"]["model_version"] == "loudness of tomorrow"
    assert after["duration_s"] == before["duration_s"]
    assert (await studio.result(outcome.ids[0]))["done"] == 1
    again = await studio.do("enrich_recording", id=recording)
    await studio.work()
    assert await studio.result(again.ids[0]) == {
        "state": "done",
        "recordings": 1,
        "up_to_date": 1,
        "no_sound": 0,
        "done": 0,
        "refused": 0,
        "failed": 0,
        "gone": 0,
    }
    assert len(studio.ear.asked) == 2


@pytest.mark.parametrize(
    ("part", "affected"),
    [
        ("loudness", {"loudness", "heuristics"}),
        ("tempo", {"tempo", "heuristics"}),
        ("key", {"key"}),
        ("quality", {"quality"}),
        ("fingerprint", {"fingerprint"}),
    ],
)
def test_a_new_version_makes_another_of_what_rests_on_it(
    part: str, affected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    analyser = Analysing(1)
    before = analyser.versions
    monkeypatch.setitem(adapter.VERSIONS, part, "of tomorrow")
    after = analyser.versions
    assert {name for name in before if before[name] != after[name]} == affected
    kept = Kept({"facts": {}, **{name: {} for name in before}}, dict(before))
    assert kept.missing(after) == affected


async def test_what_can_not_be_made_for_want_of_weights_is_told_and_made_later(studio: Studio) -> None:
    recording = await studio.recording()
    await studio.do("edit_organization", id=str(studio.owner), enrichUploads=False)
    await studio.upload(sound(), recording)
    whole = dict(studio.ear.versions)
    studio.ear.versions = {part: version for part, version in whole.items() if part != "tagged"}
    first = await studio.do("enrich_catalog")
    await studio.work()
    result = await studio.result(first.ids[0])
    assert (result["done"], list(result["without"])) == (1, ["tagged"])
    assert "weights install" in result["without"]["tagged"]
    studio.ear.versions = whole
    second = await studio.do("enrich_catalog")
    await studio.work()
    assert studio.ear.asked[1:] == [frozenset({"tagged"})]
    assert "without" not in await studio.result(second.ids[0])


async def test_a_file_that_gives_nothing_is_a_finding_and_holds_nobody_up(studio: Studio) -> None:
    broken, good = await studio.recording("broken"), await studio.recording("good")
    nothing = io.BytesIO()
    with wave.open(nothing, "wb") as opened:
        opened.setparams((1, 2, 44_100, 0, "NONE", ""))
    empty = await studio.upload(nothing.getvalue(), broken, "empty.wav")
    await studio.upload(sound(), good, "good.flac")
    for job in await studio.jobs():
        await studio.do("cancel_job", jobId=str(job["id"]))
    outcome = await studio.do("enrich_catalog")
    assert await studio.work() == ["done"]
    result = await studio.result(outcome.ids[0])
    assert (result["done"], result["refused"], result["failed"]) == (1, 1, 0)
    told = {row["file_id"]: row for row in await studio.enrichments()}
    assert (told[empty]["state"], told[empty]["code"]) == ("refused", "audio_empty")
    assert told[empty]["text"]
    assert await studio.figures(broken) == {}
    # The same versions don't try the same bytes again.
    asked = len(studio.ear.asked)
    again = await studio.do("enrich_catalog", recordingIds=[broken, good])
    await studio.work()
    assert ((await studio.result(again.ids[0]))["up_to_date"], len(studio.ear.asked)) == (2, asked)


AGED = (
    "update sound_part set made_at = made_at - interval '25 hours' "
    "where sha256 in (select sha256 from file where owner_id = $1)"
)


async def test_what_gave_nothing_is_looked_at_again_where_that_is_asked_for_once_a_day(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await studio.recording()
    await studio.upload(sound(), recording)

    async def hard(*_: object) -> NotAnalysed:
        return not_analysed("audio_too_complex", "decoding it takes too long")

    async def again() -> tuple[int, int, int]:
        job = (await studio.do("enrich_recording", id=recording, again=True)).ids[0]
        assert await studio.work() == ["done"]
        result = await studio.result(job)
        return result["done"], result["refused"], result["up_to_date"]

    with monkeypatch.context() as patched:
        patched.setattr(studio.ear, "analyse", hard)
        assert await studio.work() == ["done"]
    # Nobody has the same bytes looked at without end: what is kept is told until a day has passed.
    assert await again() == (0, 1, 0)
    assert studio.ear.asked == []
    await studio.yard.pool.execute(AGED, studio.owner)
    job = (await studio.do("enrich_recording", id=recording)).ids[0]
    await studio.work()
    assert (await studio.result(job))["up_to_date"] == 1
    assert await again() == (1, 0, 0)
    assert len(studio.ear.asked) == 1
    # What was found is never made twice, however it is asked for.
    await studio.yard.pool.execute(AGED, studio.owner)
    assert await again() == (0, 0, 1)
    assert len(studio.ear.asked) == 1


async def test_an_analysis_that_somebody_ended_says_nothing_about_the_bytes(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await studio.recording()
    await studio.upload(sound(), recording)

    async def ended(*_: object) -> NotAnalysed:
        return not_analysed("audio_interrupted", "its process was ended")

    with monkeypatch.context() as patched:
        patched.setattr(studio.ear, "analyse", ended)
        assert await studio.work() == ["done"]
    (told,) = await studio.enrichments()
    assert (told["state"], told["code"]) == ("failed", "audio_interrupted")
    job = (await studio.do("enrich_recording", id=recording)).ids[0]
    assert await studio.work() == ["done"]
    assert (await studio.result(job))["done"] == 1


async def test_a_catalog_is_enriched_where_it_was_left_and_undone_as_one(studio: Studio) -> None:
    recordings = [await studio.recording(str(place)) for place in range(4)]
    await studio.do("edit_organization", id=str(studio.owner), enrichUploads=False)
    for recording in recordings:
        await studio.upload(sound(0.5), recording)
    assert await studio.jobs() == []
    outcome = await studio.do("enrich_catalog")
    heard = studio.ear.analyse

    async def breaks(path: Path, parts: frozenset[str]) -> object:
        if len(studio.ear.asked) >= 2:
            raise ConnectionError("cut off")
        return await heard(path, parts)

    studio.ear.at_once = 1
    studio.ear.analyse = breaks  # type: ignore[method-assign,assignment]
    await studio.work()
    assert (await studio.result(outcome.ids[0]))["failed"] == 2
    studio.ear.analyse = heard  # type: ignore[method-assign]
    second = await studio.do("enrich_catalog")
    await studio.work()
    result = await studio.result(second.ids[0])
    assert (result["up_to_date"], result["done"], len(studio.ear.asked)) == (2, 2, 4)
    (job,) = [job for job in await studio.jobs() if job["id"] == second.ids[0]]
    assert (job["progress_done"], job["progress_total"]) == (4, 4)
    await studio.do("revert_change_set", id=result["change_set_id"])
    assert [bool(await studio.figures(recording)) for recording in recordings] == [True, True, False, False]


async def test_what_was_undone_is_not_up_to_date_until_it_is_put_back_or_said_again(studio: Studio) -> None:
    recording = await studio.recording()
    await studio.upload(sound(0.5), recording)
    await studio.work()

    async def enriched() -> Mapping[str, Any]:
        job = (await studio.do("enrich_recording", id=recording)).ids[0]
        await studio.work()
        return await studio.result(job)

    (first,) = await studio.jobs()
    set_id = (await studio.result(first["id"]))["change_set_id"]
    for _ in range(2):
        undone = await studio.do("revert_change_set", id=set_id)
        (told,) = await studio.enrichments()
        assert (told["state"], told["code"], await studio.figures(recording)) == ("done", "undone", {})
        # Put back by undoing what undid it, it is up to date again.
        again = await studio.do("revert_change_set", id=str(undone.change_set_id))
        (told,) = await studio.enrichments()
        assert (told["code"], bool(await studio.figures(recording))) == (None, True)
        assert (await enriched())["up_to_date"] == 1
        set_id = str(again.change_set_id)
    await studio.do("revert_change_set", id=set_id)
    result = await enriched()
    assert (result["done"], result["up_to_date"], len(studio.ear.asked)) == (1, 0, 1)
    (told,) = await studio.enrichments()
    assert (told["code"], bool(await studio.figures(recording))) == (None, True)
    assert (await enriched())["up_to_date"] == 1


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(44_100), "silence"),
        (np.sin(np.arange(30_000) / 20) / 2, "too_short"),
        (np.sin(np.arange(5 * 44_100) / 20) / 2, "noise"),
    ],
    ids=["silence", "too short", "a steady tone"],
)
async def test_what_can_not_be_compared_is_kept_with_the_reason(
    studio: Studio, samples: NDArray[np.float64], reason: str
) -> None:
    studio.ear.weights = str(weights_folder())
    recording = await studio.recording()
    given = np.concatenate((samples, np.zeros(next(_serial))))[None].astype(np.float32)
    await studio.upload(encoded(given, "flac", "flac"), recording, "quiet.flac")
    assert await studio.work() == ["done"]
    (row,) = await studio.yard.fetch(
        "select vector, reason, dimensions from embedding where entity_id = $1", uuid.UUID(recording)
    )
    assert tuple(row.values()) == (None, reason, 400)


async def test_a_release_means_the_recordings_of_its_tracks(studio: Studio) -> None:
    heard, other = await studio.recording("on it"), await studio.recording("elsewhere")
    release = str((await studio.do("create_release", title="R", media=[{"position": 1}])).ids[0])
    await studio.do(
        "create_track", title="T", releaseId=release, mediumPosition=1, position=1, recordingId=heard
    )
    await studio.do("edit_organization", id=str(studio.owner), enrichUploads=False)
    for recording in (heard, other):
        await studio.upload(sound(0.5), recording)
    job = (await studio.do("enrich_release", id=release)).ids[0]
    assert await studio.work() == ["done"]
    assert [(await studio.result(job))[name] for name in ("recordings", "done", "no_sound")] == [1, 1, 0]
    assert (bool(await studio.figures(heard)), bool(await studio.figures(other))) == (True, False)
    # Whoever asks about one of which there is no sound is told so.
    mute = await studio.recording("no file of it")
    for given, counts in (({"recordingIds": [heard, mute]}, [1, 1, 0, 1]), ({}, [2, 1, 1, 1])):
        job = (await studio.do("enrich_catalog", **given)).ids[0]
        await studio.work()
        told = await studio.result(job)
        assert [told[name] for name in ("recordings", "up_to_date", "done", "no_sound")] == counts


async def test_a_cancelled_enrichment_stops_between_two_files(studio: Studio) -> None:
    await studio.do("edit_organization", id=str(studio.owner), enrichUploads=False)
    for place in range(3):
        await studio.upload(sound(0.5), await studio.recording(str(place)))
    outcome = await studio.do("enrich_catalog")
    heard = studio.ear.analyse

    async def cancels(path: Path, parts: frozenset[str]) -> object:
        await studio.do("cancel_job", jobId=str(outcome.ids[0]))
        return await heard(path, parts)

    studio.ear.at_once = 1
    studio.ear.analyse = cancels  # type: ignore[method-assign,assignment]
    assert await studio.work() == ["cancelled"]
    assert len(studio.ear.asked) == 1


async def test_a_file_at_work_beside_the_one_that_saw_the_cancellation_is_not_told_to_run(
    studio: Studio,
) -> None:
    await studio.do("edit_organization", id=str(studio.owner), enrichUploads=False)
    for place in range(3):
        await studio.upload(sound(0.5), await studio.recording(str(place)))
    outcome = await studio.do("enrich_catalog")
    heard, begun = studio.ear.analyse, asyncio.Event()

    async def one_cancels(path: Path, parts: frozenset[str]) -> object:
        if not begun.is_set():
            begun.set()
            await asyncio.Event().wait()
        await studio.do("cancel_job", jobId=str(outcome.ids[0]))
        return await heard(path, parts)

    studio.ear.at_once = 2
    studio.ear.analyse = one_cancels  # type: ignore[method-assign,assignment]
    assert await studio.work() == ["cancelled"]
    told = [(one["state"], one["code"]) for one in await studio.enrichments()]
    assert sorted(told, key=str) == [("done", None), ("failed", "given_up")]
    studio.ear.analyse = heard  # type: ignore[method-assign]
    await studio.do("enrich_catalog")
    assert await studio.work() == ["done"]
    assert [one["state"] for one in await studio.enrichments()] == ["done"] * 3


async def test_bytes_that_a_job_left_in_the_middle_are_waited_for_no_longer_than_it_is_at_them(
    studio: Studio,
) -> None:
    file = await studio.upload(sound(0.5), await studio.recording())
    (job,) = await studio.jobs()
    (row,) = await studio.yard.fetch("select sha256 from file where id = $1", file)
    async with studio.yard.pool.acquire() as sql:
        # As whoever is killed leaves them; its job has died of it.
        assert await lease(sql, row["sha256"], f"{uuid.uuid4()}/{file}")
        assert await lease(sql, row["sha256"], f"{job['id']}/{file}")
        assert not await sql.fetchval("select state = 'running' from job where id = $1", job["id"])
        await sql.execute("update job set state = 'running' where id = $1", job["id"])
        assert not await lease(sql, row["sha256"], f"{uuid.uuid4()}/{file}")
        await sql.execute("update job set state = 'queued' where id = $1", job["id"])
    assert await studio.work() == ["done"]


async def test_what_was_found_goes_with_the_bytes_and_what_was_claimed_stays(studio: Studio) -> None:
    recording = await studio.recording()
    file = await studio.upload(sound(), recording)
    await studio.work()
    (row,) = await studio.yard.fetch("select sha256 from file where id = $1", file)
    parts = "select part from sound_part where sha256 = $1"
    assert {found["part"] for found in await studio.yard.fetch(parts, row["sha256"])} > {"facts"}
    await studio.do("delete_file", id=str(file))
    assert await studio.work() == ["done"]
    assert await studio.yard.fetch(parts, row["sha256"]) == []
    assert (await studio.figures(recording))["loudness_lufs"]["number"]


async def test_what_is_anothers_or_deleted_is_not_enriched(
    studio: Studio, pool: Pool, tmp_path: Path
) -> None:
    other = await open_studio(pool, tmp_path / "other", Ear())
    recording = await studio.recording()
    for name in ("enrich_recording", "enrich_release"):
        with pytest.raises(NotFound):
            await other.do(name, id=recording)
    with pytest.raises(NotFound):
        await other.do("enrich_catalog", recordingIds=[recording])
    with pytest.raises(TooMany):
        await studio.do("enrich_catalog", recordingIds=[recording] * 1_001)
    await studio.upload(sound(), recording)
    (job,) = await studio.jobs()
    await studio.do("delete_recording", id=recording)
    assert await run_job(studio.yard.house, str(job["id"])) == "done"
    assert (await studio.result(job["id"]))["state"] == "gone"
    assert studio.ear.asked == []
