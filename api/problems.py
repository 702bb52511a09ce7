"""Problems: the one table from a code to an HTTP status, and the body that tells it (RFC 9457).

A refusal of the domain keeps its own code and status; its code is written in capitals outside the
house, so that GraphQL, REST and the command line all say VERSION_CONFLICT.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from domain.inputs import camel
from domain.refusals import KeyInFlight, Refusal

MEDIA_TYPE = "application/problem+json"

# Codes of the front door, each with its status and what it means; the domain's refusals are added below.
# Where both know a code, what stands here counts.
DOOR: dict[str, tuple[int, str]] = {
    "BAD_REQUEST": (400, "The request is malformed."),
    "UNKNOWN_PARAMETER": (400, "A query parameter that the route does not know."),
    "UNKNOWN_FIELD": (400, "A field that the type does not have."),
    "BAD_USER_INPUT": (400, "A value of the wrong type or outside its range."),
    "BAD_CURSOR": (400, "A cursor that was not given by an earlier page of this list."),
    "PAGE_TOO_LARGE": (400, "More on one page than a page may have."),
    "TOO_DEEP": (400, "A selection nested deeper than one request may be."),
    "GRAPHQL_PARSE_FAILED": (400, "The document is not GraphQL."),
    "GRAPHQL_VALIDATION_FAILED": (400, "The document does not fit the schema."),
    "LIMIT_EXCEEDED": (400, "The request asks for more of something than one request may; docs/limits.md."),
    "AUTH_REQUIRED": (401, "No token came with the request."),
    "INVALID_CREDENTIALS": (401, "The password is wrong, or the token is not one of ours or has expired."),
    "INVALID_API_KEY": (401, "The API key is not one of ours, has expired, or may not be used from there."),
    "CSRF_FAILED": (403, "A request of a session that does not show it comes from our own pages."),
    "INTROSPECTION_REFUSED": (403, "The schema is not told to this caller; /schema.graphql is open to all."),
    "LINK_REFUSED": (403, "The link was changed, or its time is over."),
    "NOT_FOUND": (404, "No such thing, or one that the caller may not see."),
    "METHOD_NOT_ALLOWED": (405, "The path does not take this method."),
    "NOT_ACCEPTABLE": (406, "None of the media types asked for can be given."),
    "HEADERS_TOO_LARGE": (431, "The request's line and headers are larger than a request's may be."),
    "PAYLOAD_TOO_LARGE": (413, "The body is larger than the route takes."),
    "RANGE_NOT_SATISFIABLE": (416, "The file has none of the bytes asked for."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "The body is in a media type that the route does not take."),
    "RATE_LIMIT_EXCEEDED": (
        429,
        "More than the caller may have by now; Retry-After says when to come again.",
    ),
    "INTERNAL_ERROR": (500, "A fault of ours; the request id finds it in the log."),
    "OVERLOADED": (503, "Too much is under way at the moment; Retry-After says when to come again."),
    "UNAVAILABLE": (503, "Something that the answer needs is not there at the moment."),
    "TIMEOUT": (503, "The answer took longer than it may."),
}


class Problem(Exception):
    """An answer that is no success: raised anywhere below a route, told by the middleware."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.more = dict(more or {})


class Withheld(Problem):
    """A request that may be good and is not run: too much is asked for, or too much is under way."""


def table() -> dict[str, tuple[int, str]]:
    """Every code with its status and meaning, the domain's refusals included."""
    refusals = {
        outward(kind.code): (kind.status, (kind.__doc__ or "").strip().split("\n")[0])
        for kind in _below(Refusal)
    }
    return dict(sorted({**refusals, **DOOR}.items()))


def status_of(code: str) -> int:
    """The HTTP status of a code; a code that is not in the table is a fault."""
    found = table().get(code)
    return found[0] if found else 500


def outward(code: str) -> str:
    """A refusal's code as callers see it."""
    return code.upper()


def of_refusal(refusal: Refusal, *, root: str = "") -> Problem:
    """The problem that tells a refusal. root: where in the request the input stands, as a JSON Pointer."""
    code = outward(refusal.code)
    errors = []
    if refusal.path:
        errors.append({"code": code, "detail": refusal.text, "pointer": root + pointer(refusal.path)})
    more = {camel(name): value for name, value in refusal.details.items()}
    headers = {"Retry-After": "1"} if isinstance(refusal, KeyInFlight) else {}
    return Problem(code, refusal.text, errors=errors, headers=headers, more=more)


def body_of(problem: Problem, instance: str, request_id: str) -> bytes:
    """The problem document."""
    status, title = table().get(problem.code, DOOR["INTERNAL_ERROR"])
    document: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": title,
        "status": status,
        "detail": problem.detail,
        "instance": quote(instance, safe="/:@!$&'()*+,;=", errors="replace"),
        "code": problem.code,
        "requestId": request_id,
    }
    if problem.errors:
        document["errors"] = list(problem.errors)
    return orjson.dumps({**problem.more, **document}, default=str)


def response_of(problem: Problem, request: Request) -> Response:
    """The problem as a response to a request."""
    return Response(
        body_of(problem, request.url.path, request.scope.get("request_id", "")),
        status_of(problem.code),
        problem.headers,
        MEDIA_TYPE,
    )


def pointer(path: Sequence[str | int]) -> str:
    """A path into the input as a JSON Pointer (RFC 6901), in the names that callers use."""
    steps = (camel(step) if isinstance(step, str) else str(step) for step in path)
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from _below(sub)
