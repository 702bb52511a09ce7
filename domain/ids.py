"""Global ids: opaque to callers, and they say which kind they name, so a look-up plans before it asks."""

import base64
import binascii
import uuid


class IdInvalid(ValueError):
    """The text is no id of ours."""


def encode_id(kind: str, of: uuid.UUID) -> str:
    """The global id: base64url of kind, colon and the UUID's sixteen bytes, without padding."""
    return base64.urlsafe_b64encode(kind.encode() + b":" + of.bytes).rstrip(b"=").decode()


def decode_id(text: str) -> tuple[str, uuid.UUID]:
    """Kind and UUID of a global id; raises IdInvalid with what was given."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        kind, _, rest = raw.partition(b":")
        return kind.decode("ascii"), uuid.UUID(bytes=rest)
    except (binascii.Error, ValueError, UnicodeDecodeError) as error:
        raise IdInvalid(f"{text!r} is not an id; ids come from earlier answers, or are UUIDs") from error


def id_of(kind: str, text: str) -> uuid.UUID:
    """The UUID of a caller's id where the kind is known: a global id of that kind, or a plain UUID."""
    if len(text) >= 32:
        try:
            return uuid.UUID(text)
        except ValueError:
            pass
    found, value = decode_id(text)
    if found != kind:
        raise IdInvalid(f"{text!r} names a {found}; a {kind} is asked for")
    return value
