"""Figures go with the file they were made of: when it is detached, deleted, replaced, and hung on again."""

import dataclasses
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from domain.audio.refused import not_analysed
from domain.claims import MODEL, Draft
from domain.dispatch import open_work
from domain.features.enrich import still, subject_of
from domain.features.fetch import Fetched
from domain.features.known import claim, field_of
from domain.provenance import provenance_of
from jobs.worker import run_job
from tests.audio.made import encoded
from tests.audio.music import RATE_HZ, song
from tests.enrichment.conftest import Studio
from tests.enrichment.test_jobs import sound
from tests.weights import weights_folder


@dataclasses.dataclass(frozen=True)
class Shelf:
    """Where the same bytes lie behind every address."""

    content: bytes

    @asynccontextmanager
    async def open(self, url: str, largest: int) -> AsyncIterator[Fetched]:
        """The bytes."""

        async def stream() -> AsyncIterator[bytes]:
            yield self.content

        yield Fetched("a.flac", "audio/flac", stream())


async def lengths(studio: Studio, recording: str) -> tuple[float | None, int]:
    """How long the sound of a recording is, as it counts, and how many figures there are."""
    figures = await studio.figures(recording)
    found = figures.get("duration_s")
    return (None if found is None else round(found["number"], 1)), len(figures)


async def sources(studio: Studio, recording: str) -> set[str]:
    """Who speaks of the recording's figures."""
    async with studio.yard.pool.acquire() as sql:
        found = await provenance_of(sql, studio.owner, uuid.UUID(recording), ["features."])
    return {one.source for field in found or () for one in field.claims}


async def say(studio: Studio, recording: str, source: str, **figures: str) -> None:
    """Claims of another source."""
    async with open_work(studio.yard.pool, studio.yard.viewer, command="test") as work:
        fields = {
            field_of(name): claim(name, text=text, model="m", model_version="1")
            for name, text in figures.items()
        }
        draft = Draft("recording", recording, fields, exists=False)
        work.stage(draft, source=source, about=uuid.UUID(recording))


async def vectors(studio: Studio, recording: str) -> list[dict[str, Any]]:
    """The vectors of the recording's sound."""
    return await studio.yard.fetch(
        "select of_sha256 from embedding where entity_id = $1 and made_of = 'sound'", uuid.UUID(recording)
    )


async def test_what_was_said_of_a_detached_file_is_taken_back_and_comes_back_with_it(studio: Studio) -> None:
    recording = await studio.recording()
    file = await studio.upload(sound(1.0, bpm="97"), recording)
    await studio.work()
    await say(studio, recording, MODEL, genre="techno")
    await studio.do("correct_feature", id=recording, name="mood", text="calm")
    before = await studio.figures(recording)
    assert before.keys() > {"loudness_lufs", "tempo_bpm", "genre"}
    await studio.do("detach_file", id=str(file))
    assert await studio.work() == ["done"]
    assert (await studio.figures(recording)).keys() == {"mood"}
    assert await sources(studio, recording) == {"manual"}
    (told,) = await studio.enrichments()
    assert (told["state"], told["code"]) == ("failed", "detached")
    # Undone, it counts again; undone again, no more.
    result = await studio.result((await studio.jobs())[-1]["id"])
    assert result["state"] == "taken_back"
    undone = await studio.do("revert_change_set", id=result["change_set_id"])
    assert (await studio.figures(recording)).keys() == before.keys()
    await studio.do("revert_change_set", id=str(undone.change_set_id))
    assert (await studio.figures(recording)).keys() == {"mood"}
    # Hung on again, it is heard without another analysis; models would be asked by a job of their own.
    await studio.do("attach_file", id=str(file), subjectId=recording)
    assert await studio.work() == ["done"]
    assert (await studio.figures(recording)).keys() == before.keys() - {"genre"}
    assert len(studio.ear.asked) == 1


