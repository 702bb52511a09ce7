"""Change sets taken back: the content is as it was, the versions count on."""

import json
import random
import uuid
from typing import Any

import pytest

from domain.adapters.postgres import Pool
from domain.claims import Draft
from domain.dispatch import open_work
from domain.kinds import KINDS
from domain.refusals import Refusal, RevertConflict
from tests.domain.desk import Desk, new_desk


async def content(desk: Desk) -> dict[str, Any]:
    """The canonical content of the organization: every living entity with all its values, versions apart."""
    found: dict[str, Any] = {}
    for kind in KINDS.values():
        values = ", ".join(
            f"(select jsonb_agg(to_jsonb(x) order by x.{c.key}) from {c.table.name} x "
            f"where x.{c.parent} = t.id) as _{c.name}"
            for c in kind.collections
        )
        rows = await desk.fetch(
            f"select t.id, {values}, "
            "(to_jsonb(t) - '{version,created_at,updated_at}'::text[])::text as row "
            f"from {kind.name} t where owner_id = $1 and status <> 'deleted'",
            desk.viewer.organization_id,
        )
        found |= {
            str(row.pop("id")): {name: json.loads(value) if value else None for name, value in row.items()}
            for row in rows
        }
    return found


async def versions(desk: Desk) -> dict[uuid.UUID, int]:
    rows: list[dict[str, Any]] = []
    for kind in KINDS:
        rows += await desk.fetch(
            f"select id, version from {kind} where owner_id = $1", desk.viewer.organization_id
        )
    return {row["id"]: row["version"] for row in rows}


