"""Blobs in any S3 store, through boto3 off the event loop.

A blob is the object `<prefix>blobs/<sha256>`. A stream is uploaded in parts to `<prefix>incoming/…` while it
is hashed, then copied to its name by the store itself, so that memory stays flat and nothing half written is
ever found under a blob's name. Writes are conditional: the same bytes are never written over themselves.

boto3 ends each wait and repeats each request by itself, as each may be repeated; nothing is repeated around
it. A store that is silent holds threads, so they are its own: the rest of the process keeps those of asyncio.
"""

import asyncio
import base64
import hashlib
import io
import re
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, ParamSpec, TypeVar, cast
from urllib.parse import quote

from domain.adapters.outside import FAULTS, Outside
from domain.adapters.s3_client import THREADS, Bucket, code_of, connect_s3, faults, is_overloaded, status_of
from domain.ports import BlobNotFound, BlobRef, BlobTooLarge, OutsideAway, StoredBlob, TryLater

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

P = ParamSpec("P")
T = TypeVar("T")

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TICKET = re.compile(r"[A-Za-z0-9_-]{1,80}")
_PART = 8 << 20
_READ = 1 << 20
# What S3 copies in one request (5 GiB); larger objects are copied in parts.
_COPY_AT_ONCE = 5 << 30
_ABSENT = {"404", "NoSuchKey", "NotFound"}
_THERE = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}


