"""Subscriptions over WebSocket: the protocol graphql-transport-ws at /graphql.

The credential comes with connection_init (`{"authorization": "Bearer …"}`), with the handshake, or as the
session's cookie. It is looked at again every second; when it is good no longer, the socket is closed.
Queries and mutations are posted, where they have their own limits.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.graphql import Malformed, loads, question
from api.live.events import Live, errors_of
from api.live.origins import expect_known_origin
from api.live.protocol import GRACE_S
from api.logs import tell_request
from api.middleware import named, problem_of
from api.problems import MEDIA_TYPE as PROBLEM_TYPE
from api.problems import Problem, Withheld, body_of, status_of
from api.services import Services
from domain.access.viewer import Viewer
from graph.run import RequestRefused, refused
from graph.subscribe import is_subscription, subscription

PROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT_S = 5.0
# Codes of the protocol, beside those of RFC 6455.
_BAD_MESSAGE, _NOT_YET, _REFUSED, _NO_PROTOCOL, _TOO_LATE, _TWICE, _TOO_MANY = (
    *(4400, 4401, 4403, 4406),
    *(4408, 4409, 4429),
)
_GOING_AWAY = 1001
_LONGEST_REASON = 123
_LONGEST_ID = 128
# A session's end is told by its own code; so is a token's or a key's.
_OF_CREDENTIALS = frozenset({"AUTH_REQUIRED", "INVALID_CREDENTIALS", "INVALID_API_KEY"})

log = structlog.get_logger("api.live")


class _Close(Exception):
    """The socket is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


async def graphql_socket(socket: WebSocket) -> None:
    """Serve one socket."""
    services: Services = socket.app.state.services
    named(socket.scope)
    began, code = time.perf_counter(), 0
    try:
        code = await _admitted(socket, services)
    finally:
        tell_request(
            request_id=socket.scope["request_id"],
            method="WS",
            path=socket.scope["path"],
            status=code,
            duration_ms=round((time.perf_counter() - began) * 1000, 2),
            actor=socket.scope.get("actor"),
        )


async def _admitted(socket: WebSocket, services: Services) -> int:
    """Shake hands or refuse to; gives the status, or the code the socket was closed with."""
    try:
        expect_known_origin(socket, services.settings)
        services.floor.expect_room(socket.scope)
        services.hub.expect_socket()
    except Problem as problem:
        await _turn_away(socket, problem)
        return status_of(problem.code)
    if PROTOCOL not in socket.scope["subprotocols"]:
        await socket.accept()
        await socket.close(_NO_PROTOCOL, "Subprotocol not acceptable")
        return _NO_PROTOCOL
    await socket.accept(PROTOCOL)
    with services.hub.socket():
        return await _Conversation(socket, services).run()


async def _turn_away(socket: WebSocket, problem: Problem) -> None:
    """Refuse the handshake, in the words of any other refusal."""
    body = body_of(problem, socket.scope["path"], socket.scope["request_id"])
    headers = [(b"content-type", PROBLEM_TYPE.encode()), (b"cache-control", b"no-store")]
    headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    status = status_of(problem.code)
    await socket.send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await socket.send({"type": "websocket.http.response.body", "body": body})


