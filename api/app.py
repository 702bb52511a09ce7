"""The front door: makes what serves, mounts the routes. The only place serving code meets adapters."""

import gc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from api.api_keys import ApiKeys
from api.auth import Authenticator
from api.blobs import blob_routes
from api.callbacks import callback_routes
from api.compose import blob_store, collected, file_links
from api.counting import Requests, Tally
from api.docs import docs_routes
from api.exports import export_routes
from api.fetching import file_routes
from api.floor import AddressFloor, Floor
from api.graphql import graphql
from api.health import health_routes
from api.introspecting import Introspecting
from api.keyring import open_ring
from api.keys import ensure_secret, purpose_secret
from api.limits import Limiter
from api.live.hub import Hub
from api.live.socket import graphql_socket
from api.metrics import metrics_routes
from api.middleware import RequestMiddleware, problem_of
from api.oauth.routes import oauth_routes
from api.people.passwords import Passwords
from api.people.provider import Provider
from api.people.routes import people_routes
from api.people.viewer import session_viewer
from api.problems import response_of
from api.quick import QuickReads
from api.rest import PREFIX, Rest
from api.revocations import Revocations
from api.sealing import AnswerSealer
from api.security import Security
from api.services import Services
from api.settings import Settings
from api.shed import Places
from domain.adapters.budget import RedisBuckets
from domain.adapters.inspecting import inspect
from domain.adapters.listening import Listener
from domain.adapters.outside import Outside
from domain.adapters.postgres import connect_reader, database, figures_of, open_pool
from domain.adapters.readers import Readers
from graph.paging import CursorKey
from graph.perform import Tools
from graph.run import Engine
from graph.schema import graphql_schema
from graph.signing import Signer
from openapi.doors import expect_declared
from openapi.generate import openapi_bytes, sdl

# The schema and the plans live as long as the process: keep the collector away from them.
_GC_THRESHOLDS = (100_000, 50, 100)
# Somebody waits at a browser.
_PROVIDER_S = 5.0


def create_app(settings: Settings) -> Starlette:
    """The ASGI application over a migrated database."""
    schema = graphql_schema()
    document, text = openapi_bytes(schema), sdl(schema)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with collected(settings):
            async with open_services(settings, requests) as services:
                app.state.services = services
                gc.collect()
                gc.freeze()
                gc.set_threshold(*_GC_THRESHOLDS)
                yield

    requests = Requests()
    routes: list[BaseRoute] = [
        Route("/graphql", graphql, methods=["GET", "POST"]),
        WebSocketRoute("/graphql", graphql_socket),
        *blob_routes(settings),
        *export_routes(),
        *file_routes(settings),
        *callback_routes(),
        Mount(PREFIX, Rest(schema)),
        *people_routes(),
        *oauth_routes(settings),
        *health_routes(settings),
        *metrics_routes(),
        *docs_routes(lambda: document, lambda: text),
    ]
    expect_declared(_doors(routes))
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Security, https=settings.issuer.startswith("https:"), origins=settings.origins),
            Middleware(RequestMiddleware, requests=requests),
            Middleware(QuickReads),
            Middleware(AddressFloor),
        ],
        exception_handlers={HTTPException: _tell},
        lifespan=lifespan,
    )
    # A redirect to the path with a slash would name whatever host the request named.
    app.router.redirect_slashes = False
    return app


@asynccontextmanager
async def open_services(settings: Settings, requests: Requests | None = None) -> AsyncIterator[Services]:
    """Pools, keys and engine for as long as the block lasts."""
    folder, counted = settings.state_folder / "keys", requests or Requests()
    keys, secret = open_ring(folder), ensure_secret(folder)
    size, url, patience_s = settings.pool_size, settings.database_url, settings.database_wait_ms / 1000
    away = database(patience_s)
    connect = partial(connect_reader, url, statement_timeout_ms=settings.read_timeout_ms, away=away)
    async with (
        Readers(connect, size, patience_s) as readers,
        await open_pool(
            url, max_size=size, statement_timeout_ms=settings.write_timeout_ms, away=away
        ) as workers,
        Revocations(workers) as revocations,
        RedisBuckets(settings.redis_url) as buckets,
        Limiter(buckets, workers) as limiter,
        keys,
        Introspecting(workers) as introspecting,
        ApiKeys(workers, revocations) as api_keys,
        _provider(settings) if settings.oidc_issuer else nullcontext() as provider,
        AsyncExitStack() as stack,
        Tally(counted, workers),
    ):
        passwords = Passwords()
        authenticator = Authenticator(
            keys, revocations, issuer=settings.issuer, api_keys=api_keys, session_viewer=session_viewer
        )
        hub = Hub(
            Listener(url),
            workers,
            authenticator.refuses,
            most=settings.subscriptions,
            most_of_one=settings.subscriptions_of_one,
        )
        await stack.enter_async_context(hub)
        store = blob_store(settings)
        yield Services(
            authenticator=authenticator,
            hub=hub,
            requests=counted,
            pools={"read": readers.figures, "work": figures_of(workers)},
            engine=Engine(
                readers,
                CursorKey(purpose_secret(secret, "cursor")),
                may_introspect=introspecting.lets,
                signer=Signer(file_links(settings)),
                store=store,
            ),
            tools=Tools(workers, store, AnswerSealer(secret)),
            keys=keys,
            revocations=revocations,
            settings=settings,
            secret=secret,
            passwords=passwords,
            provider=provider,
            limiter=limiter,
            floor=Floor(limiter, settings.anonymous_requests),
            places=Places(settings.concurrency or 3 * size),
            inspect=inspect,
            body_limit=settings.body_limit_mb << 20,
            upload_limit=settings.upload_limit_mb << 20,
        )


def _provider(settings: Settings) -> Provider:
    timeout_s = min(_PROVIDER_S, settings.outside_timeout_ms / 1000)
    return Provider(
        settings, Outside("the provider", timeout_s, tries=2, rest_s=settings.outside_rest_ms / 1000)
    )


def _doors(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path of every route, but those under /v1, which are printed from declarations."""
    for route in routes:
        if isinstance(route, Mount):
            if route.path != PREFIX:
                yield "GET", f"{route.path}/*"
        elif isinstance(route, WebSocketRoute):
            yield "WS", route.path
        else:
            assert isinstance(route, Route), f"{route} is no HTTP route: say who may come in there"
            yield from ((method, route.path) for method in route.methods or () if method != "HEAD")


async def _tell(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses (no such path, no such method), in our words."""
    return response_of(problem_of(error), request)
