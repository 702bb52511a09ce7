"""GET /v1/files/{id}/content: from a signed link to the bytes of a file, wherever they lie."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.compose import file_links
from api.problems import Problem
from api.services import services_of
from api.settings import Settings
from domain.files.fetch import content_of
from domain.links import LinkRefused, Links

# Time to follow the redirect; a download that has begun goes on.
LINK_LIFE = timedelta(minutes=2)


def file_routes(settings: Settings) -> list[Route]:
    """The one route."""
    return [Route("/v1/files/{id}/content", _Door(file_links(settings)).content, methods=["GET"])]


@dataclass(frozen=True)
class _Door:
    """Follows links that the graph has signed."""

    links: Links

    async def content(self, request: Request) -> Response:
        """A redirect to the bytes. The link says who may; whether the file is still ready is asked anew."""
        try:
            self.links.granted(request.url.path, request.url.query)
        except LinkRefused as error:
            raise Problem("LINK_REFUSED", str(error)) from None
        request.scope["actor"] = "link"
        services = services_of(request)
        blobs = services.tools.blobs
        assert blobs is not None, "the front door has a blob store"
        async with services.tools.pool.acquire() as sql:
            found = await content_of(sql, uuid.UUID(request.path_params["id"]))
        if found is None or not await blobs.exists(found.sha256):
            raise Problem("NOT_FOUND", "the file is no longer there, or not to be had")
        url = blobs.download_url(
            found.sha256, lives=LINK_LIFE, file_name=found.file_name, media_type=found.media_type
        )
        return RedirectResponse(url, 303, {"Cache-Control": "no-store"})
