"""Entities that were deleted long ago: purged with their values, records and mappings, or not at all.

An entity goes only when nothing points at it any more; a release waits for its tracks. Its history stays in
the log of changes for the log's own time, with one last change that says that it was purged.
"""

import uuid
from datetime import datetime

from domain.kinds import KINDS
from domain.ports import Sql
from domain.retention import due
from domain.retention.rules import BY_TIER, Rule
from domain.row import new_id
from domain.write import ORDER

NAME = "deleted_entities"


def _rule(kind: str) -> Rule:
    return Rule(
        NAME,
        f"{kind}s that were deleted",
        kind,
        since="t.updated_at",
        where="t.status = 'deleted'",
        held_by=tuple(f"t.{column}" for column, _ in KINDS[kind].references),
        terms=BY_TIER,
        notice=True,
    )


# What points at others is purged before them.
TOMBSTONES: dict[str, Rule] = {kind: _rule(kind) for kind in reversed(ORDER)}


async def owners(sql: Sql, kind: str, now: datetime) -> list[uuid.UUID]:
    """Whose entities of a kind are due."""
    rows = await sql.fetch(f"select distinct x.owner_id from ({due.goes(TOMBSTONES[kind])}) x", now)
    return [row["owner_id"] for row in rows]


async def purge(
    sql: Sql, kind: str, owner_id: uuid.UUID, now: datetime, after: uuid.UUID, batch: int
) -> tuple[uuid.UUID | None, int]:
    """Purge some of an owner's entities that are due; gives the last one looked at, and how many went."""
    rows = await sql.fetch(
        f"select x.id from ({due.goes(TOMBSTONES[kind])} and t.owner_id = $2 and t.id > $3 "
        "order by t.id limit $4 for update of t) x",
        now,
        owner_id,
        after,
        batch,
    )
    if not rows:
        return None, 0
    id = new_id()
    await sql.execute(
        "select set_config('catalograph.change_set', $1, true), "
        "set_config('catalograph.audit_class', 'catalog', true)",
        str(id),
    )
    await sql.execute(
        "insert into change_set (id, owner_id, actor, door, command, reason) "
        "values ($1, $2, 'job:retain', 'job', 'retain', 'the time of deleted entities is over')",
        id,
        owner_id,
    )
    gone = await sql.fetch("select catalog_purge($1, $2) as id", kind, [row["id"] for row in rows])
    ids = [row["id"] for row in gone]
    await sql.execute("delete from retention_notice where rule = $1 and subject_id = any($2)", NAME, ids)
    if not ids:
        await sql.execute("delete from change_set where id = $1", id)
    last: uuid.UUID = rows[-1]["id"]
    return last, len(ids)
