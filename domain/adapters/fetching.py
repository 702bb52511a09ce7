"""Fetches sound from addresses that callers named, and from no machine of our own network.

The rules are those of webhooks: a name is resolved once, every address of it is judged, and the connection
goes to an address that was judged. A redirect is followed a few times, and judged as if it had been named. No
proxy of the environment is asked, nothing of ours is sent along, and no more is read than is wanted.
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import PurePosixPath
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import httpx2

from domain.adapters.webhooks import Address, is_public
from domain.features.fetch import Fetched, NotFetched

LONGEST_URL = 2_000
MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What may pass, so that the job tries again.
_LATER = frozenset({408, 425, 429})
_PART = 1 << 16


class SoundFetcher:
    """Fetches by https from public addresses. schemes, private: other schemes, any address (for tests)."""

    def __init__(
        self,
        *,
        schemes: tuple[str, ...] = ("https",),
        private: bool = False,
        patience_s: float = 15.0,
        longest_s: float = 600.0,
    ) -> None:
        self._schemes = schemes
        self._private = private
        self._patience_s = patience_s
        self._longest_s = longest_s

    @asynccontextmanager
    async def open(self, url: str, largest: int) -> AsyncIterator[Fetched]:
        """The bytes behind an address, at most so many. Raises NotFetched, also while they are read."""
        try:
            async with (
                asyncio.timeout(self._longest_s),
                httpx2.AsyncClient(timeout=self._patience_s, follow_redirects=False, trust_env=False) as http,
            ):
                answer, parts = await self._follow(http, url)
                try:
                    self._judge(answer, parts, largest)
                    name = PurePosixPath(unquote(parts.path)).name or "sound"
                    declared = answer.headers.get("content-type")
                    yield Fetched(name[-255:], declared, _stream(answer, largest, parts))
                finally:
                    await answer.aclose()
        except TimeoutError:
            raise NotFetched(
                "fetch_too_slow", f"it took more than {self._longest_s:g} s", again=True
            ) from None
        except (httpx2.HTTPError, OSError) as error:
            raise NotFetched("fetch_failed", f"{type(error).__name__}: {error}"[:200], again=True) from error

    async def _follow(self, http: httpx2.AsyncClient, url: str) -> tuple[httpx2.Response, SplitResult]:
        for _ in range(MOST_REDIRECTS + 1):
            parts = self._parts(url)
            host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
            address = await self._resolve(host, port)
            target = f"[{address}]" if address.version == 6 else str(address)
            asked = http.build_request(
                "GET",
                parts._replace(netloc=f"{target}:{port}").geturl(),
                headers={"host": parts.netloc, "user-agent": "Catalograph", "accept-encoding": "identity"},
                extensions={"sni_hostname": host},
            )
            answer = await http.send(asked, stream=True)
            if answer.status_code not in _REDIRECTS:
                return answer, parts
            await answer.aclose()
            url = urljoin(url, answer.headers.get("location", ""))
        raise NotFetched("fetch_refused", f"it is redirected more than {MOST_REDIRECTS} times")

    def _judge(self, answer: httpx2.Response, parts: SplitResult, largest: int) -> None:
        status = answer.status_code
        if status != 200:
            again = status in _LATER or status >= 500
            raise NotFetched("fetch_failed", f"{parts.hostname} answered {status}", again=again)
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise NotFetched("fetch_refused", f"{parts.hostname} sends it packed, though it was asked not to")
        length = answer.headers.get("content-length", "")
        if length.isdigit() and int(length) > largest:
            raise NotFetched("fetch_too_large", f"it has {int(length):,} bytes; at most {largest:,}")

    async def _resolve(self, host: str, port: int) -> Address:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            raise NotFetched("fetch_failed", f"the name {host} can't be resolved", again=True) from None
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        if not self._private and any(not is_public(one) for one in addresses):
            raise NotFetched("fetch_refused", f"{host} leads to an address that is not public")
        return addresses[0]

    def _parts(self, url: str) -> SplitResult:
        schemes = self._schemes
        try:
            parts = urlsplit(url)
            good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise NotFetched("fetch_refused", "that is no URL") from None
        if not good or len(url) > LONGEST_URL or not (url.isascii() and url.isprintable()) or " " in url:
            raise NotFetched("fetch_refused", f"sound is fetched from {' or '.join(schemes)} addresses alone")
        if parts.username is not None or parts.password is not None:
            raise NotFetched("fetch_refused", "an address has no user and no password in it")
        return parts._replace(fragment="")


async def _stream(answer: httpx2.Response, largest: int, parts: SplitResult) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in answer.aiter_raw(_PART):
        size += len(chunk)
        if size > largest:
            raise NotFetched("fetch_too_large", f"{parts.hostname} sends more than {largest:,} bytes")
        yield chunk
