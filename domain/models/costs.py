"""What calls cost, and that an organization's day never costs more than its tier allows.

A call's highest possible cost is reserved before it is sent and settled afterwards, so that calls made at the
same time can't spend the same money twice. Whoever dies between the two leaves the reservation standing: the
cap holds then, too.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Any

from domain.models.ports import Used
from domain.ports import Sql

# The most that one answer is allowed, and that each second of sound may be counted as.
MOST_OUT = 400
_AUDIO_TOKENS_PER_S = 50
_TEXT_TOKENS = 2_500
NAMES = ("text_in", "audio_in", "out")
# US dollars for a million tokens, as the provider publishes them; an operator sets others.
PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "gpt-audio-1.5": {"text_in": 2.5, "audio_in": 32.0, "out": 10.0},
    "gpt-audio": {"text_in": 2.5, "audio_in": 32.0, "out": 10.0},
    "gpt-audio-mini": {"text_in": 0.6, "audio_in": 10.0, "out": 2.4},
    "gpt-4o-audio-preview": {"text_in": 2.5, "audio_in": 40.0, "out": 10.0},
    "gpt-4o-mini-audio-preview": {"text_in": 0.15, "audio_in": 10.0, "out": 0.6},
}


@dataclass(frozen=True, kw_only=True)
class Prices:
    """US dollars for a million tokens, which is millionths of a dollar for one."""

    text_in: float = 0.0
    audio_in: float = 0.0
    out: float = 0.0

    @property
    def free(self) -> bool:
        """Whether nothing is to be paid."""
        return not (self.text_in or self.audio_in or self.out)

    def cost(self, used: Used) -> int:
        """What a call cost, in millionths of a dollar, rounded up."""
        paid = self.text_in * used.text_in + self.audio_in * used.audio_in + self.out * used.out
        return ceil(round(paid, 6))

    def most(self, duration_s: float) -> int:
        """The most that a call about so much sound can cost."""
        audio = ceil(duration_s * _AUDIO_TOKENS_PER_S)
        return self.cost(Used(text_in=_TEXT_TOKENS, audio_in=audio, out=MOST_OUT))


FREE = Prices()


def prices_of(said: Mapping[str, Any] | None) -> Prices | None:
    """The prices that a row holds; None where nobody has said."""
    if said is None:
        return None
    return Prices(**{name: float(said.get(name) or 0.0) for name in NAMES})


async def reserve(sql: Sql, owner_id: uuid.UUID, day: date, micros: int, cap_micros: int) -> bool:
    """Set so much aside for a call, or nothing where the day's cap would be passed.

    One statement, and its row is locked by whoever writes it: of two calls at once the second finds what the
    first has set aside.
    """
    if micros > cap_micros:
        return False
    return bool(
        await sql.fetchval(
            "insert into model_spend as s (owner_id, day, reserved_micros) values ($1, $2, $3) "
            "on conflict (owner_id, day) do update "
            "set reserved_micros = s.reserved_micros + excluded.reserved_micros "
            "where s.reserved_micros + s.spent_micros + excluded.reserved_micros <= $4 returning true",
            owner_id,
            day,
            micros,
            cap_micros,
        )
    )


async def settle(sql: Sql, owner_id: uuid.UUID, day: date, reserved: int, cost: int) -> None:
    """Turn what was set aside into what it cost."""
    await sql.execute(
        "update model_spend set reserved_micros = greatest(0, reserved_micros - $3), "
        "spent_micros = spent_micros + $4 where owner_id = $1 and day = $2",
        owner_id,
        day,
        reserved,
        cost,
    )
