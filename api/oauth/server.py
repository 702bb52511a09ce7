"""The decision about one request, made by Authlib over rows that were read before.

Authlib's core is synchronous. So whoever asks for a decision reads the rows that it can need (`Known`),
lets it be made without any input or output, and then writes what it noted (`after`), all in one
transaction.
"""

import secrets
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidClientError,
    InvalidGrantError,
    InvalidScopeError,
    OAuth2Error,
)
from authlib.oauth2.rfc9207 import IssuerParameter
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.keyring import KeyRing
from api.keys import mint_token
from api.oauth.asked import ASSERTION, Asked, Presented
from api.oauth.clients import IDENTITY, SCOPES, Assertion, Client
from api.services import Services
from domain.access.grants import (
    ACCESS_LIFE,
    Code,
    Grant,
    Refresh,
    RegisteredClient,
    claim_assertion,
    save_refresh,
)
from domain.access.people import Account
from domain.access.scopes import Scope
from domain.access.standing import Standing
from domain.ports import Sql

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
TOKEN_PATH = "/oauth/token"  # noqa: S105

Write = Callable[[Sql], Awaitable[object]]


class Replayed(Exception):
    """A client assertion was presented before; nothing that was decided on it may be written."""


@dataclass(frozen=True)
class Office:
    """In whose name tokens are issued, and what signs them."""

    issuer: str
    keys: KeyRing

    @classmethod
    def of(cls, services: Services) -> "Office":
        """That of the running server."""
        return cls(services.settings.issuer, services.keys)

    @property
    def audiences(self) -> tuple[str, ...]:
        """Whom a client's assertion may be for."""
        return self.issuer, self.issuer + TOKEN_PATH


@dataclass(frozen=True)
class Known:
    """The rows a decision can need. standing: of whom the tokens will be for. claims: of an access token."""

    client: RegisteredClient | None = None
    presented: Presented | None = None
    code: Code | None = None
    refresh: Refresh | None = None
    standing: Standing | None = None
    person: Account | None = None
    claims: dict[str, Any] | None = None
    is_revoked: bool = False


@dataclass(frozen=True)
class Subject:
    """The person who allowed something, and through which grant."""

    user_id: uuid.UUID
    organization_id: uuid.UUID
    authenticated_at: datetime
    grant: Grant | None = None


@dataclass
class Answer:
    """What Authlib answers: JSON, or a redirect."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def location(self) -> str | None:
        """Where a redirect leads."""
        return self.headers.get("Location")

    @location.setter
    def location(self, to: str) -> None:
        self.headers["Location"] = to

    def response(self) -> Response:
        """As a response. A redirect after a form is a 303, so that the form's fields go nowhere else."""
        if self.location:
            return RedirectResponse(self.location, 303, {"Cache-Control": "no-store"})
        kept = {name: value for name, value in self.headers.items() if name == "WWW-Authenticate"}
        return JSONResponse(self.body, self.status, {**NO_STORE, **kept})


