"""GraphQL over HTTP: POST and GET /graphql, and GraphiQL for browsers.

After the GraphQL-over-HTTP draft: under `application/graphql-response+json` the status tells whether the
request could be run; `application/json` answers 200 to whatever was a well-formed request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
import structlog
from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.responses import Response

from api.accept import media_type, preferred
from api.docs import graphiql
from api.limits import Bill, costs_only
from api.live.events import Live
from api.live.origins import expect_known_origin
from api.live.sse import EVENT_STREAM, EventStream, once
from api.logs import tell_fault
from api.middleware import problem_of, read_body
from api.problems import Problem, Withheld, status_of
from api.services import Services, services_of
from domain.access.viewer import Viewer
from graph.charge import mutation_points
from graph.limits import LIMITS, check_json
from graph.perform import Parsed, Run, mutate
from graph.problems import ReadRefused
from graph.run import Engine, RequestRefused
from graph.subscribe import is_subscription, subscription

RESPONSE = "application/graphql-response+json"
LEGACY = "application/json"
_NO_EVENTS: dict[str, Any] = {
    "message": f"a subscription is answered as {EVENT_STREAM}: send it as Accept, or ask over a WebSocket",
    "extensions": {"code": "NOT_ACCEPTABLE"},
}

log = structlog.get_logger("api.graphql")


@dataclass(frozen=True)
class Question:
    """A GraphQL request as it came."""

    document: str
    operation_name: str | None
    variables: dict[str, Any]


class Malformed(Exception):
    """The request is no GraphQL request; told as GraphQL clients expect it."""


async def graphql(request: Request) -> Response:
    """Answer one request. Raises Problem for what fails before GraphQL begins."""
    if request.method == "GET" and "query" not in request.query_params and _wants_page(request):
        return graphiql(request)
    services = services_of(request)
    viewer = await services.viewer(request)
    accept = request.headers.get("accept")
    form = preferred(accept, (LEGACY, RESPONSE))
    as_events = bool(accept) and preferred(accept, (EVENT_STREAM,)) is not None
    if form is None and not as_events:
        raise Problem(
            "NOT_ACCEPTABLE",
            f"the answer comes as {RESPONSE}, {LEGACY} or {EVENT_STREAM}; Accept is {accept!r}",
        )
    if form is None:
        return once(await _answered(request, services, viewer, LEGACY, as_events=True))
    return await _answered(request, services, viewer, form, as_events=as_events)


async def _answered(
    request: Request, services: Services, viewer: Viewer, form: str, *, as_events: bool
) -> Response:
    """The answer in the form asked for; a subscription's are events, where the caller takes them."""
    bill: Bill = request.scope["bill"]
    try:
        try:
            asked = await _asked(request, services.body_limit)
            if costs_only(request):
                await bill.least()
                bill.requested = _points(asked, services.engine, viewer)
                return _answer(bill.with_cost(b'{"data":null}'), 200, form)
            if live := _live(asked, services, viewer):
                # A function's answer is whole, so what has no end would never be one.
                if not as_events or "aws.event" in request.scope:
                    raise RequestRefused([_NO_EVENTS])
                # By GET a session shows nothing but its cookie, which a page of another site sends as well.
                expect_known_origin(request, services.settings)
                return EventStream(live)
            async with services.places.place(viewer.organization_id):
                return await _run(asked, request, services, viewer, bill, form)
        except (RequestRefused, Malformed):
            await bill.least()
            raise
    except RequestRefused as refused:
        status = 200 if form == LEGACY else status_of(refused.code)
        return _answer(bill.with_cost(refused.body()), status, form)
    except Malformed as error:
        malformed: dict[str, Any] = {"message": str(error), "extensions": {"code": "BAD_REQUEST"}}
        return _answer(bill.with_cost(orjson.dumps({"errors": [malformed]})), 400, form)
    except Withheld as withheld:
        return withheld_answer(withheld, bill, form)
    except Problem:
        raise
    except Exception as error:
        return fault_answer(request, error, form)


def fault_answer(request: Request, error: BaseException, form: str) -> Response:
    """The answer to a request that came to nothing."""
    bill: Bill = request.scope["bill"]
    bill.settle(0)
    told = _fault(request, error)
    body = bill.with_cost(orjson.dumps({"errors": [told]}))
    answer = _answer(body, status_of(told["extensions"]["code"]), form)
    if wait := problem_of(error).headers.get("Retry-After"):
        answer.headers["Retry-After"] = wait
    return answer


def withheld_answer(withheld: Withheld, bill: Bill, form: str) -> Response:
    """The answer to a request that is not run, whatever the form: its status is what clients go by."""
    told: dict[str, Any] = {"message": withheld.detail, "extensions": {"code": withheld.code}}
    body = bill.with_cost(orjson.dumps({"errors": [told]}))
    answer = _answer(body, status_of(withheld.code), form)
    answer.headers.update(withheld.headers)
    return answer


def worth(body: bytes) -> int:
    """The objects of an answer, without the two it is wrapped in: what it was worth.

    Braces are counted, which is quick, and at most too many where a text has some.
    """
    return body.count(b"{") - 2