class Author:
    """Writes random change sets: creations, edits, deletions, lists of them, deliveries."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.dice = random.Random(seed)
        self.known: dict[str, list[str]] = {"artist": [], "recording": [], "release": []}

    def word(self) -> str:
        return self.dice.choice(["blue", "Łódź", "名前", 'a "b"', "x\\y"]) + str(self.dice.randrange(99))

    def fields(self, kind: str) -> dict[str, Any]:
        fields: dict[str, Any] = {"name" if kind == "artist" else "title": self.word()}
        if self.dice.random() < 0.5:
            fields["titles"] = [
                {"text": self.word(), "language": "en"} for _ in range(self.dice.randrange(3))
            ]
        if self.dice.random() < 0.3:
            fields["identifiers"] = [{"scheme": "x", "value": self.word()}]
        if kind != "artist" and self.known["artist"] and self.dice.random() < 0.5:
            fields["artistCredit"] = [
                {"name": self.word(), "artistId": self.dice.choice(self.known["artist"])}
            ]
        if kind == "release":
            fields |= {"genres": [self.word()], "media": [{"position": 1, "format": self.word()}]}
        return fields

    def step(self) -> dict[str, Any]:
        kind = self.dice.choice(list(self.known))
        if not self.known[kind] or self.dice.random() < 0.3:
            return {"command": f"create_{kind}", "input": self.fields(kind)}
        id = self.dice.choice(self.known[kind])
        if self.dice.random() < 0.15:
            return {"command": f"delete_{kind}", "input": {"id": id}}
        return {"command": f"edit_{kind}", "input": {"id": id, **self.fields(kind)}}

    async def write(self) -> uuid.UUID | None:
        """One random change set; None where the dice asked for what is refused."""
        try:
            if self.dice.random() < 0.15:
                return await self.deliver()
            done = await self.desk.do(
                "apply_changes", changes=[self.step() for _ in range(self.dice.randrange(1, 6))]
            )
        except Refusal:
            return None
        for result in done.value.results:
            if result.command.startswith("create_"):
                self.known[result.kind].append(result.id)
        return done.change_set_id

    async def deliver(self) -> uuid.UUID:
        number = self.dice.randrange(4)
        made = [
            Draft("artist", f"a{number}", {"name": self.word()}),
            Draft(
                "recording",
                f"i{number}",
                {
                    "title": self.word(),
                    "artist_credit": [{"name": "A", "artist": {"ref": f"artist:a{number}"}}],
                },
            ),
        ]
        async with open_work(self.desk.pool, self.desk.viewer, command="ingest") as work:
            put = await work.put(made, source="ern", prefix="P")
        for name, id in put.ids.items():
            kind = name.split(":")[0]
            if str(id) not in self.known[kind]:
                self.known[kind].append(str(id))
        return work.change_set_id


@pytest.mark.parametrize(
    "rounds", [30, pytest.param(400, marks=(pytest.mark.long, pytest.mark.timeout(900)))]
)
async def test_random_change_sets_reverted_give_back_equal_content(rounds: int, pool: Pool) -> None:
    desk = await new_desk(pool)
    author = Author(desk, seed=20261121)
    reverted = 0
    while reverted < rounds:
        before, counted = await content(desk), await versions(desk)
        change_sets = [id for id in [await author.write() for _ in range(author.dice.randrange(1, 4))] if id]
        for id in reversed(change_sets):
            await desk.do("revert_change_set", id=str(id))
            reverted += 1
        assert await content(desk) == before
        now = await versions(desk)
        assert all(now[id] >= version for id, version in counted.items())
        await author.write()


async def test_a_later_change_stands_on_it_and_is_named(pool: Pool) -> None:
    desk = await new_desk(pool)
    id = await desk.make("create_artist", name="Ann")
    first = await desk.do("edit_artist", id=id, name="Anna", country="SE")
    later = await desk.do("edit_artist", id=id, name="Anne")
    with pytest.raises(RevertConflict) as caught:
        await desk.do("revert_change_set", id=str(first.change_set_id))
    by = f"change set {later.change_set_id}"
    assert caught.value.details["conflicts"] == [{"kind": "artist", "id": id, "fields": ["name"], "by": by}]
    await desk.do("revert_change_set", id=str(later.change_set_id))
    await desk.do("revert_change_set", id=str(first.change_set_id))
    (row,) = await desk.fetch("select name, country, version from artist where id = $1", uuid.UUID(id))
    assert row == {"name": "Ann", "country": None, "version": 5}


async def test_other_fields_edited_later_stay(pool: Pool) -> None:
    desk = await new_desk(pool)
    id = await desk.make("create_artist", name="Ann")
    first = await desk.do("edit_artist", id=id, name="Anna")
    await desk.do("edit_artist", id=id, country="SE")
    await desk.do("revert_change_set", id=str(first.change_set_id))
    (row,) = await desk.fetch("select name, country from artist where id = $1", uuid.UUID(id))
    assert row == {"name": "Ann", "country": "SE"}


async def test_what_something_else_refers_to_is_not_taken_back(pool: Pool) -> None:
    desk = await new_desk(pool)
    made = await desk.do("create_artist", name="Ann")
    await desk.do("create_recording", title="S", artistCredit=[{"name": "Ann", "artistId": str(made.ids[0])}])
    with pytest.raises(RevertConflict, match="artist_credit"):
        await desk.do("revert_change_set", id=str(made.change_set_id))


async def test_a_revert_can_be_reverted_and_only_once(pool: Pool) -> None:
    desk = await new_desk(pool)
    made = await desk.do("create_artist", name="Ann", titles=[{"text": "Ann"}])
    before = await content(desk)
    back = await desk.do("revert_change_set", id=str(made.change_set_id), reason="a slip")
    assert await content(desk) == {}
    with pytest.raises(RevertConflict, match="reverted already"):
        await desk.do("revert_change_set", id=str(made.change_set_id))
    await desk.do("revert_change_set", id=str(back.change_set_id))
    assert await content(desk) == before
    rows = await desk.fetch(
        "select state, reason from change_set where owner_id = $1 order by id", desk.viewer.organization_id
    )
    assert [row["state"] for row in rows] == ["applied", "reverted", "applied"]
    assert rows[1]["reason"] == "a slip"
