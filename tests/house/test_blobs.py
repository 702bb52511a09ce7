"""The local blob store: whole or not at all, the same bytes once."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.adapters.blobs import LocalBlobs
from domain.ports import BlobNotFound, BlobRef


async def test_bytes_and_streams_of_them_are_one_blob(tmp_path: Path) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc" * 500_000

    blobs = LocalBlobs(tmp_path)
    data = b"abc" * 1_500_000
    ref = await blobs.put(data)
    assert ref == BlobRef(hashlib.sha256(data).hexdigest(), len(data)) == await blobs.put(stream())
    assert await blobs.read(ref.sha256) == data
    with blobs.open(ref.sha256) as file:
        assert file.seek(3) == 3
        assert file.read(3) == b"abc"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [ref.sha256]


async def test_a_stream_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (2 << 20)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await LocalBlobs(tmp_path).put(broken())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", ""])
async def test_what_is_not_there_is_not_found(tmp_path: Path, name: str) -> None:
    blobs = LocalBlobs(tmp_path)
    with pytest.raises(BlobNotFound):
        await blobs.read(name)
    assert not await blobs.exists("0" * 64)
    await blobs.check()
