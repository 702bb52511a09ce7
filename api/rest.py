"""REST under /v1: mounts the printed routes; holds no endpoint of its own.

A read runs a stored GraphQL document on the compiled path and sends the bytes that PostgreSQL made,
without parsing them. A write dispatches a command, and answers with the thing as a read would show it.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson
from graphql import GraphQLSchema
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.accept import preferred
from api.files import file_sent
from api.inputs import body_of, parameters, refuse_unknown, selection
from api.limits import Bill, costs_only
from api.problems import Problem, Withheld, of_refusal, table
from api.services import Services, services_of
from domain.access.scopes import Access
from domain.access.viewer import Viewer
from domain.command import Outcome
from domain.dispatch import admit
from domain.ids import IdInvalid, encode_id, id_of
from domain.inputs import camel, parse
from domain.ports import Sql
from domain.refusals import Refusal, VersionConflict
from graph.charge import command_points
from graph.perform import as_object, perform, plain
from graph.run import RequestRefused
from openapi.generate import is_entity, success_status
from openapi.routes import ReadRoute, WriteRoute, read_routes, variables, write_routes
from openapi.selection import Unprintable

JSON = "application/json"
PREFIX = "/v1"

_ANSWER = b'{"answer":'
_HEAD = re.compile(rb'\{(?:"id":"([^"]*)",?)?(?:"version":(\d+))?')
_NEXT = re.compile(rb'"page":\{"hasNextPage":true,[^{}]*"endCursor":"([^"]+)"\}\}$')
_ETAG = re.compile(r'"(\d{1,9})(?:\.[0-9a-f]+)?"')
# What graphql-core says of a variable: its name, the place inside it, and the reason, ours if there is one.
_VARIABLE = re.compile(
    r"Variable '\$(\w+)' has invalid value(?: at ([^:\[]*)(?:\[\d+\])?)?: "
    r"((?:Expected value of type '[^']*', but encountered error '(.*)'; found.*)|.*)$",
    re.DOTALL,
)
_AS_OURS = orjson.OPT_PASSTHROUGH_DATACLASS
_NO_CHANGE_SET = "-" * 36

Handler = Callable[[Request, Mapping[str, str]], Awaitable[Response]]


class Rest:
    """The ASGI application behind /v1: finds the route by its segments, then its method."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._tree = _Place()
        reads = read_routes(schema)
        for read in reads:
            self._add(read.path, "GET", _Read(read))
        by_root = {route.root: route for route in reads if route.by_id and route.inner is None}
        for write in write_routes():
            shown = by_root.get(camel(write.command.returns)) if is_entity(write.command, schema) else None
            self._add(write.path, write.method, _Write(write, shown))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises Problem."""
        request = Request(scope, receive, send)
        path = scope["path"].removeprefix(scope.get("root_path", "")).strip("/")
        methods, values, scope["template"] = self._find(path)
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in methods:
            allowed = ", ".join(sorted({*methods, *({"HEAD"} if "GET" in methods else ())}))
            raise Problem(
                "METHOD_NOT_ALLOWED",
                f"{PREFIX}/{path} takes {allowed}, not {scope['method']}",
                headers={"Allow": allowed},
            )
        try:
            response = await methods[method](request, values)
        except Withheld:
            raise
        except Problem:
            if isinstance(bill := scope.get("bill"), Bill):
                await bill.least()
            raise
        await response(scope, receive, send)

    def _add(self, path: str, method: str, handler: Handler) -> None:
        place = self._tree
        names = []
        for step in path.strip("/").split("/"):
            if step.startswith("{"):
                names.append(step[1:-1])
                place.any = place.any or _Place()
                place = place.any
            else:
                place = place.steps.setdefault(step, _Place())
        place.template = f"{PREFIX}{path}"
        assert not place.methods or place.names == tuple(names), f"{path} has two names for one thing"
        place.names = tuple(names)
        assert method not in place.methods, f"{method} {path} is printed twice"
        place.methods[method] = handler

    def _find(self, path: str) -> tuple[dict[str, Handler], dict[str, str], str]:
        place, given = self._tree, []
        for step in path.split("/"):
            found = place.steps.get(step)
            if found is None and place.any is not None and step:
                found = place.any
                given.append(step)
            if found is None:
                raise _no_route(path)
            place = found
        if not place.methods:
            raise _no_route(path)
        return place.methods, dict(zip(place.names, given, strict=True)), place.template


@dataclass(slots=True)
class _Place:
    """A node of the routes: what follows by name, what follows by any segment, and what ends here."""

    steps: dict[str, "_Place"] = field(default_factory=dict)
    any: "_Place | None" = None
    methods: dict[str, Handler] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    template: str = ""


class _Read:
    """GET of one printed route."""

    def __init__(self, route: ReadRoute) -> None:
        self.route = route

    async def __call__(self, request: Request, path: Mapping[str, str]) -> Response:
        route, services = self.route, services_of(request)
        viewer = await services.viewer(request)
        _accepts_json(request)
        fields, include, rest = selection(request, route.selects)
        values = parameters(route.parameters, rest)
        given = variables(values)
        if route.by_id:
            given["id"] = _whole_id(route.kind, path["id"]) if route.kind else path["id"]
        bill: Bill = request.scope["bill"]
        if costs_only(request):
            document = _document(route, fields, include, frozenset(given))
            return await _price(bill, _points(services, document, route, given, viewer))
        async with services.places.place(viewer.organization_id):
            body = await _run(services, route, fields, include, given, viewer, None, bill)
        bill.settle(body.count(b"{"))
        headers = {}
        if route.shape == "list":
            body = b'{"items":' + body + b"}"
        elif route.shape == "page" and (cursor := _NEXT.search(body)):
            query = [(k, v) for k, v in request.query_params.multi_items() if k != "after"]
            query.append(("after", cursor[1].decode()))
            headers["Link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
        headers["ETag"] = etag = _etag(body)
        headers["Vary"] = "Authorization, Accept"
        headers["Cache-Control"] = "private, no-cache"
        if _knows(request.headers.get("if-none-match"), etag):
            return Response(None, 304, headers)
        return Response(body, 200, headers, JSON)


class _Write:
    """A command by HTTP. shown: the read that tells of what it returns, where there is one."""

    def __init__(self, route: WriteRoute, shown: ReadRoute | None) -> None:
        self.route = route
        self.shown = shown

    async def __call__(self, request: Request, path: Mapping[str, str]) -> Response:
        route, command = self.route, self.route.command
        services = services_of(request)
        viewer = await services.viewer(request)
        key = request.headers.get("idempotency-key")
        try:
            admit(command, viewer, key, "rest")
        except Refusal as refusal:
            raise of_refusal(refusal) from refusal
        _accepts_json(request)
        status = success_status(command)
        shows = self.shown is not None and status != 204
        fields, include, rest = selection(request, shows)
        if shows and self.shown is not None:
            _document(self.shown, fields, include, frozenset())  # refused before anything is done
        given: dict[str, Any] = {}
        if route.form is None:
            given = await body_of(request, route, rest, services)
        else:
            refuse_unknown(rest, ())
        given.update({camel(name): path[name] for name in route.in_path})
        if "expected_version" in command.hints:
            _expect(request, given)
        bill: Bill = request.scope["bill"]
        points = command_points(command, given)
        if shows and self.shown is not None:
            document = _document(self.shown, fields, include, frozenset({"id"}))
            # Whoever may not read what it shows gets its id alone.
            with suppress(Problem):
                points += _points(services, document, self.shown, {"id": ""}, viewer)
        if costs_only(request):
            return await _price(bill, points)
        try:
            # What is streamed is charged before it is read: reading it is most of the work.
            if route.form is not None and (waiting := bill.reserve(points)):
                await waiting
            async with (
                self._asked(request, services, viewer, given) as ask,
                services.places.place(viewer.organization_id),
            ):
                if route.form is None and (waiting := bill.reserve(points)):
                    await waiting
                done, body, replayed = await perform(
                    command,
                    ask,
                    self._render(services, viewer, status, fields, include),
                    shape="\n".join(["rest", ",".join(fields), ",".join(include)]),
                    tools=services.tools,
                    viewer=viewer,
                    door="rest",
                    key=key,
                    correlation_id=request.scope["correlation_id"],
                    reason=_reason(request),
                )
        except Refusal as refusal:
            raise of_refusal(refusal) from refusal
        bill.settle((0 if replayed else command.points(ask)) + body.count(b"{"))
        return self._answer(done, body, replayed)

    @asynccontextmanager
    async def _asked(
        self, request: Request, services: Services, viewer: Viewer, given: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """The command's input, from what was given or from the stream of a form."""
        if self.route.form is None:
            yield parse(self.route.command.ask, given)
        else:
            async with file_sent(request, services, viewer) as ask:
                yield ask

    def _render(
        self,
        services: Services,
        viewer: Viewer,
        status: int,
        fields: tuple[str, ...],
        include: tuple[str, ...],
    ) -> Callable[[Outcome, Sql], Awaitable[tuple[int, bytes]]]:
        async def render(outcome: Outcome, sql: Sql) -> tuple[int, bytes]:
            kept = None if outcome.dry_run else outcome.change_set_id
            mark = (str(kept) if kept else _NO_CHANGE_SET).encode()
            told = 200 if outcome.known else status
            if status == 204:
                return status, mark
            body = b"{}"
            if self.shown is not None and outcome.ids and not outcome.dry_run:
                id = encode_id(outcome.kind, outcome.ids[0])
                body = orjson.dumps({"id": id})
                # Who may write and not read has written, and learns nothing but what to call it.
                if viewer.may(services.engine.schema.roots[self.shown.root].scope or Access.SIGNED_IN):
                    body = await _run(services, self.shown, fields, include, {"id": id}, viewer, sql)
            if outcome.value is not None:
                body = _joined(body, orjson.dumps(as_object(outcome.value), option=_AS_OURS, default=plain))
            return told, mark + body

        return render

    def _answer(self, status: int, marked: bytes, replayed: bool) -> Response:
        change_set, body = marked[:36].decode(), marked[36:]
        headers = {} if change_set == _NO_CHANGE_SET else {"X-Change-Set": change_set}
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        if status == 204:
            return Response(None, 204, headers)
        if self.shown is not None:
            headers["ETag"] = _etag(body)
            if status in (201, 202) and (head := _HEAD.match(body)) and head[1]:
                headers["Location"] = PREFIX + self.shown.path.replace("{id}", head[1].decode())
        return Response(body, status, headers, JSON)