class S3Blobs:
    """A bucket as a blob store. Credentials come from the environment as boto3 finds them."""

    def __init__(self, bucket: Bucket, client: "S3Client | None" = None) -> None:
        self._bucket = bucket.name
        self._prefix = bucket.prefix
        self._client = client or connect_s3(bucket)
        self._away = Outside(
            "the blob store", bucket.timeout_s, rest_s=bucket.rest_s, faults=(*FAULTS, *faults())
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="blob store")

    async def put(self, data: bytes | AsyncIterable[bytes]) -> BlobRef:
        """Store bytes, or a stream of them, whole or not at all; durable when this returns."""
        if isinstance(data, bytes):
            return await self._run(self._put, data)
        waiting = bytearray()
        digest, size = hashlib.sha256(), 0
        upload: _Upload | None = None
        try:
            async for chunk in data:
                waiting += chunk
                size += len(chunk)
                digest.update(chunk)
                if len(waiting) >= _PART:
                    if upload is None:
                        upload = await self._run(self._begin)
                    await self._run(upload.part, bytes(waiting))
                    waiting.clear()
            if upload is None:
                return await self._run(self._put, bytes(waiting))
            if waiting:
                await self._run(upload.part, bytes(waiting))
            await self._run(upload.complete)
            ref = BlobRef(digest.hexdigest(), size)
            await self._run(self._settle, upload.key, ref)
            return ref
        except BaseException:
            if upload is not None:
                with suppress(OutsideAway):
                    await self._run(upload.abort)
            raise

    async def read(self, sha256: str) -> bytes:
        """All bytes of a blob. Raises BlobNotFound."""
        return await self._run(self._get, sha256)

    def open(self, sha256: str) -> BinaryIO:
        """A seekable file over a blob, for readers in a thread; it asks for what is read. BlobNotFound."""
        size = self._asked(self._size, self._key(sha256), sha256)
        return cast(BinaryIO, io.BufferedReader(_Remote(self, sha256, size), _READ))

    async def exists(self, sha256: str) -> bool:
        """Whether the store holds this blob."""
        try:
            await self._run(self._size, self._key(sha256), sha256)
        except BlobNotFound:
            return False
        return True

    async def stream(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a blob from start up to but not including end. Raises BlobNotFound at once."""
        if end is not None and end <= start:
            return
        body = await self._run(self._body, sha256, _range(start, end))
        try:
            while part := await self._run(body.read, _READ):
                yield part
        finally:
            body.close()

    async def delete(self, sha256: str) -> None:
        """Forget a blob; one that is not there is forgotten already."""
        await self._run(self._client.delete_object, Bucket=self._bucket, Key=self._key(sha256))

    def download_url(self, sha256: str, *, lives: timedelta, file_name: str, media_type: str) -> str:
        """An address of the store that gives the blob until it expires."""
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": self._key(sha256),
                "ResponseContentType": media_type,
                "ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(file_name, safe='')}",
            },
            ExpiresIn=int(lives.total_seconds()),
        )

    def upload_url(self, ticket: str, *, lives: timedelta, largest: int) -> str:
        """An address of the store that takes bytes by PUT; their number is judged when they are taken in."""
        return self._client.generate_presigned_url(
            "put_object",
            Params={"Bucket": self._bucket, "Key": self._upload_key(ticket)},
            ExpiresIn=int(lives.total_seconds()),
        )

    async def take_in(self, ticket: str, largest: int, *, keep: bool = False) -> BlobRef:
        """What was uploaded under a ticket, as a blob. Raises BlobNotFound, BlobTooLarge."""
        return await self._run(self._take_in, ticket, largest, keep)

    async def forget_upload(self, ticket: str) -> None:
        """Forget what was uploaded under a ticket; what is not there is forgotten already."""
        key = self._upload_key(ticket)
        await self._run(self._client.delete_object, Bucket=self._bucket, Key=key)

    async def check(self) -> None:
        """Raise OSError when the store can't be written."""
        try:
            await self._run(self._check)
        except OutsideAway:
            raise
        except Exception as error:
            raise OSError(f"the bucket {self._bucket} can't be written: {error}") from error

    async def _run(self, work: Callable[P, T], *given: P.args, **more: P.kwargs) -> T:
        """Do in one of the store's threads what waits for it."""
        asked = partial(copy_context().run, self._asked, partial(work, *given, **more))
        return await asyncio.get_running_loop().run_in_executor(self._threads, asked)

    def _asked(self, work: Callable[P, T], *given: P.args, **more: P.kwargs) -> T:
        """Ask the store something. Raises OutsideAway, at once while it is left alone."""
        with self._away.watched():
            try:
                return work(*given, **more)
            except Exception as error:
                if is_overloaded(error):
                    raise TryLater(f"the store answered {status_of(error)}") from error
                raise

    # -- what runs in a thread ----------------------------------------------------------------------------

    def _put(self, data: bytes) -> BlobRef:
        digest = hashlib.sha256(data)
        ref = BlobRef(digest.hexdigest(), len(data))
        with self._told(ref.sha256), _already_there():
            done = self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(ref.sha256),
                Body=data,
                IfNoneMatch="*",
                ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
            )
            _whole(done, "ETag")
        return ref

    def _begin(self) -> "_Upload":
        return _Upload(self._client, self._bucket, f"{self._prefix}incoming/{uuid.uuid4().hex}")

    def _settle(self, key: str, ref: BlobRef) -> None:
        """Give the bytes under a key their blob's name."""
        target = self._key(ref.sha256)
        source: Any = {"Bucket": self._bucket, "Key": key}
        try:
            self._size(target, ref.sha256)
        except BlobNotFound:
            if ref.size_bytes <= _COPY_AT_ONCE:
                self._client.copy_object(Bucket=self._bucket, Key=target, CopySource=source)
            else:
                self._client.copy(source, self._bucket, target)
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def _take_in(self, ticket: str, largest: int, keep: bool) -> BlobRef:
        key = self._upload_key(ticket)
        size = self._size(key, ticket)
        if size > largest:
            raise BlobTooLarge(size, largest)
        digest = hashlib.sha256()
        with self._told(ticket):
            found = self._client.get_object(Bucket=self._bucket, Key=key)
        _whole(found, "ContentLength")
        read = 0
        for part in found["Body"].iter_chunks(_READ):
            digest.update(part)
            read += len(part)
        # What is copied is what was hashed: a PUT in between changes the ETag.
        ref = BlobRef(digest.hexdigest(), read)
        target = self._key(ref.sha256)
        with self._told(ticket):
            if read <= _COPY_AT_ONCE:
                self._client.copy_object(
                    Bucket=self._bucket,
                    Key=target,
                    CopySource={"Bucket": self._bucket, "Key": key},
                    CopySourceIfMatch=found["ETag"],
                )
            else:
                self._client.copy(
                    {"Bucket": self._bucket, "Key": key},
                    self._bucket,
                    target,
                    ExtraArgs={"CopySourceIfMatch": found["ETag"]},
                )
        if not keep:
            self._client.delete_object(Bucket=self._bucket, Key=key)
        return ref

    def _get(self, sha256: str) -> bytes:
        with closing(self._body(sha256, None)) as body:
            data: bytes = body.read()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ConnectionError(f"the store gave {len(data)} bytes that are not those of blob {sha256}")
        return data

    def _part(self, sha256: str, start: int, end: int, size: int) -> bytes:
        """Part of a blob of this size."""
        with self._told(sha256):
            found = self._client.get_object(
                Bucket=self._bucket, Key=self._key(sha256), Range=f"bytes={start}-{end - 1}"
            )
        with closing(found["Body"]) as body:
            data: bytes = body.read()
        if len(data) != end - start or _whole(found, "ContentRange").rpartition("/")[2] != str(size):
            raise ConnectionError(f"the store gave another part of blob {sha256} than was asked for")
        return data

    def _body(self, sha256: str, span: str | None) -> Any:
        more: Any = {"Range": span} if span else {}
        with self._told(sha256):
            found = self._client.get_object(Bucket=self._bucket, Key=self._key(sha256), **more)
        _whole(found, "ContentLength")
        return found["Body"]

    def _size(self, key: str, name: str) -> int:
        with self._told(name):
            return int(_whole(self._client.head_object(Bucket=self._bucket, Key=key), "ContentLength"))

    async def walk(self) -> AsyncIterator[StoredBlob]:
        """Every blob of the bucket, a page of a thousand at a time."""
        prefix, after = f"{self._prefix}blobs/", ""
        while True:
            found, after = await self._run(self._page, prefix, after)
            for item in found:
                name = item["Key"].removeprefix(prefix)
                if _SHA256.fullmatch(name):
                    yield StoredBlob(name, item["Size"], item["LastModified"])
            if not after:
                return

    async def forget_uploads(self, before: datetime, awaited: Set[str]) -> tuple[int, int]:
        """Delete what was uploaded, or half written, before an instant and not taken in: number, bytes.

        Parts of what was never finished are no objects, and are paid for until they are given up; they are
        counted as one, of no known size.
        """
        count = size = 0
        for prefix in (f"{self._prefix}uploads/", f"{self._prefix}incoming/"):
            after = ""
            while True:
                found, after = await self._run(self._page, prefix, after)
                for item in found:
                    if item["LastModified"] < before and item["Key"].removeprefix(prefix) not in awaited:
                        await self._run(self._forget, item["Key"])
                        count, size = count + 1, size + item["Size"]
                if not after:
                    break
        for key, upload_id in await self._run(self._unfinished, before):
            await self._run(self._give_up, key, upload_id)
            count += 1
        return count, size

    def _unfinished(self, before: datetime) -> list[tuple[str, str]]:
        """Key and id of the multipart uploads of this store that were begun before an instant."""
        pages = self._client.get_paginator("list_multipart_uploads")
        return [
            (one["Key"], one["UploadId"])
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix)
            for one in page.get("Uploads", [])
            if one["Initiated"] < before
        ]

    def _give_up(self, key: str, upload_id: str) -> None:
        self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)

    def _page(self, prefix: str, after: str) -> tuple[list[Any], str]:
        """A thousand objects under a prefix after a key, and the last key where there are more."""
        answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, StartAfter=after)
        found: list[Any] = list(answer.get("Contents", []))
        return found, found[-1]["Key"] if found and answer["IsTruncated"] else ""

    def _forget(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def _check(self) -> None:
        key = f"{self._prefix}incoming/check-{uuid.uuid4().hex}"
        self._client.put_object(Bucket=self._bucket, Key=key, Body=b"")
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def _key(self, sha256: str) -> str:
        if not _SHA256.fullmatch(sha256):
            raise BlobNotFound(sha256)
        return f"{self._prefix}blobs/{sha256}"

    def _upload_key(self, ticket: str) -> str:
        if not _TICKET.fullmatch(ticket):
            raise BlobNotFound(ticket)
        return f"{self._prefix}uploads/{ticket}"

    @staticmethod
    def _told(name: str) -> "_Told":
        return _Told(name)


class _Told:
    """Tells an object's absence in our words."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, _trace: Any) -> None:
        if error is not None and code_of(error) in _ABSENT:
            raise BlobNotFound(self._name) from None


class _already_there:  # noqa: N801  (reads as a sentence after `with`)
    """Lets a conditional write pass that found its object written."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, _trace: Any) -> bool:
        return error is not None and code_of(error) in _THERE


class _Upload:
    """A multipart upload under way."""

    def __init__(self, client: "S3Client", bucket: str, key: str) -> None:
        self.key = key
        self._client = client
        self._bucket = bucket
        self._id = _whole(client.create_multipart_upload(Bucket=bucket, Key=key), "UploadId")
        self._parts: list[Any] = []

    def part(self, data: bytes) -> None:
        """Upload the next part."""
        number = len(self._parts) + 1
        done = self._client.upload_part(
            Bucket=self._bucket, Key=self.key, UploadId=self._id, PartNumber=number, Body=data
        )
        self._parts.append({"ETag": _whole(done, "ETag"), "PartNumber": number})

    def complete(self) -> None:
        """Make one object of the parts."""
        self._client.complete_multipart_upload(
            Bucket=self._bucket, Key=self.key, UploadId=self._id, MultipartUpload={"Parts": self._parts}
        )

    def abort(self) -> None:
        """Leave nothing behind."""
        with suppress(Exception):
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=self.key, UploadId=self._id)
        with suppress(Exception):
            self._client.delete_object(Bucket=self._bucket, Key=self.key)


class _Remote(io.RawIOBase):
    """A blob as a file that is read where it is asked for."""

    def __init__(self, blobs: S3Blobs, sha256: str, size: int) -> None:
        self._blobs = blobs
        self._sha256 = sha256
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readall(self) -> bytes:
        return self._read(self._size) if self._at < self._size else b""

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        data = self._read(self._at + wanted)
        buffer[: len(data)] = data
        return len(data)

    def _read(self, end: int) -> bytes:
        data = self._blobs._asked(self._blobs._part, self._sha256, self._at, end, self._size)
        self._at += len(data)
        return data


def _range(start: int, end: int | None) -> str | None:
    if start == 0 and end is None:
        return None
    return f"bytes={start}-" if end is None else f"bytes={start}-{end - 1}"


def _whole(answer: Any, name: str) -> Any:
    """What an answer's header says; one without it was cut off, which http.client does not notice."""
    try:
        return answer[name]
    except KeyError:
        raise ConnectionError(f"the store's answer has no {name}") from None
