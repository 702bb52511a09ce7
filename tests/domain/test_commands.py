"""Writes through dispatch, against the real database."""

import asyncio
import uuid
from typing import Any

import pytest

from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.adapters.postgres import Pool
from domain.claims import Draft
from domain.commands import COMMANDS
from domain.dispatch import open_work
from domain.refusals import (
    InputInvalid,
    KeyInFlight,
    KeyReused,
    NotFound,
    ReferenceMissing,
    Refusal,
    ScopeMissing,
    StillReferred,
    TooMany,
    VersionConflict,
)
from tests.domain.desk import Desk, new_desk

EXAMPLES: dict[str, dict[str, Any]] = {
    "artist": {"name": "Ann", "isni": "0000 0001 2146 438X"},
    "release": {"title": "Blue", "upc": "602557190298", "releaseDate": "2020-02", "media": [{"position": 1}]},
    "recording": {"title": "Song", "isrc": "GB-AYC-17-00598", "durationMs": 1000},
    "work": {
        "title": "Song",
        "iswc": "T-034.524.680-1",
        "writers": [{"name": "Ann", "role": "composer", "share": 50}],
    },
    "video": {"title": "Clip", "isrc": "GBAYC1700599"},
    "podcast": {"title": "Talk", "guid": "g"},
    "book": {"title": "Tale", "isbn": "978-0-306-40615-7"},
    "audiobook": {"title": "Tale", "chapters": [{"title": "One", "startMs": 0, "endMs": 5}]},
}


@pytest.fixture
async def desk(pool: Pool) -> Desk:
    return await new_desk(pool)


async def one_of_each(desk: Desk) -> dict[str, str]:
    """An entity of every kind, those that need others after them."""
    made = {kind: await desk.make(f"create_{kind}", **given) for kind, given in EXAMPLES.items()}
    made["episode"] = await desk.make("create_episode", title="First", podcastId=made["podcast"])
    made["track"] = await desk.make(
        "create_track",
        title="Song",
        releaseId=made["release"],
        mediumPosition=1,
        position=1,
        recordingId=made["recording"],
    )
    made["image"] = await desk.make("create_image", subjectId=made["release"])
    made["credit"] = await desk.make(
        "create_credit", subjectId=made["recording"], artistId=made["artist"], name="Ann", role="MainArtist"
    )
    made["deal"] = await desk.make("create_deal", subjects=[made["release"]], excludedTerritories=["US"])
    return made


async def test_every_kind_is_created_edited_and_deleted(desk: Desk) -> None:
    made = await one_of_each(desk)
    assert len(made) == 13
    for kind, id in made.items():
        await desk.make(f"edit_{kind}", id=id, annotations=[{"key": "k", "value": "v"}], expectedVersion=1)
        (row,) = await desk.fetch(
            f"select version, status, owner_id from {kind} where id = $1", uuid.UUID(id)
        )
        assert row == {"version": 2, "status": "active", "owner_id": desk.viewer.organization_id}
        (note,) = await desk.fetch(
            "select kind, key, value from annotation where entity_id = $1", uuid.UUID(id)
        )
        assert note == {"kind": kind, "key": "k", "value": "v"}
    for kind in ("credit", "image", "deal", "track", "episode", *EXAMPLES):
        await desk.make(f"delete_{kind}", id=made[kind])
        (row,) = await desk.fetch(f"select version, status from {kind} where id = $1", uuid.UUID(made[kind]))
        assert row == {"version": 3, "status": "deleted"}
        with pytest.raises(NotFound):
            await desk.make(f"edit_{kind}", id=made[kind], annotations=[])


async def test_codes_are_kept_in_normal_form_and_territories_are_worked_out(desk: Desk) -> None:
    made = await one_of_each(desk)
    (recording,) = await desk.fetch("select isrc from recording where id = $1", uuid.UUID(made["recording"]))
    assert recording["isrc"] == "GBAYC1700598"
    (deal,) = await desk.fetch("select territories from deal where id = $1", uuid.UUID(made["deal"]))
    assert "DE" in deal["territories"]
    assert "US" not in deal["territories"]


async def test_deleting_a_release_takes_its_tracks_along(desk: Desk) -> None:
    made = await one_of_each(desk)
    outcome = await desk.do("delete_release", id=made["release"])
    (track,) = await desk.fetch("select status from track where id = $1", uuid.UUID(made["track"]))
    assert track["status"] == "deleted"
    await desk.do("revert_change_set", id=str(outcome.change_set_id))
    (track,) = await desk.fetch(
        "select status, medium_position from track where id = $1", uuid.UUID(made["track"])
    )
    assert track == {"status": "active", "medium_position": 1}


