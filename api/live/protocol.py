"""WebSocket as it is let in: uvicorn's protocol, which lets the application say goodbye.

As it comes, a server that stops closes every socket at once and with a code of its own.
"""

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# So long may a caller that does not read keep a connection whose end was told.
GRACE_S = 2.0


class SocketProtocol(WebSocketsSansIOProtocol):
    """Tells the application that the server stops, by the event `stopping` of its scope."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = GRACE_S

    def shutdown(self) -> None:
        """Let the application end what runs; whoever does not read is cut off."""
        scope: Any = getattr(self, "scope", {})
        stopping: asyncio.Event | None = scope.get("stopping")
        if stopping is None or self.close_sent:
            super().shutdown()
        else:
            stopping.set()
        self.loop.call_later(GRACE_S, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """Cut off a caller that answers no ping: it does not read, so it would not see a closing either."""
        super().keepalive_timeout()
        self.transport.abort()
