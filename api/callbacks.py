"""POST /v1/callbacks/{partner}: what distributors tell us, signed as Standard Webhooks has it.

202 says that the call is kept and will be read; it is given again for every copy of the same event.
"""

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.guard import guarded
from api.middleware import read_body
from api.problems import Problem
from api.services import services_of
from domain.callbacks.receive import LARGEST, Call, Caller, caller_of, note, receive, too_large
from domain.row import utc_now


def callback_routes() -> list[Route]:
    """The one route."""
    return [Route("/v1/callbacks/{partner}", take_callback, methods=["POST"])]


@guarded
async def take_callback(request: Request) -> Response:
    """Keep a partner's call and answer 202; what is not signed by it is refused and noted."""
    services = services_of(request)
    pool, sealer, now = services.tools.pool, services.tools.sealer, utc_now()
    assert sealer is not None, "the front door is composed with a sealer"
    async with pool.acquire() as sql:
        caller = await caller_of(sql, request.path_params["partner"], now)
    if caller is None:
        raise Problem("NOT_FOUND", "nobody calls back at this path")
    request.scope["actor"] = f"callback:{caller.id}"
    headers = request.headers
    call = Call(
        headers.get("webhook-id", ""),
        headers.get("webhook-timestamp", ""),
        headers.get("webhook-signature", ""),
        await _body(request, caller),
    )
    taken = await receive(pool, caller, call, sealer, now, request.scope["correlation_id"])
    answer = {"eventId": call.event_id, "known": taken.known}
    return Response(orjson.dumps(answer), 202, media_type="application/json")


async def _body(request: Request, caller: Caller) -> bytes:
    try:
        return await read_body(request, LARGEST)
    except Problem as problem:
        if problem.code != "PAYLOAD_TOO_LARGE":
            raise
        declared = request.headers.get("content-length", "")
        refusal = too_large(int(declared) if declared.isdigit() else None)
        await note(services_of(request).tools.pool, caller, refusal, utc_now())
        raise refusal from None
