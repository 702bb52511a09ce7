"""The whole house in one process tree: embedded servers, migrations, the API, and the worker beside it."""

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import structlog
import uvicorn
from starlette.types import ASGIApp

from api.beside import WeightsFetch
from api.cli.client import development_token
from api.cli.output import Fault
from api.development import ensure_development, write_private
from api.embedded import Embedded, Report, refuse_second
from api.live.protocol import SocketProtocol
from api.migrated import bring_up_to_date
from api.processes import spawn, stop
from api.protocol import Protocol
from api.settings import CHECKOUT, Settings
from graph.limits import LIMITS

Ready = Callable[[str, str], None]

log = structlog.get_logger("api.house")
_TOKEN_LIVES = timedelta(hours=12)
_GRACE_S = 15
# For requests to end and all that serves them; a container is killed after 30 s.
_TO_END_S = _GRACE_S + 10
_LOOK_S = 0.5
_LONGEST_PAUSE_S = 30.0


class House:
    """Everything `up` starts.

    report: is told each stage and its seconds.
    """

    def __init__(self, settings: Settings, *, report: Report, with_worker: bool = True) -> None:
        self._settings = settings
        self._report = report
        self._with_worker = with_worker

    def run(self, ready: Ready) -> None:
        """Serve until SIGINT or SIGTERM.

        ready: is told the address and a development token once it serves.
        """
        settings = self._settings
        refuse_second(settings.state_folder)
        with (
            listening(settings.host, settings.port) as line,
            Embedded(
                settings.state_folder,
                postgres=not settings.database_url,
                valkey=not settings.redis_url,
                report=self._report,
            ) as servers,
        ):
            settings = settings.using(
                database_url=settings.database_url or servers.database_url,
                redis_url=settings.redis_url or servers.redis_url,
                port=line.getsockname()[1],
            )
            began = time.monotonic()
            identity = asyncio.run(_prepare(settings))
            self._report("migrate", time.monotonic() - began)
            began = time.monotonic()
            address = address_of(settings)
            note = settings.state_folder / "run" / "server.json"
            worker = _Worker(settings) if self._with_worker else None
            weights = WeightsFetch(settings)

            def started() -> None:
                self._report("api", time.monotonic() - began)
                about = {"pid": os.getpid(), "address": address, "organization_id": identity}
                urls = {"database_url": settings.database_url, "redis_url": settings.redis_url}
                write_private(note, json.dumps({**about, **urls}))
                if worker:
                    worker.start()
                ready(address, development_token(settings, _TOKEN_LIVES))
                weights.start()

            def look() -> None:
                weights.keep()
                if worker:
                    worker.keep()

            try:
                serve(settings, line, started, look)
            finally:
                # A second Ctrl-C would only leave things behind.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                note.unlink(missing_ok=True)
                weights.stop()
                if worker:
                    worker.stop()


def serve(
    settings: Settings,
    line: socket.socket,
    started: Callable[[], None],
    beside: Callable[[], None] | None = None,
) -> None:
    """Serve the API on a bound socket until told to stop. beside: is called every half second."""
    # Nothing made while loading is garbage: collecting meanwhile costs a tenth of the start.
    gc.disable()
    from api.app import create_app

    config = server_config(create_app(settings), settings)
    server = _Server(config, started, beside)
    server.run(sockets=[line])
    if not server.started:
        raise Fault("The API did not start; the log above says why.")


def server_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=Protocol,
        ws=SocketProtocol,
        ws_max_size=LIMITS.body,
        # A message is small, and a compressed one may be large all the same.
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # uvicorn believes proxies on this machine unless told.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=75,
    )


class _Server(uvicorn.Server):
    """Tells when it serves, and lets something be looked after meanwhile."""

    def __init__(
        self, config: uvicorn.Config, started: Callable[[], None], beside: Callable[[], None] | None
    ) -> None:
        super().__init__(config)
        self._tell = started
        self._beside = beside
        self._looked = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.enable()
        if self.started:
            self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; what has not ended by then, though it was told to, is told once more as the loop closes."""
        try:
            async with asyncio.timeout(_TO_END_S):
                await super().shutdown(sockets)
        except TimeoutError:
            tasks = sorted(str(task.get_coro()) for task in asyncio.all_tasks() - {asyncio.current_task()})
            log.error("something did not end; the server stops without it", tasks=tasks)

    async def on_tick(self, counter: int) -> bool:
        now = time.monotonic()
        if self._beside and now - self._looked >= _LOOK_S:
            self._looked = now
            self._beside()
        return await super().on_tick(counter)


class _Worker:
    """The job worker as a child process, started again when it dies, a little later each time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._child: subprocess.Popen[bytes] | None = None
        self._born = 0.0
        self._pause = 0.0
        self._again_at: float | None = None

    def start(self) -> None:
        env = {
            **os.environ,
            "DATABASE_URL": self._settings.database_url,
            "REDIS_URL": self._settings.redis_url,
            "CATALOGRAPH_STATE_FOLDER": str(self._settings.state_folder),
            "CATALOGRAPH_BOOTSTRAP": "skip",
        }
        self._born = time.monotonic()
        self._child = spawn([sys.executable, "-m", "api", "worker"], env=env, folder=CHECKOUT)

    def keep(self) -> None:
        """Start it again if it is gone."""
        now = time.monotonic()
        if self._again_at is not None:
            if now >= self._again_at:
                self._again_at = None
                self.start()
            return
        if self._child is None or self._child.poll() is None:
            return
        self._pause = 0.0 if now - self._born > 60 else min(_LONGEST_PAUSE_S, self._pause * 2 or 0.5)
        log.error("the worker died; it is started again", status=self._child.returncode, pause_s=self._pause)
        self._again_at = now + self._pause

    def stop(self) -> None:
        if self._child:
            stop(self._child, timeout_s=_GRACE_S + 5)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket, taken before anything slow begins. Raises Fault when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            line.bind((host, port))
            line.listen(2048)
        except PermissionError as error:
            raise Fault(f"This user may not listen on port {port}. Take another one: --port 8000") from error
        except OSError as error:
            raise Fault(
                f"Port {port} on {host} can't be listened on: {error.strerror or error}. "
                f"Take another one: python3 -m api up --port {port + 1 if port < 65535 else 8000}"
            ) from error
        yield line


def address_of(settings: Settings) -> str:
    """Where a browser on this machine finds the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{settings.port}"


async def _prepare(settings: Settings) -> str:
    await bring_up_to_date(settings)
    identity = await ensure_development(settings)
    with suppress(OSError):
        (settings.state_folder / "blobs").mkdir(mode=0o700, exist_ok=True)
    return identity.organization_id
