"""The floor for callers without a good token: so many requests in a quarter of an hour from one address."""

import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import address_of
from api.limits import Limiter
from api.problems import Withheld
from domain.ports import BudgetAway

WINDOW_S = 900
# What must answer however often it is asked, and what a page consists of.
FREE = ("/livez", "/readyz", "/static/")
# Here people try passwords and invitations: whoever comes is counted, whatever comes of it.
ALWAYS = (
    "/auth/login",
    "/auth/register",
    "/auth/invitations/accept",
    "/auth/oidc/callback",
)
# What is sent here is itself the proof: 256 bits that nobody guesses, a signature, a signed link. Programs
# behind one address would else take each other's places.
PROVING = ("/oauth/token", "/v1/callbacks/", "/v1/blobs/", "/v1/uploads/")
_CREDENTIALS = (b"authorization", b"x-api-key", b"cookie")
_REMEMBERED = 10_000

Value = TypeVar("Value")


@dataclass
class Told:
    """What headers say of limits that are no budget: name, most, window; what is left, until when."""

    limits: list[tuple[str, int, int, int, float]]

    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11)."""
        policies = ", ".join(f'"{name}";q={most};w={window}' for name, most, window, _, _ in self.limits)
        states = ", ".join(f'"{name}";r={left};t={math.ceil(s)}' for name, _, _, left, s in self.limits)
        return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", states.encode())]

    def close(self) -> None:
        """There is nothing to settle."""

    async def least(self) -> None:
        """The request was counted as it came in."""


class Floor:
    """Counts requests by address in a window that begins with the first; all processes count together.

    An address that has had its share is told so without asking the store again. While the store is away,
    each process counts for itself, up to its part.
    """

    def __init__(self, limiter: Limiter, most: int, window_s: int = WINDOW_S) -> None:
        self.most = most
        self.window_s = window_s
        self._limiter = limiter
        self._full: OrderedDict[str, float] = OrderedDict()
        self._alone: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def charge(self, scope: Scope) -> None:
        """Count one request. Raises Withheld: RATE_LIMIT_EXCEEDED."""
        address = network_of(address_of(scope))
        good, left, seconds = await self._count(address)
        told = ("address", self.most, self.window_s, left, seconds)
        already = scope.get("bill")
        scope["bill"] = Told([told, *(already.limits if isinstance(already, Told) else ())])
        if good:
            return
        raise self._too_many(max(1, math.ceil(seconds)))

    def _too_many(self, wait_s: int) -> Withheld:
        return Withheld(
            "RATE_LIMIT_EXCEEDED",
            f"{self.most} requests in {self.window_s // 60} minutes may come from one address without a good "
            f"token; come again in {wait_s} s, or with a token",
            headers={"Retry-After": str(wait_s)},
        )

    def expect_room(self, scope: Scope) -> None:
        """Raise Withheld where an address is known to have had its share, without counting."""
        until = self._full.get(network_of(address_of(scope)), 0.0)
        if (wait := math.ceil(until - time.monotonic())) > 0:
            raise self._too_many(wait)

    async def _count(self, address: str) -> tuple[bool, int, float]:
        now = time.monotonic()
        until = self._full.get(address)
        if until is not None:
            if until > now:
                return False, 0, until - now
            del self._full[address]
        if not self._limiter.away:
            try:
                good, left, seconds = await self._limiter.store.count(
                    f"address:{address}", self.most, self.window_s
                )
            except BudgetAway as error:
                self._limiter.lost(error)
            else:
                if not good:
                    _remember(self._full, address, now + seconds)
                return good, left, seconds
        part = max(1, self.most // self._limiter.processes)
        count, until = self._alone.get(address, (0, 0.0))
        if until <= now:
            count, until = 0, now + self.window_s
        if count < part:
            count += 1
            _remember(self._alone, address, (count, until))
            return True, part - count, until - now
        return False, 0, until - now


class AddressFloor:
    """Counts a request that shows no credential before it runs, and one whose credential is no good after."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(FREE):
            await self.app(scope, receive, send)
            return
        floor: Floor = scope["app"].state.services.floor
        shows = scope["path"].startswith(PROVING) or any(name in _CREDENTIALS for name, _ in scope["headers"])
        if not shows or scope["path"] in ALWAYS:
            await floor.charge(scope)
            await self.app(scope, receive, send)
            return
        counted = False

        async def send_counted(message: Message) -> None:
            nonlocal counted
            if not counted and message["type"] == "http.response.start":
                counted = True
                if not scope.get("actor"):
                    await floor.charge(scope)
            await send(message)

        try:
            await self.app(scope, receive, send_counted)
        except Exception:
            if not counted and not scope.get("actor"):
                await floor.charge(scope)
            raise


def network_of(address: str) -> str:
    """What counts as one caller: an IPv4 address, or the /64 that an IPv6 address is in."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return str(found)


def _remember(of: OrderedDict[str, Value], address: str, value: Value) -> None:
    of[address] = value
    of.move_to_end(address)
    if len(of) > _REMEMBERED:
        of.popitem(last=False)
