"""Sound that lies elsewhere: what fetching it gives, and why it may give nothing."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

LONGEST_URL = 2_000
HTTPS = ("https",)


@dataclass(frozen=True)
class Fetched:
    """Bytes on their way. file_name: the last part of the address; declared_type: what the server says."""

    file_name: str
    declared_type: str | None
    stream: AsyncIterator[bytes]


class NotFetched(Exception):
    """Nothing came, or nothing that is taken. again: another time may be better."""

    def __init__(self, code: str, text: str, *, again: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.again = again


class Fetcher(Protocol):
    """Fetches by https from public addresses; `domain.adapters.fetching` has the one in use."""

    def open(self, url: str, largest: int) -> AbstractAsyncContextManager[Fetched]:
        """The bytes behind an address, at most so many. Raises NotFetched, also while they are read."""
        ...


def place_of(url: str, schemes: tuple[str, ...] = HTTPS) -> SplitResult:
    """The parts of an address that sound may be fetched from, by how it is written. Raises NotFetched."""
    if len(url) > LONGEST_URL:
        raise NotFetched("fetch_refused", f"the address has {len(url):,} characters; at most {LONGEST_URL:,}")
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise NotFetched(
            "fetch_refused",
            "an address has visible ASCII characters alone: write others as %41, and in the host as xn--…",
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotFetched("fetch_refused", "that is no URL") from None
    if parts.scheme not in schemes:
        raise NotFetched("fetch_refused", f"sound is fetched from {' or '.join(schemes)} addresses alone")
    if not parts.hostname or port == 0:
        raise NotFetched("fetch_refused", "the address names no host, or port 0")
    if parts.username is not None or parts.password is not None:
        raise NotFetched("fetch_refused", "an address has no user and no password in it")
    return parts._replace(fragment="")