@pytest.mark.parametrize(
    ("command", "given", "refusal", "says"),
    [
        ("create_recording", {}, InputInvalid, "title is missing"),
        ("create_recording", {"title": " "}, InputInvalid, "title is empty"),
        ("create_recording", {"title": "x" * 612}, InputInvalid, "title has 612 characters; at most 500"),
        ("create_recording", {"title": "a\x00b"}, InputInvalid, "NUL"),
        ("create_recording", {"title": "x", "isrc": "12"}, InputInvalid, "not an ISRC"),
        ("create_recording", {"title": "x", "durationMs": -1}, InputInvalid, "duration_ms is -1"),
        ("create_recording", {"title": "x", "durationMs": 2**40}, InputInvalid, "duration_ms is"),
        ("create_recording", {"title": "x", "durationMs": "9"}, InputInvalid, "a whole number is asked for"),
        ("create_recording", {"title": "x", "titel": "y"}, InputInvalid, "'titel' is no field"),
        ("create_recording", {"title": "x", "type": "tape"}, InputInvalid, "audio, live_set, dj_mix"),
        ("create_recording", {"title": "x", "works": [str(uuid.uuid4())]}, ReferenceMissing, "no work"),
        ("create_recording", {"title": "x", "works": ["nonsense"]}, ReferenceMissing, "is not an id"),
        ("create_release", {"title": "x", "releaseDate": "2021-02-30"}, InputInvalid, "YYYY-MM-DD"),
        (
            "create_release",
            {"title": "x", "media": [{"position": 1}, {"position": 1}]},
            InputInvalid,
            "twice",
        ),
        ("create_release", {"title": "x", "media": [{"position": 0}]}, InputInvalid, "count from 1"),
        ("create_deal", {"subjects": []}, InputInvalid, "needs subjects"),
        ("create_deal", {"subjects": [str(uuid.uuid4())]}, ReferenceMissing, "no entity"),
        (
            "create_work",
            {"title": "x", "writers": [{"name": "A", "role": "c", "share": 101}]},
            InputInvalid,
            "0 to 100",
        ),
        ("edit_recording", {"id": str(uuid.uuid4()), "title": "x"}, NotFound, "no recording"),
        ("apply_changes", {"changes": []}, TooMany, "1 to 1000"),
        ("apply_changes", {"changes": [{"command": "sing", "input": {}}]}, InputInvalid, "no command"),
        (
            "apply_changes",
            {"changes": [{"command": "createArtist", "input": {"name": 1}}]},
            InputInvalid,
            "text is asked",
        ),
        ("revert_change_set", {"id": str(uuid.uuid4())}, NotFound, "no change set"),
    ],
)
async def test_bad_input_is_refused_with_what_would_do(
    desk: Desk, command: str, given: dict[str, Any], refusal: type[Refusal], says: str
) -> None:
    before = await desk.fetch("select count(*) from source_record")
    with pytest.raises(refusal) as caught:
        await desk.do(command, **given)
    assert says in caught.value.text
    assert await desk.fetch("select count(*) from source_record") == before


async def test_a_stale_version_is_refused_and_the_present_one_named(desk: Desk) -> None:
    id = await desk.make("create_artist", name="Ann")
    await desk.do("edit_artist", id=id, name="Anna", expectedVersion=1)
    with pytest.raises(VersionConflict) as caught:
        await desk.do("edit_artist", id=id, name="Anne", expectedVersion=1)
    assert caught.value.details == {"expected_version": 1, "current_version": 2}


async def test_an_edit_that_says_nothing_new_writes_nothing(desk: Desk) -> None:
    id = await desk.make("create_artist", name="Ann")
    await desk.do("edit_artist", id=id, name="Ann")
    assert len(await desk.fetch("select from change where entity_id = $1", uuid.UUID(id))) == 1


async def test_a_medium_that_has_tracks_stays(desk: Desk) -> None:
    made = await one_of_each(desk)
    with pytest.raises(StillReferred):
        await desk.do("edit_release", id=made["release"], media=[])
    with pytest.raises(ReferenceMissing):
        await desk.do("edit_track", id=made["track"], mediumPosition=7)


