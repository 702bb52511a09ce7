"""What commands and HTTP say of rows that are not the caller's: the same as of rows that are not there."""

import asyncio
import re
import uuid
from typing import Any

import asyncpg
import httpx2
import pytest

from domain.access.viewer import Viewer
from domain.adapters.postgres import Pool
from domain.ids import decode_id, encode_id
from domain.refusals import NotFound, ReferenceMissing, Refusal
from tests.api.conftest import THEIRS, House
from tests.domain.desk import Desk, new_desk


async def license_to(licensor: Desk, licensee: Desk, *subjects: str, **terms: Any) -> str:
    """A deal with an organization, by its id, which no source can claim."""
    deal = await licensor.make("create_deal", subjects=list(subjects), **terms)
    await licensor.fetch(
        "update deal set licensee_id = $1, version = version + 1 where id = $2",
        licensee.viewer.organization_id,
        uuid.UUID(deal),
    )
    return deal


def bound(desk: Desk, *territories: str) -> Desk:
    """The same desk, limited to territories."""
    of = desk.viewer
    return Desk(desk.pool, Viewer(of.organization_id, of.actor, of.role, of.scopes, territories=territories))


async def told(desk: Desk, name: str, /, **given: Any) -> tuple[type[Refusal], str]:
    """What a command is refused with; ids in the text made equal."""
    with pytest.raises(Refusal) as refused:
        await desk.do(name, **given)
    return type(refused.value), re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", str(refused.value))


async def test_rows_of_others_are_not_there_for_any_write(fresh_pool: Pool) -> None:
    licensor, licensee, third = [await new_desk(fresh_pool) for _ in range(3)]
    ids: dict[str, str] = {}
    for kind in ("artist", "release", "recording", "work", "podcast", "book"):
        ids[kind] = await licensor.make(
            f"create_{kind}", **{"name" if kind == "artist" else "title": "Closed"}
        )
    await license_to(licensor, licensee, *ids.values())
    for desk in (licensee, bound(licensee, "DE"), third):
        for kind, id in ids.items():
            for verb in ("edit", "delete"):
                absent = await told(desk, f"{verb}_{kind}", id=str(uuid.uuid4()))
                assert await told(desk, f"{verb}_{kind}", id=id) == absent
                assert absent[0] is NotFound
    assert {row["version"] for row in await licensor.fetch("select version from release")} == {1}


async def test_a_reference_reaches_what_is_seen_and_no_further(fresh_pool: Pool) -> None:
    licensor, licensee, third = [await new_desk(fresh_pool) for _ in range(3)]
    closed = await licensor.make("create_artist", name="Closed")
    shared = await licensor.make("create_artist", name="Shared")
    public = await licensor.make("create_artist", name="Public", visibility="public")
    await license_to(licensor, licensee, shared, included_territories=["DE"])

    def naming(artist: str) -> dict[str, Any]:
        return {"title": "Ours", "artist_credit": [{"name": "A", "artist_id": artist}]}

    absent = await told(licensee, "create_recording", **naming(str(uuid.uuid4())))
    assert absent[0] is ReferenceMissing
    reached = {
        "licensee": (licensee, {shared, public}),
        "in DE": (bound(licensee, "DE"), {shared}),
        "in FR": (bound(licensee, "FR"), set()),
        "third": (third, {public}),
        "third in DE": (bound(third, "DE"), set()),
    }
    for name, (desk, seen) in reached.items():
        for artist in (closed, shared, public):
            if artist in seen:
                assert await desk.make("create_recording", **naming(artist)), name
            else:
                assert await told(desk, "create_recording", **naming(artist)) == absent, name
                step = {"command": "create_recording", "input": {"title": "x", **naming(artist)}}
                several = await told(desk, "apply_changes", changes=[step], dry_run=True)
                assert several[0] is ReferenceMissing, name
                assert several[1] == absent[1]


