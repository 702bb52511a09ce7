"""The three grants there are: a client for itself, a person's code, and its renewal."""

import time
from functools import partial
from typing import Any

import jwt
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from authlib.oidc.core.util import create_half_hash

from api.keys import ALGORITHM
from api.oauth.asked import ASSERTION, BASIC, NONE, POST, Asked
from api.oauth.clients import Client
from api.oauth.server import Decision, Known, Office, Subject
from domain.access.grants import (
    ACCESS_LIFE,
    Code,
    Grant,
    Refresh,
    end_grant,
    save_code,
    use_code,
    use_refresh,
)
from domain.row import utc_now


class ForItself(ClientCredentialsGrant):  # type: ignore[misc]
    """client_credentials (RFC 6749 §4.4)."""

    TOKEN_ENDPOINT_AUTH_METHODS = [BASIC, POST, ASSERTION]  # noqa: RUF012


class StoredCode:
    """A code as Authlib asks it."""

    # Only S256 codes are ever stored.
    code_challenge_method = "S256"

    def __init__(self, row: Code) -> None:
        self.row = row
        self.code_challenge = row.code_challenge

    def get_redirect_uri(self) -> str:
        """Where it was sent."""
        return self.row.redirect_uri

    def get_scope(self) -> str:
        """What was consented to."""
        return " ".join(self.row.grant.scopes)

    def get_nonce(self) -> str | None:
        """What the client sent to find in its id token."""
        return self.row.nonce

    def get_auth_time(self) -> int:
        """When the person logged in."""
        return int(self.row.grant.authenticated_at.timestamp())

    def get_acr(self) -> None:
        """Not told."""

    def get_amr(self) -> None:
        """Not told."""


class ByCode(AuthorizationCodeGrant):  # type: ignore[misc]
    """authorization_code (RFC 6749 §4.1). A code that comes a second time ends its grant."""

    TOKEN_ENDPOINT_AUTH_METHODS = [BASIC, POST, ASSERTION, NONE]  # noqa: RUF012
    server: Decision

    def save_authorization_code(self, code: str, request: Asked) -> None:
        """Have the code kept, with what it must be exchanged with."""
        fields, subject = request.fields, request.user
        self.server.after.append(
            partial(
                save_code,
                code=code,
                grant_id=subject.grant.id,
                redirect_uri=fields["redirect_uri"],
                code_challenge=fields["code_challenge"],
                nonce=fields.get("nonce"),
            )
        )

    def query_authorization_code(self, code: str, client: Client) -> StoredCode | None:
        """The code, while it is good and belongs to the client."""
        found = self.server.known.code
        if found is None or found.grant.client_id != client.row.id:
            return None
        if found.is_used:
            _end(self.server, found.grant)
            return None
        return None if found.is_expired or found.grant.is_over else StoredCode(found)

    def delete_authorization_code(self, authorization_code: StoredCode) -> None:
        """It stays as used, so that a second time is noticed."""
        self.server.after.append(partial(use_code, code=self.request.form["code"]))

    def authenticate_user(self, authorization_code: StoredCode) -> Subject:
        """Who consented."""
        return _subject(authorization_code.row.grant)


class Renewal(RefreshTokenGrant):  # type: ignore[misc]
    """refresh_token (RFC 6749 §6), rotating: one that comes a second time ends its grant (RFC 9700 §4.14)."""

    TOKEN_ENDPOINT_AUTH_METHODS = [BASIC, POST, ASSERTION, NONE]  # noqa: RUF012
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: Decision

    def authenticate_refresh_token(self, refresh_token: str) -> "StoredRefresh | None":
        """The token, while it is good."""
        found = self.server.known.refresh
        client = self.request.client
        if found is None or found.grant.client_id != client.row.id:
            return None
        if found.is_used:
            _end(self.server, found.grant)
            return None
        return None if found.is_expired or found.grant.is_over else StoredRefresh(found)

    def authenticate_user(self, refresh_token: "StoredRefresh") -> Subject:
        """Who consented."""
        return _subject(refresh_token.row.grant)

    def revoke_old_credential(self, refresh_token: "StoredRefresh") -> None:
        """It stays as used, so that a second time is noticed."""
        self.server.after.append(partial(use_refresh, token=self.request.form["refresh_token"]))


class StoredRefresh:
    """A refresh token as Authlib asks it."""

    def __init__(self, row: Refresh) -> None:
        self.row = row

    def check_client(self, client: Client) -> bool:
        """Whether it was given to this client."""
        return self.row.grant.client_id == client.row.id

    def get_scope(self) -> str:
        """What it may be exchanged for at most."""
        return " ".join(self.row.scopes)


class OnlyS256(CodeChallenge):  # type: ignore[misc]
    """PKCE (RFC 7636) for every client, and never in the clear."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012

    def validate_code_challenge(self, grant: ByCode, redirect_uri: str) -> None:
        """Raise InvalidRequestError without a S256 challenge."""
        fields = grant.request.fields
        if "code_challenge" not in fields:
            raise InvalidRequestError("Missing 'code_challenge': PKCE is for every client")
        if fields.get("code_challenge_method") != "S256":
            raise InvalidRequestError("'code_challenge_method' must be S256")
        if len(fields["code_challenge"]) != 43:
            raise InvalidRequestError("Invalid 'code_challenge': a sha256 in base64url has 43 characters")
        super().validate_code_challenge(grant, redirect_uri)


class IdToken(OpenIDCode):  # type: ignore[misc]
    """An id token with the first access token (OpenID Connect Core §3.1.3.6)."""

    def __init__(self, office: Office, known: Known) -> None:
        super().__init__()
        self._office = office
        self._known = known

    def __call__(self, grant: ByCode) -> None:
        grant.register_hook("after_create_token_response", self.process_token)

    def encode_id_token(self, token: dict[str, Any], request: Asked) -> str:
        """The id token, signed as access tokens are, of another type."""
        now = int(time.time())
        signer = self._office.keys.signer
        claims = {
            "iss": self._office.issuer,
            "aud": request.client.get_client_id(),
            "iat": now,
            "exp": now + int(ACCESS_LIFE.total_seconds()),
            "at_hash": create_half_hash(token["access_token"], ALGORITHM).decode(),
            **self.get_authorization_code_claims(request.authorization_code),
            **about(request.user, self._known, token["scope"].split()),
        }
        return jwt.encode(claims, signer.private, algorithm=ALGORITHM, headers={"kid": signer.kid})


def about(subject: Subject, known: Known, scopes: list[str]) -> dict[str, Any]:
    """What a client may learn of the person: who it is, and name and address where it was allowed to ask."""
    told: dict[str, Any] = {"sub": str(subject.user_id), "org": str(subject.organization_id)}
    if known.person and "profile" in scopes:
        told["name"] = known.person.display_name
    if known.person and "email" in scopes:
        told["email"] = known.person.email
    return told


def decide(office: Office, known: Known) -> Decision:
    """A decision with every grant there is."""
    decision = Decision(office, known)
    decision.register_grant(ForItself)
    decision.register_grant(ByCode, [OnlyS256(required=True), IdToken(office, known)])
    decision.register_grant(Renewal)
    return decision


def _subject(grant: Grant) -> Subject:
    return Subject(grant.user_id, grant.organization_id, grant.authenticated_at, grant)


def _end(decision: Decision, grant: Grant) -> None:
    """Somebody has what only the client should have: everything that came of the consent ends."""
    decision.after.append(partial(end_grant, grant_id=grant.id, at=utc_now()))
