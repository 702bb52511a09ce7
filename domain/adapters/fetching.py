"""Fetches sound from addresses that callers named, and from no machine of our own network.

The rules are those of webhooks: a name is resolved once, every address of it is judged, and the connection
goes to an address that was judged. A redirect is followed a few times, and judged as if it had been named. No
proxy of the environment is asked, nothing of ours is sent along, and no more is read than is wanted.
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import PurePosixPath
from urllib.parse import SplitResult, unquote, urljoin

import httpx2

from domain.access.addresses import Address, is_public
from domain.features.fetch import HTTPS, Fetched, NotFetched, place_of

MOST_REDIRECTS = 3
# Of a host's addresses so many are tried.
MOST_ADDRESSES = 4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What may pass, so that the job tries again.
_LATER = frozenset({408, 425, 429})
_PART = 1 << 16


class SoundFetcher:
    """Fetches by https from public addresses. schemes, private: other schemes, any address (for tests)."""

    def __init__(
        self,
        *,
        schemes: tuple[str, ...] = HTTPS,
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
        """The bytes behind an address, at most so many. Raises NotFetched, also while they are read.

        What goes wrong where the bytes are taken to is no fault of theirs, and stays what it is.
        """
        limit = asyncio.timeout(self._longest_s)
        try:
            async with (
                limit,
                httpx2.AsyncClient(timeout=self._patience_s, follow_redirects=False, trust_env=False) as http,
            ):
                answer, parts = await self._follow(http, url)
                try:
                    self._judge(answer, parts, largest)
                    name = PurePosixPath(unquote(parts.path)).name or "sound"
                    declared = answer.headers.get("content-type")
                    yield Fetched(name[-255:], declared, self._stream(answer, largest, parts))
                finally:
                    with suppress(httpx2.HTTPError, OSError):
                        await answer.aclose()
        except TimeoutError:
            if not limit.expired():
                raise
            raise NotFetched(
                "fetch_too_slow", f"it took more than {self._longest_s:g} s", again=True
            ) from None

    async def _follow(self, http: httpx2.AsyncClient, url: str) -> tuple[httpx2.Response, SplitResult]:
        for _ in range(MOST_REDIRECTS + 1):
            parts = place_of(url, self._schemes)
            answer = await self._ask(http, parts)
            if answer.status_code not in _REDIRECTS:
                return answer, parts
            with suppress(httpx2.HTTPError, OSError):
                await answer.aclose()
            try:
                url = urljoin(url, answer.headers.get("location", ""))
            except ValueError:
                raise NotFetched("fetch_refused", f"{parts.hostname} redirects to what is no URL") from None
        raise NotFetched("fetch_refused", f"it is redirected more than {MOST_REDIRECTS} times")

    async def _ask(self, http: httpx2.AsyncClient, parts: SplitResult) -> httpx2.Response:
        """The beginning of an answer, from the first address of the host that takes the connection."""
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        addresses = await self._resolve(host, port)
        for place, address in enumerate(addresses, start=1):
            target = f"[{address}]" if address.version == 6 else str(address)
            asked = http.build_request(
                "GET",
                parts._replace(netloc=f"{target}:{port}").geturl(),
                headers={"host": parts.netloc, "user-agent": "Catalograph", "accept-encoding": "identity"},
                extensions={"sni_hostname": host},
            )
            try:
                return await http.send(asked, stream=True)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                if place == len(addresses):
                    raise self._failed(host, error) from error
            except (httpx2.HTTPError, OSError) as error:
                raise self._failed(host, error) from error
        raise AssertionError("a name that was resolved has an address")

    def _failed(self, host: str, error: Exception) -> NotFetched:
        """What went wrong, in words that tell of the other side alone and nothing of our own network."""
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
            text = f"no connection to {host} could be made, or none that its certificate vouches for"
        elif isinstance(error, httpx2.TimeoutException | TimeoutError):
            text = f"{host} sent nothing for {self._patience_s:g} s"
        elif isinstance(error, httpx2.ProtocolError):
            text = f"{host} sent what is no HTTP, or broke off"
        else:
            text = f"the connection to {host} was cut"
        return NotFetched("fetch_failed", text, again=True)

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

    async def _resolve(self, host: str, port: int) -> list[Address]:
        # A name of our own network and one that there is not are told alike, or names could be tried out.
        nowhere = NotFetched("fetch_refused", f"{host} leads nowhere, or to an address that is not public")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            raise nowhere from None
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                text = f"names can't be resolved at the moment, {host} among them"
                raise NotFetched("fetch_failed", text, again=True) from None
            raise nowhere from None
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        if not addresses or (not self._private and any(not is_public(one) for one in addresses)):
            raise nowhere
        return list(dict.fromkeys(addresses))[:MOST_ADDRESSES]

    async def _stream(
        self, answer: httpx2.Response, largest: int, parts: SplitResult
    ) -> AsyncIterator[bytes]:
        size, host = 0, str(parts.hostname)
        chunks = answer.aiter_raw(_PART)
        while True:
            try:
                chunk = await anext(chunks, None)
            except (httpx2.HTTPError, OSError) as error:
                raise self._failed(host, error) from error
            if chunk is None:
                return
            size += len(chunk)
            if size > largest:
                raise NotFetched("fetch_too_large", f"{host} sends more than {largest:,} bytes")
            yield chunk
