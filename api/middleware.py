"""What surrounds every request: its id, its line in the log, and the answer when something goes wrong.

Pure ASGI: a BaseHTTPMiddleware costs 120 µs a request, this 2.
"""

import math
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.counting import Requests, route_of
from api.logs import tell_fault, tell_request
from api.problems import MEDIA_TYPE as PROBLEM_TYPE
from api.problems import Problem, body_of, of_refusal, status_of
from domain import tracing
from domain.ports import OutsideAway
from domain.refusals import Refusal
from domain.row import new_id

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:+/=-]{1,128}")
# version-traceid-parentid-flags (W3C Trace Context §3.2)
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = ("/livez", "/readyz", "/metrics", "/static/")
_BY_STATUS = {
    400: "BAD_REQUEST",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMIT_EXCEEDED",
    503: "UNAVAILABLE",
}

log = structlog.get_logger("api.access")


class RequestMiddleware:
    """Gives each request an id, logs it, and turns what is raised into problem+json.

    scope["request_id"]: the caller's X-Request-Id when it is a sane one, else a new UUIDv7; it is sent
    back, logged, carried into jobs, and named in every fault. scope["correlation_id"] is the trace id of
    a `traceparent`, else the request id.
    """

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self.app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not tracing.is_on():
            await self._answer(scope, receive, send)
            return
        with tracing.span("request", kind="server", parent=_parent(scope)) as span:
            status = await self._answer(scope, receive, send)
            route = route_of(scope)
            span.name(f"{_method(scope)} {route}")
            for attribute, value in (
                ("http.request.method", _method(scope)),
                ("http.route", route),
                ("http.response.status_code", status),
            ):
                span.note(attribute, value)
            if status >= 500:
                span.fail()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer; gives the status."""
        request_id, trace_id = named(scope)
        began = time.perf_counter()
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *(bill.headers() if (bill := scope.get("bill")) else ()),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        except Exception as error:
            problem = problem_of(error)
            if status_of(problem.code) >= 500:
                tell_fault(log, error, code=problem.code, method=scope["method"], path=scope["path"])
            if status:  # the answer has begun: nothing can be said any more but that it broke off
                raise
            await _tell(problem, scope, send_named)
        finally:
            if bill := scope.get("bill"):
                bill.close()
            seconds = time.perf_counter() - began
            self._requests.note(scope, status, seconds)
            if not scope["path"].startswith(_QUIET):
                tell_request(
                    request_id=request_id,
                    trace_id=trace_id,
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    duration_ms=round(seconds * 1000, 2),
                    actor=scope.get("actor"),
                )
        return status


def _parent(scope: Scope) -> str | None:
    """The caller's `traceparent`, if it is one."""
    for name, value in scope["headers"]:
        if name == b"traceparent" and _TRACEPARENT.fullmatch(value):
            return str(value.decode("ascii", "replace"))
    return None


def _method(scope: Scope) -> str:
    """The method, where it is one that is known: callers may send any word."""
    return scope["method"] if scope["method"] in _METHODS else "_OTHER"


def named(scope: Scope) -> tuple[str, str | None]:
    """Give a request its id, in its scope and in what is logged; gives it and the id of its trace."""
    request_id, trace_id = _ids(scope)
    scope["request_id"] = request_id
    scope["correlation_id"] = trace_id or request_id
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        request_id=request_id, **({"trace_id": trace_id} if trace_id else {})
    )
    return request_id, trace_id


def problem_of(error: BaseException) -> Problem:
    """What a caller is told of an exception: a refusal's own words, and of a fault nothing but its id."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Refusal):
        return of_refusal(error)
    if isinstance(error, HTTPException):
        code = _BY_STATUS.get(
            error.status_code, "BAD_REQUEST" if error.status_code < 500 else "INTERNAL_ERROR"
        )
        return Problem(code, str(error.detail), headers=error.headers)
    if isinstance(error, ClientDisconnect):
        return Problem("BAD_REQUEST", "the caller hung up before the whole request was here")
    if isinstance(error, OutsideAway):
        return Problem(
            "UNAVAILABLE",
            f"{error.name} can't be reached at the moment; try again later",
            headers={"Retry-After": str(math.ceil(error.retry_after_s))},
        )
    state = str(getattr(error, "sqlstate", None) or "")
    if state in ("57014", "55P03") or isinstance(error, TimeoutError):
        return Problem("TIMEOUT", "the answer took longer than it may; ask for less, or again later")
    if state[:2] in ("08", "53") or state.startswith("57P") or isinstance(error, ConnectionError):
        return Problem(
            "UNAVAILABLE",
            "the database can't be reached at the moment; try again shortly",
            headers={"Retry-After": "2"},
        )
    return Problem("INTERNAL_ERROR", "something went wrong on our side; the request id finds it in the log")


async def read_body(request: Request, largest: int) -> bytes:
    """The whole body. Raises Problem 413 as soon as it is known to be larger."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > largest:
        raise too_large(largest, int(declared))
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > largest:
            raise too_large(largest, None)
        parts.append(part)
    return b"".join(parts)


async def capped(stream: AsyncIterator[bytes], largest: int) -> AsyncGenerator[bytes, None]:
    """The same stream, ended by Problem 413 where it grows beyond the cap."""
    size = 0
    async for part in stream:
        size += len(part)
        if size > largest:
            raise too_large(largest, None)
        yield part


def too_large(largest: int, given: int | None) -> Problem:
    """The problem of a body beyond the cap."""
    said = f"the body has {given} bytes" if given is not None else "the body is larger than that"
    return Problem("PAYLOAD_TOO_LARGE", f"{said}; this route takes at most {largest}")


def _ids(scope: Scope) -> tuple[str, str | None]:
    request_id, trace_id = None, None
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
        elif name == b"traceparent" and (found := _TRACEPARENT.fullmatch(value)):
            trace_id = found[1].decode()
    return request_id or str(new_id()), trace_id


async def _tell(problem: Problem, scope: Scope, send: Send) -> None:
    body = body_of(problem, scope["path"], scope["request_id"])
    headers = [
        (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in problem.headers.items()
    ]
    headers += [(b"content-type", PROBLEM_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status_of(problem.code), "headers": headers})
    await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})
