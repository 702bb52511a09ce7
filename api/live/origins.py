"""Which sites' pages may open a socket or a stream: browsers let every page try, and ask nothing first."""

from starlette.requests import HTTPConnection

from api.people.sessions import host_of, own_hosts
from api.problems import Problem
from api.settings import Settings


def expect_known_origin(connection: HTTPConnection, settings: Settings) -> None:
    """Raise Problem CSRF_FAILED unless our own page asks, one of a site that was named, or a script.

    Where every site is let in, those that are not named bring no cookie, as with any other request.
    """
    origin = connection.headers.get("origin")
    if origin is None or host_of(origin) in own_hosts(connection) or origin in settings.origins:
        return
    if "*" not in settings.origins:
        raise Problem(
            "CSRF_FAILED",
            "the request was sent by a page of another site; CATALOGRAPH_CORS_ORIGINS names those that may",
        )
    scope = connection.scope
    scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
