"""GET /metrics: the figures of this process and of the house, as Prometheus and OpenMetrics read them.

Closed unless a setting opens it: to networks, to a token, or to callers with the scope `system:metrics`.
"""

import asyncio
import hmac
import ipaddress
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.exposition import generate_latest as generate_open
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.auth import address_of
from api.counting import BUCKETS, Requests
from api.problems import Problem
from api.services import Services, services_of
from domain.access.scopes import Scope
from domain.figures.pools import PoolFigures
from domain.figures.registry import READERS, Family, Values, read_figures
from domain.row import utc_now

_KEPT_S = 5.0
_PATIENCE_S = 5.0
_OPEN = "application/openmetrics-text"

log = structlog.get_logger(__name__)


def metrics_routes() -> list[Route]:
    """The one route."""
    page = _Page()
    return [Route("/metrics", page.show, methods=["GET"])]


@dataclass(frozen=True)
class _House:
    """What the database told. up: whether it did."""

    figures: Mapping[Family, Values]
    up: bool
    seconds: float


class _Page:
    """Asks the database at most every five seconds, however often and by how many it is asked."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._known: tuple[float, _House] | None = None
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)

    async def show(self, request: Request) -> Response:
        """All figures, in the form that is asked for."""
        services = services_of(request)
        await expect_watcher(request, services)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Told([*of_process(services), *of_house(await self._house(services))]))
        registry.register(Told(self._process.collect()))
        if _OPEN in request.headers.get("accept", ""):
            return Response(
                generate_open(registry),  # type: ignore[no-untyped-call]
                headers=_headers(CONTENT_TYPE_LATEST),
            )
        return Response(generate_latest(registry), headers=_headers(CONTENT_TYPE_PLAIN_0_0_4))

    async def _house(self, services: Services) -> _House:
        async with self._turn:
            now = time.monotonic()
            if self._known is None or now - self._known[0] > _KEPT_S:
                self._known = now, await _ask(services)
            return self._known[1]


async def expect_watcher(request: Request, services: Services) -> None:
    """Let in who may watch. Raises Problem 401 or 403."""
    settings = services.settings
    token = settings.metrics_token.get_secret_value()
    given = request.headers.get("authorization", "")
    if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return
    if not given and within(address_of(request.scope), settings.metrics_networks):
        return
    viewer = await services.viewer(request)
    if not viewer.may(Scope.SYSTEM_METRICS):
        raise Problem(
            "INSUFFICIENT_SCOPE",
            f"/metrics needs the scope {Scope.SYSTEM_METRICS}; the token does not carry it",
        )


def of_process(services: Services) -> Iterator[Metric]:
    """What this process counted."""
    yield _requests(services.requests)
    gauges = (
        (
            "catalograph_requests_running",
            "Requests that have a place in front of the database.",
            services.places.running,
        ),
        (
            "catalograph_budget_store_up",
            "Whether processes share their budgets (1), or each goes alone (0).",
            int(not services.limiter.away),
        ),
    )
    for name, help, value in gauges:
        yield GaugeMetricFamily(name, help, value=value)
    for name, help, value in (
        (
            "catalograph_requests_shed",
            "Requests turned away because too many were under way.",
            services.places.shed,
        ),
        (
            "catalograph_requests_rate_limited",
            "Requests turned away because a budget was spent.",
            services.requests.by_status(429),
        ),
    ):
        yield CounterMetricFamily(name, help, value=value)
    yield from _pools(services.pools)


def of_house(house: _House) -> Iterator[Metric]:
    """What the database knows; every family is there, also where it has no sample."""
    yield GaugeMetricFamily("catalograph_database_up", "Whether the database could be asked.", value=house.up)
    yield GaugeMetricFamily(
        "catalograph_figures_seconds", "How long asking it took.", value=round(house.seconds, 6)
    )
    for families, _ in READERS.values():
        for family in families:
            told = GaugeMetricFamily(family.name, family.help, labels=family.labels)
            for labels, value in sorted(house.figures.get(family, {}).items()):
                told.add_metric(labels, value)
            yield told


async def _ask(services: Services) -> _House:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(_PATIENCE_S), services.tools.pool.acquire() as sql:
            found = await read_figures(sql, utc_now())
    except Exception as error:
        log.warning("figures can't be read", error=repr(error))
        return _House({}, False, time.perf_counter() - began)
    return _House(found, True, time.perf_counter() - began)


def _requests(requests: Requests) -> Metric:
    told = HistogramMetricFamily(
        "catalograph_request_seconds",
        "Requests by route, kind of operation and status, and how long they took.",
        labels=("route", "operation", "status"),
    )
    for (route, operation, status), series in sorted(requests.series.items()):
        below, buckets = 0, []
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), series.counts, strict=True):
            below += count
            buckets.append((bound, below))
        told.add_metric((route, operation, str(status)), buckets, series.seconds)
    return told


def _pools(pools: Mapping[str, PoolFigures]) -> Iterator[Metric]:
    gauges: tuple[tuple[str, str, str], ...] = (
        ("size", "catalograph_pool_size", "Database connections that a pool may have."),
        ("lent", "catalograph_pool_lent", "Those that are in use."),
        ("waiting", "catalograph_pool_waiting", "Tasks that wait for one."),
    )
    counters: tuple[tuple[str, str, str], ...] = (
        ("waits", "catalograph_pool_waits", "Acquisitions that found no free connection."),
        ("waited_s", "catalograph_pool_wait_seconds", "How long they waited together."),
        ("statements", "catalograph_statements", "Statements that were run."),
        ("failed", "catalograph_statement_failures", "Those that failed."),
        ("seconds", "catalograph_statement_seconds", "How long they took together."),
    )
    for family, names in ((GaugeMetricFamily, gauges), (CounterMetricFamily, counters)):
        for field, name, help in names:
            told = family(name, help, labels=("pool",))
            for pool, figures in pools.items():
                told.add_metric((pool,), getattr(figures, field))
            yield told


class Told(Collector):
    """Families that are known already, as a registry wants them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self._families


def within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether an address is in one of these networks."""
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(given, ipaddress.IPv6Address) and given.ipv4_mapped:
        given = given.ipv4_mapped
    return any(given in ipaddress.ip_network(one) for one in networks)


def _headers(content_type: str) -> dict[str, str]:
    return {"Content-Type": content_type, "Cache-Control": "no-store"}
