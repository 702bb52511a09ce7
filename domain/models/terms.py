"""What of an organization may be sent to which models: its tier, its permission, its cap of a day."""

import uuid
from dataclasses import dataclass

from domain.models.ports import AudioModel
from domain.ports import Sql, text_of

MICROS_OF_A_CENT = 10_000


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What an organization may have asked.

    paid: whether models that cost something; cap_micros: what its calls of a day may cost in all. outside:
    whether public recordings may leave the house; private_too: also those that nobody else may see.
    """

    tier: str
    paid: bool
    cap_micros: int
    outside: bool = False
    private_too: bool = False


async def terms_of(sql: Sql, owner_id: uuid.UUID) -> Terms:
    """The terms of an organization, as its tier and its permission have them now."""
    row = await sql.fetchrow(
        "select o.tier, t.paid_models, t.model_cents_per_day, coalesce(p.outside, false) as outside, "
        "coalesce(p.private_too, false) as private_too from organization o join tier t on t.name = o.tier "
        "left join model_permission p on p.owner_id = o.id where o.id = $1",
        owner_id,
    )
    if row is None:
        raise LookupError(f"there is no organization {owner_id}")
    return Terms(
        tier=text_of(row["tier"]),
        paid=row["paid_models"],
        cap_micros=row["model_cents_per_day"] * MICROS_OF_A_CENT,
        outside=row["outside"],
        private_too=row["private_too"],
    )


def forbidden(terms: Terms, model: AudioModel, *, free: bool, private: bool) -> str | None:
    """Why a model may not be asked; None when it may. The word is kept as the reason of the hop."""
    if not free and not terms.paid:
        return "tier_without_paid_models"
    if model.inside:
        return None
    if not terms.outside:
        return "organization_has_not_allowed"
    if private and not terms.private_too:
        return "private_recording"
    return None