async def test_another_file_speaks_in_the_place_of_one_that_goes(studio: Studio) -> None:
    recording = await studio.recording()
    older = await studio.upload(sound(1.0), recording, "older.flac")
    await studio.work()
    newer = await studio.upload(sound(2.0), recording, "newer.flac")
    await studio.work()
    assert (await lengths(studio, recording))[0] == 2.0
    # One whose word does not count changes nothing by going, and is heard again when it is hung on anew.
    await studio.do("detach_file", id=str(older))
    assert await studio.work() == ["done"]
    assert (await lengths(studio, recording))[0] == 2.0
    await studio.do("attach_file", id=str(older), subjectId=recording)
    await studio.work()
    again = await studio.do("enrich_recording", id=recording)
    await studio.work()
    assert ((await studio.result(again.ids[0]))["done"], (await lengths(studio, recording))[0]) == (1, 2.0)
    await studio.do("delete_file", id=str(newer))
    await studio.work()
    assert (await lengths(studio, recording))[0] == 1.0
    await studio.do("delete_file", id=str(older))
    await studio.work()
    # Bytes are not needed to know how long it is; a deleted file can still be said not to have been it.
    assert (await lengths(studio, recording))[0] == 1.0
    await studio.do("detach_file", id=str(older))
    await studio.work()
    assert await lengths(studio, recording) == (None, 0)
    assert len(studio.ear.asked) == 2


async def test_what_models_said_of_other_sound_goes_when_a_new_file_is_heard(studio: Studio) -> None:
    recording = await studio.recording()
    await studio.upload(sound(), recording)
    await studio.work()
    await say(studio, recording, MODEL, genre="techno")
    await studio.do("enrich_recording", id=recording)
    await studio.work()
    assert (await studio.figures(recording))["genre"]["source"] == MODEL
    await studio.upload(sound(), recording)
    await studio.work()
    assert MODEL not in await sources(studio, recording)


async def test_no_other_file_is_heard_where_the_organization_does_not_want_it(studio: Studio) -> None:
    recording = await studio.recording()
    await studio.do("edit_organization", id=str(studio.owner), enrichUploads=False)
    await studio.upload(sound(1.0), recording)
    newer = await studio.upload(sound(2.0), recording)
    await studio.do("enrich_recording", id=recording)
    await studio.work()
    assert (await lengths(studio, recording))[0] == 2.0
    await studio.do("detach_file", id=str(newer))
    await studio.work()
    assert (await lengths(studio, recording), len(studio.ear.asked)) == ((None, 0), 1)


async def test_the_vector_of_a_sound_goes_and_comes_with_what_is_said_of_it(studio: Studio) -> None:
    studio.ear.weights = str(weights_folder())
    recording = await studio.recording()
    heard = song(120.0, 0, "major", seconds=4.0)
    file = await studio.upload(encoded(heard[None], "flac", "flac", rate_hz=RATE_HZ), recording)
    await studio.work()
    first = await vectors(studio, recording)
    assert len(first) == 1
    await studio.do("detach_file", id=str(file))
    await studio.work()
    assert await vectors(studio, recording) == []
    result = await studio.result((await studio.jobs())[-1]["id"])
    await studio.do("revert_change_set", id=result["change_set_id"])
    assert await vectors(studio, recording) == first


async def test_a_merged_recording_is_heard_as_the_other_and_gets_its_own_back(studio: Studio) -> None:
    studio.ear.weights = str(weights_folder())
    kept, merged = await studio.recording("kept"), await studio.recording("merged")
    heard = song(97.0, 0, "major", seconds=4.0)
    await studio.upload(encoded(heard[None], "flac", "flac", rate_hz=RATE_HZ), merged)
    await studio.work()
    (own,) = await vectors(studio, merged)
    figures = await studio.figures(merged)

    async def merge(into: str | None) -> None:
        async with studio.yard.pool.acquire() as sql, sql.transaction():
            await sql.execute(
                "update recording set status = $2, version = version + 1 where id = $1",
                uuid.UUID(merged),
                "deleted" if into else "draft",
            )
            await sql.execute(
                "update entity set merged_into_id = $2 where id = $1",
                uuid.UUID(merged),
                uuid.UUID(into) if into else None,
            )

    async def enrich(recording: str) -> dict[str, Any]:
        asked = await studio.do("enrich_recording", id=recording)
        await studio.work()
        return await studio.result(asked.ids[0])

    await merge(kept)
    assert await vectors(studio, kept) == [own]
    # The files of both are heard, each once: the figures are there, and no analysis is made anew.
    assert (await enrich(kept))["done"] == 1
    assert (await enrich(merged))["up_to_date"] == 1
    assert (await studio.figures(kept)).keys() == figures.keys()
    assert len(await vectors(studio, kept)) == len(studio.ear.asked) == 1
    assert await sources(studio, merged) == await sources(studio, kept) == {"analysis"}
    # Parted, each has its own again; what was said of one because of the other's file can be taken back.
    await merge(None)
    assert await vectors(studio, merged) == [own]
    assert await vectors(studio, kept) == []
    assert (await studio.figures(merged)).keys() == figures.keys()
    assert await sources(studio, merged) == {"analysis"}


