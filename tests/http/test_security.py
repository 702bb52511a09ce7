"""Headers on every answer, other sites' pages, proxies, and requests that are no HTTP."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from api.embedded import Servers
from api.protocol import MOST_HEAD
from api.security import DEFAULTS, Security
from api.settings import Settings
from tests.api.conftest import House, serving, settings_for
from tests.pace import unit_s

APP, OTHER = "https://app.example", "https://evil.example"
HSTS = "max-age=31536000; includeSubDomains; preload"


@pytest.fixture(scope="module")
def beside(
    house: House, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx2.Client]:
    """A server over the same database that shares with one site and believes a proxy on this machine."""
    settings = settings_for(house.database_url, servers.redis_url or "", tmp_path_factory.mktemp("beside"))
    settings = settings.using(cors_origins=f"{APP},http://localhost:3000", trusted_proxies="127.0.0.1")
    with serving(settings) as url, httpx2.Client(base_url=url, timeout=30) as client:
        yield client


ANSWERS = [
    ("GET", "/graphql", 401),
    ("POST", "/graphql", 401),
    ("GET", "/v1/releases", 401),
    ("GET", "/nothing", 404),
    ("DELETE", "/docs", 405),
    ("GET", "/docs", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/problems", 200),
    ("GET", "/livez", 200),
    ("GET", "/static/swagger/swagger-ui.css", 200),
    ("GET", "/static/swagger/none.css", 404),
    ("GET", "/login", 200),
    ("POST", "/oauth/token", 400),
    ("GET", "/.well-known/openid-configuration", 200),
]
UNSHARED = [path for _, path, _ in ANSWERS if not path.startswith("/.well-known")]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_tells_browsers_to_be_careful(house: House, method: str, path: str, status: int) -> None:
    answer = httpx2.request(method, house.url + path)
    assert answer.status_code == status, answer.text
    for name, value in DEFAULTS:
        given = answer.headers.get_list(name.decode())
        assert len(given) == 1, name
        if name not in (b"content-security-policy", b"cache-control"):
            assert given == [value.decode()], name
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    if status >= 400:
        assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", UNSHARED)
def test_no_other_site_is_let_in_unless_named(house: House, path: str) -> None:
    for method in ("GET", "OPTIONS"):
        asked = {"Origin": OTHER, "Access-Control-Request-Method": "POST"}
        answer = httpx2.request(method, house.url + path, headers=asked)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def headers_of(
    app_headers: list[tuple[bytes, bytes]] | None = None, *, scheme: str = "http", **options: Any
) -> dict[bytes, bytes]:
    """The headers that an answer leaves with."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": app_headers or []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "scheme": scheme, "method": "GET", "path": "/x", "headers": []}
    await Security(app, **options)(scope, None, send)  # type: ignore[arg-type]
    names = [name for name, _ in sent[0]["headers"]]
    assert len(names) == len(set(names))
    return dict(sent[0]["headers"])


async def test_tls_is_asked_for_only_where_there_is_tls() -> None:
    name = b"strict-transport-security"
    assert name not in await headers_of()
    assert (await headers_of(scheme="https"))[name].decode() == HSTS
    assert (await headers_of(https=True))[name].decode() == HSTS


def test_a_believed_proxy_says_whether_there_is_tls(beside: httpx2.Client, house: House) -> None:
    tls = {"X-Forwarded-Proto": "https"}
    assert beside.get("/livez", headers=tls).headers["strict-transport-security"] == HSTS
    assert "strict-transport-security" not in beside.get("/livez").headers
    assert "strict-transport-security" not in httpx2.get(house.url + "/livez", headers=tls).headers


async def test_an_answer_keeps_what_it_says_itself() -> None:
    own = [(b"content-security-policy", b"default-src 'self'"), (b"cache-control", b"public, max-age=9")]
    given = await headers_of(own)
    assert given | dict(own) == given
    assert set(given) == {name for name, _ in DEFAULTS}


