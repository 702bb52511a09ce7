"""Access tokens, checked: the signature, the header and every claim that ours have (RFC 9068 §4)."""

import base64
import binascii
import json
import time
from collections.abc import Collection
from typing import Any

import jwt

from api.keyring import KeyRing
from api.keys import ALGORITHM, AUDIENCE, TOKEN_TYPE
from domain.access.revocation import Revocable
from domain.access.scopes import Role

REQUIRED = ("exp", "iat", "iss", "aud", "sub", "client_id", "jti", "org", "role", "tier", "scope")
_HEADER = {"alg", "kid", "typ"}
_TEXTS = ("sub", "client_id", "jti", "org", "role", "tier", "scope")
_ROLES = frozenset(Role)
_LARGEST = 8 << 10
_CLOCKS_APART_S = 5.0


class TokenRefused(Exception):
    """The token can't be accepted; the text says why, and nothing of what the token holds."""


def verified(token: str, keys: KeyRing, issuers: Collection[str]) -> dict[str, Any]:
    """The claims of an access token of ours. Raises TokenRefused.

    The algorithm is pinned, the key is one of ours by its `kid`, and a header with anything we did not put
    there (`jku`, `jwk`, `crit` …) is refused before the signature is looked at.
    """
    parts = token.split(".")
    if len(token) > _LARGEST or len(parts) != 3:
        raise TokenRefused("it is no signed JWT of ours")
    header = json_part(parts[0])
    if not header.keys() <= _HEADER or header.get("alg") != ALGORITHM:
        raise TokenRefused(f"its header must name alg {ALGORITHM}, kid and typ, and nothing else")
    if str(header.get("typ", "")).lower().removeprefix("application/") != TOKEN_TYPE:
        raise TokenRefused(f"the token is no access token (typ is not {TOKEN_TYPE})")
    kid = header.get("kid")
    key = keys.find(kid) if isinstance(kid, str) else None
    if key is None:
        raise TokenRefused("the token is signed with a key that is not ours")
    _bytes(parts[2])
    try:
        jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=sorted(issuers),
            options={"require": list(REQUIRED), "strict_aud": True, "verify_iat": False},
        )
    except jwt.ExpiredSignatureError:
        raise TokenRefused("the token has expired; get a new one") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise TokenRefused(f"the token can't be accepted: {error}") from None
    claims = json_part(parts[1])
    issued_at = claims["iat"]
    # The clocks of two servers are never quite the same; a token is used right after it was issued.
    if type(issued_at) not in (int, float) or not issued_at <= time.time() + _CLOCKS_APART_S:
        raise TokenRefused("the token can't be accepted: it is issued in the future")
    if not all(isinstance(claims[name], str) for name in _TEXTS) or claims["role"] not in _ROLES:
        raise TokenRefused("the token's claims are not as ours are")
    return claims


def names_of(claims: dict[str, Any]) -> frozenset[str]:
    """What of a token may be revoked: the token, its client, its grant, its member, its organization."""
    names = {
        Revocable.TOKEN.of(claims["jti"]),
        Revocable.CLIENT.of(claims["client_id"]),
        Revocable.MEMBER.of(claims["org"], claims["sub"]),
        Revocable.ORGANIZATION.of(claims["org"]),
    }
    if "grant" in claims:
        names.add(Revocable.GRANT.of(claims["grant"]))
    return frozenset(names)


def json_part(part: str) -> dict[str, Any]:
    """A part of a token as JSON object. A name that stands twice could mean two things: refused."""
    try:
        found = json.loads(_bytes(part), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise TokenRefused("a part of it is no JSON object as we write them") from None
    if not isinstance(found, dict):
        raise TokenRefused("a part of it is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _bytes(part: str) -> bytes:
    """Base64url without padding, in its one canonical form."""
    try:
        raw = base64.urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise TokenRefused("a part of it is no base64url") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise TokenRefused("a part of it is not written in the canonical way")
    return raw
