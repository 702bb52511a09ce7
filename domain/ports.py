"""What the domain asks of the outside world, as Protocols; `domain/adapters` answers them."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Stored bytes, named by their own content."""

    sha256: str
    size_bytes: int


class OutsideAway(ConnectionError):
    """A dependency that can't be asked: it fails, or it failed often enough to be left alone for a while.

    name: what people call it. reason: for the log, it may name addresses. retry_after_s: when to come again.
    """

    def __init__(self, name: str, reason: str, retry_after_s: float) -> None:
        super().__init__(f"{name} is away: {reason}")
        self.name = name
        self.reason = reason
        self.retry_after_s = retry_after_s


class TryLater(Exception):
    """A dependency answered that it can't serve now. after_s: when it asked to be called again, if it did."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s

    @classmethod
    def by_header(cls, reason: str, retry_after: str | None) -> "TryLater":
        """From an answer's Retry-After: seconds or a date (RFC 9110 §10.2.3); another form says nothing."""
        text = (retry_after or "").strip()
        if text.isascii() and text.isdigit():
            return cls(reason, float(text[:9]))
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return cls(reason)
        aware = at if at.tzinfo else at.replace(tzinfo=UTC)
        return cls(reason, max(0.0, (aware - datetime.now(UTC)).total_seconds()))


class Dependency(Protocol):
    """Something that is not ours, behind a timeout, a bounded number of tries and a breaker."""

    async def call(self, work: Callable[[], Awaitable[T]], *, repeat: bool = False) -> T:
        """What `work` gives; tried again only where repeating does no harm. Raises OutsideAway."""
        ...


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob as it lies in the store; written_at: when its bytes were last written."""

    sha256: str
    size_bytes: int
    written_at: datetime


class BlobNotFound(LookupError):
    """No bytes are stored under this sha256."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"no blob {sha256} in the store")
        self.sha256 = sha256


class BlobTooLarge(ValueError):
    """More bytes than may be."""

    def __init__(self, size_bytes: int, largest: int) -> None:
        super().__init__(f"{size_bytes} bytes were uploaded; at most {largest}")
        self.size_bytes = size_bytes
        self.largest = largest


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

    def stream(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a blob from start up to but not including end. Raises BlobNotFound at once."""
        ...

    async def delete(self, sha256: str) -> None:
        """Forget a blob; one that is not there is forgotten already."""
        ...

    def download_url(self, sha256: str, *, lives: timedelta, file_name: str, media_type: str) -> str:
        """An address that gives the blob to whoever has it, until it expires."""
        ...

    def upload_url(self, ticket: str, *, lives: timedelta, largest: int) -> str:
        """An address that takes bytes by PUT, kept aside under the ticket until they are taken in.

        largest: bytes. A store that can't refuse more while they come refuses them when they are taken in.
        """
        ...

    async def take_in(self, ticket: str, largest: int, *, keep: bool = False) -> BlobRef:
        """What was uploaded under a ticket, as a blob. Raises BlobNotFound, BlobTooLarge.

        keep: the upload stays under its ticket as well, until `forget_upload`.
        """
        ...

    async def forget_upload(self, ticket: str) -> None:
        """Forget what was uploaded under a ticket; what is not there is forgotten already."""
        ...

    async def check(self) -> None:
        """Raise OSError when the store can't be written."""
        ...

    def walk(self) -> AsyncIterator[StoredBlob]:
        """Every blob of the store, in no order that means anything."""
        ...

    async def forget_uploads(self, before: datetime, awaited: Set[str]) -> tuple[int, int]:
        """Delete what was uploaded, or half written, before an instant and not taken in: number, bytes.

        awaited: tickets whose uploads stay however old they are.
        """
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


class FolderBlobs(Blobs, Protocol):
    """A store whose addresses the front door serves itself."""

    async def size(self, sha256: str) -> int:
        """The size of a blob in bytes. Raises BlobNotFound."""
        ...

    async def keep_upload(self, ticket: str, data: AsyncIterable[bytes]) -> int:
        """Keep what is uploaded under a ticket, whole or not at all; gives its size in bytes."""
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


def text_of(value: str | bytes) -> str:
    """A text column's value as str: read pools give it as bytes, work pools as str."""
    return value.decode() if isinstance(value, bytes) else value


class SqlPool(Protocol):
    """Where connections come from."""

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """A connection for the length of the block."""
        ...


class BudgetAway(ConnectionError):
    """The store that processes share their budgets through can't be reached, or answers too late."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What is asked of one bucket of points, which fills up again within a minute.

    need: all of it or nothing; more: as much of it as is easily spared; back: points given back.
    """

    name: str
    capacity: int
    need: int = 0
    more: int = 0
    back: int = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of it. taken: points, of need and more; left: what the bucket holds now."""

    taken: int
    left: float


class Buckets(Protocol):
    """Budgets that all processes share. Every method raises BudgetAway."""

    async def draw(self, draws: Sequence[Draw]) -> tuple[list[Drawn], float]:
        """Draw from all or from none; beside it the seconds until there is enough, 0 when there was."""
        ...

    async def count(self, name: str, most: int, window_s: float) -> tuple[bool, int, float]:
        """Count one in a window that begins with its first; whether it is in, how many are left, seconds."""
        ...

    async def present(self, process: str, patience_s: float) -> int:
        """Say that a process is there; gives how many said so within the time."""
        ...

    async def leave(self, process: str) -> None:
        """Say that a process is gone."""
        ...
