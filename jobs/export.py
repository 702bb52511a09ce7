"""Write an export: rows of the catalog, as the asker may see them, to a file in the blob store."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from domain import jobs
from domain.access.scopes import Scope
from domain.exports import asker as askers
from domain.exports.columns import chosen, scope_of
from domain.exports.formats import MEDIA_TYPES, Writer, writer_of
from domain.exports.rows import Rows, open_rows
from domain.ports import BlobRef
from domain.refusals import ScopeMissing
from domain.retention.blobs import keep_blob
from jobs.job import Cancelled, Tools, job

T = TypeVar("T")
_LOOK_EVERY_S = 0.5


@dataclass
class _Told:
    rows: int = 0


@job(timeout_s=6 * 3600, tries=3, backoff_s=(5, 30), places=4)
async def write_export(
    asker: dict[str, Any],
    kind: str,
    format: str,
    filter: dict[str, Any],
    columns: list[str],
    tools: Tools,
) -> dict[str, Any]:
    """Stream the rows into the store; the file is there whole, or not at all.

    A second run reads again from the beginning, as the rows and the asker's standing are then.
    """
    async with tools.pool.acquire() as connection:
        viewer = await askers.judged(connection, tools.claim.owner_id, asker)
    for scope in (Scope.EXPORTS_RUN, scope_of(kind)):
        if not viewer.may(scope):
            raise ScopeMissing(f"who asked for the export no longer has the scope {scope}")
    given = chosen(kind, columns)
    writer, told = writer_of(format, kind, given), _Told()

    async def write() -> BlobRef:
        async with open_rows(tools.pool, viewer, kind, filter, given) as rows:
            return await tools.blobs.put(_bytes(rows, writer, told, tools))

    blob = await _unless_cancelled(write(), tools)
    result = {
        "sha256": blob.sha256,
        "size_bytes": blob.size_bytes,
        "rows": told.rows,
        "checksum": writer.checksum,
        "kind": kind,
        "format": format,
        "file_name": f"{kind}s.{format}",
        "media_type": MEDIA_TYPES[format],
    }
    # The row names the file before the job ends, so that nobody deletes in between what nobody needs.
    async with tools.step() as sql:
        await keep_blob(sql, tools.blobs, blob.sha256)
        await jobs.keep_result(sql, tools.claim.id, tools.claim.fence, result)
    return result


async def _bytes(rows: Rows, writer: Writer, told: _Told, tools: Tools) -> AsyncIterator[bytes]:
    await tools.progress(0, rows.count, "writing")
    yield writer.begin()
    async for batch in rows.batches():
        told.rows += len(batch)
        yield writer.rows(batch)
        await tools.progress(told.rows, rows.count, "writing")
    yield writer.end(told.rows)
    tools.checkpoint()


async def _unless_cancelled(work: Coroutine[Any, Any, T], tools: Tools) -> T:
    """What the work gives; it is broken off where it stands when somebody cancels the job."""
    working = asyncio.create_task(work)
    try:
        while not working.done():
            await asyncio.wait((working,), timeout=_LOOK_EVERY_S)
            if not working.done() and await _cancel_asked(tools):
                raise Cancelled(f"job {tools.claim.id} was cancelled")
        return working.result()
    finally:
        if not working.done():
            working.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await working


async def _cancel_asked(tools: Tools) -> bool:
    async with tools.pool.acquire() as connection:
        return tools.cancel_asked or await jobs.cancel_asked(connection, tools.claim.id, tools.claim.fence)
