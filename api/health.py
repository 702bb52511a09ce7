"""`/livez` and `/readyz`: whether this process runs, and whether each thing it needs does."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from api.compose import blob_store, connect
from api.migrated import newest_revision
from api.settings import Settings
from domain.ports import Blobs

# Gives what there is to say of a part that is well; raises when it isn't.
Probe = Callable[[], Awaitable[str]]
# Without these nothing works. Where only others are away most does: a server that is taken out of rotation
# for that takes it away, and all servers share them.
_NEEDED = frozenset({"postgres", "migrations"})
_PATIENCE_S = 2.0
_KEPT_S = 1.0


@dataclass(frozen=True)
class Part:
    """The state of one dependency. state: "ok" or "down"."""

    name: str
    state: str
    latency_ms: float
    detail: str


def probes(settings: Settings) -> dict[str, Probe]:
    """How to ask each dependency of a server."""
    blobs = blob_store(settings)
    return {
        "postgres": lambda: _postgres(settings),
        "migrations": lambda: _migrations(settings),
        "valkey": lambda: _valkey(settings),
        "blobs": lambda: _blobs(blobs),
    }


async def examine(asked: Mapping[str, Probe]) -> list[Part]:
    """Ask all at once; each has two seconds."""
    return list(await asyncio.gather(*(_ask(name, probe) for name, probe in asked.items())))


def health_routes(settings: Settings) -> list[Route]:
    """The two routes. They need no token and tell nothing but states; `doctor` tells the reasons.

    The answer of /readyz is kept for a second, so that probing it costs nothing however often it is done.
    """
    asked = probes(settings)
    kept: list[tuple[float, list[Part]]] = []
    turn = asyncio.Lock()

    async def readyz(_request: Request) -> JSONResponse:
        async with turn:
            if not kept or time.monotonic() - kept[0][0] > _KEPT_S:
                parts = await examine(asked)
                kept[:] = [(time.monotonic(), parts)]
        parts = kept[0][1]
        down = {part.name for part in parts if part.state != "ok"}
        ready = not down & _NEEDED
        body: dict[str, Any] = {
            "status": "not ready" if not ready else "degraded" if down else "ready",
            "parts": {part.name: {"state": part.state, "latency_ms": part.latency_ms} for part in parts},
        }
        return JSONResponse(body, 200 if ready else 503, headers={"Cache-Control": "no-store"})

    return [Route("/livez", _livez, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]


async def _livez(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "alive"}, headers={"Cache-Control": "no-store"})


async def _ask(name: str, probe: Probe) -> Part:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            state, detail = "ok", await probe()
    except TimeoutError:
        state, detail = "down", f"no answer within {_PATIENCE_S:g} s"
    except Exception as error:
        state, detail = "down", f"{type(error).__name__}: {error}".partition("\n")[0]
    return Part(name, state, round((time.perf_counter() - began) * 1000, 2), detail)


async def _postgres(settings: Settings) -> str:
    async with connect(settings) as connection:
        return f"PostgreSQL {await connection.fetchval('show server_version')}"


async def _migrations(settings: Settings) -> str:
    async with connect(settings) as connection:
        found = await connection.fetchval("select version_num from alembic_version")
    newest = newest_revision()
    if found != newest:
        raise RuntimeError(f"the database is at {found}, the code at {newest}: run `python3 -m api migrate`")
    return str(found)


async def _valkey(settings: Settings) -> str:
    client = redis.asyncio.Redis.from_url(settings.redis_url, socket_connect_timeout=_PATIENCE_S)
    try:
        about = await client.info("server")
    finally:
        await client.aclose()
    return f"{about.get('server_name', 'redis')} {about.get('valkey_version', about.get('redis_version'))}"


async def _blobs(blobs: Blobs) -> str:
    await blobs.check()
    return "writable"
