"""Links to blobs that the front door serves: what they grant stands in them, signed and with an end.

A link is a query over (method, name, expires, …) with an HMAC-SHA256; the key is the installation's.
"""

import base64
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, quote, urlencode

DOWNLOADS = "/v1/blobs"
UPLOADS = "/v1/uploads"


class LinkRefused(ValueError):
    """The link was changed, or its time is over."""


@dataclass(frozen=True)
class Links:
    """Makes and judges links. base: the address of the front door. secret: 32 bytes."""

    base: str
    secret: bytes

    def download(self, sha256: str, *, lives: timedelta, file_name: str, media_type: str) -> str:
        """A link that reads one blob."""
        return self._link(f"{DOWNLOADS}/{sha256}", lives, {"name": file_name, "type": media_type})

    def upload(self, ticket: str, *, lives: timedelta, largest: int) -> str:
        """A link that takes one upload."""
        return self._link(f"{UPLOADS}/{quote(ticket, safe='')}", lives, {"largest": str(largest)})

    def granted(self, path: str, query: str, now: float | None = None) -> Mapping[str, str]:
        """What a link to a path grants. Raises LinkRefused."""
        given = parse_qsl(query, keep_blank_values=True)
        said = dict(given)
        signature = said.pop("signature", "")
        if len(said) + 1 != len(given) or given[-1:] != [("signature", signature)]:
            raise LinkRefused("the link is not one of ours")
        # As bytes: text that is not ASCII can't be compared.
        if not hmac.compare_digest(signature.encode(), self._sign(path, given[:-1]).encode()):
            raise LinkRefused("the link was changed, or is another server's")
        if int(said["expires"]) <= (time.time() if now is None else now):
            raise LinkRefused("the link has expired; ask for a new one")
        return said

    def _link(self, path: str, lives: timedelta, said: Mapping[str, str]) -> str:
        expires = str(int(time.time() + lives.total_seconds()))
        pairs = [("expires", expires), *said.items()]
        return f"{self.base}{path}?{urlencode([*pairs, ('signature', self._sign(path, pairs))])}"

    def _sign(self, path: str, pairs: list[tuple[str, str]]) -> str:
        text = f"{path}?{urlencode(pairs)}".encode()
        return base64.urlsafe_b64encode(hmac.digest(self.secret, text, "sha256")).rstrip(b"=").decode()
