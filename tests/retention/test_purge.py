"""Deleted entities are purged whole when their time is over; what can't be undone any more says so."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.refusals import HistoryGone
from domain.retention.purge import NAME, TOMBSTONES
from tests.domain.desk import Desk, new_desk
from tests.retention.conftest import SECOND, WEEK, Attic
from tests.retention.test_holds import hold

GONE_AT = datetime(2024, 1, 31, tzinfo=UTC)
DUE = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
async def desk(attic: Attic) -> Desk:
    """An organization at work."""
    return await new_desk(attic.pool)


async def release(desk: Desk) -> tuple[str, str, Any]:
    """A release with a track and values of each sort; gives the ids and the change set of the track."""
    made = await desk.make(
        "create_release",
        title="Post",
        artistCredit=[{"name": "B"}],
        titles=[{"text": "Poste"}],
        media=[{"position": 1}],
    )
    track = await desk.do("create_track", title="T", releaseId=made, mediumPosition=1, position=1)
    return made, str(track.ids[0]), track.change_set_id


async def buried(attic: Attic, kind: str, id: str, at: datetime = GONE_AT) -> None:
    """Say that an entity was deleted at an instant."""
    await attic.sql.execute(
        f"update {kind} set updated_at = $2, version = version + 1 where id = $1", uuid.UUID(id), at
    )


async def left(attic: Attic, id: str) -> dict[str, int]:
    """What there still is of an entity."""
    one = uuid.UUID(id)
    asked = {
        "entity": "select count(*) from entity where id = $1",
        "title": "select count(*) from title where entity_id = $1",
        "mapping": "select count(*) from source_mapping where entity_id = $1",
        "record": "select count(*) from source_record where claims::text like '%' || $1 || '%' "
        "or external_id like '%' || $1 || '%'",
        "history": "select count(*) from change where entity_id = $1",
    }
    return {
        name: await attic.sql.fetchval(query, id if name == "record" else one)
        for name, query in asked.items()
    }


async def test_a_release_goes_with_its_tracks_and_leaves_its_history(attic: Attic, desk: Desk) -> None:
    album, track, change_set = await release(desk)
    keeps, _, _ = await release(desk)
    await desk.do("delete_track", id=track)
    await desk.do("delete_release", id=album)
    history = (await left(attic, album))["history"]
    for kind, id in (("track", track), ("release", album)):
        await buried(attic, kind, id)
    await attic.run(DUE - WEEK)
    assert (await attic.run(DUE - SECOND)).gone[NAME] == 0
    assert {line.rule for line in await attic.plan(DUE)} == {NAME}
    assert (await attic.run(DUE)).gone[NAME] == 2
    for id in (album, track):
        found = await left(attic, id)
        assert {name: count for name, count in found.items() if name != "history"} == dict.fromkeys(
            ("entity", "title", "mapping", "record"), 0
        )
    assert (await left(attic, album))["history"] == history + 2  # the burial of this test, and the purge
    last = await attic.sql.fetchrow(
        "select c.op, c.class, s.command from change c join change_set s on s.id = c.change_set_id "
        "where c.entity_id = $1 order by c.seq desc limit 1",
        uuid.UUID(album),
    )
    assert tuple(last) == ("delete", "catalog", "retain")
    assert (await left(attic, keeps))["entity"] == 1
    with pytest.raises(HistoryGone):
        await desk.do("revert_change_set", id=str(change_set))
    assert (await attic.run(DUE)).gone[NAME] == 0


async def test_undo_of_a_set_of_which_a_part_was_purged_does_nothing(attic: Attic, desk: Desk) -> None:
    steps = [{"command": "createArtist", "input": {"name": name}} for name in ("a", "b")]
    done = await desk.do("apply_changes", changes=steps)
    ids = [result.id for result in done.value.results]
    await desk.do("delete_artist", id=ids[0])
    await buried(attic, "artist", ids[0])
    await attic.run(DUE - WEEK)
    assert (await attic.run(DUE)).gone[NAME] == 1
    before = await attic.sql.fetchval("select count(*) from change")
    with pytest.raises(HistoryGone):
        await desk.do("revert_change_set", id=str(done.change_set_id))
    assert await attic.sql.fetchval("select count(*) from change") == before
    assert await attic.sql.fetchval("select status from artist where id = $1", uuid.UUID(ids[1])) == "active"


async def test_what_something_points_at_waits_for_it(attic: Attic, desk: Desk) -> None:
    album, track, _ = await release(desk)
    await desk.do("delete_track", id=track)
    await desk.do("delete_release", id=album)
    later = DUE + timedelta(days=20)
    await buried(attic, "release", album)
    await buried(attic, "track", track, GONE_AT + timedelta(days=20))
    await attic.run(DUE - WEEK)
    assert (await attic.run(DUE)).gone[NAME] == 0
    assert (await left(attic, album))["title"] == 1
    await attic.run(later - WEEK)
    assert (await attic.run(later)).gone[NAME] == 2


async def test_a_hold_on_an_entity_and_the_servers_clock_win(attic: Attic, desk: Desk) -> None:
    held, fresh = [await desk.make("create_artist", name=name) for name in ("a", "b")]
    for id in (held, fresh):
        await desk.do("delete_artist", id=id)
    await buried(attic, "artist", held)
    await attic.run(DUE - WEEK)
    await hold(attic, desk.viewer.organization_id, "entity", uuid.UUID(held))
    assert (await attic.run(DUE)).gone[NAME] == 0
    async with attic.step() as sql:
        ids = [uuid.UUID(held), uuid.UUID(fresh)]
        assert await sql.fetch("select catalog_purge('artist', $1)", ids) == []
    await attic.sql.execute("update legal_hold set released_at = now()")
    assert (await attic.run(DUE)).gone[NAME] == 1


@pytest.mark.parametrize("table", ["organization", "change", "user_account", "entity; drop table x"])
async def test_only_content_can_be_purged(attic: Attic, table: str) -> None:
    with pytest.raises(Exception, match=r"no kind of content|does not exist|syntax|invalid name"):
        async with attic.step() as sql:
            await sql.fetch("select catalog_purge($1, $2)", table, [uuid.uuid4()])


async def test_the_same_source_may_tell_of_it_again_afterwards(attic: Attic, desk: Desk) -> None:
    from domain.claims import Draft
    from domain.dispatch import open_work

    async def told(exists: bool) -> uuid.UUID:
        async with open_work(attic.pool, desk.viewer, command="test") as work:
            if not exists:
                work.withdraw("feed", ["artist:1"])
                await work.flush()
                return uuid.UUID(int=0)
            put = await work.put([Draft("artist", "1", {"name": "A"})], source="feed")
            return put.ids["artist:1"]

    first = await told(True)
    await told(False)
    await buried(attic, "artist", str(first))
    await attic.run(DUE - WEEK)
    assert (await attic.run(DUE)).gone[NAME] == 1
    again = await told(True)
    assert again != first
    assert await attic.sql.fetchval("select status from artist where id = $1", again) == "active"


def test_what_points_at_others_is_purged_first() -> None:
    order = list(TOMBSTONES)
    assert order.index("track") < order.index("release") < order.index("recording") < order.index("artist")
    assert order.index("credit") < order.index("release")
