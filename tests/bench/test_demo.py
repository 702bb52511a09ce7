"""The made-up catalog: equal for equal seeds, with right codes, and loaded as if a source had told it."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from domain.access.scopes import Role
from domain.adapters.load import Source, load_new
from domain.adapters.postgres import Pool
from domain.claims import Draft
from domain.codes import CODES
from domain.demo.fill import Filled, fill
from domain.demo.generate import units
from domain.dispatch import open_work
from domain.kinds import KINDS
from domain.row import new_id
from tests.domain.desk import Desk, new_desk

DRAFTS = [draft for unit in units(2_000, seed=7) for draft in unit.drafts]


def test_equal_seeds_give_equal_catalogs_and_a_larger_one_begins_with_the_smaller() -> None:
    smaller = [draft for unit in units(300, seed=7) for draft in unit.drafts]
    assert smaller == DRAFTS[: len(smaller)]
    assert smaller != [draft for unit in units(300, seed=8) for draft in unit.drafts]


def test_every_code_has_its_form_and_its_check_digit() -> None:
    columns = {column for kind in KINDS.values() for column in kind.columns if column in CODES}
    found: Counter[str] = Counter()
    for draft in DRAFTS:
        for column in columns & draft.fields.keys():
            if draft.fields[column] is not None:
                assert CODES[column].holds(draft.fields[column]), (draft.name, column)
                found[column] += 1
        for writer in draft.fields.get("writers", ()):
            assert writer["ipi"] is None or CODES["ipi"].holds(writer["ipi"])
    assert found.keys() >= {"isrc", "upc", "iswc", "isni", "ipi", "grid", "isbn", "mbid"}


def test_no_code_of_one_kind_is_given_twice() -> None:
    for kind, column in (("recording", "isrc"), ("release", "upc"), ("work", "iswc"), ("artist", "isni")):
        codes = [d.fields[column] for d in DRAFTS if d.kind == kind and d.fields[column]]
        assert len(codes) == len(set(codes)), column


def test_every_kind_is_there_and_every_nullable_column_is_null_somewhere() -> None:
    assert {draft.kind for draft in DRAFTS} == KINDS.keys()
    never_claimed = {"sha256", "xxh128", "isan", "status", "visibility"}
    for kind in ("artist", "release", "recording", "track", "work", "deal", "credit", "episode"):
        fields = [draft.fields for draft in DRAFTS if draft.kind == kind]
        for column in set(KINDS[kind].columns) - never_claimed - set(KINDS[kind].required):
            if KINDS[kind].table.columns[column].nullable:
                assert any(one.get(column) is None for one in fields), (kind, column)


def test_references_lead_to_what_came_before() -> None:
    seen: set[str] = set()
    for draft in DRAFTS:
        seen.add(draft.name)
        assert set(_references(draft.fields)) <= seen, draft.name
    assert len(seen) == len(DRAFTS)


def test_artists_are_popular_unevenly_and_named_in_many_scripts() -> None:
    billed = Counter(
        part["artist"]["ref"]
        for draft in DRAFTS
        if draft.kind == "release"
        for part in draft.fields["artist_credit"]
        if part["artist"]
    )
    assert billed.most_common(1)[0][1] > 10 * billed.total() / len(billed)
    scripts = {t["script"] for draft in DRAFTS for t in draft.fields.get("titles", ())}
    assert {"Latn", "Cyrl", "Jpan", "Arab"} <= scripts


async def test_a_fill_is_one_change_set_and_a_second_one_changes_nothing(fresh_pool: Pool) -> None:
    desk = await new_desk(fresh_pool, role=Role.ADMIN)
    first = await _fill(desk, 120)
    assert first.tracks >= 120
    assert first.made["track"] == first.tracks
    counts = await _counts(desk)
    assert counts == {"change_set": 1, "silent": 0, "unmapped": 0, "entity": first.entities}

    again = await _fill(desk, 120)
    assert (again.entities, again.present) == (0, first.entities)
    assert await _counts(desk) == counts

    more = await _fill(desk, 200)
    assert more.present == first.entities
    assert more.made["track"] == more.tracks - first.tracks


async def test_a_loaded_thing_is_what_put_would_have_made_of_it(fresh_pool: Pool) -> None:
    """Telling the same claims again through the ordinary road finds nothing to change."""
    desk = await new_desk(fresh_pool, role=Role.ADMIN)
    drafts = [draft for unit in units(60, seed=3) for draft in unit.drafts]
    await load_new(
        desk.pool,
        desk.viewer,
        drafts,
        Source("demo", "3"),
        change_set_id=new_id(),
        command="demo",
        door="cli",
    )
    async with open_work(desk.pool, desk.viewer, command="demo") as work:
        put = await work.put(drafts, source="demo", prefix="3")
    assert put.changed == set()
    altered = [
        Draft(d.kind, d.key, {**d.fields, "annotations": [{"key": "k", "value": "v"}]})
        for d in drafts
        if d.kind != "track"
    ]
    async with open_work(desk.pool, desk.viewer, command="demo") as work:
        put = await work.put(altered, source="demo", prefix="3")
    assert len(put.changed) == len(altered)
    changes = await desk.fetch(
        "select diff from change c join change_set s on s.id = c.change_set_id "
        "where c.op = 'update' and s.door = 'job' and c.version_before < c.version_after"
    )
    assert {key for row in changes for key in json.loads(row["diff"])} <= {"annotations"}


async def _fill(desk: Desk, tracks: int) -> Filled:
    change_set, filled = new_id(), Filled()

    async def load(drafts: Sequence[Draft]) -> list[Draft]:
        return await load_new(
            desk.pool,
            desk.viewer,
            drafts,
            Source("demo", "7"),
            change_set_id=change_set,
            command="demo",
            door="cli",
        )

    await fill(load, tracks, 7, filled, lambda _tracks: None)
    return filled


async def _counts(desk: Desk) -> dict[str, Any]:
    rows = await desk.fetch(
        "select (select count(*) from change_set) as change_set, (select count(*) from entity) as entity, "
        "(select count(*) from change where change_set_id is null) as silent, "
        "(select count(*) from entity e where not exists "
        " (select from source_mapping m where m.entity_id = e.id)) as unmapped"
    )
    return rows[0]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("ref"), str):
            yield value["ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