class Decision(AuthorizationServer):  # type: ignore[misc]
    """One decision. It sees the rows it was given and nothing else; after: what is to be written then."""

    def __init__(self, office: Office, known: Known) -> None:
        super().__init__(scopes_supported=sorted({*SCOPES, *IDENTITY}))
        self.office = office
        self.known = known
        self.client = Client(known.client) if known.client else None
        self.after: list[Write] = []
        self.register_client_auth_method(ASSERTION, Assertion(office.audiences, self._claim))
        self.register_token_generator("default", self._issue)
        self.register_extension(_Issuer(office.issuer))

    def query_client(self, client_id: str) -> Client | None:
        """The client that was read, when it is the one asked for."""
        return self.client if self.client and self.client.get_client_id() == client_id else None

    def authenticate_client(self, request: Asked, methods: list[str], endpoint: str = "token") -> Client:
        """The client, by the one way it tried. Raises InvalidClientError."""
        tried = self.known.presented
        if tried is None or tried.method not in methods:
            raise InvalidClientError("The client can not prove itself in this way here", status_code=401)
        client: Client = super().authenticate_client(request, [tried.method], endpoint)
        request.client = client
        return client

    def create_oauth2_request(self, request: Asked) -> Asked:
        """It is one already."""
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Answer:
        """The answer."""
        return Answer(status, body, dict(headers))

    def handle_error_response(self, request: Asked, error: OAuth2Error) -> Answer:
        """A refusal. Who is not who they say gets a 401 and a challenge, whichever way they tried."""
        if isinstance(error, InvalidClientError):
            error.status_code = 401
        answer: Answer = super().handle_error_response(request, error)
        if challenge := answer.headers.get("WWW-Authenticate"):
            # RFC 7617 §2 asks for a realm, which Authlib leaves out.
            answer.headers["WWW-Authenticate"] = challenge.replace("Basic ", 'Basic realm="catalograph", ', 1)
        return answer

    def refused(self, asked: Asked, error: OAuth2Error) -> Answer:
        """A refusal of an authorization request, told to the client with its state and our name."""
        error.state = asked.payload.state
        answer = self.handle_error_response(asked, error)
        self.execute_hook("after_create_authorization_response", answer)
        return answer

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def save_token(self, token: dict[str, Any], request: Asked) -> None:
        """Have the refresh token kept; access tokens are not."""
        refresh, grant = token.get("refresh_token"), request.user.grant if request.user else None
        if refresh and grant:
            scopes = self.known.refresh.scopes if self.known.refresh else token["scope"].split()
            self.after.append(partial(save_refresh, token=refresh, grant_id=grant.id, scopes=scopes))

    async def write(self, sql: Sql) -> None:
        """Write what was decided. Raises Replayed."""
        for one in self.after:
            if await one(sql) is False:
                raise Replayed

    def _claim(self, jti: str, expires_at: datetime) -> None:
        assert self.known.client is not None, "an assertion is checked against a client's keys"
        claim = partial(claim_assertion, client_id=self.known.client.id, jti=jti, expires_at=expires_at)
        self.after.insert(0, claim)

    def _issue(
        self,
        grant_type: str,
        client: Client,
        user: Subject | None = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        """An access token for what was asked, is registered with the client and its subject may do."""
        standing = self.known.standing
        if standing is None:
            raise InvalidGrantError("Whoever the token would be for has left the organization")
        names = granted(client, scope, standing, for_person=user is not None)
        token = {
            "token_type": "Bearer",
            "access_token": mint_token(
                self.office.keys.signer,
                subject=str(user.user_id) if user else client.get_client_id(),
                organization_id=standing.organization_id,
                role=standing.role,
                tier=standing.tier,
                scopes=[Scope(name) for name in names & SCOPES],
                identity=names - SCOPES,
                operator=standing.operator,
                territories=standing.territories,
                client_id=client.row.id,
                grant=user.grant.id if user and user.grant else None,
                issuer=self.office.issuer,
                lifetime=ACCESS_LIFE,
                now=client.row.read_at,
            ),
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "scope": " ".join(sorted(names)),
        }
        if include_refresh_token:
            token["refresh_token"] = secrets.token_urlsafe(32)
        return token


def granted(client: Client, scope: str | None, standing: Standing, *, for_person: bool) -> frozenset[str]:
    """The scopes that a token gets: asked for, registered with the client, allowed by the role.

    Raises InvalidScopeError where nothing is left.
    """
    asked = frozenset((client.get_allowed_scope(scope) or "").split())
    names = frozenset(name for name in asked & SCOPES if Scope(name) in standing.scopes)
    if for_person:
        names |= asked & IDENTITY
    if not names:
        raise InvalidScopeError("None of the scopes asked for can be granted")
    return names


class _Issuer(IssuerParameter):  # type: ignore[misc]
    """Our name in every authorization response (RFC 9207)."""

    def __init__(self, issuer: str) -> None:
        self._name = issuer

    def get_issuer(self) -> str:
        """The issuer of the metadata."""
        return self._name
