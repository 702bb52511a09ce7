"""Taking a change set back, through the claims that made it.

Each record the set wrote gets a new version in which what the set changed is as it was before; the
entities are resolved again. Versions go on counting up. Where a later change stands on what was changed,
nothing happens and every conflict is named.
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from domain.access.scopes import Scope
from domain.changes import ChangeDiff, diff_of
from domain.claims import FEATURES, MANUAL, claims_of
from domain.command import Outcome, command
from domain.features.follow import follow_claims, mark_undone
from domain.features.told import ANALYSIS
from domain.kinds import KINDS
from domain.models.hear import measure
from domain.ports import Sql
from domain.refusals import HistoryGone, NotFound, ReferenceMissing, RevertConflict, StillReferred
from domain.types import Ref
from domain.work import Work, entity_id

_ABSENT = object()
# What these make has no history, so that nothing of it could be put back.
_WITHOUT_HISTORY = {"generate_embedding": "made a vector, of which no earlier one is kept; make it anew"}


@dataclass(frozen=True, kw_only=True)
class RevertChangeSet:
    """The change set to take back."""

    id: Annotated[str, Ref("change_set")]
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reverted:
    """What the revert did, entity by entity."""

    reverted_id: str
    diffs: list[ChangeDiff] = field(default_factory=list)


@command(
    scope=Scope.CATALOG_WRITE,
    route="POST /change-sets/{id}/revert",
    returns="change_set",
    cost=50,
    refuses=(NotFound, RevertConflict, HistoryGone, ReferenceMissing, StillReferred),
    value=Reverted,
)
async def revert_change_set(ask: RevertChangeSet, work: Work) -> Outcome:
    """Take a change set back; refused, with the conflicts named, where a later change stands on it."""
    id = entity_id("change_set", ask.id, ("id",))
    row = await work.connection.fetchrow(
        "select state, reverts_id, command from change_set where id = $1 and owner_id = $2 for update",
        id,
        work.viewer.organization_id,
    )
    if row is None:
        raise NotFound(f"no change set {id} in your organization", path=("id",))
    if row["state"] == "reverted":
        raise RevertConflict(f"change set {id} is reverted already", path=("id",))
    if why := _WITHOUT_HISTORY.get(row["command"]):
        raise RevertConflict(f"change set {id} {why}", path=("id",))
    if await work.connection.fetchval(
        "select exists (select from change where change_set_id = $1 and class = 'operations')", id
    ):
        raise RevertConflict(
            f"change set {id} is about who may come in, which is taken back by its own commands", path=("id",)
        )
    await _expect_whole(work.connection, work.viewer.organization_id, id)
    conflicts = await _conflicts(work.connection, work.viewer.organization_id, id)
    if conflicts:
        named = "; ".join(
            f"{conflict['kind']} {conflict['id']}: {', '.join(conflict['fields'])} ({conflict['by']})"
            for conflict in conflicts[:20]
        )
        raise RevertConflict(
            f"later changes stand on change set {id}: {named}", path=("id",), conflicts=conflicts
        )
    records = await _records(work.connection, work.viewer.organization_id, id)
    for record in records:
        work.restate(record["source"], record["external_id"], _taken_back(record))
    await work.flush()
    said_by_people = {
        record["entity_id"]
        for record in records
        if record["source"] == MANUAL and any(name.startswith(FEATURES) for name in _moved(record))
    }
    again = await _puts_back(work.connection, id)
    for recording in {record["entity_id"] for record in records if record["source"] == ANALYSIS}:
        await follow_claims(work, recording)
        await mark_undone(work.connection, recording, undone=not again)
    for recording in said_by_people:
        # What people said was what models were measured by.
        await measure(work.connection, work.viewer.organization_id, recording)
    await work.connection.execute("update change_set set state = 'reverted' where id = $1", id)
    await work.connection.execute(
        "update change_set set reverts_id = $2, reason = coalesce($3, reason) where id = $1",
        work.change_set_id,
        id,
        ask.reason,
    )
    if row["reverts_id"] is not None:
        await work.connection.execute(
            "update change_set set state = 'applied' where id = $1", row["reverts_id"]
        )
    diffs = await diff_of(work.connection, work.change_set_id)
    return Outcome("change_set", (work.change_set_id,), value=Reverted(reverted_id=str(id), diffs=diffs))


async def _puts_back(sql: Sql, change_set_id: uuid.UUID) -> bool:
    """Whether taking the set back makes something count again: it has itself taken something back."""
    return bool(
        await sql.fetchval(
            "with recursive back as (select id, reverts_id, 0 as steps from change_set where id = $1 "
            "union all select s.id, s.reverts_id, b.steps + 1 from change_set s "
            "join back b on s.id = b.reverts_id) "
            "select max(steps) % 2 = 1 from back",
            change_set_id,
        )
    )


async def _expect_whole(sql: Sql, owner_id: uuid.UUID, change_set_id: uuid.UUID) -> None:
    """Raise HistoryGone unless everything the set did can be taken back."""
    purged = await sql.fetchval(
        "select count(distinct c.entity_id) from change c "
        "where c.change_set_id = $1 and not exists (select from entity e where e.id = c.entity_id)",
        change_set_id,
    )
    if purged:
        raise HistoryGone(
            f"change set {change_set_id} changed {purged} entities that were deleted and purged since; "
            "a part of it is not taken back",
            path=("id",),
        )
    dropped = await sql.fetchval(
        "select exists (select from change_set s join change_dropped d on d.class in ('catalog', 'ai') "
        "and d.until_at > s.created_at - interval '1 hour' where s.id = $1 and s.owner_id = $2)",
        change_set_id,
        owner_id,
    )
    if dropped:
        raise HistoryGone(
            f"the changes of change set {change_set_id} are no longer kept, so that they can't be taken back",
            path=("id",),
        )


async def _records(sql: Sql, owner_id: uuid.UUID, change_set_id: uuid.UUID) -> list[Any]:
    """Each record series the set wrote: its claims before the set, after it, and now."""
    return await sql.fetch(
        """
        with touched as (
          select source, external_id, min(version) as first, max(version) as last
            from source_record where change_set_id = $2 and owner_id = $1 group by 1, 2)
        select t.source, t.external_id, a.claims as after, b.claims as before, n.claims as now,
               coalesce(e.merged_into_id, m.entity_id) as entity_id
          from touched t
          join source_mapping m on m.owner_id = $1 and m.source = t.source and m.external_id = t.external_id
          join entity e on e.id = m.entity_id
          join source_record a
            on a.owner_id = $1 and a.source = t.source and a.external_id = t.external_id
           and a.version = t.last
          left join source_record b
            on b.owner_id = $1 and b.source = t.source and b.external_id = t.external_id
           and b.version = t.first - 1
          join lateral (
            select claims from source_record r
             where r.owner_id = $1 and r.source = t.source and r.external_id = t.external_id
             order by version desc limit 1) n on true
        """,
        owner_id,
        change_set_id,
    )


def _taken_back(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record's present claims with what the set changed put back."""
    after, now = json.loads(record["after"]), json.loads(record["now"])
    before = _before(record, after)
    fields = dict(now["fields"])
    for name in _moved(record):
        was = before["fields"].get(name, _ABSENT)
        if was is _ABSENT:
            fields.pop(name, None)
        else:
            fields[name] = was
    return claims_of(
        after["kind"],
        fields,
        exists=before["exists"] if before["exists"] != after["exists"] else now["exists"],
        locks=before["locks"] if before["locks"] != after["locks"] else now["locks"],
    )


