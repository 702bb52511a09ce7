"""Links that PostgreSQL signs inside the statement, as cursors are signed: to a path, and with an end.

They read as `domain.links.Links` makes them, which judges them at the front door.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain.links import Links
from graph.paging import CursorKey

# A link lives this long at least. Its end stands on a grid, so that an answer asked for twice is the same.
LIVES = timedelta(minutes=15)
GRID_S = 300


@dataclass(frozen=True)
class Signer:
    """What signs: an installation's address and key."""

    links: Links

    @property
    def base(self) -> str:
        """The address of the front door."""
        return self.links.base

    @property
    def key(self) -> CursorKey:
        """The key, padded as SQL takes it."""
        return CursorKey(self.links.secret)

    @staticmethod
    def until(now: float | None = None) -> int:
        """When a link made now ends, in seconds since 1970: in 15 to 20 minutes."""
        at = time.time() if now is None else now
        return int((at + LIVES.total_seconds()) // GRID_S + 1) * GRID_S


def _of(get: Callable[[Signer], Any]) -> Callable[[Any], Any]:
    return lambda bound: None if bound.signer is None else get(bound.signer)


# What a link is made of: where each part is taken from, and its type. All null where nothing signs.
SIGNING: dict[str, tuple[Callable[[Any], Any], str]] = {
    "base": (_of(lambda signer: signer.base), "text"),
    "until": (_of(lambda signer: str(signer.until())), "text"),
    "inner": (_of(lambda signer: signer.key.inner), "bytea"),
    "outer": (_of(lambda signer: signer.key.outer), "bytea"),
}


def link_sql(path: str) -> str:
    """SQL for a link to a path; null where nothing signs. path: SQL; {base}, {until}, {inner} and {outer}."""
    text = f"({path} || '?expires=' || {{until}})"
    mac = f"sha256({{outer}} || sha256({{inner}} || convert_to({text}, 'UTF8')))"
    signature = f"translate(encode({mac}, 'base64'), E'+/=\\n', '-_')"
    return f"{{base}} || {text} || '&signature=' || {signature}"
