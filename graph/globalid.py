"""Global ids in SQL, as `domain.ids` makes them in Python, and as callers give them.

36 characters at most, so `encode` breaks no line. `replace` twice is a third of what `translate` takes.
"""

import uuid

from domain.ids import IdInvalid, decode_id, id_of
from graph.problems import ReadRefused, plain_text


def global_id(kind: str, id: str) -> str:
    """SQL for the global id. kind: the kind's name; id: SQL for the uuid."""
    padding = -(len(kind) + 1 + 16) % 3
    encoded = _encoded(f"'{kind}:'::bytea", id)
    return _url_safe(f"left({encoded}, -{padding})" if padding else encoded)


def global_id_by(kind: str, id: str) -> str:
    """SQL for the global id where the row says the kind. kind: SQL for its name; id: SQL for the uuid."""
    prefix = f"convert_to({kind} || ':', 'UTF8')"
    return _url_safe(f"rtrim({_encoded(prefix, id)}, '=')")


def _encoded(prefix: str, id: str) -> str:
    return f"encode({prefix} || uuid_send({id}), 'base64')"


def _url_safe(text: str) -> str:
    return f"replace(replace({text}, '+', '-'), '/', '_')"


def row_id(kind: str, text: str) -> uuid.UUID:
    """The id of a row as a caller gave it. Raises ReadRefused."""
    try:
        return id_of(kind, text)
    except IdInvalid as error:
        raise ReadRefused("BAD_USER_INPUT", str(error)) from None


def any_id(text: str) -> tuple[str, uuid.UUID]:
    """Kind and id as a caller gave them. Raises ReadRefused."""
    try:
        kind, id = decode_id(text)
    except IdInvalid as error:
        raise ReadRefused("BAD_USER_INPUT", str(error)) from None
    return plain_text(kind, "the id"), id
