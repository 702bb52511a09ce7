"""The jobs of files: take in what was sent by a signed link, look at it, and drop what nobody needs."""

import uuid
from collections.abc import Mapping
from typing import Any

from domain.audit import Audit
from domain.features.enrich import ask_for
from domain.files.ask import DROP, ticket_of
from domain.files.taking import NOT_CHECKED, Bytes, Sums, look, refuse_upload, settle
from domain.ids import encode_id
from domain.ports import BlobNotFound, BlobTooLarge
from domain.refusals import Refusal
from domain.retention.blobs import BlobLeaving, drop
from domain.row import utc_now
from jobs.job import Tools, job

_SAY_EVERY = 64 << 20


class UploadMissing(Refusal):
    """Nothing was sent to the upload's link; send the bytes and complete the upload again."""

    code = "upload_missing"
    status = 409


@job(timeout_s=2 * 3600, tries=5, backoff_s=(2, 10, 60))
async def receive_file(id: uuid.UUID, tools: Tools) -> Mapping[str, Any]:
    """Take bytes in, look at them, and make the file ready or put it into quarantine.

    What was uploaded stays under its ticket until the file is settled, so a second run finds it again.
    """
    async with tools.pool.acquire() as sql:
        row = await sql.fetchrow(
            "select state, sha256, xxh128, size_bytes, file_name, declared_type, reason from file "
            "where id = $1 and owner_id = $2",
            id,
            tools.claim.owner_id,
        )
    unchecked = row is not None and (row["state"], row["reason"]) == ("quarantined", NOT_CHECKED)
    if row is None or not (unchecked or row["state"] in ("uploading", "checking")):
        return {"file_id": encode_id("file", id), "state": row["state"] if row else "gone"}
    given = Bytes(
        sha256=row["sha256"] or "",
        xxh128=row["xxh128"] or "",
        size_bytes=row["size_bytes"],
        file_name=row["file_name"],
        declared_type=row["declared_type"],
    )
    if row["state"] == "uploading":
        try:
            given = await _take_in(id, given, tools)
        except _Broken as broken:
            return await _refuse(id, broken, tools)
    tools.checkpoint()
    looked = await look(tools.blobs, tools.inspect, given)
    try:
        async with tools.open_work("receive_file", audit=Audit.OPERATIONS) as work:
            await tools.hold(work)
            settled = await settle(work, given, looked, id=id)
            await ask_for(work, settled.id)
    except BlobLeaving as error:
        # The same bytes are being dropped at this moment; the next run takes them in again.
        raise RuntimeError(error.text) from error
    await tools.blobs.forget_upload(ticket_of(id))
    return {
        "file_id": encode_id("file", settled.id),
        "state": "duplicate" if settled.known else settled.state,
        "sha256": given.sha256,
        "code": looked.code,
        "text": looked.text,
    }


@job(timeout_s=60)
async def drop_blob(sha256: str, tools: Tools) -> Mapping[str, Any]:
    """Drop bytes that no row needs; the same bytes of somebody else stay, and nobody is told of them."""
    await drop(tools.step, tools.blobs, sha256, utc_now())
    return {}


class _Broken(Exception):
    """What was sent is not what was promised."""

    def __init__(self, code: str, text: str, sha256: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.sha256 = sha256


async def _take_in(id: uuid.UUID, promised: Bytes, tools: Tools) -> Bytes:
    try:
        ref = await tools.blobs.take_in(ticket_of(id), promised.size_bytes, keep=True)
    except BlobNotFound:
        raise UploadMissing(
            "nothing was sent to the link; PUT the bytes there, then complete again"
        ) from None
    except BlobTooLarge as error:
        raise _Broken("size_mismatch", f"{error}; so many were promised") from None
    if ref.size_bytes != promised.size_bytes:
        raise _Broken(
            "size_mismatch",
            f"{ref.size_bytes} bytes were sent; {promised.size_bytes} were promised",
            ref.sha256,
        )
    if promised.sha256 and ref.sha256 != promised.sha256:
        text = f"what was sent has the sha256 {ref.sha256}; another was promised"
        raise _Broken("digest_mismatch", text, ref.sha256)
    sums, said = Sums(), 0
    async for _ in sums.of(tools.blobs.stream(ref.sha256)):
        if sums.size_bytes - said >= _SAY_EVERY:
            said = sums.size_bytes
            await tools.progress(said >> 20, ref.size_bytes >> 20, "reading")
    return Bytes(
        sha256=ref.sha256,
        xxh128=sums.xxh128,
        size_bytes=ref.size_bytes,
        file_name=promised.file_name,
        declared_type=promised.declared_type,
    )


async def _refuse(id: uuid.UUID, broken: _Broken, tools: Tools) -> Mapping[str, Any]:
    """End the file, and drop what was sent."""
    async with tools.open_work("receive_file", audit=Audit.OPERATIONS) as work:
        await tools.hold(work)
        await refuse_upload(work, id, broken.code, broken.text)
        if broken.sha256 is not None:
            await work.enqueue(DROP, {"sha256": broken.sha256}, unique_key=broken.sha256)
    await tools.blobs.forget_upload(ticket_of(id))
    return {
        "file_id": encode_id("file", id),
        "state": "deleted",
        "code": broken.code,
        "text": broken.text,
    }
