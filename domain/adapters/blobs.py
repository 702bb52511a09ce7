"""Blobs in a local folder: written beside, flushed to disk, then moved into place."""

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Set
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from domain.links import Links
from domain.ports import BlobNotFound, BlobRef, BlobTooLarge, StoredBlob

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TICKET = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FLUSH_AT = 1 << 20


class LocalBlobs:
    """A folder as a blob store: `<first two digits>/<sha256>`, and `incoming/` for what is half written.

    Uploads wait in `uploads/` under their ticket. links: what makes addresses that the front door serves.
    """

    def __init__(self, folder: Path, links: Links | None = None) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._uploads = folder / "uploads"
        self._links = links

    async def put(self, data: bytes | AsyncIterable[bytes]) -> BlobRef:
        """Store bytes, or a stream of them, whole or not at all; durable when this returns."""
        if isinstance(data, bytes):
            return await asyncio.to_thread(self._put, data)
        file = await asyncio.to_thread(self._begin)
        try:
            digest = hashlib.sha256()
            size, waiting = 0, bytearray()
            async for chunk in data:
                waiting += chunk
                size += len(chunk)
                if len(waiting) >= _FLUSH_AT:
                    digest.update(waiting)
                    await asyncio.to_thread(file.write, bytes(waiting))
                    waiting.clear()
            digest.update(waiting)
            await asyncio.to_thread(file.write, bytes(waiting))
            await asyncio.to_thread(self._settle, file, digest.hexdigest())
            return BlobRef(digest.hexdigest(), size)
        finally:
            self._discard(file)

    async def read(self, sha256: str) -> bytes:
        """All bytes of a blob. Raises BlobNotFound."""
        return await asyncio.to_thread(self._read, sha256)

    def open(self, sha256: str) -> BinaryIO:
        """A seekable file over a blob, for readers in a thread. Raises BlobNotFound."""
        try:
            return self._path(sha256).open("rb")
        except FileNotFoundError:
            raise BlobNotFound(sha256) from None

    async def exists(self, sha256: str) -> bool:
        """Whether the store holds this blob."""
        return await asyncio.to_thread(self._path(sha256).is_file)

    async def size(self, sha256: str) -> int:
        """The size of a blob in bytes. Raises BlobNotFound."""
        try:
            return (await asyncio.to_thread(self._path(sha256).stat)).st_size
        except FileNotFoundError:
            raise BlobNotFound(sha256) from None

    async def stream(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a blob from start up to but not including end. Raises BlobNotFound at once."""
        file = await asyncio.to_thread(self.open, sha256)
        try:
            await asyncio.to_thread(file.seek, start)
            left = end - start if end is not None else None
            while left is None or left > 0:
                part = await asyncio.to_thread(file.read, min(_FLUSH_AT, left or _FLUSH_AT))
                if not part:
                    return
                left = None if left is None else left - len(part)
                yield part
        finally:
            file.close()

    async def delete(self, sha256: str) -> None:
        """Forget a blob; one that is not there is forgotten already."""
        with suppress(FileNotFoundError, BlobNotFound):
            await asyncio.to_thread(os.unlink, self._path(sha256))

    def download_url(self, sha256: str, *, lives: timedelta, file_name: str, media_type: str) -> str:
        """An address of the front door that gives the blob until it expires."""
        assert self._links is not None, "a store that gives addresses is made with links"
        return self._links.download(sha256, lives=lives, file_name=file_name, media_type=media_type)

    def upload_url(self, ticket: str, *, lives: timedelta, largest: int) -> str:
        """An address of the front door that takes bytes by PUT."""
        assert self._links is not None, "a store that gives addresses is made with links"
        return self._links.upload(ticket, lives=lives, largest=largest)

    async def keep_upload(self, ticket: str, data: AsyncIterable[bytes]) -> int:
        """Keep what is uploaded under a ticket, whole or not at all; gives its size in bytes."""
        file = await asyncio.to_thread(self._begin)
        try:
            size = 0
            async for chunk in data:
                size += len(chunk)
                await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(self._move, file, self._upload(ticket))
            return size
        finally:
            self._discard(file)

    async def take_in(self, ticket: str, largest: int, *, keep: bool = False) -> BlobRef:
        """What was uploaded under a ticket, as a blob. Raises BlobNotFound, BlobTooLarge."""
        return await asyncio.to_thread(self._take_in, ticket, largest, keep)

    async def forget_upload(self, ticket: str) -> None:
        """Forget what was uploaded under a ticket; what is not there is forgotten already."""
        with suppress(FileNotFoundError, BlobNotFound):
            await asyncio.to_thread(os.unlink, self._upload(ticket))

    async def check(self) -> None:
        """Raise OSError when the store can't be written."""
        file = await asyncio.to_thread(self._begin)
        self._discard(file)

    async def walk(self) -> AsyncIterator[StoredBlob]:
        """Every blob of the folder, one sub-folder after the other."""
        for number in range(256):
            for blob in await asyncio.to_thread(self._blobs_in, f"{number:02x}"):
                yield blob

    async def forget_uploads(self, before: datetime, awaited: Set[str]) -> tuple[int, int]:
        """Delete what was uploaded, or half written, before an instant and not taken in: number, bytes."""
        return await asyncio.to_thread(self._forget_uploads, before.timestamp(), awaited)

    def _blobs_in(self, name: str) -> list[StoredBlob]:
        return [
            StoredBlob(path.name, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))
            for path, stat in _files_in(self._folder / name)
            if _SHA256.fullmatch(path.name)
        ]

    def _forget_uploads(self, before: float, awaited: Set[str]) -> tuple[int, int]:
        old = [
            (path, stat.st_size)
            for folder in (self._uploads, self._incoming)
            for path, stat in _files_in(folder)
            if stat.st_mtime < before and path.name not in awaited
        ]
        for path, _ in old:
            path.unlink(missing_ok=True)
        return len(old), sum(size for _, size in old)

    def _put(self, data: bytes) -> BlobRef:
        ref = BlobRef(hashlib.sha256(data).hexdigest(), len(data))
        if self._path(ref.sha256).is_file():
            return ref
        file = self._begin()
        try:
            file.write(data)
            self._settle(file, ref.sha256)
        finally:
            self._discard(file)
        return ref

    def _read(self, sha256: str) -> bytes:
        with self.open(sha256) as file:
            return file.read()

    def _take_in(self, ticket: str, largest: int, keep: bool) -> BlobRef:
        path = self._upload(ticket)
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > largest:
                    raise BlobTooLarge(size, largest)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise BlobNotFound(ticket) from None
        target = self._path(digest)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if keep:
            # A name of its own for the same bytes: a later PUT puts another file under the ticket.
            with suppress(FileExistsError):
                os.link(path, target)
        else:
            os.replace(path, target)
        _flush_folder(target.parent)
        return BlobRef(digest, size)

    def _upload(self, ticket: str) -> Path:
        if not _TICKET.fullmatch(ticket):
            raise BlobNotFound(ticket)
        return self._uploads / ticket

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise BlobNotFound(sha256)
        return self._folder / sha256[:2] / sha256

    def _begin(self) -> BinaryIO:
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, path = tempfile.mkstemp(dir=self._incoming)
        os.close(handle)
        return Path(path).open("wb")

    def _settle(self, file: BinaryIO, sha256: str) -> None:
        self._move(file, self._path(sha256))

    @staticmethod
    def _move(file: BinaryIO, target: Path) -> None:
        """Flush to disk and move into place. The folder is flushed too, or a power cut loses the name."""
        file.flush()
        os.fsync(file.fileno())
        target.parent.mkdir(exist_ok=True, mode=0o700)
        os.replace(file.name, target)
        _flush_folder(target.parent)

    @staticmethod
    def _discard(file: BinaryIO) -> None:
        file.close()
        with suppress(FileNotFoundError):
            os.unlink(file.name)


def _files_in(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The files of a folder; one that goes meanwhile is passed over."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            stat = path.stat()
            yield path, stat


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
