"""Writes resolved entities set-based: one upsert a kind, one insert and one delete a collection.

Nothing is written for an entity whose columns and collections are what they were; what is written counts
its version up, and the change triggers record it.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Any

from domain.claims import canonical
from domain.kinds import KINDS, Collection, Kind
from domain.ports import Sql
from domain.refusals import InputInvalid

# A kind comes after the kinds it refers to by foreign key.
ORDER = (
    "artist",
    "work",
    "book",
    "podcast",
    "recording",
    "video",
    "release",
    "track",
    "episode",
    "audiobook",
    "image",
    "credit",
    "deal",
)
CREDIT_NAMESPACE = uuid.UUID("6f1f7a52-3f0b-5c39-9d0a-6f3a6a0f2c11")

Fields = Mapping[str, Any]


@dataclass
class Written:
    """The ids a write made and the ids whose content it changed (made ones included)."""

    created: set[uuid.UUID] = field(default_factory=set)
    changed: set[uuid.UUID] = field(default_factory=set)


async def write(
    sql: Sql,
    owner_id: uuid.UUID,
    at: datetime,
    alive: Mapping[str, Mapping[uuid.UUID, Fields]],
    gone: Mapping[str, Sequence[uuid.UUID]],
    new: set[uuid.UUID],
) -> Written:
    """Bring entities to their resolved fields; those no source vouches for become tombstones.

    alive: kind → id → fields. new: ids that have no row yet, so nothing needs comparing.
    """
    written = Written()
    values = _Values(await _present(sql, alive, new))
    for name in ORDER:
        kind = KINDS[name]
        if entities := alive.get(name):
            await _write_kind(sql, kind, owner_id, at, entities, new, values, written)
        if ids := gone.get(name):
            await _bury(sql, kind, at, ids, written)
    await values.write(sql)
    return written


@dataclass
class _Values:
    """The values of collections: those there are, and the rows to take away and to add, by table.

    They are written last and together, one statement a table, whatever the kinds they belong to.
    """

    present: Mapping[str, Mapping[uuid.UUID, list[Any]]]
    removed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    added: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tables: dict[str, Collection] = field(default_factory=dict)

    def want(self, kind: Kind, collection: Collection, id: uuid.UUID, items: list[dict[str, Any]]) -> bool:
        """Bring an entity's values to these; False when they are what they were."""
        table, key = collection.table.name, collection.key
        before = {item[key]: item for item in self.present.get(table, {}).get(id, [])}
        after = {item[key]: item for item in items}
        if before == after:
            return False
        self.tables[table] = collection
        # A named value that changes is changed in its place, so that history has it old and new.
        self.removed.setdefault(table, []).extend(
            {"id": str(id), key: place}
            for place, item in before.items()
            if (place not in after if collection.named else after.get(place) != item)
        )
        self.added.setdefault(table, []).extend(
            {collection.parent: str(id), "kind": kind.name, **item}
            for place, item in after.items()
            if before.get(place) != item
        )
        return True

    async def write(self, sql: Sql) -> None:
        """Take away, then add."""
        for table, collection in self.tables.items():
            if removed := self.removed[table]:
                await sql.execute(_delete_items(collection), json.dumps(removed))
        for table, collection in self.tables.items():
            if added := self.added[table]:
                await sql.execute(_insert_items(collection), json.dumps(added))


async def _present(
    sql: Sql, alive: Mapping[str, Mapping[uuid.UUID, Fields]], new: set[uuid.UUID]
) -> dict[str, dict[uuid.UUID, list[Any]]]:
    """The values that known entities have now, by table."""
    known: dict[str, tuple[Collection, list[uuid.UUID]]] = {}
    for name, entities in alive.items():
        ids = [id for id in entities if id not in new]
        for collection in KINDS[name].collections:
            if ids:
                known.setdefault(collection.table.name, (collection, []))[1].extend(ids)
    found: dict[str, dict[uuid.UUID, list[Any]]] = {}
    for table, (collection, ids) in known.items():
        rows = await sql.fetch(_select_items(collection), ids)
        found[table] = {row["id"]: json.loads(row["items"]) for row in rows}
    return found


async def _write_kind(
    sql: Sql,
    kind: Kind,
    owner_id: uuid.UUID,
    at: datetime,
    entities: Mapping[uuid.UUID, Fields],
    new: set[uuid.UUID],
    values: _Values,
    written: Written,
) -> None:
    credits = await store_credits(sql, kind, owner_id, entities) if kind.has_artist_credit else {}
    rows = [row_of(kind, owner_id, id, fields, credits.get(id)) for id, fields in entities.items()]
    forced: set[uuid.UUID] = set()
    for id, fields in entities.items():
        for collection in kind.collections:
            if values.want(kind, collection, id, items_of(collection, fields)) and id not in new:
                forced.add(id)
    for row in await sql.fetch(_upsert(kind.name), json.dumps(rows), list(forced), at):
        written.changed.add(row["id"])
        if row["created"]:
            written.created.add(row["id"])


def row_of(
    kind: Kind, owner_id: uuid.UUID, id: uuid.UUID, fields: Fields, credit: uuid.UUID | None
) -> dict[str, Any]:
    """The columns of an entity's row; raises InputInvalid where one that is needed is empty."""
    row: dict[str, Any] = {"id": str(id), "owner_id": str(owner_id)}
    for column in kind.columns:
        value = fields.get(column)
        row[column] = kind.defaults[column] if value is None else value
    for name in kind.required:
        if name in row and row[name] in (None, ""):
            raise InputInvalid(f"a {kind.name} needs {name}; none was given", path=(name,))
        if name not in row and not fields.get(name):
            raise InputInvalid(f"a {kind.name} needs {name}; none was given", path=(name,))
    if kind.has_artist_credit:
        row["artist_credit_id"] = str(credit) if credit else None
    return kind.derive(row)


