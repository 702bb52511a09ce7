"""Loads many new things at once with COPY: what a source says that has never been said before.

For generated and imported catalogs. `Work.put` is the road for everything else: it compares with what is
there, finds entities by their natural codes and resolves between sources. Here a draft whose name the
source has used before is left out, and every other becomes a new entity. Records, mappings and history
come out the same.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import DateTime

from domain.access.viewer import Viewer
from domain.adapters.postgres import Connection, Pool
from domain.claims import Draft, checksum, claims_of
from domain.dispatch import open_work
from domain.kinds import KINDS, Kind
from domain.ports import Sql
from domain.references import References
from domain.row import new_id
from domain.write import ORDER, items_of, row_of, store_credits


@dataclass(frozen=True)
class Source:
    """Who says it. prefix: goes before each key, so that two makers of one source never meet."""

    name: str
    prefix: str = ""

    def external_id(self, draft: Draft) -> str:
        """The name under which a draft is mapped."""
        return f"{self.prefix}|{draft.name}" if self.prefix else draft.name


async def load_new(
    pool: Pool,
    viewer: Viewer,
    drafts: Sequence[Draft],
    source: Source,
    *,
    change_set_id: uuid.UUID,
    command: str,
    door: str,
) -> list[Draft]:
    """Load the drafts that are new as one transaction of a change set; gives those that were."""
    owner = viewer.organization_id
    async with pool.acquire() as connection:
        if len(await _known(connection, owner, source, drafts)) == len(drafts):
            return []
    async with open_work(pool, viewer, command=command, door=door, change_set_id=change_set_id) as work:
        sql = cast(Connection, work.connection)
        # Two loads of the same source take turns, so that neither maps what the other is mapping.
        await sql.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 2))", f"{owner}|{source.name}|{source.prefix}"
        )
        known = await _known(sql, owner, source, drafts)
        fresh = {new_id(): draft for draft in drafts if source.external_id(draft) not in known}
        if fresh:
            await _load(sql, owner, source, fresh, change_set_id, work.now)
        return list(fresh.values())


async def _known(sql: Sql, owner: uuid.UUID, source: Source, drafts: Iterable[Draft]) -> set[str]:
    rows = await sql.fetch(
        "select external_id from source_mapping "
        "where owner_id = $1 and source = $2 and external_id = any($3::text[])",
        owner,
        source.name,
        [source.external_id(draft) for draft in drafts],
    )
    return {row["external_id"] for row in rows}


async def _load(
    sql: Connection,
    owner: uuid.UUID,
    source: Source,
    fresh: Mapping[uuid.UUID, Draft],
    change_set_id: uuid.UUID,
    at: datetime,
) -> None:
    references = References(sql, owner)
    for id, draft in fresh.items():
        references.name(source.prefix, source.name, draft.name, id)
    await references.load(
        [(source.prefix, source.name, draft.kind, draft.fields) for draft in fresh.values()]
    )
    entities: dict[str, dict[uuid.UUID, dict[str, Any]]] = {}
    records: list[tuple[Any, ...]] = []
    for id, draft in fresh.items():
        fields = references.fill(source.prefix, source.name, draft.kind, draft.fields)
        entities.setdefault(draft.kind, {})[id] = fields
        claims = claims_of(draft.kind, fields, exists=True)
        name = source.external_id(draft)
        records.append((owner, source.name, name, 1, checksum(claims), json.dumps(claims), change_set_id, at))
    for kind in (KINDS[name] for name in ORDER if name in entities):
        await _copy_kind(sql, kind, owner, entities[kind.name], at)
    await sql.copy_records_to_table("source_record", records=records, columns=_RECORD)
    mappings = [(owner, source.name, source.external_id(draft), id) for id, draft in fresh.items()]
    await sql.copy_records_to_table("source_mapping", records=mappings, columns=_MAPPING)


_RECORD = (
    "owner_id",
    "source",
    "external_id",
    "version",
    "checksum",
    "claims",
    "change_set_id",
    "recorded_at",
)
_MAPPING = ("owner_id", "source", "external_id", "entity_id")


async def _copy_kind(
    sql: Connection,
    kind: Kind,
    owner: uuid.UUID,
    entities: Mapping[uuid.UUID, Mapping[str, Any]],
    at: datetime,
) -> None:
    credits = await store_credits(sql, kind, owner, entities) if kind.has_artist_credit else {}
    rows = [row_of(kind, owner, id, fields, credits.get(id)) for id, fields in entities.items()]
    columns = tuple(rows[0])
    instants = {column.name for column in kind.table.columns if isinstance(column.type, DateTime)}
    values = (
        (*(_instant(row[name]) if name in instants else row[name] for name in columns), at, at)
        for row in rows
    )
    await sql.copy_records_to_table(kind.name, records=values, columns=(*columns, "created_at", "updated_at"))
    for collection in kind.collections:
        items = [(id, item) for id, fields in entities.items() for item in items_of(collection, fields)]
        if not items:
            continue
        names = tuple(items[0][1])
        fixed = (kind.name,) if collection.by_kind else ()
        await sql.copy_records_to_table(
            collection.table.name,
            records=[(id, *fixed, *(item[name] for name in names)) for id, item in items],
            columns=(collection.parent, *(("kind",) if fixed else ()), *names),
        )


def _instant(value: str | datetime | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
