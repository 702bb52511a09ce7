"""POST /oauth/token, /oauth/revoke and /oauth/introspect, and /oauth/userinfo."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Error, TokenEndpoint
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.guard import guarded
from api.keys import ISSUER
from api.oauth.asked import ASSERTION, BASIC, NONE, POST, Asked, Presented, presented, read_form
from api.oauth.clients import Client
from api.oauth.grants import about, decide
from api.oauth.server import NO_STORE, Answer, Decision, Known, Office, Replayed, Subject
from api.services import Services, services_of
from api.tokens import TokenRefused, names_of, verified
from domain.access.grants import (
    Refresh,
    end_grant,
    find_client,
    find_code,
    find_refresh,
    hold_member,
)
from domain.access.people import account_of_id
from domain.access.revocation import Revocable, is_revoked, revoke
from domain.access.standing import standing_of_client, standing_of_member
from domain.ports import Sql
from domain.row import utc_now


@guarded
async def token(request: Request) -> Response:
    """The token endpoint (RFC 6749 §3.2)."""
    return await _answered(request, lambda decision, asked: decision.create_token_response(asked))


async def revoke_token(request: Request) -> Response:
    """The revocation endpoint (RFC 7009)."""
    return await _answered(request, _respond(_Revocation))


async def introspect(request: Request) -> Response:
    """The introspection endpoint (RFC 7662), for tokens of the client's own organization."""
    return await _answered(request, _respond(_Introspection))


async def userinfo(request: Request) -> Response:
    """Who the person is that an access token with the scope `openid` speaks for."""
    services = services_of(request)
    viewer = services.authenticator.viewer(request.headers.get("authorization"))
    request.scope["actor"] = viewer.actor
    claims = _claims(services, request.headers["authorization"].partition(" ")[2].strip())
    scopes = str(claims["scope"]).split() if claims else []
    if claims is None or "openid" not in scopes or "grant" not in claims:
        challenge = 'Bearer realm="catalograph", error="insufficient_scope", scope="openid"'
        return JSONResponse(
            {"error": "insufficient_scope", "error_description": "The token has not the scope openid"},
            403,
            {**NO_STORE, "WWW-Authenticate": challenge},
        )
    subject = Subject(uuid.UUID(viewer.actor), viewer.organization_id, utc_now())
    async with services.tools.pool.acquire() as sql:
        person = await account_of_id(sql, subject.user_id)
    return JSONResponse(about(subject, Known(person=person), scopes), headers=NO_STORE)


class _Token:
    """A token that a client asks about or gives up: an access token by its claims, or a refresh token."""

    def __init__(self, claims: dict[str, Any] | None, refresh: Refresh | None, revoked: bool) -> None:
        self.claims = claims
        self.refresh = refresh
        self._revoked = revoked

    def check_client(self, client: Client) -> bool:
        """Whether it was given to this client."""
        if self.claims is not None:
            return bool(self.claims["client_id"] == client.get_client_id())
        return self.refresh is not None and self.refresh.grant.client_id == client.row.id

    @property
    def organization_id(self) -> str:
        """Whose data it opens."""
        if self.claims is not None:
            return str(self.claims["org"])
        return str(self.refresh.grant.organization_id) if self.refresh else ""

    def is_expired(self) -> bool:
        """An expired access token is not found at all."""
        return self.refresh is not None and self.refresh.is_expired

    def is_revoked(self) -> bool:
        """Whether it, its grant, its client or its member was revoked, or it was exchanged."""
        return self._revoked or (
            self.refresh is not None and (self.refresh.is_used or self.refresh.grant.is_over)
        )


