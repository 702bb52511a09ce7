"""The Ed25519 keys that sign tokens, kept in `.catalograph/keys`, and the access tokens themselves.

The order in which the keys were made is all the state there is: the newest is published and does not sign
yet, the one before it signs, the older ones verify what they signed. `api/keyring.py` rotates them.
"""

import base64
import fcntl
import hashlib
import hmac
import math
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from domain.access.scopes import Role, Scope, role_scopes
from domain.row import new_id

ALGORITHM = "EdDSA"
ISSUER = "catalograph"
AUDIENCE = "catalograph"
TOKEN_TYPE = "at+jwt"  # noqa: S105  (RFC 9068 §2.1)
# Outside caches of the key set see a key before it signs: one signs, one is announced.
PUBLISHED = 2
_SECRET_BYTES = 32


class KeyUnreadable(ValueError):
    """A file in the key folder is no Ed25519 private key."""


@dataclass(frozen=True)
class SigningKey:
    """One key pair. kid: the RFC 7638 thumbprint of its public half. made_at: seconds since 1970."""

    kid: str
    private: Ed25519PrivateKey
    made_at: float = 0.0
    file: Path | None = None

    @property
    def public(self) -> Ed25519PublicKey:
        """The half that verifies."""
        return self.private.public_key()

    @property
    def jwk(self) -> dict[str, str]:
        """The public half as JSON Web Key (RFC 7517)."""
        return {**_jwk(self.public), "kid": self.kid, "use": "sig", "alg": ALGORITHM}


def ensure_keys(folder: Path) -> list[SigningKey]:
    """Every key in the folder, the one that signs first; makes two when there are fewer.

    Processes that start at once end with the same keys. Raises KeyUnreadable, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if len(found := load_keys(folder)) < PUBLISHED:
        with locked(folder):
            for _ in range(PUBLISHED - len(load_keys(folder))):
                make_key(folder)
        found = load_keys(folder)
    return found


def load_keys(folder: Path) -> list[SigningKey]:
    """Every key in the folder: the one that signs, the next, then the former ones. Raises KeyUnreadable."""
    found = [_load(file) for file in folder.glob("*.pem")]
    newest = sorted(found, key=lambda key: (key.made_at, str(key.file)), reverse=True)
    return [*newest[1:2], *newest[:1], *newest[2:]]


def make_key(folder: Path) -> Path:
    """A new key, which is the next one from now on."""
    private = Ed25519PrivateKey.generate()
    text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / f"{new_id()}.pem"
    _make_once(file, text)
    return file


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process changes the folder at a time."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def mint_token(
    key: SigningKey,
    *,
    subject: str,
    organization_id: uuid.UUID,
    role: Role,
    tier: str = "free",
    scopes: Iterable[Scope] | None = None,
    operator: bool = False,
    territories: Iterable[str] | None = None,
    client_id: uuid.UUID | None = None,
    grant: uuid.UUID | None = None,
    identity: Iterable[str] = (),
    issuer: str = ISSUER,
    lifetime: timedelta = timedelta(minutes=15),
    now: datetime | None = None,
) -> str:
    """An access token (RFC 9068). scopes: never more than the role may; None gives all that it may.

    operator: whether the organization runs this installation. territories: what a licensee is limited to.
    grant: the consent it came of. identity: scopes that are no permissions, as `openid`. `iat` has a
    fraction of a second, so that a token made right after a revocation is told from one made before.
    """
    issued = now or datetime.now(UTC)
    most = role_scopes(role, operator=operator)
    granted = most if scopes is None else frozenset(scopes) & most
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": subject,
        "client_id": str(client_id) if client_id else subject,
        "iat": math.floor(issued.timestamp() * 1000) / 1000,
        "exp": int((issued + lifetime).timestamp()),
        "jti": uuid.uuid4().hex,
        "org": str(organization_id),
        "role": role.value,
        "tier": tier,
        "scope": " ".join(sorted({*granted, *identity})),
    }
    if territories is not None:
        claims["territories"] = sorted(territories)
    if grant is not None:
        claims["grant"] = str(grant)
    return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": TOKEN_TYPE})


def ensure_secret(folder: Path) -> bytes:
    """32 random bytes that stay when keys rotate; made once. Raises KeyUnreadable, OSError.

    What needs a secret of its own takes `purpose_secret` of it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "secret"
    if not file.exists():
        _make_once(file, os.urandom(_SECRET_BYTES))
    secret = file.read_bytes()
    if len(secret) != _SECRET_BYTES:
        raise KeyUnreadable(f"{file} has {len(secret)} bytes; it must have {_SECRET_BYTES}")
    return secret


def purpose_secret(secret: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose, such as `cursor`; nothing can be told of the others from them."""
    return hmac.digest(secret, f"catalograph {purpose}".encode(), "sha256")


def _make_once(path: Path, content: bytes) -> None:
    """Write a file only its owner may read, whole, unless another process made it in the meantime."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    # A link refuses to replace what is there.
    with suppress(FileExistsError):
        os.link(beside, path)
    beside.unlink()


def _load(file: Path) -> SigningKey:
    try:
        private = load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise KeyUnreadable(
            f"{file} is no private key ({error}); remove it, and a new one is made"
        ) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyUnreadable(f"{file} holds a {type(private).__name__}; an Ed25519 key will do")
    return SigningKey(_thumbprint(private.public_key()), private, _made_at(file), file)


def _made_at(file: Path) -> float:
    """The instant inside the UUIDv7 that names the file; of another name, when it was written."""
    try:
        named = uuid.UUID(file.stem)
    except ValueError:
        return file.stat().st_mtime
    return (named.int >> 80) / 1000


def _thumbprint(public: Ed25519PublicKey) -> str:
    return _base64url(hashlib.sha256(orjson.dumps(_jwk(public))).digest())


def _jwk(public: Ed25519PublicKey) -> dict[str, str]:
    """The members that RFC 7638 takes the thumbprint of, in its order."""
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
