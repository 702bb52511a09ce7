"""Signatures of callbacks, by the Standard Webhooks specification, symmetric (`v1`).

What is signed is `id.timestamp.body` under HMAC-SHA256; `webhook-signature` holds one or more of
`v1,base64` with blanks between them, so that a sender may change its secret without a gap.
Source: https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

MARK = "whsec_"
SECRET_BYTES = 32
WINDOW = timedelta(minutes=5)
# More than a sender who changes its secret has any use for; each costs a comparison.
MOST_SIGNATURES = 16
_SECONDS = re.compile(r"[0-9]{1,12}")


def new_signing_secret() -> str:
    """A secret of 256 random bits, as partners write it down."""
    return MARK + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    """The `webhook-signature` of a body. Raises ValueError for what is no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(MARK), validate=True)
    except binascii.Error as error:
        raise ValueError("the secret is not base64") from error
    digest = hmac.new(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def is_signed(given: str, live: Iterable[str], event_id: str, timestamp: str, body: bytes) -> bool:
    """Whether one of the signatures was made with one of the live secrets, in a time that does not tell."""
    theirs = [one.encode() for one in given.split(" ") if one.startswith("v1,")][:MOST_SIGNATURES]
    found = False
    for secret in live:
        ours = sign(secret, event_id, timestamp, body).encode()
        for one in theirs:
            found |= hmac.compare_digest(ours, one)
    return found


def instant_of(timestamp: str) -> datetime | None:
    """The instant of a `webhook-timestamp`, which is seconds since 1970; None for anything else."""
    if not _SECONDS.fullmatch(timestamp):
        return None
    try:
        return datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError):
        return None
