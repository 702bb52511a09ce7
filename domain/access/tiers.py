"""Tiers: what an organization may spend in a minute, as data that an administrator edits."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.access.scopes import Scope
from domain.access.tables import TIERS
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.ports import Sql
from domain.refusals import InputInvalid
from domain.work import Work

MOST_POINTS = 2_000_000_000


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


@dataclass(frozen=True, kw_only=True)
class EditTier:
    """The points a minute that a tier is to have. Every server holds to them within seconds."""

    name: str
    points_per_minute: int


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="PATCH /tiers/{name}",
    returns="change_set",
    cost=1,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    value=Tier,
)
async def edit_tier(ask: EditTier, work: Work) -> Outcome:
    """Change what a tier may spend in a minute."""
    if ask.name not in TIERS:
        raise InputInvalid(f"tier {ask.name[:60]!r} is unknown; there are {', '.join(TIERS)}", path=("name",))
    if not 1 <= ask.points_per_minute <= MOST_POINTS:
        raise InputInvalid(
            f"points_per_minute is {ask.points_per_minute}; 1 to {MOST_POINTS:,} will do",
            path=("points_per_minute",),
        )
    await work.connection.execute(
        "insert into tier (name, points_per_minute) values ($1, $2) on conflict (name) do update "
        "set points_per_minute = excluded.points_per_minute, updated_at = clock_timestamp()",
        ask.name,
        ask.points_per_minute,
    )
    tier = Tier(name=ask.name, points_per_minute=ask.points_per_minute)
    return Outcome("change_set", (work.change_set_id,), value=tier)


async def tiers_of(sql: Sql) -> list[Tier]:
    """All tiers, the smallest first."""
    rows = await sql.fetch("select name, points_per_minute from tier order by points_per_minute, name")
    return [Tier(name=_text(row["name"]), points_per_minute=row["points_per_minute"]) for row in rows]


async def read_allowances(sql: Sql) -> Allowances:
    """What everybody may spend, as the tables have it now."""
    clients = await sql.fetch(
        "select id, points_per_minute from client where points_per_minute is not null and revoked_at is null"
    )
    return Allowances(
        {tier.name: tier.points_per_minute for tier in await tiers_of(sql)},
        {row["id"]: row["points_per_minute"] for row in clients},
    )


def _text(value: str | bytes) -> str:
    """Read pools give text as bytes, work pools as str."""
    return value.decode() if isinstance(value, bytes) else value
