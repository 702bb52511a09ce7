"""Bearer tokens: what is accepted, and what each refusal says."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.auth import Authenticator
from api.keys import AUDIENCE, ISSUER, TOKEN_TYPE, KeyUnreadable, SigningKey, ensure_keys, mint_token
from api.problems import Problem
from domain.access.scopes import ROLE_SCOPES, Role, Scope

ORGANIZATION = uuid.UUID("0195e3a0-0000-7000-8000-000000000001")


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return ensure_keys(tmp_path / "keys")[0]


def token(key: SigningKey, **more: Any) -> str:
    given: dict[str, Any] = {"subject": "ada", "organization_id": ORGANIZATION, "role": Role.LABEL_USER}
    return mint_token(key, **{**given, **more})


def forged(private: Any, header: dict[str, Any], algorithm: str = "EdDSA", **claims: Any) -> str:
    now = int(datetime.now(UTC).timestamp())
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "eve",
        "client_id": "eve",
        "jti": "1",
        "tier": "free",
        "iat": now,
        "exp": now + 60,
        "org": str(ORGANIZATION),
        "role": "admin",
        "scope": "system:admin",
        **claims,
    }
    whole = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(whole, private, algorithm=algorithm, headers={"typ": TOKEN_TYPE, **header})


def refused(authenticator: Authenticator, authorization: str | None) -> Problem:
    with pytest.raises(Problem) as caught:
        authenticator.viewer(authorization)
    assert caught.value.headers["WWW-Authenticate"].startswith("Bearer ")
    return caught.value


def test_a_token_of_ours_names_its_viewer(key: SigningKey) -> None:
    viewer = Authenticator([key]).viewer("Bearer " + token(key, tier="pro"))

    assert (viewer.actor, viewer.organization_id, viewer.tier) == ("ada", ORGANIZATION, "pro")
    assert viewer.scopes == ROLE_SCOPES[Role.LABEL_USER]
    assert not viewer.may(Scope.SYSTEM_ADMIN)


def test_a_token_carries_no_scope_that_its_role_may_not_have(key: SigningKey) -> None:
    asked = {Scope.CATALOG_READ, Scope.SYSTEM_ADMIN}
    viewer = Authenticator([key]).viewer("bearer " + token(key, scopes=asked))
    assert viewer.scopes == {Scope.CATALOG_READ}


def test_no_token_is_told_apart_from_a_bad_one(key: SigningKey) -> None:
    authenticator = Authenticator([key])
    assert refused(authenticator, None).code == "AUTH_REQUIRED"
    for header in ("Basic YTpi", "Bearer", "Bearer ", "Bearer x.y.z", "Bearer \xff\xfe"):
        assert refused(authenticator, header).code == "INVALID_CREDENTIALS"


def test_an_expired_token_is_refused_also_when_it_was_known(key: SigningKey) -> None:
    authenticator = Authenticator([key])
    old = token(key, now=datetime.now(UTC) - timedelta(hours=1))
    assert "expired" in refused(authenticator, f"Bearer {old}").detail

    short = token(key, lifetime=timedelta(minutes=1))
    authenticator.viewer(f"Bearer {short}")
    (name,) = authenticator._known
    authenticator._known[name] = (0.0, authenticator._known[name][1])
    assert "expired" in refused(authenticator, f"Bearer {short}").detail


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({}, {"aud": "somebody-else"}),
        ({}, {"iss": "somebody-else"}),
        ({}, {"exp": None}),
        ({}, {"org": "not-a-uuid"}),
        ({}, {"role": "emperor"}),
        ({"typ": "JWT"}, {}),
        ({"kid": "unknown"}, {}),
    ],
)
def test_claims_and_headers_are_checked(
    key: SigningKey, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    bad = forged(key.private, {"kid": key.kid, **header}, **claims)
    assert refused(Authenticator([key]), f"Bearer {bad}").code == "INVALID_CREDENTIALS"


def test_only_our_key_and_our_algorithm_sign(key: SigningKey) -> None:
    authenticator = Authenticator([key])
    other = forged(Ed25519PrivateKey.generate(), {"kid": key.kid})
    shared_secret = forged("0123456789abcdef0123456789abcdef", {"kid": key.kid}, algorithm="HS256")
    unsigned = forged(None, {"kid": key.kid}, algorithm="none")
    for bad in (other, shared_secret, unsigned):
        assert refused(authenticator, f"Bearer {bad}").code == "INVALID_CREDENTIALS"


def test_verified_tokens_are_remembered_and_forgotten_in_turn(key: SigningKey) -> None:
    authenticator = Authenticator([key], remembered=2)
    tokens = [token(key, subject=name) for name in ("a", "b", "c")]
    for one in tokens:
        authenticator.viewer(f"Bearer {one}")
    assert [viewer.actor for _, viewer in authenticator._known.values()] == ["b", "c"]


def test_keys_are_made_once_private_and_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first, second = ensure_keys(folder), ensure_keys(folder)
    assert [key.kid for key in first] == [key.kid for key in second]
    assert len(first) == 2
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}

    (folder / "bad.pem").write_text("not a key")
    with pytest.raises(KeyUnreadable, match=r"bad\.pem is no private key"):
        ensure_keys(folder)