async def test_what_belongs_to_others_is_not_found(desk: Desk, pool: Pool) -> None:
    other = await new_desk(pool)
    private = await other.make("create_artist", name="Hidden")
    public = await other.make("create_artist", name="Known", visibility="public")
    for verb in ("edit", "delete"):
        with pytest.raises(NotFound):
            await desk.do(f"{verb}_artist", id=public)
    with pytest.raises(ReferenceMissing):
        await desk.do("create_recording", title="x", artistCredit=[{"name": "Hidden", "artistId": private}])
    await desk.do("create_recording", title="x", artistCredit=[{"name": "Known", "artistId": public}])


async def test_a_token_without_the_scope_writes_nothing(pool: Pool) -> None:
    desk = await new_desk(pool)
    narrow = Desk(
        pool, Viewer(desk.viewer.organization_id, "x", Role.LABEL_USER, frozenset({Scope.CATALOG_READ}))
    )
    for command in COMMANDS:
        with pytest.raises((ScopeMissing, InputInvalid)):
            await narrow.do(command, **({"id": str(uuid.uuid4())} if command.startswith("delete") else {}))
    with pytest.raises(ScopeMissing):
        await narrow.do("create_artist", name="Ann")


async def test_a_key_replays_the_first_answer_and_refuses_another_body(desk: Desk) -> None:
    first = await desk.send("create_artist", key="k1", name="Ann")
    again = await desk.send("create_artist", key="k1", name="Ann")
    assert (again.body, again.replayed) == (first.body, True)
    with pytest.raises(KeyReused):
        await desk.send("create_artist", key="k1", name="Bob")
    with pytest.raises(InputInvalid):
        await desk.send("create_artist", key="k" * 256, name="Bob")
    assert len(await desk.fetch("select from artist where owner_id = $1", desk.viewer.organization_id)) == 1


async def test_many_copies_at_once_have_one_effect(desk: Desk) -> None:
    answers = await asyncio.gather(
        *(desk.send("create_artist", key="storm", name="Ann") for _ in range(12)), return_exceptions=True
    )
    done = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert done
    assert all(isinstance(a, KeyInFlight) for a in answers if isinstance(a, BaseException))
    assert len({answer.body for answer in done}) == 1
    assert len(await desk.fetch("select from artist where owner_id = $1", desk.viewer.organization_id)) == 1


async def test_a_change_list_is_applied_whole_or_not_at_all(desk: Desk) -> None:
    good = {"command": "createArtist", "input": {"name": "Ann"}, "alias": "ann"}
    song = {
        "command": "createRecording",
        "input": {"title": "S", "artistCredit": [{"name": "Ann", "artistId": "@ann"}]},
    }
    bad = {"command": "createRecording", "input": {"title": "S", "isrc": "no"}}
    with pytest.raises(InputInvalid) as caught:
        await desk.do("apply_changes", changes=[good, song, bad])
    assert caught.value.path == ("changes", 2, "input", "isrc")
    assert await desk.fetch("select from artist where owner_id = $1", desk.viewer.organization_id) == []

    dry = await desk.do("apply_changes", changes=[good, song], dryRun=True)
    assert [diff.kind for diff in dry.value.diffs] == ["artist", "recording"]
    assert await desk.fetch("select from change_set where owner_id = $1", desk.viewer.organization_id) == []

    done = await desk.do("apply_changes", changes=[good, song])
    assert [(d.kind, d.op, set(d.diff)) for d in done.value.diffs] == [
        (d.kind, d.op, set(d.diff)) for d in dry.value.diffs
    ]
    assert done.value.diffs[0].diff == dry.value.diffs[0].diff
    assert [result.alias for result in done.value.results] == ["ann", None]
    (set_,) = await desk.fetch("select id from change_set where owner_id = $1", desk.viewer.organization_id)
    assert set_["id"] == done.change_set_id


async def test_a_thousand_changes_are_one_change_set(desk: Desk) -> None:
    steps = [{"command": "createRecording", "input": {"title": f"T{n}"}} for n in range(1000)]
    done = await desk.do("apply_changes", changes=steps)
    (count,) = await desk.fetch("select count(*) from change where change_set_id = $1", done.change_set_id)
    assert count["count"] == 1000


def drafts(title: str = "R", tracks: int = 2) -> list[Draft]:
    credit = [{"name": "Ann", "artist": {"ref": "artist:a"}}]
    made = [
        Draft("artist", "a", {"name": "Ann"}),
        Draft(
            "release",
            "r",
            {"title": title, "upc": "602557190299", "artist_credit": credit, "media": [{"position": 1}]},
        ),
    ]
    for n in range(1, tracks + 1):
        made.append(
            Draft(
                "recording", f"i{n}", {"title": f"T{n}", "isrc": f"GBAYC17{n:05d}", "artist_credit": credit}
            )
        )
        place = {"release_id": {"ref": "release:r"}, "medium_position": 1, "position": n}
        made.append(
            Draft("track", f"r-{n}", {"title": f"T{n}", "recording_id": {"ref": f"recording:i{n}"}, **place})
        )
    return made