def _whole_id(kind: str, text: str) -> str:
    """The global id of a thing of a kind that the path names. Raises Problem 400."""
    try:
        return encode_id(kind, id_of(kind, text))
    except IdInvalid as error:
        raise Problem("BAD_USER_INPUT", str(error)) from None


async def _run(
    services: Services,
    route: ReadRoute,
    fields: tuple[str, ...],
    include: tuple[str, ...],
    given: dict[str, Any],
    viewer: Viewer,
    sql: Sql | None,
    bill: Bill | None = None,
) -> bytes:
    """The JSON of a route's answer. Raises Problem: 404 where there is nothing to see."""
    document = _document(route, fields, include, frozenset(given))
    try:
        data = await services.engine.data(document, given, viewer, sql, bill)
    except RequestRefused as refused:
        raise _of_read(refused, route) from None
    body = data[len(_ANSWER) : -1]
    if route.inner and body != b"null":
        body = body[len(_ANSWER) : -1]
    if body == b"null":
        of = f" with the id {given['id']!r}" if "id" in given else ""
        raise Problem("NOT_FOUND", f"there is no {route.kind or route.root}{of}, or it is not for you to see")
    return body


def _points(
    services: Services, document: str, route: ReadRoute, given: dict[str, Any], viewer: Viewer
) -> int:
    """The price of a route's document. Raises Problem."""
    try:
        return services.engine.points(document, given, viewer, ours=True)
    except RequestRefused as refused:
        raise _of_read(refused, route) from None