async def test_a_run_that_was_cut_off_is_ended_by_the_next(studio: Studio) -> None:
    recording, other = await studio.recording(), await studio.recording("other")
    await studio.upload(sound(1.0), recording, "older.flac")
    for job in await studio.jobs():
        await studio.do("cancel_job", jobId=str(job["id"]))
    newer = await studio.upload(sound(2.0), recording, "newer.flac")
    await studio.work()
    await studio.do("detach_file", id=str(newer))
    # Hung on another meanwhile, it is that one's sound.
    await studio.do("attach_file", id=str(newer), subjectId=other)
    heard = studio.ear.analyse

    async def breaks(*_: object) -> Any:
        raise ConnectionError("cut off")

    studio.ear.analyse = breaks  # type: ignore[method-assign,assignment]
    assert await studio.work() == ["queued", "done"]
    assert await lengths(studio, recording) == (None, 0)
    studio.ear.analyse = heard  # type: ignore[method-assign]
    (again,) = [job for job in await studio.jobs() if job["state"] == "queued"]
    await studio.yard.pool.execute("update job set run_at = clock_timestamp() where id = $1", again["id"])
    assert await studio.work() == ["done"]
    result = await studio.result(again["id"])
    assert (result["taken_back"], result["state"]) == (True, "done")
    assert (await lengths(studio, recording))[0] == 1.0
    assert (await lengths(studio, other))[0] == 2.0


async def test_a_file_that_was_tried_again_in_vain_takes_its_figures_along(studio: Studio) -> None:
    recording = await studio.recording()
    file = await studio.upload(sound(1.0), recording)
    await studio.work()
    heard = studio.ear.analyse

    async def ended(*_: object) -> Any:
        return not_analysed("audio_interrupted", "its process was ended")

    studio.ear.analyse = ended  # type: ignore[method-assign,assignment]
    studio.ear.versions = {**studio.ear.versions, "tempo": "another"}
    await studio.do("enrich_recording", id=recording)
    assert await studio.work() == ["done"]
    (told,) = await studio.enrichments()
    assert (told["state"], told["code"]) == ("failed", "audio_interrupted")
    assert (await lengths(studio, recording))[0] == 1.0
    studio.ear.analyse = heard  # type: ignore[method-assign]
    await studio.do("detach_file", id=str(file))
    assert await studio.work() == ["done"]
    assert await lengths(studio, recording) == (None, 0)


async def test_a_file_that_is_detached_while_it_is_tried_again_takes_its_figures_along(
    studio: Studio,
) -> None:
    recording = await studio.recording()
    file = await studio.upload(sound(1.0), recording)
    await studio.work()
    heard = studio.ear.analyse

    async def detached(path: Path, parts: frozenset[str]) -> Any:
        await studio.do("detach_file", id=str(file))
        return await heard(path, parts)

    studio.ear.analyse = detached  # type: ignore[method-assign]
    studio.ear.versions = {**studio.ear.versions, "tempo": "another"}
    await studio.do("enrich_recording", id=recording)
    assert await studio.work() == ["done"]
    studio.ear.analyse = heard  # type: ignore[method-assign]
    assert await studio.work() == ["done"]
    assert await lengths(studio, recording) == (None, 0)


async def test_nobody_detaches_a_file_between_the_look_at_it_and_its_word(studio: Studio) -> None:
    recording = await studio.recording()
    file = await studio.upload(sound(1.0), recording)
    async with studio.yard.pool.acquire() as sql, sql.transaction():
        subject = await subject_of(sql, studio.owner, file)
        assert subject is not None
        assert await still(sql, studio.owner, subject, hung=True)
        async with studio.yard.pool.acquire() as other:
            free = "select id from file where id = $1 for update skip locked"
            assert await other.fetchval(free, file) is None


