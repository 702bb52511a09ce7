"""How a client proves itself: by its secret, by a signed assertion, or, when it can keep none, not at all."""

import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.oauth.asked import ASSERTION, BASIC, NONE, POST
from domain.access.credentials import fits
from domain.access.grants import RegisteredClient
from domain.access.scopes import Scope

ASSERTION_ALGORITHMS = ("Ed25519", "EdDSA", "ES256", "PS256", "RS256")
# What a person's identity is asked for with (OpenID Connect Core §5.4); they are no permissions of ours.
IDENTITY = frozenset({"openid", "profile", "email", "offline_access"})
SCOPES = frozenset(Scope)
# Clients go on using the name that RFC 9864 has replaced.
warnings.filterwarnings("ignore", message="EdDSA is deprecated via RFC 9864")
_METHODS = {"client_secret": (BASIC, POST), "private_key_jwt": (ASSERTION,), "none": (NONE,)}
_TYPES = {None, "JWT", "client-authentication+jwt"}
_LONGEST_ASSERTION = 8 << 10
_LONGEST_JTI = 255
_LONGEST_LIFE_S = 3600
_LEEWAY_S = 10


class Client(ClientMixin):  # type: ignore[misc]
    """A registered client as Authlib asks it."""

    def __init__(self, row: RegisteredClient) -> None:
        self.row = row

    def get_client_id(self) -> str:
        """Its id."""
        return str(self.row.id)

    def get_default_redirect_uri(self) -> None:
        """None: every authorization request says where it leads."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What of the scopes asked for the client is registered for; all of them when it asks for none.

        None where nothing is left.
        A person's identity may be asked for by any client that people are led to.
        """
        asked = (scope or "").split() or sorted(self.row.scopes & SCOPES)
        kept = [name for name in asked if name in self.row.scopes or name in IDENTITY]
        return " ".join(dict.fromkeys(kept)) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it was registered, character by character (RFC 9700 §4.1.3)."""
        return redirect_uri in self.row.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether it is one of the secrets that are good now; all are compared, in constant time."""
        compared = [fits(client_secret, known) for known in self.row.secret_hashes]
        return any(compared)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it is registered to prove itself so."""
        return method in _METHODS[self.row.auth_method]

    def check_response_type(self, response_type: str) -> bool:
        """Only codes are handed out."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Confidential clients act for themselves; those with a redirect address act for people."""
        if grant_type == "client_credentials":
            return self.row.auth_method != "none"
        return grant_type in ("authorization_code", "refresh_token") and bool(self.row.redirect_uris)


class Assertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """private_key_jwt (RFC 7523 §2.2), checked against the keys that were registered with the client.

    claim: is told the jti and expiry of an assertion that is genuine, to have it used up.
    """

    CLIENT_AUTH_METHOD = ASSERTION

    def __init__(self, audiences: tuple[str, ...], claim: Callable[[str, datetime], None]) -> None:
        super().__init__(leeway=_LEEWAY_S)
        self._audiences = audiences
        self._claim = claim

    def get_audiences(self) -> list[str]:
        """Who the assertion must be for."""
        return list(self._audiences)

    def resolve_client_public_key(self, client: Client) -> KeySet:
        """The keys registered with the client; none are fetched from anywhere."""
        try:
            return KeySet.import_key_set(client.row.jwks or {"keys": []})  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError):
            raise _refused("The client has no key that an assertion could be checked with") from None

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> dict[str, Any]:
        """The claims of a genuine assertion. Raises InvalidClientError."""
        if len(assertion) > _LONGEST_ASSERTION:
            raise _refused("The assertion is too long")
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=list(ASSERTION_ALGORITHMS))
        except (JoseError, ValueError, TypeError, KeyError):
            raise _refused("The assertion is not signed by a key registered with the client") from None
        if token.header.get("typ") not in _TYPES:
            raise _refused("The assertion is a JWT of another type")
        claims = token.claims
        if isinstance(claims.get("aud"), list) and len(claims["aud"]) != 1:
            raise _refused("The assertion must be for this server alone")
        try:
            self.verify_claims(claims)
        except InvalidClientError as error:
            raise _refused(error.description) from None
        return claims

    def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
        """Have it used up; whether it was before is seen when that is written."""
        if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI or "\0" in jti:
            return False
        if not -_LEEWAY_S <= claims["exp"] - time.time() <= _LONGEST_LIFE_S:  # also what is no number at all
            raise _refused("The assertion lives longer than an hour")
        self._claim(jti, datetime.fromtimestamp(claims["exp"], UTC))
        return True


def _refused(description: str) -> InvalidClientError:
    """The refusal; what an error text may not hold becomes a question mark."""
    clean = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in description)
    return InvalidClientError(clean, status_code=401)