class _Asking:
    """What both endpoints share: a hint of the token's kind is not needed, so any is taken."""

    server: Decision

    def check_params(self, request: Asked, client: Client) -> None:
        """Raise InvalidRequestError without a token."""
        if "token" not in request.form:
            raise InvalidRequestError("Missing 'token' in request.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> _Token | None:
        """The token, when it is one of ours."""
        known = self.server.known
        if known.claims is None and known.refresh is None:
            return None
        return _Token(known.claims, known.refresh, known.is_revoked)


class _Revocation(_Asking, RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = (BASIC, POST, ASSERTION, NONE)

    def revoke_token(self, token: _Token, request: Asked) -> None:
        """End an access token; with a refresh token, all that came of the consent ends."""
        if token.claims is not None:
            until = datetime.fromtimestamp(token.claims["exp"], UTC)
            self.server.after.append(
                partial(revoke, name=Revocable.TOKEN.of(token.claims["jti"]), until=until)
            )
        elif token.refresh is not None:
            self.server.after.append(partial(end_grant, grant_id=token.refresh.grant.id, at=utc_now()))


class _Introspection(_Asking, IntrospectionEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = (BASIC, POST, ASSERTION)

    def check_permission(self, token: _Token, client: Client, request: Asked) -> bool:
        """Only what opens data of the client's own organization is its business."""
        return token.organization_id == str(client.row.organization_id)

    def introspect_token(self, token: _Token) -> dict[str, Any]:
        """What the token says (RFC 7662 §2.2)."""
        if token.claims is not None:
            told = ("scope", "client_id", "sub", "aud", "iss", "jti", "org", "role", "tier")
            return {
                **{name: token.claims[name] for name in told},
                "token_type": "Bearer",
                "exp": int(token.claims["exp"]),
                "iat": int(token.claims["iat"]),
            }
        assert token.refresh is not None, "a token is one or the other"
        grant = token.refresh.grant
        return {
            "scope": " ".join(token.refresh.scopes),
            "client_id": str(grant.client_id),
            "sub": str(grant.user_id),
            "org": str(grant.organization_id),
            "iss": self.server.office.issuer,
            "exp": int(token.refresh.expires_at.timestamp()),
            "iat": int(token.refresh.issued_at.timestamp()),
        }


def _respond(endpoint: type[TokenEndpoint]) -> "Decide":
    def decide_on(decision: Decision, asked: Asked) -> Answer:
        decision.register_endpoint(endpoint)
        answer: Answer = decision.create_endpoint_response(endpoint.ENDPOINT_NAME, asked)
        return answer

    return decide_on


def _claims(services: Services, token: str) -> dict[str, Any] | None:
    """The claims of an access token that has not expired; None for anything else."""
    try:
        return verified(token, services.keys, {ISSUER, services.settings.issuer})
    except TokenRefused:
        return None


Decide = Callable[[Decision, Asked], Answer]


async def _answered(request: Request, decide_on: Decide) -> Response:
    """Read, decide, write: one transaction, one client at a time."""
    services = services_of(request)
    office = Office.of(services)
    nobody = decide(office, Known())
    asked = Asked("POST", {}, {})
    try:
        asked = await read_form(request)
        who = presented(asked)
    except OAuth2Error as error:
        return nobody.handle_error_response(asked, error).response()
    try:
        async with services.tools.pool.acquire() as sql, sql.transaction():
            known = await _look_up(sql, services, asked, who)
            decision = decide(office, known)
            answer = decide_on(decision, asked)
            await decision.write(sql)
    except Replayed:
        used = InvalidClientError("The assertion was used before", status_code=401)
        return nobody.handle_error_response(asked, used).response()
    request.scope["actor"] = who.client_id if answer.status < 400 else None
    return answer.response()


async def _look_up(sql: Sql, services: Services, asked: Asked, who: Presented) -> Known:
    """The rows that the request can be about."""
    client = await find_client(sql, who.id) if who.id else None
    if client is None:
        return Known(presented=who)
    known = partial(Known, client=client, presented=who)
    fields = asked.fields
    kind = fields.get("grant_type")
    if "token" in fields:
        claims = _claims(services, fields["token"])
        if claims is None:
            return known(refresh=await find_refresh(sql, fields["token"]))
        return known(claims=claims, is_revoked=await is_revoked(sql, names_of(claims), claims["iat"]))
    if kind == "client_credentials":
        return known(standing=await standing_of_client(sql, client.id))
    code = refresh = None
    if kind == "authorization_code" and "code" in fields:
        code = await find_code(sql, fields["code"])
    elif kind == "refresh_token" and "refresh_token" in fields:
        refresh = await find_refresh(sql, fields["refresh_token"])
    found = code or refresh
    if found is None:
        return known()
    grant = found.grant
    await hold_member(sql, grant.organization_id, grant.user_id)
    return known(
        code=code,
        refresh=refresh,
        standing=await standing_of_member(sql, grant.organization_id, grant.user_id),
        person=await account_of_id(sql, grant.user_id),
    )