async def test_what_was_said_of_another_recording_than_it_hangs_on_stays(studio: Studio) -> None:
    hung, fetched = await studio.recording("hung"), await studio.recording("fetched")
    content = sound(1.0)
    file = await studio.upload(content, hung)
    await studio.work()
    extract = await studio.do(
        "extract_audio_features",
        entityType="recording",
        entityId=fetched,
        audioUri="https://sound.example/a.flac",
    )
    house = dataclasses.replace(studio.yard.house, fetcher=Shelf(content))
    assert await run_job(house, str(extract.ids[0])) == "done"
    assert (await lengths(studio, fetched))[0] == 1.0
    await studio.do("detach_file", id=str(file))
    assert await studio.work() == ["done"]
    assert await lengths(studio, hung) == (None, 0)
    assert (await lengths(studio, fetched))[0] == 1.0


async def test_a_detached_file_takes_along_what_it_said_before_and_after_a_merge(studio: Studio) -> None:
    kept, merged = await studio.recording("kept"), await studio.recording("merged")
    file = await studio.upload(sound(1.0), merged)
    await studio.work()
    async with studio.yard.pool.acquire() as sql, sql.transaction():
        await sql.execute(
            "update recording set status = 'deleted', version = version + 1 where id = $1", uuid.UUID(merged)
        )
        await sql.execute(
            "update entity set merged_into_id = $2 where id = $1", uuid.UUID(merged), uuid.UUID(kept)
        )
    await studio.do("enrich_recording", id=kept)
    await studio.work()
    assert (await lengths(studio, kept))[0] == 1.0
    await studio.do("detach_file", id=str(file))
    assert await studio.work() == ["done"]
    assert await lengths(studio, kept) == (None, 0)
    assert await sources(studio, kept) == set()


async def test_what_models_said_goes_too_when_a_file_speaks_that_spoke_before(studio: Studio) -> None:
    recording = await studio.recording()
    await studio.upload(sound(1.0), recording, "older.flac")
    await studio.work()
    newer = await studio.upload(sound(2.0), recording, "newer.flac")
    await studio.work()
    await say(studio, recording, MODEL, genre="techno")
    await studio.do("delete_file", id=str(newer))
    await studio.work()
    assert (await lengths(studio, recording))[0] == 1.0
    assert MODEL not in await sources(studio, recording)


async def test_what_was_taken_back_comes_back_where_uploads_are_not_enriched_too(studio: Studio) -> None:
    recording, other = await studio.recording(), await studio.recording("other")
    await studio.do("edit_organization", id=str(studio.owner), enrichUploads=False)
    file = await studio.upload(sound(1.0), recording)
    await studio.do("enrich_recording", id=recording)
    await studio.work()
    await studio.do("detach_file", id=str(file))
    assert await studio.work() == ["done"]
    await studio.do("attach_file", id=str(file), subjectId=other)
    assert await studio.work() == []
    await studio.do("detach_file", id=str(file))
    await studio.do("attach_file", id=str(file), subjectId=recording)
    assert await studio.work() == ["done"]
    assert ((await lengths(studio, recording))[0], len(studio.ear.asked)) == (1.0, 1)


async def test_a_vector_goes_when_another_file_is_heard_that_has_none(studio: Studio) -> None:
    studio.ear.weights = str(weights_folder())
    recording = await studio.recording()
    heard = song(120.0, 0, "major", seconds=4.0)
    await studio.upload(encoded(heard[None], "flac", "flac", rate_hz=RATE_HZ), recording)
    await studio.work()
    assert len(await vectors(studio, recording)) == 1
    studio.ear.weights = ""
    await studio.upload(sound(1.0), recording)
    await studio.work()
    assert (await lengths(studio, recording))[0] == 1.0
    assert await vectors(studio, recording) == []


async def test_a_file_in_whose_place_nobody_spoke_yet_is_not_up_to_date(studio: Studio) -> None:
    recording = await studio.recording()
    await studio.upload(sound(1.0), recording, "older.flac")
    await studio.work()
    newer = await studio.upload(sound(2.0), recording, "newer.flac")
    await studio.work()
    await studio.do("detach_file", id=str(newer))
    (job,) = [job for job in await studio.jobs() if job["state"] == "queued"]
    deaf = dataclasses.replace(studio.yard.house, analyser=None)
    assert await run_job(deaf, str(job["id"])) == "queued"
    await studio.do("cancel_job", jobId=str(job["id"]))
    assert await lengths(studio, recording) == (None, 0)
    for done in (1, 0):
        asked = await studio.do("enrich_recording", id=recording)
        await studio.work()
        assert (await studio.result(asked.ids[0]))["done"] == done
        assert (await lengths(studio, recording))[0] == 1.0
