"""What everybody may spend in a minute, as the tables have it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.ports import Sql, text_of


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A tier: points a minute, shared by everybody who acts for an organization of it, and room for files.

    most_file_mb: of one file; most_kept_mb: of all of them, in MiB; most_upload_s: for one upload.
    paid_models: whether models that cost something may be asked; model_cents_per_day: for how many US cents.
    """

    name: str
    points_per_minute: int
    most_file_mb: int = 0
    most_kept_mb: int = 0
    most_upload_s: int = 0
    paid_models: bool = False
    model_cents_per_day: int = 0


@dataclass(frozen=True)
class Allowances:
    """Points a minute of each tier, and of the clients that have a share of their own."""

    tiers: Mapping[str, int] = field(default_factory=dict)
    clients: Mapping[uuid.UUID, int] = field(default_factory=dict)


async def tiers_of(sql: Sql) -> list[Tier]:
    """All tiers, the smallest first."""
    rows = await sql.fetch(f"select {TIER} from tier order by points_per_minute, name")
    return [tier_of(row) for row in rows]


TIER = (
    "name, points_per_minute, most_file_bytes, most_kept_bytes, most_upload_s, "
    "paid_models, model_cents_per_day"
)


def tier_of(row: Any) -> Tier:
    """The tier of a row."""
    return Tier(
        name=text_of(row["name"]),
        points_per_minute=row["points_per_minute"],
        most_file_mb=row["most_file_bytes"] >> 20,
        most_kept_mb=row["most_kept_bytes"] >> 20,
        most_upload_s=row["most_upload_s"],
        paid_models=row["paid_models"],
        model_cents_per_day=row["model_cents_per_day"],
    )


async def read_allowances(sql: Sql) -> Allowances:
    """What everybody may spend, as the tables have it now."""
    clients = await sql.fetch(
        "select id, points_per_minute from client where points_per_minute is not null and revoked_at is null"
    )
    return Allowances(
        {tier.name: tier.points_per_minute for tier in await tiers_of(sql)},
        {row["id"]: row["points_per_minute"] for row in clients},
    )
