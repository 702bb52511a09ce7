"""The log of changes: a leaf for each month and class, made ahead and dropped when its time is over.

The database drops a leaf itself (`catalog_drop_changes`): the application's role can't, and the function
trusts no clock that is ahead of the server's. A leaf with a row that is held stays whole.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, SQLModel

from domain.ports import Sql, text_of
from domain.retention.rules import Period
from domain.row import instant

# As migrations/log_partitions.py has them; a test compares.
TIMES = {"catalog": Period(months=84), "ai": Period(months=36), "operations": Period(months=6)}
_LEAF = re.compile(r"change_p(\d{4})(\d{2})_([a-z]+)")
_MONTH = Period(months=1)


class ChangeDropped(SQLModel, table=True):
    """A leaf of the log that was dropped: up to which change, so that readers who come too late are told."""

    __tablename__: ClassVar[Any] = "change_dropped"

    name: str = Field(primary_key=True)
    audit_class: str = Field(sa_column_kwargs={"name": "class"}, sa_type=Text)
    from_at: datetime = instant(nullable=False)
    until_at: datetime = instant(nullable=False)
    rows: int = Field(sa_type=BigInteger)
    last_xid: int = Field(sa_type=BigInteger)
    last_seq: int = Field(sa_type=BigInteger)
    dropped_xid: int = Field(sa_type=BigInteger)
    dropped_at: datetime = instant(default_now=True, nullable=False)


@dataclass(frozen=True)
class Leaf:
    """One month of one class; due_at: when the time of its youngest possible row is over."""

    name: str
    audit_class: str
    from_at: datetime
    due_at: datetime
    rows: int
    size_bytes: int
    held: bool


async def leaves(sql: Sql, until: datetime) -> list[Leaf]:
    """The leaves whose time is over by an instant, the oldest first."""
    rows = await sql.fetch(
        "select c.relname::text as name, greatest(c.reltuples, 0)::bigint as rows, "
        "pg_total_relation_size(c.oid) as size_bytes from pg_partition_tree('change') p "
        "join pg_class c on c.oid = p.relid where p.isleaf order by c.relname"
    )
    found = []
    for row in rows:
        name = text_of(row["name"])
        parts = _LEAF.fullmatch(name)
        if parts is None or parts[3] not in TIMES:
            continue
        begin = datetime(int(parts[1]), int(parts[2]), 1, tzinfo=UTC)
        due_at = TIMES[parts[3]].after(_MONTH.after(begin))
        if due_at <= until:
            held = await sql.fetchval(f"select exists ({_HELD.format(leaf=name)})")
            found.append(Leaf(name, parts[3], begin, due_at, row["rows"], row["size_bytes"], held))
    return sorted(found, key=lambda leaf: (leaf.due_at, leaf.name))


_HELD = """select from {leaf} c join legal_hold h on h.released_at is null and h.owner_id = c.owner_id
  and (h.subject_type = 'organization' or h.subject_id = c.entity_id)"""


async def drop_one(sql: Sql, now: datetime) -> tuple[str, int] | None:
    """Drop the oldest leaf that is due and not held; gives its name and how many rows it had."""
    row = await sql.fetchrow("select * from catalog_drop_changes($1)", now)
    if row is None or row["name"] is None:
        return None
    return text_of(row["name"]), row["rows"]
