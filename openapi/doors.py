"""The paths that are not printed from the schema or from a command, and who may come in by each.

REST under /v1 and the fields of GraphQL carry their scopes in their own declarations. Every other path of
the server is listed here with the reason; the server does not start with one that isn't.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.access.scopes import Access

PUBLIC, SIGNED_IN = Access.PUBLIC, Access.SIGNED_IN


class Proof(StrEnum):
    """What a caller shows at a path that is not public."""

    NONE = "nothing"
    CALLER = "an access token, an API key or a session"
    TOKEN = "an access token"  # noqa: S105
    SESSION = "a session"
    CLIENT = "a client's own credentials"
    SIGNATURE = "a signature of the body by the partner's secret"
    LINK = "a signed link that was given to somebody signed in"


@dataclass(frozen=True)
class Door:
    """One method of one path. why: what comes in or out there, and why so much is asked and no more.

    only: the setting under which it is served; always, where it is empty.
    """

    method: str
    path: str
    access: Access
    proof: Proof
    why: str
    only: str = ""


class Undeclared(Exception):
    """A path is served that no declaration speaks of, or one is declared that is not served."""


def _open(method: str, path: str, why: str) -> Door:
    return Door(method, path, PUBLIC, Proof.NONE, why)


def _closed(method: str, path: str, proof: Proof, why: str, only: str = "") -> Door:
    return Door(method, path, SIGNED_IN, proof, why, only)


DOORS: tuple[Door, ...] = (
    # -- the graph: each field has its own scope
    _closed("POST", "/graphql", Proof.CALLER, "Operations; each field says the scope it needs."),
    _closed("GET", "/graphql", Proof.CALLER, "Queries; without one, a browser gets the empty GraphiQL page."),
    _closed(
        "WS", "/graphql", Proof.CALLER, "Subscriptions (graphql-transport-ws); each field has its scope."
    ),
    # -- people
    _open("GET", "/login", "The form to log in with."),
    _open("POST", "/auth/login", "Where a password becomes a session."),
    _open("GET", "/invitation", "The form of whoever was invited; the link holds the proof."),
    _open("POST", "/auth/invitations/accept", "Takes an invitation up; its secret is the proof."),
    _open("GET", "/register", "The form to register with, where a setting allows it."),
    _open("POST", "/auth/register", "Registers a person, where a setting allows it."),
    _closed("GET", "/account", Proof.SESSION, "A person's own account."),
    _closed("GET", "/auth/session", Proof.SESSION, "Tells our pages who is logged in, and their CSRF token."),
    _closed("GET", "/auth/sessions", Proof.SESSION, "A person's own sessions."),
    _closed("POST", "/auth/sessions/end-others", Proof.SESSION, "Ends a person's other sessions."),
    _closed("DELETE", "/auth/sessions/{id}", Proof.SESSION, "Ends one session of a person's own."),
    _closed("POST", "/auth/sessions/{id}/end", Proof.SESSION, "Ends one session of a person's own."),
    _closed("POST", "/auth/password", Proof.SESSION, "Changes a person's own password."),
    _closed("POST", "/auth/organization", Proof.SESSION, "Acts for another of a person's organizations."),
    _closed("POST", "/auth/logout", Proof.SESSION, "Ends the session it comes with."),
    _open("GET", "/auth/oidc/login", "The way to the outside provider, where one is set."),
    _open("GET", "/auth/oidc/callback", "The way back; state, nonce and code are the proof."),
    _closed("POST", "/auth/oidc/connect", Proof.SESSION, "Binds an outside identity to one's own account."),
    _closed("POST", "/auth/oidc/disconnect", Proof.SESSION, "Unbinds it again."),
    # -- clients
    _closed("GET", "/oauth/authorize", Proof.SESSION, "Asks a person whether a client may act for them."),
    _closed("POST", "/oauth/authorize", Proof.SESSION, "What the person answered."),
    _closed("POST", "/oauth/token", Proof.CLIENT, "Gives access tokens."),
    _closed("POST", "/oauth/revoke", Proof.CLIENT, "Takes back a token of the client's own."),
    _closed("POST", "/oauth/introspect", Proof.CLIENT, "Tells of a token of the client's own organization."),
    _closed("GET", "/oauth/userinfo", Proof.TOKEN, "Tells who allowed the client to act."),
    _closed("POST", "/oauth/userinfo", Proof.TOKEN, "The same, as OpenID Connect has it."),
    _open("GET", "/.well-known/oauth-authorization-server", "Where clients find the endpoints."),
    _open("GET", "/.well-known/openid-configuration", "Where OpenID clients find the endpoints."),
    _open("GET", "/.well-known/oauth-protected-resource", "Where clients find who gives tokens for here."),
    _open("GET", "/.well-known/jwks.json", "The public halves of the keys that sign tokens."),
    # -- files
    _closed("GET", "/v1/blobs/{sha256}", Proof.LINK, "One file.", "where a folder holds the files"),
    _closed("PUT", "/v1/uploads/{ticket}", Proof.LINK, "Takes one file.", "where a folder holds the files"),
    _closed(
        "GET",
        "/v1/exports/{id}/file",
        Proof.CALLER,
        "The file of an export of the caller's organization; asks for the scope exports:run.",
    ),
    _closed("GET", "/v1/files/{id}/content", Proof.LINK, "The way to one file that is ready."),
    # -- partners
    _closed(
        "POST", "/v1/callbacks/{partner}", Proof.SIGNATURE, "Takes what a distributor tells of releases."
    ),
    # -- the installation
    _open("GET", "/livez", "Whether the process runs; no names, no numbers."),
    _open("GET", "/readyz", "Whether each part is there; states and latencies alone."),
    _closed("GET", "/metrics", Proof.CALLER, "Figures; asks for system:metrics, or what a setting says."),
    _open("GET", "/", "The way to the documentation."),
    _open("GET", "/docs", "The documentation of REST."),
    _open("GET", "/openapi.json", "The REST interface, which is no secret."),
    _open("GET", "/schema.graphql", "The GraphQL schema, which is no secret."),
    _open("GET", "/problems", "What each error code means."),
    _open("GET", "/problems/{code}", "What an error code means."),
    _open("GET", "/static/graphiql/*", "The files of GraphiQL."),
    _open("GET", "/static/swagger/*", "The files of the documentation page."),
)


def expect_declared(served: Iterable[tuple[str, str]]) -> None:
    """Raise Undeclared unless exactly the declared doors are served.

    served: method and path of each; HEAD goes with GET, and is left out.
    """
    there, said = list(served), [(door.method, door.path) for door in DOORS]
    assert len(said) == len(set(said)), "a door is declared twice"
    if open_doors := sorted(set(there) - set(said)):
        raise Undeclared(
            f"{_told(open_doors)}: served, but not declared in openapi/doors.py; say who may come in"
        )
    always = {(door.method, door.path) for door in DOORS if not door.only}
    if walled_up := sorted(always - set(there)):
        raise Undeclared(f"{_told(walled_up)}: declared in openapi/doors.py, but not served")


def _told(doors: Iterable[tuple[str, str]]) -> str:
    return ", ".join(" ".join(door) for door in doors)
