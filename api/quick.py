"""The short way for plain GraphQL reads: no request and response objects, no routing.

They cost as much as everything else of a compiled read together. A read is plain when it is a POST of one
whole JSON body with a good token. Whatever is not, and everything that is wrong, goes the whole way from
its first byte, so that there is one place where each refusal is worded.
"""

from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.accept import media_type, preferred
from api.auth import address_of
from api.graphql import LEGACY, RESPONSE, Malformed, fault_answer, loads, withheld_answer, worth
from api.limits import Bill
from api.problems import Problem, Withheld
from api.services import Services
from domain.access.viewer import Viewer
from graph.limits import LIMITS
from graph.run import RequestRefused

_PATH = "/graphql"


class QuickReads:
    """Answers plain reads itself and hands on everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        form, authorization = _said(scope)
        if form is None or authorization is None:
            await self.app(scope, receive, send)
            return
        first = await receive()
        services: Services = scope["app"].state.services
        if not await _answered(services, scope, first, form, authorization, send):
            await self.app(scope, _again(first, receive), send)


async def _answered(
    services: Services, scope: Scope, first: Message, form: str, authorization: str, send: Send
) -> bool:
    """Answer a plain read; False when it isn't one, and then nothing has been sent."""
    body: bytes = first.get("body", b"")
    if first["type"] != "http.request" or first.get("more_body"):
        return False
    if len(body) > LIMITS.body or len(body) > services.body_limit:
        return False
    try:
        asked = loads(body)
    except (Malformed, RequestRefused):
        return False
    if not _is_plain(asked):
        return False
    try:
        viewer = services.authenticator.known(authorization, address_of(scope))
    except Problem:
        return False
    if viewer is None:
        return False
    scope["actor"] = viewer.actor
    scope["bill"] = bill = services.limiter.bill(viewer)
    try:
        told = await _told(services, asked, viewer, bill)
    except RequestRefused:
        bill.close()
        return False
    except Withheld as withheld:
        await withheld_answer(withheld, bill, form)(scope, _receive_nothing, send)
        return True
    except Exception as error:
        # The database has been asked: that is not done twice.
        await fault_answer(Request(scope), error, form)(scope, _receive_nothing, send)
        return True
    await send({"type": "http.response.start", "status": 200, "headers": _headers(form, len(told))})
    await send({"type": "http.response.body", "body": told})
    return True


async def _told(services: Services, asked: dict[str, Any], viewer: Viewer, bill: Bill) -> bytes:
    """The answer with its cost."""
    organization, places = viewer.organization_id, services.places
    if (waiting := places.enter(organization)) is not None:
        await waiting
    try:
        name = asked.get("operationName") or None
        variables = asked.get("variables")
        answer = await services.engine.execute(
            asked["query"], variables, viewer, operation_name=name, purse=bill
        )
    finally:
        places.leave(organization)
    bill.settle(worth(answer.body))
    return bill.with_cost(answer.body)


async def _receive_nothing() -> Message:
    """A plain read has been received whole."""
    return {"type": "http.disconnect"}


def _is_plain(asked: Any) -> bool:
    """Whether the request is well formed and can be no mutation."""
    return (
        isinstance(asked, dict)
        and isinstance(document := asked.get("query"), str)
        and "mutation" not in document
        and isinstance(asked.get("operationName"), str | None)
        and isinstance(asked.get("variables"), dict | None)
        and isinstance(asked.get("extensions"), dict | None)
    )


def _said(scope: Scope) -> tuple[str | None, str | None]:
    """The media type of the answer, and the Authorization header; None where the whole way must judge."""
    kind = accept = authorization = b""
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind = value
        elif name == b"accept":
            accept = accept + b"," + value if accept else value
        elif name == b"authorization":
            if authorization:
                return None, None
            authorization = value
        elif name in (b"x-api-key", b"cookie", b"x-cost-only"):
            return None, None  # two credentials may disagree; or nothing is to be run
    return _form(kind, accept), authorization.decode("latin-1") or None


@lru_cache(maxsize=256)
def _form(content_type: bytes, accept: bytes) -> str | None:
    if media_type(content_type.decode("latin-1")) != (LEGACY, "utf-8"):
        return None
    return preferred(accept.decode("latin-1"), (LEGACY, RESPONSE))


def _headers(form: str, length: int) -> list[tuple[bytes, bytes]]:
    return [
        (b"cache-control", b"no-store"),
        (b"content-length", str(length).encode()),
        (b"content-type", f"{form}; charset=utf-8".encode()),
    ]


def _again(first: Message, receive: Receive) -> Receive:
    """What was received, once more from the beginning."""
    waiting = [first]

    async def give() -> Message:
        return waiting.pop() if waiting else await receive()

    return give
