"""Blobs in a local folder: written beside, flushed to disk, then moved into place."""

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from domain.ports import BlobNotFound, BlobRef

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FLUSH_AT = 1 << 20


class LocalBlobs:
    """A folder as a blob store: `<first two digits>/<sha256>`, and `incoming/` for what is half written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"

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

    async def check(self) -> None:
        """Raise OSError when the store can't be written."""
        file = await asyncio.to_thread(self._begin)
        self._discard(file)

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
        """Flush to disk and move into place. The folder is flushed too, or a power cut loses the name."""
        file.flush()
        os.fsync(file.fileno())
        target = self._path(sha256)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        os.replace(file.name, target)
        _flush_folder(target.parent)

    @staticmethod
    def _discard(file: BinaryIO) -> None:
        file.close()
        with suppress(FileNotFoundError):
            os.unlink(file.name)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
