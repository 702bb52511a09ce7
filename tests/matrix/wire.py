"""HTTP/1.1 by hand over a socket, so that a caller can hang up whenever it likes."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit


class HangUp(StrEnum):
    """When a caller goes away."""

    NEVER = "never"
    BEFORE = "before all of the request is sent"
    DURING = "while the answer is made"
    AFTER = "when the answer has begun"


@dataclass(frozen=True)
class Heard:
    """An answer that was read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def send(
    url: str, path: str, headers: Mapping[str, str], body: Any, hang_up: HangUp = HangUp.NEVER
) -> Heard | None:
    """POST a JSON body on a connection of its own; None when the caller hung up."""
    content = json.dumps(body).encode()
    address = urlsplit(url)
    lines = [f"POST {path} HTTP/1.1", f"Host: {address.netloc}", "Connection: close"]
    given = {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}
    lines += [f"{name}: {value}" for name, value in given.items()]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        if hang_up is HangUp.BEFORE:
            writer.write(head + content[: len(content) // 2])
            await writer.drain()
            return None
        writer.write(head + content)
        await writer.drain()
        if hang_up is HangUp.DURING:
            await asyncio.sleep(0.002)
            return None
        if hang_up is HangUp.AFTER:
            await reader.read(1)
            return None
        return _heard(await reader.read())
    finally:
        if hang_up is not HangUp.NEVER:
            writer.transport.abort()
        writer.close()


def _heard(whole: bytes) -> Heard:
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    return Heard(int(first.split(" ", 2)[1]), headers, body)
