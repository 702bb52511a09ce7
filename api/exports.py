"""GET /v1/exports/{id}/file: the way to the file that an export wrote."""

from datetime import timedelta

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.accept import preferred
from api.problems import Problem, of_refusal
from api.services import services_of
from domain.exports.ask import written
from domain.ids import IdInvalid, id_of
from domain.refusals import Refusal

LINK_LIFE = timedelta(minutes=15)


def export_routes() -> list[Route]:
    """The one route."""
    return [Route("/v1/exports/{id}/file", file, methods=["GET"])]


async def file(request: Request) -> Response:
    """A redirect to a signed link of 15 minutes, or the link as JSON where that is what is accepted.

    Raises Problem: whoever is of another organization is told that there is no such export.
    """
    services = services_of(request)
    viewer = await services.viewer(request)
    await request.scope["bill"].least()
    try:
        id = id_of("job", request.path_params["id"])
    except IdInvalid as error:
        raise Problem("BAD_USER_INPUT", str(error)) from None
    try:
        async with services.tools.pool.acquire() as connection:
            found = await written(connection, viewer, id)
    except Refusal as refusal:
        raise of_refusal(refusal) from refusal
    blobs = services.tools.blobs
    assert blobs is not None, "the front door has a blob store"
    if not await blobs.exists(found.sha256):
        raise Problem("NOT_FOUND", "the file is no longer kept; ask for the export again")
    url = blobs.download_url(
        found.sha256, lives=LINK_LIFE, file_name=found.file_name, media_type=found.media_type
    )
    headers = {"Cache-Control": "no-store", "Vary": "Accept, Authorization"}
    if preferred(request.headers.get("accept"), ("*/*", "application/json")) != "application/json":
        return RedirectResponse(url, 303, headers)
    told = {
        "url": url,
        "expiresInS": int(LINK_LIFE.total_seconds()),
        "fileName": found.file_name,
        "mediaType": found.media_type,
        "sizeBytes": found.size_bytes,
        "rows": found.rows,
        "sha256": found.sha256,
    }
    return Response(orjson.dumps(told), 200, headers, "application/json")
