"""What a delivery does to the catalog, and what it must not do."""

import uuid
from pathlib import Path

import pytest

from domain.adapters.postgres import Pool
from domain.commands import COMMANDS
from domain.dispatch import dispatch
from domain.inputs import parse
from domain.refusals import DeliveryRefused
from tests.jobs.messages import OTHER_SENDER, RECIPIENT, SENDER, Album, day
from tests.jobs.yard import Yard, new_yard


@pytest.fixture
async def yard(pool: Pool, tmp_path: Path) -> Yard:
    """An organization of its own for each test."""
    return await new_yard(pool, tmp_path)


async def test_a_release_arrives_whole(yard: Yard) -> None:
    parcel = await yard.deliver(Album().xml, "drop/Night Ferries.xml")
    row = await parcel.row()
    assert (row["state"], row["format"], row["sender_dpid"], row["recipient_dpid"]) == (
        "applied",
        "ERN 4.3",
        SENDER,
        RECIPIENT,
    )
    assert (row["file_name"], row["message_created_at"], row["releases"]) == ("Night Ferries.xml", day(1), 1)
    assert row["summary"]["counts"]["track"] == {"created": 2}
    (release,) = await yard.alive("release", "id, title, upc, labels")
    assert (release["title"], release["upc"]) == ("Night Ferries", "602557190298")
    assert [r["isrc"] for r in await yard.alive("recording", "isrc")] == ["QZAAA2600001", "QZAAA2600002"]
    tracks = await yard.alive("track", "title, position, release_id")
    assert [(t["title"], t["position"]) for t in tracks] == [("Moorings", 1), ("Tide Table", 2)]
    assert {d["territories"][0] for d in await yard.alive("deal", "territories")} == {"DE"}
    assert await yard.fetch(
        "select distinct change_set_id from change where owner_id = $1", yard.viewer.organization_id
    ) == [{"change_set_id": row["change_set_id"]}]


async def test_the_same_message_again_writes_no_change(yard: Yard) -> None:
    first = await yard.deliver(Album().xml)
    before = await yard.changes()
    again = await yard.deliver(Album().xml)
    assert (again.id, again.known, again.job_id) == (first.id, True, None)
    # The same words in another file are another delivery, and still nothing changes.
    other = await yard.deliver(Album().xml + b"\n")
    assert other.id != first.id
    assert await other.state() == "applied"
    assert (await other.row())["summary"]["counts"]["release"] == {"unchanged": 1}
    assert await yard.changes() == before


async def test_a_newer_message_replaces_what_the_sender_said(yard: Yard) -> None:
    await yard.deliver(Album().xml)
    ids = {t["title"]: t["id"] for t in await yard.alive("track", "id, title")}
    newer = Album(title="Night Ferries (Deluxe)", tracks=("Moorings",), territories=("GB",), created=day(2))
    parcel = await yard.deliver(newer.xml)
    assert await parcel.state() == "applied"
    assert [r["title"] for r in await yard.alive("release")] == ["Night Ferries (Deluxe)"]
    assert [t["id"] for t in await yard.alive("track", "id")] == [ids["Moorings"]]
    assert [r["isrc"] for r in await yard.alive("recording", "isrc")] == ["QZAAA2600001"]
    assert all(d["territories"] == ["GB"] for d in await yard.alive("deal", "territories"))
    counts = (await parcel.row())["summary"]["counts"]
    assert counts["track"] == {"unchanged": 1, "withdrawn": 1}


async def test_an_older_message_is_kept_and_not_applied(yard: Yard) -> None:
    await yard.deliver(Album(created=day(5)).xml)
    before = await yard.changes()
    late = await yard.deliver(Album(title="Old Name", created=day(4)).xml)
    assert await late.state() == "superseded"
    assert await yard.changes() == before
    assert (await late.row())["sha256"]
    assert (await yard.deliver(Album(title="Old Name", created=day(4)).xml)).job_id is None


async def test_what_is_shared_is_told_by_the_newest_message(yard: Yard) -> None:
    """A late message about another album does not take a recording back to what was said before."""
    await yard.deliver(Album(tracks=("Moorings (Remastered)",), created=day(5)).xml)
    await yard.deliver(Album(upc="00602557190304", title="Best Of", tracks=("Moorings",), created=day(4)).xml)
    assert [r["title"] for r in await yard.alive("recording")] == ["Moorings (Remastered)"]
    assert len(await yard.alive("release")) == 2


async def test_a_recording_stays_while_another_release_names_it(yard: Yard) -> None:
    single = Album(upc="00602557190304", title="Tide Table", tracks=("Tide Table",), first=2)
    await yard.deliver(Album().xml)
    await yard.deliver(single.xml)
    await yard.deliver(Album(tracks=("Moorings",), created=day(2)).xml)
    assert [r["title"] for r in await yard.alive("recording")] == ["Moorings", "Tide Table"]
    await yard.deliver(single.purge(day(3)))
    assert [r["title"] for r in await yard.alive("recording")] == ["Moorings"]


