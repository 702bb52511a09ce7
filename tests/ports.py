"""Ports for servers that bind them later themselves, or again after a pause."""

import os
import socket
from itertools import count

# Below those that systems give to callers (from 32768 on Linux, from 49152 on macOS): what is free there may
# be taken by anybody's next connection. Test processes side by side look in different places.
_FIRST, _COUNT, _APART = 12_000, 20_000, 100
_turns = count(os.getpid() * _APART)


def free_port() -> int:
    """A port of the loopback address that nobody listens on, and that this process is not given twice."""
    while True:
        port = _FIRST + next(_turns) % _COUNT
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
