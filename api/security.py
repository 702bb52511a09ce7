"""What every answer says to browsers: how to be careful with it, and which other sites may read it.

Pure ASGI around everything else, so that faults and refusals carry the headers as well. The lists are made
beforehand; a request costs a look at the names of its answer's headers.
"""

import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

# An answer that brings one of these keeps its own: a page has a policy with a nonce of its own.
DEFAULTS: Headers = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    # Not "no-referrer": with that, browsers post the forms of our own pages with "Origin: null".
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cache-control", b"no-store"),
]
# One year is the least that preload lists take.
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains; preload")
_PLACE = {name: 1 << place for place, (name, _) in enumerate([*DEFAULTS, HSTS])}
_LASTING = (b"cache-control", b"public, max-age=3600")

# What a program in a browser on another site may need. Pages, the log-in and the consent are not among it;
# what lies under /.well-known is open to all sites already, and says so itself.
_SHARED = frozenset(
    {"/graphql", "/oauth/token", "/oauth/revoke", "/oauth/userinfo", "/openapi.json", "/schema.graphql"}
)
_EXPOSED = (
    b"ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, "
    b"WWW-Authenticate, X-Change-Set, X-Request-Id"
)
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
# Chromium keeps an answer for two hours at most.
_KEPT_S = b"7200"
_HEADER_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:[ \t]*,[ \t]*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")
_LONGEST_ASKED = 1_000


class Security:
    """Adds the headers, and answers the preflights of the sites that were named.

    https: whether callers reach this server by TLS whatever the last hop was. Strict-Transport-Security is
    sent where they do, and nowhere else (RFC 6797 §7.2). origins: the sites, as browsers write them; `*`
    is every site, and then no cookie comes along.
    """

    def __init__(self, app: ASGIApp, *, https: bool = False, origins: Iterable[str] = ()) -> None:
        self.app = app
        self._https = https
        self._added: dict[tuple[int, bool, bool], Headers] = {}
        named = {origin.encode() for origin in origins}
        self._all = b"*" in named
        self._named = {origin: _granted(origin) for origin in named}
        self._vary: Headers = [] if self._all else [(b"vary", b"Origin")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        shared: Headers = []
        if self._named and _is_shared(scope["path"]):
            granted = self._for(scope)
            if granted and scope["method"] == "OPTIONS" and (asked := _preflight(scope, granted)):
                await send({"type": "http.response.start", "status": 204, "headers": asked})
                await send({"type": "http.response.body", "body": b""})
                return
            shared = [*granted, *self._vary]
        secure = self._https or scope["scheme"] == "https"
        static = scope["path"].startswith("/static/")

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                there = 0
                for name, _ in headers:
                    there |= _PLACE.get(name, 0)
                key = (there, secure, static and message["status"] < 400)
                added = self._added.get(key) or self._adding(key)
                message["headers"] = [*headers, *added, *shared] if shared else [*headers, *added]
            await send(message)

        await self.app(scope, receive, send_guarded)

    def _adding(self, key: tuple[int, bool, bool]) -> Headers:
        """The headers for an answer that has some already."""
        there, secure, lasting = key
        wanted = [*DEFAULTS, HSTS] if secure else DEFAULTS
        made = [header for header in wanted if not there & _PLACE[header[0]]]
        if lasting:
            made = [_LASTING if name == b"cache-control" else (name, value) for name, value in made]
        self._added[key] = made
        return made

    def _for(self, scope: Scope) -> Headers:
        """What the asking site is granted; nothing where it was not named."""
        if self._all:
            return self._named[b"*"]
        for name, value in scope["headers"]:
            if name == b"origin":
                return self._named.get(value, [])
        return []


def _granted(origin: bytes) -> Headers:
    made = [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", _EXPOSED)]
    if origin != b"*":
        made.append((b"access-control-allow-credentials", b"true"))
    return made


def _preflight(scope: Scope, granted: Headers) -> Headers:
    """The answer to a preflight (Fetch §3.2.2); nothing where the request is none."""
    given = dict(scope["headers"])
    if b"origin" not in given or b"access-control-request-method" not in given:
        return []
    vary = b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    made = [
        *(header for header in granted if header[0] != b"access-control-expose-headers"),
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-max-age", _KEPT_S),
        (b"vary", vary),
    ]
    # A site that may ask may send any header: what they mean is judged when the request comes.
    names = given.get(b"access-control-request-headers", b"").strip()
    if names and len(names) <= _LONGEST_ASKED and _HEADER_NAMES.fullmatch(names):
        made.append((b"access-control-allow-headers", names))
    return made


def _is_shared(path: str) -> bool:
    return path in _SHARED or path.startswith("/v1/")