async def test_the_same_claims_twice_write_nothing(desk: Desk) -> None:
    async with open_work(desk.pool, desk.viewer, command="ingest") as work:
        first = await work.put(drafts(), source="ern", prefix="P1")
    async with open_work(desk.pool, desk.viewer, command="ingest") as work:
        again = await work.put(drafts(), source="ern", prefix="P1")
        changes = await work.connection.fetchval(
            "select count(*) from change where change_set_id = $1", work.change_set_id
        )
    assert (len(first.created), again.ids, again.changed, changes) == (6, first.ids, set(), 0)


async def test_two_senders_meet_at_the_natural_key_and_a_withdrawal_leaves_the_other(desk: Desk) -> None:
    async with open_work(desk.pool, desk.viewer, command="ingest") as work:
        one = await work.put(drafts("R"), source="ern", prefix="P1")
    async with open_work(desk.pool, desk.viewer, command="ingest") as work:
        two = await work.put(drafts("Later"), source="ern", prefix="P2")
    assert two.ids["recording:i1"] == one.ids["recording:i1"]
    assert two.ids["artist:a"] != one.ids["artist:a"]
    async with open_work(desk.pool, desk.viewer, command="ingest") as work:
        work.withdraw("ern", ["P2|release:r"])
    (row,) = await desk.fetch("select title, status from release where id = $1", one.ids["release:r"])
    assert row == {"title": "R", "status": "active"}
    async with open_work(desk.pool, desk.viewer, command="ingest") as work:
        work.withdraw("ern", ["P1|release:r"])
    (row,) = await desk.fetch("select status from release where id = $1", one.ids["release:r"])
    assert row == {"status": "deleted"}


@pytest.mark.parametrize("field", ["included_territories", "excluded_territories"])
async def test_a_territory_that_no_list_has_is_refused(desk: Desk, field: str) -> None:
    release = await desk.make("create_release", title="R")
    with pytest.raises(InputInvalid, match="'Atlantis' is no territory") as caught:
        await desk.do("create_deal", subjects=[release], **{field: ["DE", "Atlantis"]})
    assert caught.value.path == (field, 1)


async def test_a_correction_survives_the_next_delivery(desk: Desk) -> None:
    async with open_work(desk.pool, desk.viewer, command="ingest") as work:
        one = await work.put(drafts("R"), source="ern", prefix="P1")
    await desk.do("edit_release", id=str(one.ids["release:r"]), title="Mine")
    async with open_work(desk.pool, desk.viewer, command="ingest") as work:
        await work.put(drafts("Theirs"), source="ern", prefix="P1")
    (row,) = await desk.fetch("select title, version from release where id = $1", one.ids["release:r"])
    assert row == {"title": "Mine", "version": 2}


async def test_writers_of_the_same_key_make_one_entity(desk: Desk) -> None:
    async def deliver(prefix: str) -> uuid.UUID:
        async with open_work(desk.pool, desk.viewer, command="ingest") as work:
            made = await work.put(
                [Draft("recording", "x", {"title": "T", "isrc": "GBAYC1799999"})], source="ern", prefix=prefix
            )
        return made.ids["recording:x"]

    assert len(set(await asyncio.gather(*(deliver(f"P{n}") for n in range(5))))) == 1


async def test_a_correction_and_a_delivery_at_once_lose_neither(desk: Desk) -> None:
    async def deliver(n: int) -> None:
        async with open_work(desk.pool, desk.viewer, command="ingest") as work:
            await work.put(
                [Draft("recording", "x", {"title": f"T{n}", "isrc": "GBAYC1788888", "p_line": f"P{n}"})],
                source="ern",
            )

    await deliver(0)
    (made,) = await desk.fetch("select id from recording where owner_id = $1", desk.viewer.organization_id)
    for n in range(1, 15):
        edit = desk.do("edit_recording", id=str(made["id"]), title=f"Mine {n}")
        await asyncio.gather(deliver(n), edit)
        (row,) = await desk.fetch("select title, p_line from recording where id = $1", made["id"])
        assert row == {"title": f"Mine {n}", "p_line": f"P{n}"}