async def test_a_deal_names_its_owners_rows_only(fresh_pool: Pool) -> None:
    ours, theirs = await new_desk(fresh_pool), await new_desk(fresh_pool)
    public = await theirs.make("create_release", title="Public", visibility="public")
    own = await ours.make("create_release", title="Own")
    kind, text = await told(ours, "create_deal", subjects=[own, public])
    assert kind is ReferenceMissing
    assert "another organization's" in text
    deal = await ours.make("create_deal", subjects=[own])
    assert (await told(ours, "edit_deal", id=deal, subjects=[public]))[0] is ReferenceMissing
    hidden = await theirs.make("create_release", title="Hidden")
    absent = await told(ours, "create_deal", subjects=[str(uuid.uuid4())])
    assert await told(ours, "create_deal", subjects=[hidden]) == absent


async def test_rows_of_others_neither_hold_up_a_revert_nor_are_told_of(fresh_pool: Pool) -> None:
    ours, theirs = await new_desk(fresh_pool), await new_desk(fresh_pool)
    made = await ours.do("create_artist", name="Shared", visibility="public")
    artist = str(made.ids[0])
    await theirs.make("create_recording", title="Theirs", artist_credit=[{"name": "A", "artist_id": artist}])
    mine = str(made.change_set_id)
    assert await told(theirs, "revert_change_set", id=mine) == await told(
        theirs, "revert_change_set", id=str(uuid.uuid4())
    )
    await ours.do("revert_change_set", id=mine)
    (row,) = await ours.fetch("select status from artist where id = $1", uuid.UUID(artist))
    assert row["status"] == "deleted"


async def test_a_command_never_waits_for_another_tenants_row(fresh_pool: Pool) -> None:
    ours, theirs = await new_desk(fresh_pool), await new_desk(fresh_pool)
    id = await ours.make("create_release", title="Held")
    async with fresh_pool.acquire() as holder, holder.transaction():
        await holder.execute("select from entity where id = $1 for update", uuid.UUID(id))
        await holder.execute("select from release where id = $1 for update", uuid.UUID(id))
        async with fresh_pool.acquire() as connection:
            await connection.execute("set lock_timeout = '200ms'")
        assert (await told(theirs, "edit_release", id=id, title="Mine"))[0] is NotFound


def test_a_licence_that_ends_takes_its_etag_with_it(house: House) -> None:
    with house.client() as ours, house.client(organization=THEIRS) as theirs:
        release = create(ours, "releases", title="Validated")
        deal = create(ours, "deals", subjects=[release["id"]])
        path = f"/v1/releases/{release['id']}"
        absent = problem(theirs.get(f"/v1/releases/{encode_id('release', uuid.uuid4())}"))
        assert problem(theirs.get(path)) == absent
        grant(house, deal["id"], THEIRS)
        seen = theirs.get(path)
        assert seen.status_code == 200
        tag = {"If-None-Match": seen.headers["etag"]}
        assert theirs.get(path, headers=tag).status_code == 304
        assert "private" in seen.headers["cache-control"]
        ended = ours.patch(f"/v1/deals/{deal['id']}", json={"validUntil": "2020-01-01T00:00:00Z"})
        assert ended.status_code == 200, ended.text
        for headers in (tag, {"If-None-Match": "*"}):
            assert problem(theirs.get(path, headers=headers)) == absent
        assert problem(theirs.patch(path, json={"title": "x"}))["code"] == absent["code"]
        assert theirs.get("/v1/releases", params={"ids": release["id"]}, headers=tag).status_code != 304


def grant(house: House, deal: str, licensee: uuid.UUID) -> None:
    """Make an organization a deal's licensee, as a delivery to its DPID would."""

    async def update() -> None:
        connection = await asyncpg.connect(house.database_url)
        await connection.execute(
            "update deal set licensee_id = $1, version = version + 1 where id = $2",
            licensee,
            decode_id(deal)[1],
        )
        await connection.close()

    asyncio.run(update())


def create(client: httpx2.Client, path: str, **body: Any) -> dict[str, Any]:
    """One entity, made over HTTP."""
    answer = client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def problem(answer: httpx2.Response) -> dict[str, Any]:
    """A refusal without what is of one request alone."""
    assert answer.status_code == 404, answer.text
    document: dict[str, Any] = answer.json()
    return {key: document[key] for key in ("status", "code", "title", "type") if key in document}