def items_of(collection: Collection, fields: Fields) -> list[dict[str, Any]]:
    """The values of a collection as rows: every column present, positions from 1 unless they are given."""
    if collection.named:
        prefix = f"{collection.name}."
        return [
            {column: value.get(column) for column in collection.columns}
            | {collection.key: name.removeprefix(prefix)}
            for name, value in fields.items()
            if name.startswith(prefix) and value is not None
        ]
    items = []
    for place, value in enumerate(fields.get(collection.name) or [], start=1):
        item = {column: value.get(column) for column in collection.columns}
        for column, default in _defaults(collection.table.name).items():
            if item.get(column) is None:
                item[column] = default
        item["position"] = value.get("position", place)
        items.append(item)
    items.sort(key=lambda item: item["position"])
    for before, after in pairwise(items):
        if before["position"] == after["position"]:
            raise InputInvalid(
                f"{collection.name} has position {after['position']} twice", path=(collection.name,)
            )
    return items


@cache
def _defaults(table: str) -> dict[str, Any]:
    return {"territories": [], "type": "display", "is_default": False} if table == "title" else {}


async def _bury(sql: Sql, kind: Kind, at: datetime, ids: Sequence[uuid.UUID], written: Written) -> None:
    medium = ", medium_position = null" if kind.name == "track" else ""
    rows = await sql.fetch(
        f"update {kind.name} set status = 'deleted', version = version + 1, updated_at = $2{medium} "
        "where id = any($1) and status <> 'deleted' returning id",
        list(ids),
        at,
    )
    written.changed.update(row["id"] for row in rows)


async def store_credits(
    sql: Sql, kind: Kind, owner_id: uuid.UUID, entities: Mapping[uuid.UUID, Fields]
) -> dict[uuid.UUID, uuid.UUID]:
    """Artist credits are named by their content, so the same credit is one row and never changes."""
    credits: dict[uuid.UUID, uuid.UUID] = {}
    heads: dict[uuid.UUID, dict[str, Any]] = {}
    names: list[dict[str, Any]] = []
    for id, fields in entities.items():
        claimed = fields.get("artist_credit")
        if not claimed:
            continue
        parts = [
            {
                "artist_id": part.get("artist_id"),
                "name": part["name"],
                "join_phrase": part.get("join_phrase") or "",
                "role": part.get("role"),
            }
            for part in claimed
        ]
        credit = uuid.uuid5(CREDIT_NAMESPACE, f"{owner_id}{canonical(parts)}")
        credits[id] = credit
        if credit not in heads:
            printed = "".join(part["name"] + part["join_phrase"] for part in parts)
            heads[credit] = {"id": str(credit), "name": printed}
            names += [
                {"artist_credit_id": str(credit), "position": place, **part}
                for place, part in enumerate(parts, start=1)
            ]
    if heads:
        await sql.execute(_keep("artist_credit"), json.dumps(list(heads.values())))
        await sql.execute(_keep("artist_credit_name"), json.dumps(names))
    return credits


@cache
def _keep(table: str) -> str:
    return (
        f"insert into {table} select * from jsonb_populate_recordset(null::{table}, $1::jsonb) "
        "on conflict do nothing"
    )


@cache
def _upsert(name: str) -> str:
    kind = KINDS[name]
    columns = [*kind.columns, *kind.derived, *(["artist_credit_id"] if kind.has_artist_credit else [])]
    listed = ", ".join(columns)
    assigned = ", ".join(f"{column} = excluded.{column}" for column in columns)
    before = ", ".join(f"t.{column}" for column in columns)
    after = ", ".join(f"excluded.{column}" for column in columns)
    return (
        f"insert into {name} as t (id, owner_id, created_at, updated_at, {listed}) "
        f"select id, owner_id, $3::timestamptz, $3::timestamptz, {listed} "
        f"from jsonb_populate_recordset(null::{name}, $1::jsonb) "
        f"on conflict (id) do update set {assigned}, version = t.version + 1, updated_at = $3 "
        f"where ({before}) is distinct from ({after}) or t.id = any($2::uuid[]) "
        "returning t.id, (xmax = 0) as created"
    )


@cache
def _select_items(of: Collection) -> str:
    left_out = ", ".join(f"'{name}'" for name in (of.parent, "kind", *of.house))
    return (
        f"select {of.parent} as id, "
        f"jsonb_agg(to_jsonb(t) - array[{left_out}] order by {of.key}) as items "
        f"from {of.table.name} t where {of.parent} = any($1) group by 1"
    )


@cache
def _delete_items(of: Collection) -> str:
    type_ = "text" if of.named else "int"
    return (
        f"delete from {of.table.name} t using jsonb_to_recordset($1::jsonb) as x (id uuid, {of.key} {type_}) "
        f"where t.{of.parent} = x.id and t.{of.key} = x.{of.key}"
    )


@cache
def _insert_items(of: Collection) -> str:
    table = of.table.name
    populated = f"jsonb_populate_recordset(null::{table}, $1::jsonb)"
    if not of.named:
        return f"insert into {table} select * from {populated}"
    listed = ", ".join((of.parent, of.key, *of.columns))
    assigned = ", ".join(f"{column} = excluded.{column}" for column in of.columns)
    filled = "".join(f", {column} = default" for column in of.house)
    return (
        f"insert into {table} ({listed}) select {listed} from {populated} "
        f"on conflict ({of.parent}, {of.key}) do update set {assigned}{filled}"
    )
