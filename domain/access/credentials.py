"""Secrets that we hand out: how API keys and client secrets are made, recognised and compared.

Every secret has so many random bits that a plain SHA-256 keeps it; nothing else of it is stored.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass

KEY_MARK = "cg_live_"
SECRET_MARK = "cg_secret_"  # noqa: S105  (a mark, no secret)
INVITATION_MARK = "cg_invite_"

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PUBLIC = 12
_SECRET = 32
_CHECK = 6
_KEY = re.compile(rf"{KEY_MARK}[0-9A-Za-z]{{{_PUBLIC}}}_[0-9A-Za-z]{{{_SECRET + _CHECK}}}")
LONGEST_KEY = len(KEY_MARK) + _PUBLIC + 1 + _SECRET + _CHECK


class KeyMalformed(ValueError):
    """The text can't be an API key of ours, whatever stands in the database."""


@dataclass(frozen=True)
class NewKey:
    """A key as it is shown once, and what is kept of it.

    text: the whole key. prefix: its public part, by which it is looked up and named. hash: sha256, hex.
    """

    text: str
    prefix: str
    hash: str


def new_api_key() -> NewKey:
    """A key: a mark that scanners find, a public part of 71 bits, a secret one of 190, a checksum."""
    prefix = KEY_MARK + _random(_PUBLIC)
    body = f"{prefix}_{_random(_SECRET)}"
    text = body + _checksum(body)
    return NewKey(text, prefix, hash_of(text))


def prefix_of(text: str) -> str:
    """The public part of a key whose form and checksum are right. Raises KeyMalformed.

    A key with a slip in it is told from a key that was revoked before anything is looked up.
    """
    if not text.isascii() or not _KEY.fullmatch(text):
        raise KeyMalformed(
            f"this is no API key: one begins with {KEY_MARK} and has {LONGEST_KEY} characters; "
            f"{len(text)} were given"
        )
    if _checksum(text[:-_CHECK]) != text[-_CHECK:]:
        raise KeyMalformed("the API key's checksum does not fit: a character is wrong; copy it again")
    return text[: len(KEY_MARK) + _PUBLIC]


def new_secret(mark: str = SECRET_MARK) -> str:
    """A secret of 256 random bits."""
    return mark + secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """What is kept of a secret: its sha256, as 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def fits(secret: str, hash: str | None) -> bool:
    """Whether a secret is the one that was kept, in a time that says nothing about the hash."""
    return hmac.compare_digest(hash_of(secret).encode(), (hash or "").encode())


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    """CRC-32 in base 62, six digits."""
    rest = zlib.crc32(body.encode("ascii"))
    digits = []
    for _ in range(_CHECK):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
