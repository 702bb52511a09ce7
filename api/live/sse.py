"""Operations as server-sent events: graphql-sse's distinct connections mode at POST and GET /graphql.

Each answer is an event `next`, the end an event `complete`. A comment every few seconds keeps proxies from
taking the silence for an end, and finds out that nobody reads any more.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.live.events import Live, errors_of
from api.live.protocol import GRACE_S

EVENT_STREAM = "text/event-stream"
_BEAT_S = 12.0
# A reader that takes nothing for so long is gone.
_PATIENCE_S = 30.0
_COMPLETE = b"event: complete\ndata:\n\n"
_HEADERS = {
    "Cache-Control": "no-store",
    # nginx keeps answers back until they are long enough, unless told.
    "X-Accel-Buffering": "no",
}


def event(answer: bytes) -> bytes:
    """One answer as an event; JSON of ours has no line breaks."""
    assert b"\n" not in answer
    return b"event: next\ndata: " + answer + b"\n\n"


def once(answer: Response) -> Response:
    """The answer to an operation that has just one, as events."""
    if isinstance(answer, EventStream) or answer.status_code >= 400:
        return answer
    kept = {name: value for name, value in answer.headers.items() if name == "idempotency-replayed"}
    return Response(event(bytes(answer.body)) + _COMPLETE, 200, {**_HEADERS, **kept}, EVENT_STREAM)


class EventStream(Response):
    """The answers of a subscription, for as long as the caller reads and the server runs."""

    media_type = EVENT_STREAM

    def __init__(self, live: Live) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell until one of both sides is done."""
        stopping: asyncio.Event = scope.setdefault("stopping", asyncio.Event())
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        telling = asyncio.create_task(self._tell(scope, send))
        others = [asyncio.create_task(stopping.wait()), asyncio.create_task(_gone(receive))]
        try:
            await asyncio.wait((telling, *others), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (telling, *others):
                task.cancel()
            results = await asyncio.gather(telling, *others, return_exceptions=True)
        # What had not come to its end is not told to be complete: clients then begin it again elsewhere.
        ended = not isinstance(results[0], BaseException)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await send({"type": "http.response.body", "body": _COMPLETE if ended else b""})

    async def _tell(self, scope: Scope, send: Send) -> None:
        try:
            async with aclosing(self._live.answers()) as answers:
                await self._pass_on(answers, send)
        except Exception as error:
            errors = errors_of(error, scope["request_id"])
            await _sent(send, event(orjson.dumps({"errors": errors})))

    async def _pass_on(self, answers: AsyncGenerator[bytes, None], send: Send) -> None:
        """Send each answer, and a comment where there has been none for a while."""
        following: asyncio.Task[bytes] | None = None
        try:
            while True:
                following = following or asyncio.create_task(anext(answers))
                await asyncio.wait((following,), timeout=_BEAT_S)
                if not following.done():
                    await _sent(send, b":\n\n")
                    continue
                finished, following = following, None
                try:
                    answer = finished.result()
                except StopAsyncIteration:
                    return
                await _sent(send, event(answer))
        finally:
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)


async def _sent(send: Send, body: bytes) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
