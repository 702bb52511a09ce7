"""Keyset cursors: opaque, signed, and bound to the list and order they were made for.

A cursor is base64url of a 12-byte HMAC-SHA256, then `list|order|key`, then the row's id. PostgreSQL makes
them inside the statement, from two padded keys; here they are read and checked.
"""

import base64
import binascii
import hashlib
import hmac
import uuid
from dataclasses import dataclass

from graph.problems import ReadRefused

_BLOCK = 64
_MAC = 12


@dataclass(frozen=True)
class CursorKey:
    """The signing key, padded as HMAC wants it (RFC 2104)."""

    secret: bytes

    @property
    def inner(self) -> bytes:
        """The key xor ipad."""
        return bytes(byte ^ 0x36 for byte in self._padded)

    @property
    def outer(self) -> bytes:
        """The key xor opad."""
        return bytes(byte ^ 0x5C for byte in self._padded)

    @property
    def _padded(self) -> bytes:
        key = hashlib.sha256(self.secret).digest() if len(self.secret) > _BLOCK else self.secret
        return key.ljust(_BLOCK, b"\0")

    def sign(self, payload: bytes) -> bytes:
        """The first bytes of the payload's HMAC."""
        return hmac.new(self.secret, payload, hashlib.sha256).digest()[:_MAC]


def read_cursor(
    text: str, tag: str, key: CursorKey, path: tuple[str | int, ...] = ()
) -> tuple[str, uuid.UUID]:
    """The key text and id at which a cursor stands. Raises ReadRefused: BAD_CURSOR."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    mac, payload = raw[:_MAC], raw[_MAC:]
    if len(payload) < 16 or not hmac.compare_digest(mac, key.sign(payload)):
        raise ReadRefused(
            "BAD_CURSOR",
            f"{text!r} is no cursor of ours; take endCursor or startCursor of an earlier page",
            path=path,
        )
    said, id = payload[:-16].decode(), uuid.UUID(bytes=payload[-16:])
    found, _, value = said.partition("|")
    if found != tag:
        raise ReadRefused(
            "BAD_CURSOR",
            f"the cursor is of another list or order ({found}); read this list ({tag}) from its beginning",
            path=path,
        )
    return value, id


def cursor_sql(tag: str, key: str, id: str, inner: str, outer: str) -> str:
    """SQL for the cursor of a row. tag: a quoted literal; key, id: SQL; inner, outer: the padded keys."""
    payload = f"(convert_to({tag} || '|' || {key}, 'UTF8') || uuid_send({id}))"
    mac = f"substring(sha256({outer} || sha256({inner} || {payload})) for {_MAC})"
    return f"translate(encode({mac} || {payload}, 'base64'), E'+/=\\n', '-_')"
