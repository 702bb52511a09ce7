"""What a request is paid from. The front door brings it; the engine takes the price before anything runs."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Spent:
    """How a budget stands. cost: what the request at hand was priced at."""

    limit: int
    remaining: int
    reset_at: datetime
    cost: int


class Purse(Protocol):
    """What one request is paid from."""

    def reserve(self, points: int) -> Awaitable[None] | None:
        """Take the price before anything runs: at once, or when what is given back is awaited.

        Raises what tells the caller that there is not enough.
        """
        ...

    def state(self) -> Spent:
        """How the budget stands now."""
        ...
