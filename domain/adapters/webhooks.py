"""Posts to addresses that users named, and to no machine of our own network.

A name is resolved once, every address of it is judged, and the connection goes to an address that was
judged; so a name that answers otherwise the second time gains nothing. No redirect is followed, no proxy
of the environment asked, and little of the answer is read.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

import httpx2

from domain.access.addresses import Address, is_public
from domain.adapters.outside import FAULTS, Outside
from domain.notices.outlets import NeverSent, NotSent
from domain.ports import OutsideAway, TryLater

LARGEST_ANSWER = 64 << 10
LONGEST_URL = 2_000
# How many places a process remembers breakers of; the one used longest ago is forgotten.
MOST_PLACES = 500
_FAULTS = (*FAULTS, httpx2.HTTPError)
# 408, 425 and 429 ask for another time (RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4).
_LATER = frozenset({408, 425, 429})


class WebhookPoster:
    """Posts by https to public addresses. private: also by http, and to any address (for tests)."""

    def __init__(self, *, private: bool = False, patience_s: float = 15.0) -> None:
        self._private = private
        self._patience_s = patience_s
        self._places: dict[str, Outside] = {}
        self._http: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> "WebhookPoster":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Return when it was answered with 2xx. Raises NotSent, NeverSent."""
        parts = self._parts(url)
        if self._http is None:  # made once: loading the certificates takes a tenth of a second
            self._http = httpx2.AsyncClient(
                timeout=self._patience_s,
                follow_redirects=False,
                trust_env=False,
                limits=httpx2.Limits(max_keepalive_connections=0),
            )
        http = self._http
        try:
            status, later = await self._outside(parts.netloc).call(
                lambda: self._ask(http, parts, headers, body)
            )
        except OutsideAway as away:
            raise NotSent(f"{parts.hostname} can't be reached: {str(away)[:200]}") from away
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise NeverSent(f"{parts.hostname} answered {status}; redirects are not followed")
        if status in _LATER or status >= 500:
            # Said to this sender: it puts off this notice, and not those of others to the same host.
            raise NotSent(f"{parts.hostname} answered {status}", TryLater.by_header("", later).after_s)
        raise NeverSent(f"{parts.hostname} answered {status}")

    def _outside(self, place: str) -> Outside:
        """The breaker of one place, so that a tenant's that is away rests no other's."""
        found = self._places.pop(place, None) or Outside(place, self._patience_s, faults=_FAULTS)
        self._places[place] = found
        if len(self._places) > MOST_PLACES:
            del self._places[next(iter(self._places))]
        return found

    async def _ask(
        self, http: httpx2.AsyncClient, parts: SplitResult, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str | None]:
        """The status of the answer, and when it asked to be called again."""
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        address = await self._resolve(host, port)
        target = f"[{address}]" if address.version == 6 else str(address)
        pinned = parts._replace(netloc=f"{target}:{port}").geturl()
        given = {**headers, "host": parts.netloc, "user-agent": "Catalograph", "accept-encoding": "identity"}
        async with http.stream(
            "POST", pinned, headers=given, content=body, extensions={"sni_hostname": host}
        ) as answer:
            size = 0
            async for chunk in answer.aiter_raw():
                size += len(chunk)
                if size > LARGEST_ANSWER:
                    break
            return int(answer.status_code), answer.headers.get("retry-after")

    async def _resolve(self, host: str, port: int) -> Address:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NotSent(f"the name {host} can't be resolved") from error
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        if not self._private and (inside := [one for one in addresses if not is_public(one)]):
            raise NeverSent(f"{host} leads to {inside[0]}, which is no public address")
        return addresses[0]

    def _parts(self, url: str) -> SplitResult:
        schemes = ("https", "http") if self._private else ("https",)
        try:
            parts = urlsplit(url)
            good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise NeverSent("that is no URL") from None
        if not good or len(url) > LONGEST_URL or not (url.isascii() and url.isprintable()) or " " in url:
            raise NeverSent(f"a webhook's URL begins with {' or '.join(s + '://' for s in schemes)}")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise NeverSent("a webhook's URL has no user, no password and no fragment")
        return parts
