"""Slows down whoever tries credentials: slowapi, in memory, ahead of what all processes count together.

It stands before the work that a log-in or a token costs, asks nobody, and so holds when the store is away.
"""

import time
from collections.abc import Awaitable, Callable
from functools import wraps

from limits.storage import MemoryStorage
from slowapi import Limiter
from slowapi.errors import RateLimitExceeded
from starlette.requests import Request
from starlette.responses import Response

from api.auth import address_of
from api.floor import Told, network_of
from api.problems import Withheld
from api.services import services_of

WINDOW_S = 60
MOST_KEYS = 10_000

Endpoint = Callable[[Request], Awaitable[Response]]


class BoundedMemory(MemoryStorage):
    """Counters in memory, at most so many: of more, the oldest is forgotten."""

    STORAGE_SCHEME = ["bounded-memory"]  # noqa: RUF012

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count for a key."""
        if key not in self.storage and len(self.storage) >= MOST_KEYS:
            self.clear(next(iter(self.storage)))
        return super().incr(key, expiry, amount)


def _whose(request: Request) -> str:
    """How many a minute, and whose."""
    most = services_of(request).settings.guarded_requests
    return f"{most} {network_of(address_of(request.scope))}"


def _most(key: str) -> str:
    return f"{key.partition(' ')[0]}/minute"


slow = Limiter(key_func=_whose, storage_uri="bounded-memory://")


def guarded(endpoint: Endpoint) -> Endpoint:
    """The endpoint, which one address may call only so often in a minute, in each process."""
    limited: Endpoint = slow.limit(_most)(endpoint)

    @wraps(endpoint)
    async def call(request: Request) -> Response:
        try:
            return await limited(request)
        except RateLimitExceeded:
            wait = _state(request)[-1]
            said = f"too many requests to {request.url.path} from one address; come again in {wait} s"
            raise Withheld("RATE_LIMIT_EXCEEDED", said, headers={"Retry-After": str(wait)}) from None
        finally:
            told = request.scope.get("bill")
            limits = told.limits if isinstance(told, Told) else []
            request.scope["bill"] = Told([*limits, _state(request)])

    return call


def _state(request: Request) -> tuple[str, int, int, int, int]:
    """How the limit stands, and at the end the seconds until it begins anew."""
    item, names = request.state.view_rate_limit
    stats = slow.limiter.get_window_stats(item, *names)
    wait = max(1, round(stats.reset_time - time.time()))
    return "attempts", item.amount, WINDOW_S, max(0, stats.remaining), wait
