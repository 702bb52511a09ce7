"""Figures of a recording: each a claim of its own, with lock, provenance, history and undo of its own."""

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.adapters.postgres import Pool
from domain.claims import Draft
from domain.dispatch import open_work
from domain.features.keys import TONICS, key_of
from domain.features.known import FIGURES, claim, field_of
from domain.provenance import provenance_of
from domain.refusals import InputInvalid, NotFound, VersionConflict
from tests.domain.desk import Desk, new_desk

MADE = {"model": "m", "model_version": "1"}


@pytest.fixture
async def desk(pool: Pool) -> Desk:
    return await new_desk(pool)


async def say(desk: Desk, recording: str, source: str, **figures: dict[str, Any]) -> uuid.UUID:
    """Claims of a source about a recording, as enrichment makes them; gives the change set."""
    async with open_work(desk.pool, desk.viewer, command="test") as work:
        fields = {field_of(name): claim(name, **{**MADE, **value}) for name, value in figures.items()}
        draft = Draft("recording", recording, fields, exists=False)
        work.stage(draft, source=source, about=uuid.UUID(recording))
        return work.change_set_id


async def figures(desk: Desk, recording: str) -> dict[str, Any]:
    """The figures as they count: name → (number or text, source)."""
    rows = await desk.fetch("select * from audio_feature where recording_id = $1", uuid.UUID(recording))
    return {
        row["name"]: (row["number"] if row["text"] is None else row["text"], row["source"]) for row in rows
    }


async def test_what_is_measured_comes_before_what_a_file_says_and_both_are_told(desk: Desk) -> None:
    recording = await desk.make("create_recording", title="A")
    await say(desk, recording, "tags", tempo_bpm={"number": 90.0, "basis": "said"})
    assert await figures(desk, recording) == {"tempo_bpm": (90.0, "tags")}
    rivals = [{"number": 60.0, "confidence": 0.2}]
    await say(desk, recording, "analysis", tempo_bpm={"number": 120.5, "confidence": 0.9, "rivals": rivals})
    assert await figures(desk, recording) == {"tempo_bpm": (120.5, "analysis")}
    async with desk.pool.acquire() as sql:
        found = await provenance_of(sql, desk.viewer.organization_id, uuid.UUID(recording), ["features."])
    assert found is not None
    ((field, claims),) = [(one.field, one.claims) for one in found]
    assert field == "features.tempo_bpm"
    assert [(one.source, one.value["number"], one.confidence) for one in claims] == [
        ("analysis", 120.5, 0.9),
        ("tags", 90.0, None),
    ]


async def test_an_unknown_that_was_measured_stays_unknown(desk: Desk) -> None:
    recording = await desk.make("create_recording", title="A")
    await say(desk, recording, "tags", tempo_bpm={"number": 90.0})
    await say(desk, recording, "analysis", tempo_bpm={"reason": "no beat"})
    (row,) = await desk.fetch(
        "select number, reason, source from audio_feature where recording_id = $1", uuid.UUID(recording)
    )
    assert row == {"number": None, "reason": "no beat", "source": "analysis"}


async def test_no_language_model_overwrites_what_was_measured(desk: Desk) -> None:
    recording = await desk.make("create_recording", title="A")
    async with desk.pool.acquire() as sql:
        await sql.execute(
            "insert into source_policy (owner_id, kind, field, sources) values ($1, 'recording', '*', $2)",
            desk.viewer.organization_id,
            ["model", "analysis", "manual"],
        )
    await say(desk, recording, "analysis", tempo_bpm={"number": 120.0}, genre={"text": "techno"})
    await say(
        desk,
        recording,
        "model",
        tempo_bpm={"number": 60.0, "confidence": 1.0},
        genre={"text": "house", "confidence": 0.9},
    )
    assert await figures(desk, recording) == {"tempo_bpm": (120.0, "analysis"), "genre": ("house", "model")}


async def test_a_persons_word_stands_until_it_is_taken_back(desk: Desk) -> None:
    recording = await desk.make("create_recording", title="A")
    await say(desk, recording, "analysis", tempo_bpm={"number": 120.0}, key={"text": "A minor"})
    await desk.do("correct_feature", id=recording, name="tempo_bpm", number=60, lock=True)
    await desk.do("correct_feature", id=recording, name="key", text="8B")
    await say(desk, recording, "analysis", tempo_bpm={"number": 121.0}, key={"text": "E minor"})
    assert await figures(desk, recording) == {"tempo_bpm": (60.0, "manual"), "key": ("C major", "manual")}
    (row,) = await desk.fetch(
        "select detail from audio_feature where name = 'key' and recording_id = $1", uuid.UUID(recording)
    )
    assert json.loads(row["detail"]) == {"camelot": "8B", "open_key": "1d"}
    locked = await desk.fetch(
        "select name from audio_feature where locked and recording_id = $1", uuid.UUID(recording)
    )
    assert [row["name"] for row in locked] == ["tempo_bpm"]
    await desk.do("correct_feature", id=recording, name="key", unknown=True)
    assert (await figures(desk, recording))["key"] == (None, "manual")
    for name in ("tempo_bpm", "key"):
        await desk.do("release_feature", id=recording, name=name)
    assert await figures(desk, recording) == {
        "tempo_bpm": (121.0, "analysis"),
        "key": ("E minor", "analysis"),
    }
    with pytest.raises(NotFound):
        await desk.do("release_feature", id=recording, name="key")
    # Taking back what took it back brings the word, and the lock on it, back.
    await desk.do("correct_feature", id=recording, name="tempo_bpm", number=60, lock=True)
    released = await desk.do("release_feature", id=recording, name="tempo_bpm")
    await desk.do("revert_change_set", id=str(released.change_set_id))
    (row,) = await desk.fetch(
        "select number, locked from audio_feature where recording_id = $1 and name = 'tempo_bpm'",
        uuid.UUID(recording),
    )
    assert row == {"number": 60.0, "locked": True}