async def test_a_request_pays_little_beside_parsing_one() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(dict(start))
        await send(body)

    async def send(message: Any) -> None:
        pass

    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"2"), (b"etag", b'"1"')],
    }
    body = {"type": "http.response.body", "body": b"{}"}
    scope: Any = {"type": "http", "scheme": "http", "method": "POST", "path": "/graphql", "headers": []}
    rounds = 2_000

    async def spent(asked: Any) -> float:
        best = 1.0
        for _ in range(7):
            began = time.process_time()
            for _ in range(rounds):
                await asked(scope, None, send)
            best = min(best, time.process_time() - began)
        return best / rounds

    guarded = Security(app)
    one_query = min(unit_s() for _ in range(7)) / 100
    assert await spent(guarded) - await spent(app) < one_query / 20


# -- other sites ---------------------------------------------------------------------------------------------


SHARED = ["/graphql", "/v1/releases", "/oauth/token", "/oauth/revoke"]


@pytest.mark.parametrize("path", SHARED)
def test_a_named_site_is_let_in(beside: httpx2.Client, path: str) -> None:
    asked = {
        "Origin": APP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
    }
    answer = beside.options(path, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == APP
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == asked["Access-Control-Request-Headers"]
    assert int(answer.headers["access-control-max-age"]) >= 600
    assert "Origin" in answer.headers["vary"]

    answer = beside.get(path, headers={"Origin": APP})
    assert answer.headers["access-control-allow-origin"] == APP
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert exposed >= {
        "RateLimit",
        "RateLimit-Policy",
        "ETag",
        "Link",
        "X-Request-Id",
        "Retry-After",
        "X-Change-Set",
        "Idempotency-Replayed",
    }
    assert "Origin" in ", ".join(answer.headers.get_list("vary"))


ORIGINS = [
    OTHER,
    "null",
    "https://app.example.evil.example",
    "https://app.example:444",
    "http://app.example",
    "https://APP.example",
    "https://app.example/",
    "https://evil.example https://app.example",
    "*",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_site_that_was_not_named_is_told_nothing(beside: httpx2.Client, origin: str) -> None:
    for path in SHARED:
        preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for answer in (
            beside.options(path, headers=preflight),
            beside.get(path, headers={"Origin": origin}),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert "Origin" in ", ".join(answer.headers.get_list("vary"))


@pytest.mark.parametrize("path", ["/login", "/oauth/authorize", "/docs", "/livez"])
def test_pages_are_for_no_other_site(beside: httpx2.Client, path: str) -> None:
    answer = beside.get(path, headers={"Origin": APP})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_what_is_public_is_open_to_every_site_without_cookies(house: House, beside: httpx2.Client) -> None:
    for url in (house.url, str(beside.base_url).rstrip("/")):
        answer = httpx2.get(f"{url}/.well-known/openid-configuration", headers={"Origin": OTHER})
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert "access-control-allow-credentials" not in answer.headers


async def test_every_site_is_let_in_without_cookies() -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    for method in ("GET", "OPTIONS"):
        headers = [(b"origin", OTHER.encode()), (b"access-control-request-method", b"POST")]
        scope = {"type": "http", "scheme": "http", "method": method, "path": "/graphql", "headers": headers}
        await Security(app, origins=["*"])(scope, None, send)  # type: ignore[arg-type]
    for message in (message for message in sent if "headers" in message):
        given = dict(message["headers"])
        assert given[b"access-control-allow-origin"] == b"*"
        assert b"access-control-allow-credentials" not in given


@pytest.mark.parametrize("names", ["a b", "a" * 1_001, "{}"])
def test_header_names_that_are_none_are_not_granted(beside: httpx2.Client, names: str) -> None:
    asked = {"Origin": APP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": names}
    answer = beside.options("/graphql", headers=asked)
    assert "access-control-allow-headers" not in answer.headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cors_origins", "app.example"),
        ("cors_origins", "https://app.example/"),
        ("cors_origins", "https://App.example"),
        ("cors_origins", "null"),
        ("cors_origins", "*, https://app.example"),
        ("trusted_proxies", "proxy"),
        ("trusted_proxies", "10.0.0.1/8"),
    ],
)
def test_settings_that_would_open_by_mistake_are_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.model_validate({name: value})


# -- what is no HTTP -----------------------------------------------------------------------------------------


def said(url: str, request: bytes) -> bytes:
    """What the server says to bytes on a connection, until it closes or, where it need not, falls silent."""
    where, closes = urlsplit(url), b"Connection: close" in request
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=30) as line:
        got = b""
        try:
            for start in range(0, len(request), 65_536):
                line.sendall(request[start : start + 65_536])
            while part := line.recv(65_536):
                got += part
                line.settimeout(30 if closes else 0.5)
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
        return got


def status(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    return int(found[1]) if found else 0


HOST = b"Host: localhost\r\n"
ABSURD = {
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\n" + HOST + b"Host: other\r\n\r\n",
    "too many headers": b"GET /livez HTTP/1.1\r\n"
    + HOST
    + b"".join(b"X-%d: 1\r\n" % n for n in range(200))
    + b"\r\n",
    "a line that is none": b"HELLO\r\n\r\n",
    "a header without a name": b"GET /livez HTTP/1.1\r\n" + HOST + b": x\r\n\r\n",
    "a header that goes on in the next line": b"GET /livez HTTP/1.1\r\n" + HOST + b"X: 1\r\n 2\r\n\r\n",
    "a space before the colon": b"GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "two lengths": b"POST /graphql HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"POST /graphql HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length below nothing": b"POST /graphql HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "chunks and something else": b"POST /graphql HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "HTTP/3": b"GET /livez HTTP/3.0\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "TRACE": b"TRACE /graphql HTTP/1.1\r\n" + HOST + b"\r\n",
    "TRACE of nothing": b"TRACE /nothing HTTP/1.1\r\n" + HOST + b"\r\n",
    "OPTIONS of everything": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of our own": b"FROB /graphql HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path that climbs": b"GET /static/swagger/../../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path that climbs in disguise": b"GET /static/swagger/%2e%2e/%2e%2e/settings.py HTTP/1.1\r\n"
    + HOST
    + b"\r\n",
    "a NUL in the path": b"GET /v1/releases/%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path that is no UTF-8": b"GET /v1/%ff%fe HTTP/1.1\r\n" + HOST + b"\r\n",
    "a header that never ends": b"GET /livez HTTP/1.1\r\n" + HOST + b"X: " + b"a" * (8 << 20),
    "a path that never ends": b"GET /" + b"a" * (8 << 20),
    "headers that never end": b"GET /livez HTTP/1.1\r\n" + b"X: 1\r\n" * 1_000_000,
    "an extension of a chunk that never ends": b"POST /graphql HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n1;"
    + b"a" * (8 << 20),
}


@pytest.mark.parametrize("name", ABSURD)
def test_what_is_absurd_is_refused(house: House, name: str) -> None:
    answer = said(house.url, ABSURD[name])
    ended = name.endswith(("never ends", "never end"))
    assert 400 <= status(answer) < 500 or (ended and not answer), answer[:300]
    assert b"Traceback" not in answer
    assert status(said(house.url, b"GET /livez HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")) == 200


def test_a_head_may_be_large(house: House) -> None:
    fill = b"X: " + b"a" * (MOST_HEAD - 2_000) + b"\r\n"
    answer = said(house.url, b"GET /livez HTTP/1.1\r\nConnection: close\r\n" + HOST + fill + b"\r\n")
    assert status(answer) == 200
    answer = said(house.url, b"GET /livez HTTP/1.1\r\nConnection: close\r\n" + HOST + fill * 2 + b"\r\n")
    assert status(answer) == 431
    assert b"HEADERS_TOO_LARGE" in answer


def test_requests_in_one_breath_are_answered_in_order(house: House) -> None:
    one = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
    last = b"GET /nothing HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
    statuses = re.findall(rb"HTTP/1\.1 (\d{3})", said(house.url, one * 3 + last))
    assert statuses == [b"200"] * 3 + [b"404"]


def test_no_answer_names_the_host_that_was_asked_for(house: House) -> None:
    for path in ("/", "/v1", "/docs/", "/graphql/", "/static/swagger", "/nothing", "/oauth/authorize"):
        answer = httpx2.get(
            house.url + path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
        )
        assert "evil.example" not in answer.text + str(answer.headers)
        assert answer.status_code in (302, 303, 307, 400, 401, 404), path


def test_the_pages_name_nothing_outside(house: House) -> None:
    text = Path(__file__).parents[2].joinpath("api/docs.py").read_text()
    assert not re.findall(r"https?://", text)