async def test_a_purge_counts_only_from_who_delivered(yard: Yard) -> None:
    await yard.deliver(Album().xml)
    stranger = await yard.deliver(Album().purge(day(2), sender=OTHER_SENDER))
    assert await stranger.state() == "refused"
    assert "purge_not_allowed" in await stranger.codes()
    assert len(await yard.alive("release")) == 1
    own = await yard.deliver(Album().purge(day(2)))
    assert await own.state() == "applied"
    assert not await yard.alive("release")
    assert not await yard.alive("track")
    assert not await yard.alive("deal", "id")
    assert await (await yard.deliver(Album(title="Late").xml)).state() == "superseded"
    assert await (await yard.deliver(Album(title="Back again", created=day(3)).xml)).state() == "applied"
    assert [r["title"] for r in await yard.alive("release")] == ["Back again"]


async def test_a_purge_takes_back_only_the_own_word(yard: Yard) -> None:
    await yard.deliver(Album().xml)
    await yard.deliver(Album(sender=OTHER_SENDER, created=day(2)).xml)
    assert len(await yard.alive("release")) == 1
    await yard.deliver(Album().purge(day(3)))
    assert len(await yard.alive("release")) == 1
    assert len(await yard.alive("track")) == 2


async def test_a_purge_of_nothing_says_so_and_is_remembered(yard: Yard) -> None:
    parcel = await yard.deliver(Album().purge(day(2)))
    assert await parcel.state() == "applied"
    assert "purge_of_unknown_release" in await parcel.codes()
    assert await (await yard.deliver(Album().xml)).state() == "superseded"


async def test_a_code_that_comes_later_does_not_make_another_release(yard: Yard) -> None:
    await yard.deliver(Album(upc="", catalog_number="QUAY1").xml)
    (before,) = await yard.alive("release", "id")
    tracks = await yard.alive("track", "id")
    parcel = await yard.deliver(Album(catalog_number="QUAY1", created=day(2)).xml)
    assert await parcel.state() == "applied"
    assert await yard.alive("release", "id, upc") == [{"id": before["id"], "upc": "602557190298"}]
    assert await yard.alive("track", "id") == tracks


async def test_a_test_message_is_judged_and_not_applied(yard: Yard) -> None:
    parcel = await yard.deliver(Album(test=True).xml)
    assert await parcel.state() == "checked"
    assert (await parcel.row())["summary"]["test"] is True
    assert await yard.changes() == 0


async def test_validation_reports_and_applies_nothing(yard: Yard) -> None:
    parcel = await yard.deliver(Album().xml, validate=True)
    assert await parcel.state() == "checked"
    assert "schema_not_checked" in await parcel.codes()
    assert await yard.changes() == 0
    again = await yard.deliver(Album().xml, validate=True)
    assert again.id == parcel.id
    assert again.job_id not in (None, parcel.job_id)
    assert await (await yard.deliver(Album().xml)).state() == "applied"


async def test_a_reused_message_id_is_found(yard: Yard) -> None:
    await yard.deliver(Album(message_id="one").xml)
    parcel = await yard.deliver(Album(message_id="one", title="Other", created=day(2)).xml)
    assert await parcel.state() == "applied"
    assert "message_id_reused" in await parcel.codes()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "xml_doctype_refused"),
        (b"not xml at all", "xml_not_well_formed"),
        (b"\x00\xff\xfe\x00", "xml_not_well_formed"),
        (Album().xml[:-40], "xml_not_well_formed"),
        (b"<a/>", "ern_version_unknown"),
    ],
)
async def test_what_can_not_be_read_is_refused_with_a_finding(yard: Yard, content: bytes, code: str) -> None:
    parcel = await yard.deliver(content)
    assert await parcel.state() == "refused"
    (finding,) = [f for f in await parcel.findings() if f["severity"] == "fatal"]
    assert finding["code"] == code
    assert finding["text"]
    assert await yard.changes() == 0


async def test_an_empty_delivery_is_refused_at_the_door(yard: Yard) -> None:
    with pytest.raises(DeliveryRefused, match="empty"):
        await yard.receive(b"")
    assert not await yard.fetch("select 1 from delivery where owner_id = $1", yard.viewer.organization_id)


async def test_two_organizations_do_not_meet(pool: Pool, yard: Yard, tmp_path: Path) -> None:
    other = await new_yard(pool, tmp_path / "other")
    one, two = await yard.deliver(Album().xml), await other.deliver(Album().xml)
    assert one.id != two.id
    assert [await one.state(), await two.state()] == ["applied", "applied"]
    assert len(await yard.alive("release")) == len(await other.alive("release")) == 1


async def test_a_manual_edit_survives_the_next_delivery(yard: Yard) -> None:
    await yard.deliver(Album().xml)
    (release,) = await yard.alive("release", "id, version")
    command = COMMANDS["edit_release"]
    given = {"id": str(release["id"]), "title": "Night Ferries!", "expectedVersion": release["version"]}
    await dispatch(command, parse(command.ask, given), viewer=yard.viewer, pool=yard.pool, door="test")
    await yard.deliver(Album(title="Night Ferries (2026)", created=day(2)).xml)
    assert [r["title"] for r in await yard.alive("release")] == ["Night Ferries!"]


async def test_receiving_twice_while_the_job_waits_is_one_job(yard: Yard) -> None:
    first = await yard.receive(Album().xml)
    second = await yard.receive(Album().xml)
    assert (first.id, first.job_id) == (second.id, second.job_id)
    assert uuid.UUID(str(first.job_id))
