"""HTTP/1.1 as it is let in: uvicorn's protocol, with an end to what comes before a body.

llhttp keeps reading a header for as long as bytes come; nothing above it is asked meanwhile.
"""

from typing import Any

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.live.protocol import GRACE_S

MOST_HEAD = 64 * 1024
MOST_HEADERS = 100


class Protocol(HttpToolsProtocol):
    """Refuses heads that are too large, and requests for no host or for two (RFC 9112 §3.2)."""

    _unread = 0

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head (or a chunk's extension, or a trailer) never ends."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > MOST_HEAD and not self.transport.is_closing():
            self._refuse_head()

    def on_headers_complete(self) -> None:
        """Hand the request on."""
        self._unread = hosts = 0
        size = len(self.url)
        for name, value in self.headers:
            size += len(name) + len(value) + 4
            hosts += name == b"host"
        if size > MOST_HEAD:
            self._unread = size
            raise httptools.HttpParserError("the head is too large")
        if len(self.headers) > MOST_HEADERS or hosts > 1 or (not hosts and self._names_a_host()):
            raise httptools.HttpParserError("too many headers, or not one Host")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._unread = 0
        super().on_body(body)

    def shutdown(self) -> None:
        """Let an answer that has no end of its own come to one; whoever does not read it is cut off."""
        super().shutdown()
        scope: Any = self.cycle.scope if self.cycle is not None else {}
        if (stopping := scope.get("stopping")) is not None:
            stopping.set()
            self.loop.call_later(GRACE_S * 2, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP, in the words of every other refusal."""
        if self._unread > MOST_HEAD:
            self._refuse_head()
            return
        self._refuse(400, "BAD_REQUEST", "this is no HTTP/1.1 request with one Host and at most 100 headers")

    def _names_a_host(self) -> bool:
        return bool(self.parser.get_http_version() == "1.1")

    def _refuse_head(self) -> None:
        self._refuse(431, "HEADERS_TOO_LARGE", f"the request's head has more than {MOST_HEAD:,} bytes")

    def _refuse(self, status: int, code: str, detail: str) -> None:
        if self.cycle is None or self.cycle.response_complete:
            body = orjson.dumps(
                {
                    "type": f"/problems/{code}",
                    "title": detail,
                    "status": status,
                    "detail": detail,
                    "code": code,
                }
            )
            head = (
                b"content-type: application/problem+json\r\nx-content-type-options: nosniff\r\n"
                b"cache-control: no-store\r\nconnection: close\r\n"
            )
            length = b"content-length: " + str(len(body)).encode() + b"\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head + length + body)
        self.transport.close()
