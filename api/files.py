"""Files through the front door: POST /v1/files streams a form into the store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from starlette.requests import Request

from api.forms import MOST_AROUND, Form
from api.problems import Problem, of_refusal
from api.services import Services
from domain.access.viewer import Viewer
from domain.files.ask import UploadFile
from domain.files.limits import Room, UploadTooSlow, room_of
from domain.files.taking import LOOKED_AT_ONCE, Bytes, Sums, look, plain_name, plain_type
from domain.ports import Sql
from domain.refusals import InputInvalid, Refusal
from domain.retention.blobs import drop
from domain.row import utc_now

log = structlog.get_logger("api.files")

_NEARLY_HERE = 16 << 20
_PATIENCE_S = 2.0
_FIELDS = ("subjectId", "temporary")


@asynccontextmanager
async def file_sent(request: Request, services: Services, viewer: Viewer) -> AsyncIterator[UploadFile]:
    """The file of a form, in the store and looked at; dropped again where the block does not make one of it.

    Raises Refusal, Problem.
    """
    async with services.tools.pool.acquire() as sql:
        room = await room_of(sql, viewer.organization_id)
    declared = request.headers.get("content-length", "")
    given: Bytes | None = None
    stream = request.stream()
    try:
        try:
            if declared.isdigit():
                # What stands around the file is not known yet; the rest is judged as it comes.
                room.expect(max(0, int(declared) - MOST_AROUND))
            async with asyncio.timeout(room.most_upload_s):
                form = Form(request.headers.get("content-type"), stream)
                async for part, content in form.files():
                    if given is not None:
                        raise Problem("BAD_REQUEST", "the form has two files; one request takes one")
                    given = await _stored(services, room, content, part.file_name, part.media_type)
        except TimeoutError:
            late = f"the file was not here after {room.most_upload_s} s, which the tier {room.tier} allows"
            raise _cut_off(UploadTooSlow(late)) from None
        except Refusal as refusal:
            raise _cut_off(refusal, nearly_all_read=await _read_on(stream)) from None
        if given is None:
            raise Problem("BAD_REQUEST", "the form has no part with a file name")
        yield await _asked(services, given, form.fields)
    except BaseException:
        if given is not None:
            await asyncio.shield(_drop(services, given.sha256))
        raise


def _cut_off(refusal: Refusal, *, nearly_all_read: bool = False) -> Problem:
    """The problem of a refusal; unless the sender is through with the body, the answer hangs up."""
    problem = of_refusal(refusal)
    if not nearly_all_read:
        problem.headers["Connection"] = "close"
    return problem


async def _read_on(stream: AsyncIterator[bytes]) -> bool:
    """Read what is nearly here, so that its sender comes to read the answer; whether that was all."""
    read = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            async for part in stream:
                read += len(part)
                if read > _NEARLY_HERE:
                    return False
            return True
    return False


async def _stored(
    services: Services, room: Room, content: AsyncIterator[bytes], name: str | None, kind: str | None
) -> Bytes:
    blobs, sums = services.tools.blobs, Sums()
    assert blobs is not None, "the front door has a blob store"

    async def within() -> AsyncIterator[bytes]:
        async for part in sums.of(content):
            if sums.size_bytes > room.largest:
                raise room.too_many(sums.size_bytes)
            yield part

    ref = await blobs.put(within())
    return Bytes(
        sha256=ref.sha256,
        xxh128=sums.xxh128,
        size_bytes=ref.size_bytes,
        file_name=plain_name(name or ""),
        declared_type=plain_type(kind),
    )


async def _asked(services: Services, given: Bytes, fields: dict[str, str]) -> UploadFile:
    for name in fields:
        if name not in _FIELDS:
            raise Problem("UNKNOWN_FIELD", f"{name!r} is no field here; there are {', '.join(_FIELDS)}")
    if given.size_bytes == 0:
        raise InputInvalid("the file is empty; a file has one byte at least", path=("file",))
    temporary = fields.get("temporary", "false").lower()
    if temporary not in ("true", "false"):
        raise InputInvalid(f"temporary is {temporary[:20]!r}; true or false will do", path=("temporary",))
    blobs = services.tools.blobs
    assert blobs is not None
    looked = None
    if given.size_bytes <= LOOKED_AT_ONCE:
        looked = await look(blobs, services.inspect, given)
    return UploadFile(
        given=given,
        looked=looked,
        subject_id=fields.get("subjectId") or None,
        temporary=temporary == "true",
    )


async def _drop(services: Services, sha256: str) -> None:
    """Leave nothing of what became no file; what can't be dropped now, the sweep finds."""
    blobs = services.tools.blobs
    assert blobs is not None

    @asynccontextmanager
    async def step() -> AsyncIterator[Sql]:
        async with services.tools.pool.acquire() as sql, sql.transaction():
            yield sql

    try:
        await drop(step, blobs, sha256, utc_now())
    except Exception as error:
        log.warning("bytes of a broken upload are left for the sweep", error=repr(error))
