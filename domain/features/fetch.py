"""Sound that lies elsewhere: what fetching it gives, and why it may give nothing."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


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