async def _run(
    asked: Question, request: Request, services: Services, viewer: Viewer, bill: Bill, form: str
) -> Response:
    engine = services.engine
    if parsed := _mutation(asked, engine, viewer):
        if request.method == "GET":
            raise Problem("METHOD_NOT_ALLOWED", "GET only reads; POST mutations", headers={"Allow": "POST"})
        request.scope["operation"] = "mutation"
        root = engine.schema.core.mutation_type
        assert root is not None
        if waiting := bill.reserve(_points_of(parsed, engine, viewer)):
            await waiting
        fault = partial(_fault, request)
        correlation_id = request.scope["correlation_id"]
        done = await mutate(root, Run(parsed, engine, services.tools, viewer, correlation_id, fault))
        bill.settle(done.points + worth(done.body))
        answer = _answer(bill.with_cost(done.body), 200, form)
        if done.replayed:
            answer.headers["Idempotency-Replayed"] = "true"
        return answer
    name = asked.operation_name
    found = await engine.execute(asked.document, asked.variables, viewer, operation_name=name, purse=bill)
    bill.settle(worth(found.body))
    return _answer(bill.with_cost(found.body), 200, form)


def _live(asked: Question, services: Services, viewer: Viewer) -> Live | None:
    """The subscription that was asked for, if it is one. Raises RequestRefused."""
    parsed = _parsed_subscription(asked, services.engine, viewer)
    return Live(services, viewer, subscription(services.engine, parsed, viewer)) if parsed else None


def _parsed_subscription(asked: Question, engine: Engine, viewer: Viewer) -> Parsed | None:
    """The operation when it is a subscription. A document without the word has none."""
    if "subscription" not in asked.document:
        return None
    parsed = engine.parsed(asked.document, asked.variables, asked.operation_name, viewer)
    return parsed if is_subscription(parsed) else None


def _points(asked: Question, engine: Engine, viewer: Viewer) -> int:
    """What a request would cost. Raises RequestRefused."""
    if parsed := _mutation(asked, engine, viewer):
        return _points_of(parsed, engine, viewer)
    if parsed := _parsed_subscription(asked, engine, viewer):
        return subscription(engine, parsed, viewer).points
    return engine.points(asked.document, asked.variables, viewer, asked.operation_name)


def _points_of(parsed: Parsed, engine: Engine, viewer: Viewer) -> int:
    try:
        return mutation_points(engine.schema, parsed, viewer)
    except ReadRefused:
        # What may not be read is told in its place, when the command before it is undone.
        return 1


def _mutation(asked: Question, engine: Engine, viewer: Viewer) -> Parsed | None:
    """The operation when it is a mutation. A document without the word has none, and is not looked at."""
    if "mutation" not in asked.document:
        return None
    parsed = engine.parsed(asked.document, asked.variables, asked.operation_name, viewer)
    return parsed if parsed.operation.operation is OperationType.MUTATION else None


def _fault(request: Request, error: BaseException) -> dict[str, Any]:
    """The error that tells of an exception: an expected no in its own words, a fault by its request id."""
    if isinstance(error, ReadRefused):
        return error.error()
    if isinstance(error, RequestRefused):
        return error.errors[0]
    if isinstance(error, GraphQLError) and error.original_error is None:
        return {"message": error.message, "extensions": {"code": "BAD_USER_INPUT"}}
    problem = problem_of(error)
    if status_of(problem.code) >= 500:
        tell_fault(log, error, code=problem.code, path=request.url.path)
    request_id = request.scope["request_id"]
    return {"message": problem.detail, "extensions": {"code": problem.code, "requestId": request_id}}


def _answer(body: bytes, status: int, form: str) -> Response:
    return Response(body, status, {"Cache-Control": "no-store"}, f"{form}; charset=utf-8")


async def _asked(request: Request, largest: int) -> Question:
    if request.method == "GET":
        return question(
            {
                name: _loads(value, name) if name in ("variables", "extensions") else value
                for name, value in request.query_params.items()
            }
        )
    kind, charset = media_type(request.headers.get("content-type"))
    if kind != LEGACY or charset != "utf-8":
        # A form or text/plain is what another site's page can send without asking: refused (CSRF).
        said = f"the body is {kind}; charset={charset}" if kind else "the body has no Content-Type"
        raise Problem("UNSUPPORTED_MEDIA_TYPE", f"{said}; {LEGACY} in utf-8 will do")
    return question(loads(await read_body(request, min(largest, LIMITS.body))))


def loads(body: bytes) -> Any:
    """The JSON of a body that keeps to the limits. Raises Malformed, RequestRefused."""
    try:
        check_json(body)
    except ReadRefused as refused:
        raise RequestRefused([refused.error()]) from None
    return _loads(body, "the body")


def question(given: Any) -> Question:
    """The request that a body or a query string makes. Raises Malformed."""
    if not isinstance(given, Mapping):
        raise Malformed(f"the body is a JSON {_said(given)}; one object is asked for, and no batches")
    document = given.get("query")
    if not isinstance(document, str) or not document.strip():
        raise Malformed(f"query is {_said(document)}; the text of a document is asked for")
    name, variables, extensions = given.get("operationName"), given.get("variables"), given.get("extensions")
    if name is not None and not isinstance(name, str):
        raise Malformed(f"operationName is {_said(name)}; text or null will do")
    for label, value in (("variables", variables), ("extensions", extensions)):
        if value is not None and not isinstance(value, dict):
            raise Malformed(f"{label} is {_said(value)}; an object or null will do")
    return Question(document, name or None, variables or {})


def _loads(text: str | bytes, label: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"{label} is not JSON: {error}") from None


def _said(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "missing"}
    return names.get(type(value), "a number")


def _wants_page(request: Request) -> bool:
    return preferred(request.headers.get("accept"), (LEGACY, RESPONSE, "text/html")) == "text/html"