async def _price(bill: Bill, points: int) -> Response:
    """What a request would cost, and nothing of it done."""
    await bill.least()
    bill.requested = points
    return Response(b'{"cost":%b}' % bill.cost(), 200, {"Cache-Control": "no-store"}, JSON)


def _of_read(refused: RequestRefused, route: ReadRoute) -> Problem:
    """A refusal of the stored document, told as one of the parameter that fills it."""
    code = refused.code if refused.code in table() else "BAD_USER_INPUT"
    text: str = refused.errors[0]["message"]
    found = _VARIABLE.match(text)
    if found is None:
        return Problem(code, text)
    path = (found[1], *(found[2] or "").strip(".").split("."))
    names = {parameter.path: parameter.name for parameter in route.parameters}
    name = next((names[path[:end]] for end in (3, 2, 1) if path[:end] in names), found[1])
    reason = found[4] or found[3]
    return Problem(code, f"{name}: {reason}", errors=[{"code": code, "detail": reason, "parameter": name}])


def _document(
    route: ReadRoute, fields: tuple[str, ...], include: tuple[str, ...], used: frozenset[str]
) -> str:
    try:
        return route.document(fields, include, used - {"id"} if route.by_id else used)
    except Unprintable as error:
        parameter = "fields" if any(error.name in path.split(".") for path in fields) else "include"
        raise Problem(
            "UNKNOWN_FIELD",
            error.text,
            errors=[{"code": "UNKNOWN_FIELD", "detail": error.text, "parameter": parameter}],
        ) from None


