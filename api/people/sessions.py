"""Who is logged in: the session cookie, and the token that shows a request came from our own page."""

import base64
import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from api.keys import purpose_secret
from api.problems import Problem
from domain.access.sessions import OpenedSession, find_session
from domain.row import utc_now

if TYPE_CHECKING:
    # The services hold the authenticator, which asks here.
    from api.services import Services

COOKIE = "__Host-catalograph"
CSRF_HEADER = "X-CSRF-Token"
# Longer ones are no tokens of ours; they are not looked up.
_LONGEST_TOKEN = 64


@dataclass(frozen=True)
class LoggedIn:
    """A person who is logged in, for the request at hand.

    authenticated_at: when they last proved who they are. csrf: what forms and scripts of this session
    send along (field `csrf`, header X-CSRF-Token).
    """

    session_id: uuid.UUID
    user_id: uuid.UUID
    organization_id: uuid.UUID
    created_at: datetime
    authenticated_at: datetime
    expires_at: datetime
    csrf: str


async def logged_in(request: Request) -> LoggedIn | None:
    """Who the session cookie stands for; None without one that holds. Looked up anew each time."""
    token = request.cookies.get(COOKIE)
    if not token or len(token) > _LONGEST_TOKEN:
        return None
    services = _services(request)
    async with services.tools.pool.acquire() as sql:
        found = await find_session(sql, token)
    if found is None:
        return None
    request.scope["actor"] = str(found.user_id)
    return LoggedIn(
        found.id,
        found.user_id,
        found.organization_id,
        found.created_at,
        found.authenticated_at,
        found.expires_at,
        csrf_of(services, found.id),
    )


async def require_login(request: Request) -> LoggedIn:
    """Who is logged in. Raises Problem AUTH_REQUIRED."""
    found = await logged_in(request)
    if found is None:
        raise Problem("AUTH_REQUIRED", "nobody is logged in here, or the session has ended; log in at /login")
    return found


def csrf_of(services: "Services", session_id: uuid.UUID) -> str:
    """The CSRF token of a session: it fits no other."""
    return _mac(services, b"session", session_id.bytes)


def expect_csrf(request: Request, logged_in: LoggedIn, given: str | None) -> None:
    """Raise Problem CSRF_FAILED unless the request came from our own page in this very session.

    given: the form's field; without it the header counts.
    """
    expect_own_origin(request)
    if not _same(logged_in.csrf, given or request.headers.get(CSRF_HEADER)):
        raise Problem(
            "CSRF_FAILED",
            f"the CSRF token is missing or belongs to another session; load the page again, or send the "
            f"session's `csrf` as {CSRF_HEADER}",
        )


def expect_own_origin(request: Request) -> None:
    """Raise Problem CSRF_FAILED when the browser says that another site's page sent the request.

    Browsers send `Origin` with every POST and `Sec-Fetch-Site` with every request; scripts send neither.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    foreign = origin is not None and host_of(origin) not in own_hosts(request)
    if site not in (None, "same-origin", "none") or foreign:
        raise Problem("CSRF_FAILED", "the request was sent by a page of another site")


def own_hosts(request: HTTPConnection) -> set[str]:
    """Hosts that are ours. A proxy may speak TLS for us: what counts is the host that the browser asked."""
    return {host_of(_services(request).settings.issuer), request.headers.get("host", "").lower()}


def form_token(services: "Services", cookie: str) -> str:
    """The CSRF token of a form before log-in, bound to a cookie that only our own pages set."""
    return _mac(services, b"form", cookie.encode())


def expect_form_token(request: Request, cookie: str | None, given: str | None) -> None:
    """Raise Problem CSRF_FAILED unless a form sent before log-in came from our own page."""
    expect_own_origin(request)
    if not cookie or not _same(form_token(_services(request), cookie), given):
        raise Problem("CSRF_FAILED", "the form is too old, or cookies are off; load the page again")


def put_cookie(response: Response, session: OpenedSession) -> None:
    """Hand a session's token to the browser, for this host alone and out of reach of scripts."""
    response.set_cookie(
        COOKIE,
        session.token,
        max_age=max(0, int((session.expires_at - utc_now()).total_seconds())),
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )
    response.headers["Cache-Control"] = "no-store"


def drop_cookie(response: Response, name: str = COOKIE) -> None:
    """Have the browser forget a cookie of ours."""
    response.set_cookie(name, "", max_age=0, path="/", secure=True, httponly=True, samesite="lax")


def _services(request: HTTPConnection) -> "Services":
    services: Services = request.app.state.services
    return services


def host_of(address: str) -> str:
    """Host and port of an origin; what is none has a host that nobody has."""
    try:
        return urlsplit(address).netloc.lower() or "null"
    except ValueError:
        return "null"


def _mac(services: "Services", what: bytes, of: bytes) -> str:
    secret = purpose_secret(services.secret, "csrf")
    return base64.urlsafe_b64encode(hmac.digest(secret, what + b":" + of, "sha256")).rstrip(b"=").decode()


def _same(expected: str, given: str | None) -> bool:
    return given is not None and hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
