"""What the domain asks of the outside world, as Protocols; `domain/adapters` answers them."""

from collections.abc import AsyncIterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Stored bytes, named by their own content."""

    sha256: str
    size_bytes: int


class BlobNotFound(LookupError):
    """No bytes are stored under this sha256."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"no blob {sha256} in the store")
        self.sha256 = sha256


class Blobs(Protocol):
    """Immutable bytes, kept under the sha256 of their content. The same bytes twice are one blob."""

    async def put(self, data: bytes | AsyncIterable[bytes]) -> BlobRef:
        """Store bytes, or a stream of them, whole or not at all; durable when this returns."""
        ...

    async def read(self, sha256: str) -> bytes:
        """All bytes of a blob. Raises BlobNotFound."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """A seekable file over a blob, for readers in a thread. Raises BlobNotFound."""
        ...

    async def exists(self, sha256: str) -> bool:
        """Whether the store holds this blob."""
        ...

    async def check(self) -> None:
        """Raise OSError when the store can't be written."""
        ...


class SealBroken(Exception):
    """Sealed bytes that this key did not seal, or that were bound to something else."""


class Sealer(Protocol):
    """Makes bytes unreadable to whoever has only the database."""

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """The sealed form; it opens only together with the same `bound_to`."""
        ...

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """What was sealed. Raises SealBroken."""
        ...


class Sql(Protocol):
    """A connection to PostgreSQL, as asyncpg's: `$1` parameters, rows by column name."""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """All rows."""
        ...

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row, or None."""
        ...

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        ...

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement; gives PostgreSQL's command tag."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """A transaction, or a savepoint inside one."""
        ...


class SqlPool(Protocol):
    """Where connections come from."""

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """A connection for the length of the block."""
        ...
