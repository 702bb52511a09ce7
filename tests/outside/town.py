"""A served house and its worker, each dependency of theirs behind a proxy that can spoil what passes."""

import asyncio
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx2
import uvicorn
import uvloop
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from api.app import create_app
from api.compose import blob_store
from api.embedded import Servers
from api.house import server_config
from api.keys import ensure_keys
from api.logs import configure_logs
from api.settings import Settings
from jobs.worker import Pace, open_house, open_queue, work
from tests.api.conftest import House
from tests.house.s3 import BUCKET, KEY, SECRET, S3Server
from tests.node import script
from tests.outside.proxy import Fault, FaultProxy, Switchboard, by_socket, by_tcp
from tests.ports import free_port
from tests.shared import CHECKOUT

SECRET_THERE = "a-secret-of-the-tests-that-is-long-enough"
GIVE_UP_S = 30


@dataclass(frozen=True)
class Town:
    """What the tests speak to. proxies: by the name that docs/outside.md gives the dependency."""

    house: House
    board: Switchboard
    proxies: dict[str, FaultProxy]
    loops: list[asyncio.AbstractEventLoop]
    app: Starlette
    jobs: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """The provider, as people and the server know it."""
        return f"http://127.0.0.1:{self.proxies['OpenID provider'].port}"

    def forget_provider(self) -> None:
        """Have what the provider says of itself read anew, as after an hour."""
        self.app.state.services.provider._known_until = 0.0

    @contextmanager
    def spoiled(self, name: str, fault: Fault) -> Iterator[None]:
        """A fault of one dependency for the length of the block."""
        with self.board.spoiled(self.proxies[name], fault):
            yield

    def caller(self, **more: Any) -> httpx2.Client:
        """A caller with a token."""
        return self.house.client(**more)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def tasks(self) -> int:
        """How many tasks there are in the server and the worker."""
        return sum(len(asyncio.all_tasks(loop)) for loop in self.loops)


def until(holds: Callable[[], Any], what: str) -> None:
    """Wait for something that no event tells of."""
    give_up_at = time.monotonic() + GIVE_UP_S
    while not holds():
        assert time.monotonic() < give_up_at, what
        time.sleep(0.05)


@contextmanager
def town(database_url: str, servers: Servers, bucket: S3Server, state: Path) -> Iterator[Town]:
    """Everything, with little patience, so that the tests need little."""
    configure_logs("error", "json")
    with ExitStack() as stack:
        board = stack.enter_context(Switchboard())
        postgres, valkey = _postgres(database_url, board), _valkey(servers.redis_url or "", board)
        there, here = free_port(), socket.create_server(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{here.getsockname()[1]}"
        proxies = {
            "PostgreSQL": postgres[0],
            "Valkey": valkey[0],
            "S3": board.proxy(by_tcp(urlsplit(bucket.endpoint).port or 0)),
            "OpenID provider": board.proxy(by_tcp(there)),
        }
        issuer = f"http://127.0.0.1:{proxies['OpenID provider'].port}"
        stack.enter_context(
            _provider(proxies["OpenID provider"].port, f"{address}/auth/oidc/callback", there)
        )
        for name, value in (("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)):
            stack.enter_context(_environment(name, value))
        settings = Settings(
            database_url=postgres[1],
            redis_url=valkey[1],
            state_folder=state,
            public_url=address,
            pool_size=4,
            read_timeout_ms=1000,
            write_timeout_ms=1000,
            database_wait_ms=1500,
            outside_timeout_ms=800,
            outside_rest_ms=500,
            s3_bucket=BUCKET,
            s3_endpoint=f"http://127.0.0.1:{proxies['S3'].port}",
            s3_region="us-east-1",
            s3_prefix="outside/",
            oidc_issuer=issuer,
            oidc_client_id="catalograph",
            oidc_client_secret=SecretStr(SECRET_THERE),
            oidc_name="Elsewhere",
        )
        key = ensure_keys(state / "keys")[0]
        loops: list[asyncio.AbstractEventLoop] = []
        app = create_app(settings)
        stack.enter_context(_served(app, settings, here, loops))
        stack.enter_context(_working(settings, loops))
        yield Town(House(address, database_url, key), board, proxies, loops, app)


@contextmanager
def _served(
    app: Starlette, settings: Settings, line: socket.socket, loops: list[asyncio.AbstractEventLoop]
) -> Iterator[None]:
    async def seen(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            loops.append(asyncio.get_running_loop())
        await app(scope, receive, send)

    server = uvicorn.Server(server_config(seen, settings))
    thread = threading.Thread(target=lambda: uvloop.run(server.serve([line])), name="house", daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive(), "the server takes too long to start")
    assert server.started
    try:
        yield
    finally:
        # Connections that an outage left half open are not waited for: the threads end with the process.
        server.should_exit = server.force_exit = True
        thread.join(3)


@contextmanager
def _working(settings: Settings, loops: list[asyncio.AbstractEventLoop]) -> Iterator[None]:
    stop: list[Callable[[], object]] = []

    async def serve() -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        queue = open_queue(settings.redis_url)
        pace = Pace(lease_s=2.0, poll_s=0.05, sweep_s=0.5, late_s=0.5, grace_s=2.0)
        async with open_house(
            settings.database_url, settings.state_folder, blobs=blob_store(settings)
        ) as house:
            loops.append(loop)
            stop.append(lambda: loop.call_soon_threadsafe(stopping.set))
            await work(house, queue, pace, stopping, asyncio.Event())
        await queue.aclose()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="worker", daemon=True)
    thread.start()
    until(lambda: stop or not thread.is_alive(), "the worker takes too long to start")
    try:
        yield
    finally:
        for one in stop:
            one()
        thread.join(3)


@contextmanager
def _provider(port: int, redirect: str, listens_on: int) -> Iterator[None]:
    program = script(CHECKOUT / "tests" / "people" / "provider.mjs")
    process = subprocess.Popen(
        ["node", str(program), str(port), redirect, str(listens_on)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline().strip() == "ready"
        yield
    finally:
        process.kill()
        process.wait(10)


def _postgres(url: str, board: Switchboard) -> tuple[FaultProxy, str]:
    parts = urlsplit(url)
    folder = parse_qs(parts.query)["host"][0]
    proxy = board.proxy(by_socket(f"{folder}/.s.PGSQL.5432"))
    return proxy, f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{proxy.port}{parts.path}"


def _valkey(url: str, board: Switchboard) -> tuple[FaultProxy, str]:
    proxy = board.proxy(by_socket(unquote(urlsplit(url).path)))
    return proxy, f"redis://127.0.0.1:{proxy.port}/0"


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    was = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if was is None:
            del os.environ[name]
        else:
            os.environ[name] = was
