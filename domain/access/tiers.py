"""Tiers: what an organization may spend in a minute, as data that an administrator edits."""

from dataclasses import dataclass

from domain.access.allowances import Tier
from domain.access.scopes import Scope
from domain.access.tables import TIERS
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.refusals import InputInvalid
from domain.work import Work

MOST_POINTS = 2_000_000_000


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