def _before(record: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    if record["before"]:
        found: dict[str, Any] = json.loads(record["before"])
        return found
    return claims_of(after["kind"], {}, exists=False)


def _moved(record: Mapping[str, Any]) -> set[str]:
    """The fields that the set changed in a record."""
    after = json.loads(record["after"])
    before = _before(record, after)
    return {
        name
        for name in {*before["fields"], *after["fields"]}
        if before["fields"].get(name, _ABSENT) != after["fields"].get(name, _ABSENT)
    }


async def _conflicts(sql: Sql, owner_id: uuid.UUID, change_set_id: uuid.UUID) -> list[dict[str, Any]]:
    """Later changes of the same fields, and later rows that refer to what the set made."""
    rows = await sql.fetch(
        """
        with mine as (
          select c.entity_id, c.kind, max(c.seq) as seq, bool_or(c.op = 'insert') as made,
                 array_agg(distinct k) filter (where k is not null) as fields
            from change c left join lateral jsonb_object_keys(c.diff) k on true
           where c.change_set_id = $2 group by 1, 2),
        undone as (
          select id from change_set where owner_id = $1 and state = 'reverted'
          union all
          select s.id from change_set s join change_set o on o.id = s.reverts_id
           where s.owner_id = $1 and o.state = 'reverted')
        select m.kind, m.entity_id, l.change_set_id, array_agg(distinct k order by k) as fields
          from mine m
          join change l on l.entity_id = m.entity_id and l.seq > m.seq
          join lateral jsonb_object_keys(l.diff) k on m.made or k = any(m.fields)
         where l.change_set_id is distinct from $2
           and not exists (select from undone u where u.id = l.change_set_id)
         group by 1, 2, 3 order by 1, 2, 3
        """,
        owner_id,
        change_set_id,
    )
    conflicts = [
        {
            "kind": row["kind"],
            "id": str(row["entity_id"]),
            "fields": list(row["fields"]),
            "by": f"change set {row['change_set_id']}",
        }
        for row in rows
    ]
    made = await sql.fetch(
        "select kind, array_agg(entity_id) as ids from change "
        "where change_set_id = $1 and op = 'insert' group by 1",
        change_set_id,
    )
    everything = [id for row in made for id in row["ids"]]
    for row in made:
        conflicts += await _referring(sql, owner_id, row["kind"], row["ids"], everything)
    return conflicts


async def _referring(
    sql: Sql, owner_id: uuid.UUID, kind: str, ids: Iterable[uuid.UUID], made: Iterable[uuid.UUID]
) -> list[dict[str, Any]]:
    """The organization's living entities outside the set that refer to entities it made.

    Others' hold nothing up, and are not told of: whoever refers to another's row must bear that it goes.
    """
    found: list[dict[str, Any]] = []
    for other in KINDS.values():
        conditions = [f"t.{column} = any($1)" for column, target in other.references if target in ("*", kind)]
        names = [column for column, target in other.references if target in ("*", kind)]
        for collection in other.collections:
            for column, target in collection.references:
                if target in ("*", kind):
                    conditions.append(
                        f"exists (select from {collection.table.name} x where x.{collection.parent} = t.id "
                        f"and x.{column} = any($1))"
                    )
                    names.append(collection.name)
        if kind == "artist" and other.has_artist_credit:
            conditions.append(
                "exists (select from artist_credit_name x where x.artist_credit_id = t.artist_credit_id "
                "and x.artist_id = any($1))"
            )
            names.append("artist_credit")
        if not conditions:
            continue
        rows = await sql.fetch(
            f"select t.id from {other.name} t where t.status <> 'deleted' "
            f"and t.owner_id = $3 and t.id <> all($2) and ({' or '.join(conditions)}) limit 20",
            list(ids),
            list(made),
            owner_id,
        )
        found += [
            {"kind": other.name, "id": str(row["id"]), "fields": names, "by": f"it refers to the {kind}"}
            for row in rows
        ]
    return found
