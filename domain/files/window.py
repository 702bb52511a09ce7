"""A file as an inspection sees it: every read is counted and none is longer than the file allows.

Lengths inside a file are claims. Whoever follows them reads through a window, which gives no byte beyond
the end, allocates nothing for a promised length, and ends a walk that goes on for too long.
"""

from typing import BinaryIO

from domain.files.verdict import Unfit

_PAGE = 16 << 10
# One read gives at most this much; larger things are read in parts.
LARGEST_READ = 16 << 20
# What may be read before a walker of a certain type asks for more.
FIRST_BYTES = 32 << 20
MOST_READS = 400_000


class Window:
    """A seekable file of a known size, with a budget of bytes and of reads. Raises Unfit beyond it."""

    def __init__(self, source: BinaryIO, size_bytes: int, *, most_bytes: int = FIRST_BYTES) -> None:
        self._source = source
        self.size = size_bytes
        self.most_bytes = most_bytes
        self.most_reads = MOST_READS
        self.bytes_read = 0
        self.reads = 0
        self._at = 0
        self._page_at = 0
        self._page = b""

    def allow(self, more_bytes: int) -> None:
        """Let this many bytes more be read, for a type that is read from end to end."""
        self.most_bytes += more_bytes

    def read(self, length: int = -1, /) -> bytes:
        """At most `length` bytes from here on; fewer only where the file ends."""
        self.reads += 1
        if self.reads > self.most_reads:
            raise Unfit("file_too_complex", f"looking at it takes more than {self.most_reads} steps")
        left = max(self.size - self._at, 0)
        length = left if length < 0 else min(length, left)
        if length > LARGEST_READ:
            raise Unfit("file_too_complex", f"one part of it has {length} bytes; at most {LARGEST_READ}")
        start = self._at - self._page_at
        if not 0 <= start <= start + length <= len(self._page):
            if length > _PAGE:
                data = self._fetch(self._at, length)
                self._at += len(data)
                return data
            self._page = self._fetch(self._at, min(_PAGE, left))
            self._page_at, start = self._at, 0
        data = self._page[start : start + length]
        self._at += len(data)
        return data

    def take(self, length: int) -> bytes:
        """Exactly `length` bytes from here on. Raises Unfit where the file ends before them."""
        data = self.read(length)
        if len(data) < length:
            raise Unfit("file_cut_short", f"{length} bytes should stand at {self._at - len(data)}; it ends")
        return data

    def at(self, position: int, length: int) -> bytes:
        """At most `length` bytes from a position on."""
        self._at = max(position, 0)
        return self.read(length)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a position: from the beginning, from here (1) or from the end (2)."""
        base = (0, self._at, self.size)[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def number(self, length: int, order: str = "big") -> int:
        """A whole number without sign. Raises Unfit where the file ends inside it."""
        return int.from_bytes(self.take(length), "little" if order == "little" else "big")

    def _fetch(self, position: int, length: int) -> bytes:
        if self.bytes_read + length > self.most_bytes:
            raise Unfit("file_too_complex", f"more than {self.most_bytes} bytes of it would have to be read")
        self._source.seek(position)
        parts = []
        while length > 0 and (part := self._source.read(length)):
            self.bytes_read += len(part)
            length -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)
