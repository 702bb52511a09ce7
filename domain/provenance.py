"""Where the value of a field comes from: every source's claim about it, worked out when it is asked."""

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.claims import Policy, Record, standings
from domain.ports import Sql, text_of


@dataclass(frozen=True)
class Claim:
    """What one source says of a field. actor: who wrote its newest record; locked: a lock is on it."""

    source: str
    value: Any
    confidence: float | None
    recorded_at: datetime
    actor: str | None
    locked: bool


@dataclass(frozen=True)
class Provenance:
    """A field and the claims about it, the one that counts first."""

    field: str
    claims: tuple[Claim, ...]


async def provenance_of(
    sql: Sql, owner_id: uuid.UUID, id: uuid.UUID, fields: Collection[str] = ()
) -> list[Provenance] | None:
    """The fields of an entity of the organization by name, all or those asked for; None where it has none.

    A field that ends in a full stop stands for all that begin so.
    """
    kind = await sql.fetchval(
        "select t.kind from entity e join entity t on t.id = coalesce(e.merged_into_id, e.id) "
        "where e.id = $1 and t.owner_id = $2",
        id,
        owner_id,
    )
    if kind is None:
        return None
    rows = await sql.fetch(_RECORDS, owner_id, id)
    records, actors = [], {}
    for row in rows:
        record = Record(
            text_of(row["source"]),
            text_of(row["external_id"]),
            row["version"],
            json.loads(row["claims"]),
            row["recorded_at"],
            row["confidence"],
        )
        records.append(record)
        actors[record.source, record.external_id] = text_of(row["actor"]) if row["actor"] else None
    rules = await sql.fetch("select kind, field, sources from source_policy where owner_id = $1", owner_id)
    policy = Policy(
        {
            (text_of(rule["kind"]), text_of(rule["field"])): [text_of(name) for name in rule["sources"]]
            for rule in rules
        }
    )
    return [
        Provenance(
            name,
            tuple(
                Claim(
                    one.record.source,
                    one.value,
                    _confidence(one.value, one.record),
                    one.record.recorded_at,
                    actors[one.record.source, one.record.external_id],
                    one.locked,
                )
                for one in found
            ),
        )
        for name, found in sorted(standings(text_of(kind), records, policy).items())
        if not fields
        or any(name == asked or (asked.endswith(".") and name.startswith(asked)) for asked in fields)
    ]


def _confidence(value: Any, record: Record) -> float | None:
    sure = value.get("confidence", record.confidence) if isinstance(value, dict) else record.confidence
    return None if sure is None else float(sure)


_RECORDS = """
with own as (select coalesce(merged_into_id, id) as id from entity where id = $2)
select r.source, r.external_id, r.version, r.claims::text as claims, r.recorded_at, r.confidence, s.actor
  from source_mapping m
  join entity e on e.id = m.entity_id
  join own o on o.id = e.id or o.id = e.merged_into_id
  join lateral (
    select source, external_id, version, claims, recorded_at, confidence, change_set_id
      from source_record r
     where r.owner_id = $1 and r.source = m.source and r.external_id = m.external_id
     order by version desc limit 1) r on true
  left join change_set s on s.id = r.change_set_id
 where m.owner_id = $1
"""