async def test_each_figure_has_its_own_history_and_is_undone_alone(desk: Desk) -> None:
    recording = await desk.make("create_recording", title="A")
    first = await say(desk, recording, "analysis", tempo_bpm={"number": 120.0}, key={"text": "A minor"})
    wrong = (await desk.do("correct_feature", id=recording, name="tempo_bpm", number=61)).change_set_id
    await desk.do("correct_feature", id=recording, name="key", text="Db")
    await desk.do("revert_change_set", id=str(wrong))
    assert await figures(desk, recording) == {"tempo_bpm": (120.0, "analysis"), "key": ("C# major", "manual")}
    rows = await desk.fetch(
        "select diff -> 'features.tempo_bpm' as diff, version_after from change "
        "where entity_id = $1 and diff ? 'features.tempo_bpm' order by seq",
        uuid.UUID(recording),
    )
    told = [[side and side["number"] for side in json.loads(row["diff"])] for row in rows]
    assert told == [[None, 120.0], [120.0, 61.0], [61.0, 120.0]]
    assert [row["version_after"] for row in rows] == [2, 3, 5]
    conflict = await _refused(desk, "revert_change_set", id=str(first))
    assert "features.key" in conflict


async def test_the_same_claims_twice_change_nothing(desk: Desk) -> None:
    recording = await desk.make("create_recording", title="A")
    given: dict[str, dict[str, Any]] = {
        "tempo_bpm": {"number": 0.1 + 119.2},
        "quality": {"text": "good", "detail": {"flags": []}},
    }
    await say(desk, recording, "analysis", **given)
    before = await desk.fetch("select version, updated_at from recording where id = $1", uuid.UUID(recording))
    await say(desk, recording, "analysis", **given)
    assert before == await desk.fetch(
        "select version, updated_at from recording where id = $1", uuid.UUID(recording)
    )
    await say(desk, recording, "analysis", quality={"text": "good", "detail": {"flags": []}})
    assert set(await figures(desk, recording)) == {"quality"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "tempo_bpm", "number": 1000}, "20 to 400 will do"),
        ({"name": "tempo_bpm", "text": "fast"}, "tempo_bpm is a number"),
        ({"name": "key", "text": "X minor"}, "a key as 'C major'"),
        ({"name": "key", "number": 1}, "key is a text"),
        ({"name": "loudest", "number": 1}, "no figure"),
        ({"name": "genre"}, "a number or a text is asked for"),
        ({"name": "genre", "text": "x", "unknown": True}, "neither of them"),
        ({"name": "genre", "text": "x", "number": 1}, "one of them"),
        ({"name": "genre", "text": " "}, "1 to 2000 will do"),
        ({"name": "genre", "text": "ro\x00ck"}, "genre has a NUL"),
        ({"name": "genre", "text": "\ud800"}, "half a surrogate pair"),
    ],
)
async def test_what_can_not_be_said_of_a_figure_is_refused(desk: Desk, given: Any, said: str) -> None:
    recording = await desk.make("create_recording", title="A")
    with pytest.raises(InputInvalid, match=said):
        await desk.do("correct_feature", id=recording, **given)


async def test_a_correction_is_of_the_own_recording_and_of_the_version_that_was_read(desk: Desk) -> None:
    recording = await desk.make("create_recording", title="A")
    stranger = await new_desk(desk.pool)
    with pytest.raises(NotFound):
        await stranger.do("correct_feature", id=recording, name="genre", text="rock")
    async with desk.pool.acquire() as sql:
        assert await provenance_of(sql, stranger.viewer.organization_id, uuid.UUID(recording)) is None
    with pytest.raises(VersionConflict):
        await desk.do("correct_feature", id=recording, name="genre", text="rock", expectedVersion=7)


@given(st.sampled_from(TONICS), st.sampled_from(("major", "minor")))
def test_keys_are_read_as_they_are_written(tonic: str, scale: str) -> None:
    short = "m" if scale == "minor" else ""
    for text in (f"{tonic} {scale}", f"{tonic}{short}", f"{tonic.lower()} {scale[:3]}", f" {tonic}{scale} "):
        assert key_of(text) == (tonic, scale)


def test_the_wheels_of_those_who_mix_are_read() -> None:
    assert [key_of(text) for text in ("8A", "08b", "12A", "1A", "1m", "1d", "7d", "5A")] == [
        ("A", "minor"),
        ("C", "major"),
        ("C#", "minor"),
        ("Ab", "minor"),
        ("A", "minor"),
        ("C", "major"),
        ("F#", "major"),
        ("C", "minor"),
    ]
    assert [key_of(text) for text in ("", "o", "13A", "H#b", "C sharpish", "Am/C")] == [None] * 6
    assert key_of("Bbm") == ("Bb", "minor")
    assert key_of("fis moll") == ("F#", "minor")
    assert [key_of(text) for text in ("As", "Es dur", "Fs", "Gs minor")] == [
        ("Ab", "major"),
        ("Eb", "major"),
        None,
        None,
    ]


def test_every_figure_is_a_number_or_a_text_and_says_what_it_is() -> None:
    for figure in FIGURES.values():
        assert figure.about
        assert figure.is_number or not figure.unit


async def _refused(desk: Desk, name: str, **given: Any) -> str:
    from domain.refusals import Refusal

    with pytest.raises(Refusal) as refused:
        await desk.do(name, **given)
    return refused.value.text