def _accepts_json(request: Request) -> None:
    accept = request.headers.get("accept")
    if preferred(accept, (JSON, "application/problem+json")) is None:
        raise Problem("NOT_ACCEPTABLE", f"the answer comes as {JSON}; Accept is {accept!r}")


def _expect(request: Request, given: dict[str, Any]) -> None:
    """Let If-Match say the expected version."""
    header = request.headers.get("if-match", "").strip()
    if not header or header == "*":
        return
    versions = [int(found[1]) for part in header.split(",") if (found := _ETAG.fullmatch(part.strip()))]
    if len(versions) != 1:
        raise of_refusal(
            VersionConflict(f'If-Match is {header}; the one ETag that was read will do, as "3.1f0c"')
        )
    if given.get("expectedVersion") not in (None, versions[0]):
        raise Problem("BAD_REQUEST", "If-Match and expectedVersion name different versions; send one of them")
    given["expectedVersion"] = versions[0]


def _reason(request: Request) -> str | None:
    reason = request.headers.get("x-reason")
    return reason[:500] if reason else None


def _etag(body: bytes) -> str:
    """A strong validator: the version, where there is one, and a hash of what is sent."""
    head = _HEAD.match(body)
    version = head[2].decode() if head and head[2] else "0"
    return f'"{version}.{hashlib.sha256(body).hexdigest()[:16]}"'


def _joined(left: bytes, right: bytes) -> bytes:
    """Two JSON objects as one."""
    return left if right == b"{}" else right if left == b"{}" else left[:-1] + b"," + right[1:]


def _knows(header: str | None, etag: str) -> bool:
    if not header:
        return False
    known = [part.strip().removeprefix("W/") for part in header.split(",")]
    return "*" in known or etag in known


def _no_route(path: str) -> Problem:
    return Problem("NOT_FOUND", f"there is no {PREFIX}/{path}; /openapi.json lists what there is")
