"""Figures of a worker process, on a port of its own: what it runs and has ended, its memory and processor.

Off unless CATALOGRAPH_WORKER_METRICS_PORT says where. Figures of the house, lanes and their delays among
them, stay with the API's /metrics. Open to the same token and networks, and to nobody else.
"""

import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric

from api.metrics import Told, within
from api.settings import Settings
from jobs.tally import HERE

log = structlog.get_logger(__name__)


@contextmanager
def worker_figures(settings: Settings) -> Iterator[None]:
    """Serve GET /metrics in a thread for the length of the block. A taken port costs the figures alone."""
    try:
        server = ThreadingHTTPServer((settings.host, settings.worker_metrics_port), _handler(settings))
    except OSError as error:
        log.error("figures of the worker can't be told", port=settings.worker_metrics_port, error=str(error))
        yield
        return
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="worker metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def of_worker() -> Iterator[Metric]:
    """What this process runs, and how its turns have ended."""
    running = GaugeMetricFamily(
        "catalograph_worker_jobs_running", "Jobs that this process runs now.", labels=("kind",)
    )
    for kind, count in sorted(HERE.running.copy().items()):
        running.add_metric((kind,), count)
    ended = CounterMetricFamily(
        "catalograph_worker_turns", "Turns of jobs that have ended in this process.", labels=("kind", "state")
    )
    for (kind, state), count in sorted(HERE.ended.copy().items()):
        ended.add_metric((kind, state), count)
    yield running
    yield ended


def _handler(settings: Settings) -> type[BaseHTTPRequestHandler]:
    process = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=process)
    PlatformCollector(registry=process)
    token = settings.metrics_token.get_secret_value()

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            """The figures, or why not."""
            if self.path.partition("?")[0] != "/metrics":
                self._answer(404, b"there is only /metrics here\n")
            elif not self._may():
                self._answer(401, b"set CATALOGRAPH_METRICS_TOKEN or CATALOGRAPH_METRICS_OPEN_TO\n")
            else:
                registry = CollectorRegistry(auto_describe=False)
                registry.register(Told([*of_worker(), *process.collect()]))
                self._answer(200, generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4)

        def _may(self) -> bool:
            given = self.headers.get("Authorization", "")
            if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                return True
            return not given and within(self.client_address[0], settings.metrics_networks)

        def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            if status == 401:
                self.send_header("WWW-Authenticate", "Bearer")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: a scraper comes every few seconds."""

    return Handler
