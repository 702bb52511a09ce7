"""From a file to claims: an enriched recording is asked about, and people have the last word."""

import dataclasses
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from domain.adapters.models.cutting import windows_of
from domain.audio.analysis import Label, Labels, NotAnalysed
from domain.models.record import Kept, keep_answer
from domain.models.registry import add
from domain.models.split import asks_challenger
from jobs.worker import run_job
from tests.audio.made import encoded, tone
from tests.enrichment.conftest import Ear, open_studio
from tests.enrichment.conftest import Studio as Enriched
from tests.models.conftest import SHORT, THREE, Studio
from tests.models.server import LABELS

WAV = SHORT[0].wav
SONG = encoded(tone(3.0, 523.0), "flac", "flac")


@pytest.fixture
async def enriched(studio: Studio, tmp_path: Path) -> Enriched:
    """An organization whose worker enriches, and can ask both models."""
    made = await open_studio(studio.pool, tmp_path, Ear())
    await studio.pool.execute("update organization set tier = 'enterprise' where id = $1", made.owner)
    models = dataclasses.replace(studio.models, cut=windows_of)
    house = dataclasses.replace(made.yard.house, models=models)
    return Enriched(dataclasses.replace(made.yard, house=house), made.ear)


async def run_all(enriched: Enriched) -> list[str]:
    """Run what waits, and what that asks for."""
    states = []
    while more := await enriched.work():
        states += more
    return states


async def of_champion(enriched: Enriched) -> str:
    """A new recording about which the champion is asked first: of ten, one is the challenger's."""
    while asks_challenger(uuid.UUID(recording := await enriched.recording())):
        pass
    return recording


async def source_of(enriched: Enriched, recording: str, name: str) -> tuple[str | None, str, str]:
    """The text of a figure as it counts, and the model that gave it."""
    row = (await enriched.figures(recording))[name]
    return row["text"], row["model"], row["model_version"]


async def test_an_enriched_recording_is_asked_about_and_people_have_the_last_word(
    studio: Studio, enriched: Enriched
) -> None:
    recording = await of_champion(enriched)
    await enriched.upload(WAV, recording, "a.wav")
    assert set(await run_all(enriched)) == {"done"}
    model = "qwen/Qwen/Qwen2-Audio-7B-Instruct"
    assert await source_of(enriched, recording, "genre") == ("techno", model, "labels-1+1")
    assert (await source_of(enriched, recording, "description"))[0] == LABELS["description"]
    assert (await source_of(enriched, recording, "duration_s"))[1] == "catalograph/quality"
    (clip,) = studio.vllm.clips
    assert clip.duration_s == pytest.approx(6.0)
    job = next(job for job in await enriched.jobs() if job["kind"] == "ask_models_about")
    told = json.loads(job["result"])
    assert (told["state"], told["provider"], told["reason"]) == ("done", "qwen", "first: champion")
    await enriched.do("correct_feature", id=recording, name="genre", text="jazz")
    assert (await source_of(enriched, recording, "genre"))[:2] == ("jazz", "person")
    rows = await studio.pool.fetch(
        "select agreement, against from model_answer where subject_id = $1 and against is not null",
        uuid.UUID(recording),
    )
    assert [tuple(row) for row in rows] == [(0.0, "person")]
    await enriched.do("correct_feature", id=recording, name="mood", text="energetic")
    agreement = await studio.pool.fetchval(
        "select agreement from model_answer where subject_id = $1 and against = 'person'",
        uuid.UUID(recording),
    )
    assert agreement == 0.5


