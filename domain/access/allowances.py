"""What everybody may spend in a minute, as the tables have it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.ports import Sql, text_of


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A tier: points a minute, shared by everybody who acts for an organization of it."""

    name: str
    points_per_minute: int


@dataclass(frozen=True)
class Allowances:
    """Points a minute of each tier, and of the clients that have a share of their own."""

    tiers: Mapping[str, int] = field(default_factory=dict)
    clients: Mapping[uuid.UUID, int] = field(default_factory=dict)


async def tiers_of(sql: Sql) -> list[Tier]:
    """All tiers, the smallest first."""
    rows = await sql.fetch("select name, points_per_minute from tier order by points_per_minute, name")
    return [Tier(name=text_of(row["name"]), points_per_minute=row["points_per_minute"]) for row in rows]


async def read_allowances(sql: Sql) -> Allowances:
    """What everybody may spend, as the tables have it now."""
    clients = await sql.fetch(
        "select id, points_per_minute from client where points_per_minute is not null and revoked_at is null"
    )
    return Allowances(
        {tier.name: tier.points_per_minute for tier in await tiers_of(sql)},
        {row["id"]: row["points_per_minute"] for row in clients},
    )
