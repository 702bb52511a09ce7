"""Tiers: what an organization may spend in a minute and keep, as data that an administrator edits."""

from dataclasses import dataclass, fields

from domain.access.allowances import TIER, Tier, tier_of
from domain.access.scopes import Scope
from domain.access.tables import TIERS
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.refusals import InputInvalid
from domain.work import Work

MOST = 2_000_000_000


@dataclass(frozen=True, kw_only=True)
class EditTier:
    """What a tier is to have; what is left out stays. Every server holds to it within seconds.

    points_per_minute: what may be spent. most_file_mb, most_kept_mb: MiB of one file and of all files;
    most_upload_s: seconds that one upload may take. paid_models: whether models that cost something may be
    asked; model_cents_per_day: for how many US cents a day.
    """

    name: str
    points_per_minute: int | None = None
    most_file_mb: int | None = None
    most_kept_mb: int | None = None
    most_upload_s: int | None = None
    paid_models: bool | None = None
    model_cents_per_day: int | None = None


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
    """Change what a tier may spend in a minute and on models, and how many bytes of files it may keep."""
    if ask.name not in TIERS:
        raise InputInvalid(f"tier {ask.name[:60]!r} is unknown; there are {', '.join(TIERS)}", path=("name",))
    given = {field.name: getattr(ask, field.name) for field in fields(ask) if field.name != "name"}
    for name, value in given.items():
        least = 0 if name == "model_cents_per_day" else 1
        if type(value) is int and not least <= value <= MOST:
            raise InputInvalid(f"{name} is {value}; {least} to {MOST:,} will do", path=(name,))
    row = await work.connection.fetchrow(
        "update tier set points_per_minute = coalesce($2, points_per_minute), "
        "most_file_bytes = coalesce($3::bigint << 20, most_file_bytes), "
        "most_kept_bytes = coalesce($4::bigint << 20, most_kept_bytes), "
        "most_upload_s = coalesce($5, most_upload_s), paid_models = coalesce($6, paid_models), "
        "model_cents_per_day = coalesce($7, model_cents_per_day), updated_at = clock_timestamp() "
        f"where name = $1 returning {TIER}",
        ask.name,
        *given.values(),
    )
    assert row is not None, f"the tier {ask.name} has a row from the beginning"
    return Outcome("change_set", (work.change_set_id,), value=tier_of(row))