async def test_a_correction_that_is_taken_back_measures_no_answer_any_more(
    studio: Studio, enriched: Enriched
) -> None:
    recording = await of_champion(enriched)
    await enriched.upload(WAV, recording, "a.wav")
    assert set(await run_all(enriched)) == {"done"}
    # What taggers would have heard, had they been asked: they agree with the model's genre.
    heard = Labels(genre=(Label(name="Techno", confidence=0.9),))
    async with studio.pool.acquire() as sql:
        embedded = await add(sql, "embedded", "taggers", "embedded", {}, "1")
        (sha256,) = [row["sha256"] for row in await sql.fetch("select distinct sha256 from model_answer")]
        given = {"owner_id": enriched.owner, "subject_id": uuid.UUID(recording), "sha256": sha256}
        kept = Kept(labels=heard, confidence=0.9, windows=1)
        more: Any = {"reason": "", "agreement": None, "latency_ms": 0, "cost_micros": 0}
        await keep_answer(sql, model_id=embedded, kept=kept, **given, **more)

    async def measured() -> set[tuple[float | None, str | None]]:
        rows = await studio.pool.fetch(
            "select agreement, against from model_answer where model_id <> $1", embedded
        )
        return {tuple(row) for row in rows}

    await enriched.do("correct_feature", id=recording, name="genre", text="jazz")
    assert await measured() == {(0.0, "person")}
    assert (
        await studio.pool.fetchval("select against from model_answer where model_id = $1", embedded)
        == "person"
    )
    await enriched.do("release_feature", id=recording, name="genre")
    assert await measured() == {(1.0, "embedded")}
    assert (
        await studio.pool.fetchval("select agreement from model_answer where model_id = $1", embedded) is None
    )
    # The same by undoing the correction, and by saying again what was taken back.
    wrong = await enriched.do("correct_feature", id=recording, name="genre", text="jazz")
    assert await measured() == {(0.0, "person")}
    undone = await enriched.do("revert_change_set", id=str(wrong.change_set_id))
    assert await measured() == {(1.0, "embedded")}
    await enriched.do("revert_change_set", id=str(undone.change_set_id))
    assert await measured() == {(0.0, "person")}
    # One word fewer leaves the other to measure by.
    await enriched.do("correct_feature", id=recording, name="mood", text="energetic")
    await enriched.do("release_feature", id=recording, name="genre")
    assert await measured() == {(1.0, "person")}


async def test_where_models_may_not_be_asked_the_job_says_why(studio: Studio, enriched: Enriched) -> None:
    await studio.pool.execute("update organization set tier = 'free' where id = $1", enriched.owner)
    studio.vllm.then("500")
    recording = await of_champion(enriched)
    await enriched.upload(WAV, recording, "a.wav")
    states = await enriched.work()
    states += await enriched.work()
    assert states[-1] == "queued"  # it is tried again, twice
    job = next(job for job in await enriched.jobs() if job["kind"] == "ask_models_about")
    assert "no model answered" in job["error_text"]
    assert studio.openai.asked == []


async def test_windows_are_cut_in_a_process_of_their_own(tmp_path: Path) -> None:
    good, bad = tmp_path / "a.wav", tmp_path / "b.wav"
    good.write_bytes(THREE[0].wav)
    bad.write_bytes(b"RIFF" + b"\xff" * 200)
    found = await windows_of(good)
    assert isinstance(found, tuple)
    assert [window.wav for window in found] == [THREE[0].wav]
    refused = await windows_of(bad)
    assert isinstance(refused, NotAnalysed)
    assert refused.code.startswith("audio_")
    late = await windows_of(good, wall_s=0.001)
    assert isinstance(late, NotAnalysed)
    assert late.code == "audio_too_complex"


async def test_models_say_nothing_of_sound_that_another_file_took_the_place_of(
    studio: Studio, enriched: Enriched
) -> None:
    recording = await of_champion(enriched)
    older = await enriched.upload(WAV, recording, "older.wav")
    await enriched.upload(SONG, recording, "newer.flac")
    assert set(await enriched.work()) == {"done"}
    jobs = [job for job in await enriched.jobs() if job["kind"] == "ask_models_about"]
    (late,) = [job for job in jobs if job["subject_id"] == older]
    for job in [*(job for job in jobs if job is not late), late]:
        assert await run_job(enriched.yard.house, str(job["id"])) == "done"
    assert (await enriched.result(late["id"]))["state"] == "outdated"
    assert len(studio.vllm.clips) == 1
    claimed = "select count(*) from source_record where source = 'model' and owner_id = $1"
    assert await studio.pool.fetchval(claimed, enriched.owner) == 1


async def test_models_are_not_asked_about_sound_whose_figures_were_undone(
    studio: Studio, enriched: Enriched
) -> None:
    recording = await of_champion(enriched)
    await enriched.upload(WAV, recording, "a.wav")
    assert set(await enriched.work()) == {"done"}
    by_kind = {job["kind"]: job["id"] for job in await enriched.jobs()}
    change_set = (await enriched.result(by_kind["enrich_file"]))["change_set_id"]
    await enriched.do("revert_change_set", id=change_set)
    assert await run_job(enriched.yard.house, str(by_kind["ask_models_about"])) == "done"
    assert (await enriched.result(by_kind["ask_models_about"]))["state"] == "outdated"
    assert (await enriched.figures(recording), studio.vllm.asked, studio.openai.asked) == ({}, [], [])