class _Conversation:
    """What is said over one socket."""

    def __init__(self, socket: WebSocket, services: Services) -> None:
        self._socket = socket
        self._services = services
        self._viewer: Viewer | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._hung_up = 1005
        self._closing: asyncio.Future[_Close] = asyncio.get_running_loop().create_future()

    async def run(self) -> int:
        """Listen and answer until the socket is closed; gives the code."""
        stopping: asyncio.Event = self._socket.scope.setdefault("stopping", asyncio.Event())
        listening = asyncio.create_task(self._listen())
        ending = asyncio.create_task(stopping.wait())
        timer = asyncio.get_running_loop().call_later(INIT_TIMEOUT_S, self._look_for_init)
        try:
            await asyncio.wait((listening, ending, self._closing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            ending.cancel()
            listening.cancel()
            close = await self._ended(listening)
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
        if self._viewer is None and close is not None:
            with suppress(Withheld):
                await self._services.floor.charge(self._socket.scope)
        if close is None:
            return self._hung_up
        await self._part(close)
        return close.code

    async def _part(self, close: _Close) -> None:
        """Say that it is over; whoever does not read is not waited for.

        What had not come to its end is not told to be complete: clients then begin it again elsewhere.
        """
        reason = close.reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
        with suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(GRACE_S):
                if self._socket.application_state is not WebSocketState.DISCONNECTED:
                    await self._socket.close(close.code, reason)

    async def _ended(self, listening: "asyncio.Task[None]") -> _Close | None:
        """Why the conversation is over; None where the caller hung up."""
        (found,) = await asyncio.gather(listening, return_exceptions=True)
        if self._closing.done():
            return self._closing.result()
        if isinstance(found, _Close):
            return found
        if isinstance(found, WebSocketDisconnect):
            self._hung_up = found.code
            return None
        if isinstance(found, asyncio.CancelledError):
            return _Close(_GOING_AWAY, "the server stops")
        if isinstance(found, BaseException):
            log.error("fault", exc_info=found)
        return _Close(4500, "Internal server error")

    def _close(self, close: _Close) -> None:
        if not self._closing.done():
            self._closing.set_result(close)

    def _look_for_init(self) -> None:
        if self._viewer is None:
            self._close(_Close(_TOO_LATE, "Connection initialisation timeout"))

    async def _listen(self) -> None:
        asked = False
        while True:
            message = await self._heard()
            kind = message.get("type")
            if kind == "connection_init":
                if asked:
                    raise _Close(_TOO_MANY, "Too many initialisation requests")
                asked = True
                self._viewer = await self._admit(message.get("payload"))
                await self._say({"type": "connection_ack"})
            elif kind == "ping":
                payload = message.get("payload")
                await self._say({"type": "pong", **({"payload": payload} if payload is not None else {})})
            elif kind == "subscribe":
                if self._viewer is None:
                    raise _Close(_NOT_YET, "Unauthorized")
                self._subscribe(self._viewer, message)
            elif kind == "complete":
                task = self._running.pop(_id(message), None)
                if task is not None:
                    task.cancel()
            elif kind != "pong":
                raise _Close(_BAD_MESSAGE, f"no message is of the type {kind!r}")

    async def _heard(self) -> Mapping[str, Any]:
        message = await self._socket.receive()
        if message["type"] != "websocket.receive":
            raise WebSocketDisconnect(message.get("code") or 1005)
        text = message.get("text")
        if text is None:
            raise _Close(_BAD_MESSAGE, "a message is text, and not binary")
        try:
            found = loads(text.encode("utf-8", "surrogatepass"))
        except (Malformed, RequestRefused) as error:
            raise _Close(_BAD_MESSAGE, str(error)) from None
        if not isinstance(found, dict):
            raise _Close(_BAD_MESSAGE, "a message is a JSON object")
        return found

    async def _admit(self, given: Any) -> Viewer:
        """Who speaks, by what came with connection_init, or else with the handshake."""
        if given is not None and not isinstance(given, dict):
            raise _Close(_BAD_MESSAGE, "the payload of connection_init is an object, or left out")
        scope = self._socket.scope
        headers = list(scope["headers"])
        for name, value in (given or {}).items():
            if name.lower() in ("authorization", "x-api-key"):
                if not isinstance(value, str):
                    raise _Close(_BAD_MESSAGE, f"{name} is text")
                headers.append((name.lower().encode(), value.encode("utf-8", "surrogatepass")))
        # A session needs no CSRF token here: the handshake said which site's page it comes from.
        request = Request({**scope, "type": "http", "method": "GET", "headers": headers})
        try:
            viewer = await self._services.authenticator.admit(request)
        except Exception as error:
            problem = problem_of(error)
            code = _REFUSED if status_of(problem.code) < 500 else 4500
            raise _Close(code, f"{problem.code}: {problem.detail}") from None
        scope["actor"] = viewer.actor
        return viewer

    def _subscribe(self, viewer: Viewer, message: Mapping[str, Any]) -> None:
        id = _id(message)
        if id in self._running:
            raise _Close(_TWICE, f"Subscriber for {id} already exists")
        if len(self._running) >= self._services.hub.most_of_one:
            raise _Close(_TOO_MANY, f"at most {self._services.hub.most_of_one} subscriptions at once")
        task = asyncio.create_task(self._carry(viewer, id, message.get("payload")))
        self._running[id] = task

    async def _carry(self, viewer: Viewer, id: str, payload: Any) -> None:
        """Tell what a subscription tells, and its end."""
        head = f'{{"id":{orjson.dumps(id).decode()},"type":"next","payload":'
        try:
            live = self._live(viewer, payload)
            async with aclosing(live.answers()) as answers:
                async for answer in answers:
                    await self._socket.send_text(head + answer.decode() + "}")
            last: dict[str, Any] = {"id": id, "type": "complete"}
        except asyncio.CancelledError:
            raise
        except (WebSocketDisconnect, RuntimeError) as error:
            log.debug("socket_gone", error=type(error).__name__)
            return
        except Malformed as error:
            self._close(_Close(_BAD_MESSAGE, str(error)))
            return
        except Exception as error:
            if isinstance(error, Problem) and error.code in _OF_CREDENTIALS:
                self._close(_Close(_REFUSED, f"{error.code}: {error.detail}"))
                return
            told = errors_of(error, self._socket.scope["request_id"])
            last = {"id": id, "type": "error", "payload": told}
        if self._running.get(id) is asyncio.current_task():
            del self._running[id]
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._say(last)

    def _live(self, viewer: Viewer, payload: Any) -> Live:
        engine = self._services.engine
        asked = question(payload)
        parsed = engine.parsed(asked.document, asked.variables, asked.operation_name, viewer)
        if not is_subscription(parsed):
            kind = parsed.operation.operation.value
            raise refused("GRAPHQL_VALIDATION_FAILED", f"a socket carries subscriptions; post a {kind}")
        return Live(self._services, viewer, subscription(engine, parsed, viewer))

    async def _say(self, message: Mapping[str, Any]) -> None:
        await self._socket.send_text(orjson.dumps(message).decode())


def _id(message: Mapping[str, Any]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= _LONGEST_ID:
        raise _Close(_BAD_MESSAGE, f"the message's id is a text of 1 to {_LONGEST_ID} characters")
    return id
