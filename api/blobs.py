"""Blobs by signed link, where no bucket serves them: GET and HEAD /v1/blobs/…, PUT /v1/uploads/….

A link is a credential: whoever has it may do the one thing it says, until it ends. What is given is never
shown as a page of ours: it comes as a download, and no browser may guess another type.
"""

import asyncio
import base64
import re
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.compose import blob_folder, blob_links
from api.middleware import capped
from api.problems import Problem
from api.services import services_of
from api.settings import Settings
from domain.files.fetch import is_awaited
from domain.links import DOWNLOADS, UPLOADS, LinkRefused, Links
from domain.ports import BlobNotFound, FolderBlobs

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")


def blob_routes(settings: Settings) -> list[Route]:
    """The routes; none where a bucket holds the blobs."""
    folder = blob_folder(settings)
    if folder is None:
        return []
    door = _Door(folder, blob_links(settings))
    return [
        Route(f"{DOWNLOADS}/{{sha256}}", door.download, methods=["GET"]),
        Route(f"{UPLOADS}/{{ticket}}", door.upload, methods=["PUT"]),
    ]


@dataclass(frozen=True)
class _Door:
    """Serves what links grant."""

    folder: FolderBlobs
    links: Links

    async def download(self, request: Request) -> Response:
        """The blob, or one range of it (RFC 9110 §14), with digests (RFC 9530)."""
        granted = self._granted(request)
        sha256 = request.path_params["sha256"]
        try:
            size = await self.folder.size(sha256)
        except BlobNotFound:
            raise Problem("NOT_FOUND", "the file is no longer there") from None
        digest = base64.b64encode(bytes.fromhex(sha256)).decode()
        name = Path(granted["name"]).name or sha256
        headers = {
            "ETag": f'"{sha256}"',
            "Accept-Ranges": "bytes",
            "Repr-Digest": f"sha-256=:{digest}:",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, max-age=0",
        }
        start, end = _span(request, size, headers["ETag"])
        whole = (start, end) == (0, size)
        if whole:
            headers["Content-Digest"] = headers["Repr-Digest"]
        else:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        headers["Content-Length"] = str(end - start)
        kind = granted["type"] if _MEDIA_TYPE.fullmatch(granted["type"]) else "application/octet-stream"
        if request.method == "HEAD":
            return Response(None, 200 if whole else 206, headers, kind)
        body = self.folder.stream(sha256, start, end)
        return StreamingResponse(body, 200 if whole else 206, headers, kind)

    async def upload(self, request: Request) -> Response:
        """Keep the body under the link's ticket, whole or not at all."""
        granted = self._granted(request)
        ticket = request.path_params["ticket"]
        await _expect_awaited(request, ticket)
        largest = int(granted["largest"])
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > largest:
            raise Problem("PAYLOAD_TOO_LARGE", f"the file has {declared} bytes; the link takes {largest}")
        # Whoever begins in time has until the link ends, and not for ever.
        left = max(1.0, int(granted["expires"]) - time.time())
        try:
            async with asyncio.timeout(left):
                await self.folder.keep_upload(ticket, capped(request.stream(), largest))
        except TimeoutError:
            raise Problem("LINK_REFUSED", "the link ended before all bytes were here") from None
        try:
            await _expect_awaited(request, ticket)
        except Problem:
            # Its file ended while they came, and nobody looks for them any more.
            await self.folder.forget_upload(ticket)
            raise
        return Response(None, 204)

    def _granted(self, request: Request) -> dict[str, str]:
        try:
            granted = dict(self.links.granted(request.url.path, request.url.query))
        except LinkRefused as error:
            raise Problem("LINK_REFUSED", str(error)) from None
        request.scope["actor"] = "link"
        return granted


async def _expect_awaited(request: Request, ticket: str) -> None:
    """Raise Problem where the file of an upload is taken in, given up or deleted."""
    async with services_of(request).tools.pool.acquire() as sql:
        if not await is_awaited(sql, ticket):
            raise Problem("LINK_REFUSED", "no more bytes are awaited here; make an upload anew")


def _span(request: Request, size: int, etag: str) -> tuple[int, int]:
    """The range asked for, half open. Raises Problem 416. Several ranges, or another form, give all."""
    asked = request.headers.get("range", "")
    condition = request.headers.get("if-range")
    found = _RANGE.fullmatch(asked.strip())
    if not found or (condition is not None and condition != etag) or found[0] == "bytes=-":
        return 0, size
    first, last = found[1], found[2]
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return 0, size
    if start >= end:
        raise Problem(
            "RANGE_NOT_SATISFIABLE",
            f"the file has {size} bytes; the range {asked} has none of them",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, end
