"""Both blob stores keep one promise: a folder, and a bucket of a real S3 server."""

import asyncio
import hashlib
import io
import re
import tracemalloc
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from domain.adapters.blobs import LocalBlobs
from domain.adapters.s3 import S3Blobs
from domain.adapters.s3_client import Bucket
from domain.links import LinkRefused, Links
from domain.ports import BlobNotFound, BlobRef, Blobs, BlobTooLarge
from domain.row import utc_now
from tests.house.s3 import BUCKET, S3Server

MINUTE = timedelta(minutes=1)
LINKS = Links("http://127.0.0.1:8000", b"s" * 32)


@pytest.fixture
def bucket() -> Bucket:
    """A corner of the bucket for the test alone."""
    return Bucket(BUCKET, prefix=f"{uuid.uuid4().hex}/")


@pytest.fixture(params=["folder", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """A store of each kind."""
    if request.param == "folder":
        return LocalBlobs(tmp_path, LINKS)
    server: S3Server = request.getfixturevalue("s3")
    return S3Blobs(request.getfixturevalue("bucket"), server.client())


def names(blobs: Blobs, tmp_path: Path, s3: S3Server) -> list[str]:
    """What lies in the store, by its whole name there."""
    if isinstance(blobs, LocalBlobs):
        return sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert isinstance(blobs, S3Blobs)
    found = s3.client().list_objects_v2(Bucket=BUCKET, Prefix=blobs._prefix).get("Contents", [])
    return sorted(item["Key"].removeprefix(blobs._prefix) for item in found)


async def parts(data: bytes, size: int = 1 << 20) -> AsyncIterator[bytes]:
    """A stream of the data."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def all_of(stream: AsyncIterator[bytes]) -> bytes:
    """Everything a stream gives."""
    return b"".join([part async for part in stream])


@pytest.mark.parametrize("size", [0, 1, 4_500_000, 20 << 20])
async def test_bytes_and_streams_of_them_are_one_blob(
    blobs: Blobs, tmp_path: Path, s3: S3Server, size: int
) -> None:
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    ref = await blobs.put(data)
    assert ref == BlobRef(hashlib.sha256(data).hexdigest(), size) == await blobs.put(parts(data))
    assert await blobs.put(data) == ref
    assert await blobs.read(ref.sha256) == data
    assert await blobs.exists(ref.sha256)
    (only,) = names(blobs, tmp_path, s3)
    assert only.endswith(ref.sha256)


async def test_a_file_over_a_blob_seeks(blobs: Blobs) -> None:
    data = bytes(range(256)) * 20_000
    ref = await blobs.put(data)

    def read() -> list[bytes]:
        with blobs.open(ref.sha256) as file:
            file.seek(300)
            found = [file.read(5)]
            file.seek(-3, io.SEEK_END)
            found += [file.read(), file.read(1)]
            file.seek(0)
            return [*found, file.read()]

    assert await asyncio.to_thread(read) == [data[300:305], data[-3:], b"", data]


@pytest.mark.parametrize(("start", "end"), [(0, None), (5, None), (0, 1), (7, 3_000_000), (9, 9)])
async def test_a_part_of_a_blob_is_streamed(blobs: Blobs, start: int, end: int | None) -> None:
    data = bytes(range(250)) * 14_000
    ref = await blobs.put(data)
    assert await all_of(blobs.stream(ref.sha256, start, end)) == data[start:end]


async def test_a_stream_that_breaks_off_leaves_nothing(blobs: Blobs, tmp_path: Path, s3: S3Server) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * (1 << 20)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await blobs.put(broken())
    assert names(blobs, tmp_path, s3) == []


async def test_a_cancelled_stream_leaves_nothing(blobs: Blobs, tmp_path: Path, s3: S3Server) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"y" * (1 << 20)
        begun.set()
        await asyncio.sleep(3600)
        yield b""

    task = asyncio.create_task(blobs.put(endless()))
    await asyncio.wait_for(begun.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(blobs, tmp_path, s3) == []


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", ""])
async def test_what_is_not_there_is_not_found(blobs: Blobs, name: str) -> None:
    with pytest.raises(BlobNotFound):
        await blobs.read(name)
    with pytest.raises(BlobNotFound):
        await all_of(blobs.stream(name))
    with pytest.raises(BlobNotFound):
        await asyncio.to_thread(blobs.open, name)
    with pytest.raises(BlobNotFound):
        await blobs.take_in(name, 10)
    await blobs.check()


async def test_a_deleted_blob_is_gone_and_may_come_again(blobs: Blobs) -> None:
    ref = await blobs.put(b"once")
    await blobs.delete(ref.sha256)
    await blobs.delete(ref.sha256)
    assert not await blobs.exists(ref.sha256)
    assert await blobs.put(b"once") == ref
    assert await blobs.read(ref.sha256) == b"once"


async def test_the_same_bytes_from_many_sides_are_one_blob(
    blobs: Blobs, tmp_path: Path, s3: S3Server
) -> None:
    data = b"together" * 2_000_000
    refs = await asyncio.gather(*(blobs.put(data if n % 2 else parts(data)) for n in range(6)))
    assert len(set(refs)) == 1
    assert await blobs.read(refs[0].sha256) == data
    assert len(names(blobs, tmp_path, s3)) == 1


async def test_an_upload_becomes_a_blob_once(blobs: Blobs, tmp_path: Path, s3: S3Server) -> None:
    data = b"uploaded" * 1_000_000
    for ticket in ("ticket-1", "ticket-2"):
        await _upload(blobs, ticket, data)
    with pytest.raises(BlobTooLarge, match="8000000 bytes were uploaded; at most 100"):
        await blobs.take_in("ticket-1", 100)
    ref = await blobs.take_in("ticket-1", len(data))
    assert (
        ref
        == BlobRef(hashlib.sha256(data).hexdigest(), len(data))
        == await blobs.take_in("ticket-2", 1 << 30)
    )
    assert await blobs.read(ref.sha256) == data
    with pytest.raises(BlobNotFound):
        await blobs.take_in("ticket-1", len(data))
    assert len(names(blobs, tmp_path, s3)) == 1


async def _upload(blobs: Blobs, ticket: str, data: bytes) -> None:
    """As whoever has the address would, where the store serves it itself."""
    url = blobs.upload_url(ticket, lives=MINUTE, largest=len(data))
    if isinstance(blobs, LocalBlobs):
        await blobs.keep_upload(ticket, parts(data))
        return
    async with httpx2.AsyncClient() as caller:
        assert (await caller.put(url, content=data)).status_code == 200


async def test_a_large_stream_takes_little_memory(blobs: Blobs) -> None:
    async def large() -> AsyncIterator[bytes]:
        for n in range(96):
            yield bytes([n]) * (1 << 20)

    tracemalloc.start()
    try:
        ref = await blobs.put(large())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ref.size_bytes == 96 << 20
    assert peak < 48 << 20


async def test_an_address_of_the_store_gives_the_blob_and_no_other(s3: S3Server, bucket: Bucket) -> None:
    blobs = S3Blobs(bucket, s3.client())
    ref, other = await blobs.put(b"mine"), await blobs.put(b"other")
    url = blobs.download_url(ref.sha256, lives=MINUTE, file_name="Ä b.wav", media_type="audio/wav")
    async with httpx2.AsyncClient() as caller:
        answer = await caller.get(url)
        assert (answer.status_code, answer.content) == (200, b"mine")
        assert answer.headers["content-type"] == "audio/wav"
        assert "%C3%84%20b.wav" in answer.headers["content-disposition"]
        assert (await caller.get(url, headers={"Range": "bytes=1-2"})).content == b"in"
        assert (await caller.get(url.replace(ref.sha256, other.sha256))).status_code == 403
        assert (await caller.put(url, content=b"x")).status_code == 403
        gone = blobs.download_url(
            ref.sha256, lives=timedelta(seconds=1), file_name="a", media_type="audio/wav"
        )
        await asyncio.sleep(2.1)
        assert (await caller.get(gone)).status_code == 403


def test_a_link_grants_what_it_says_until_it_ends() -> None:
    url = LINKS.download("a" * 64, lives=MINUTE, file_name="a&b=c.wav", media_type="audio/wav")
    path, _, query = url.removeprefix(LINKS.base).partition("?")
    granted = LINKS.granted(path, query)
    assert (granted["name"], granted["type"]) == ("a&b=c.wav", "audio/wav")
    with pytest.raises(LinkRefused, match="expired"):
        LINKS.granted(path, query, now=float(granted["expires"]))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path, query: (path.replace("aa", "ab", 1), query),
        lambda path, query: (path.replace("/blobs/", "/uploads/"), query),
        lambda path, query: (path, re.sub(r"expires=\d+", "expires=9999999999", query)),
        lambda path, query: (path, query.replace("name=x", "name=y")),
        lambda path, query: (path, query + "&name=y"),
        lambda path, query: (path, "name=y&" + query),
        lambda path, query: (path, query[:-1]),
        lambda path, query: (path, query[:-2] + "%C3%A9"),
        lambda path, query: (path, query + "%ff"),
        lambda path, query: (path, query.partition("&signature")[0]),
        lambda path, query: (path, ""),
    ],
)
def test_a_changed_link_is_refused(spoil: object) -> None:
    url = LINKS.download("a" * 64, lives=MINUTE, file_name="x", media_type="audio/wav")
    path, _, query = url.removeprefix(LINKS.base).partition("?")
    with pytest.raises(LinkRefused):
        LINKS.granted(*spoil(path, query))  # type: ignore[operator]
    with pytest.raises(LinkRefused):
        Links(LINKS.base, b"t" * 32).granted(path, query)


async def test_parts_of_what_was_never_finished_are_given_up(s3: S3Server, bucket: Bucket) -> None:
    store, client = S3Blobs(bucket, s3.client()), s3.client()
    key = f"{bucket.prefix}incoming/{uuid.uuid4().hex}"
    begun = client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    client.upload_part(Bucket=BUCKET, Key=key, UploadId=begun, PartNumber=1, Body=b"part")
    elsewhere = client.create_multipart_upload(Bucket=BUCKET, Key=f"not-ours/{uuid.uuid4().hex}")

    def unfinished() -> set[str]:
        return {one["UploadId"] for one in client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])}

    assert await store.forget_uploads(utc_now() - timedelta(hours=1), set()) == (0, 0)
    assert begun in unfinished()
    assert await store.forget_uploads(utc_now() + timedelta(hours=1), set()) == (1, 0)
    assert begun not in unfinished()
    assert elsewhere["UploadId"] in unfinished()
