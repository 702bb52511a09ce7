"""Those who are told: a mail server and a web server, real ones on loopback, each with faults to order."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class MailServer:
    """What came, and how the next ones are answered: 451, 550, hang or cut; empty is taken."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    tried: int = 0

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        """What aiosmtpd asks when a message is whole."""
        self.tried += 1
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "451":
            return "451 4.7.1 not now"
        if fault == "550":
            return "550 5.7.1 never"
        if fault == "hang":
            await asyncio.sleep(60)
        if fault == "cut":
            server.transport.abort()
            return "250 nobody hears it"
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        mail["X-To"] = ",".join(envelope.rcpt_tos)
        self.mails.append(mail)
        return "250 taken"

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Nobody lives at nobody@."""
        if address.startswith("nobody@"):
            self.tried += 1
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """An aiosmtpd server on a free port of this loop."""
    told = MailServer()
    made: list[asyncio.BaseTransport] = []

    def connect() -> SMTP:
        smtp = SMTP(told, hostname="mail.test", loop=asyncio.get_running_loop())
        original = smtp.connection_made

        def connection_made(transport: asyncio.BaseTransport) -> None:
            made.append(transport)
            original(transport)

        smtp.connection_made = connection_made  # type: ignore[method-assign]
        return smtp

    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        server.close()
        for transport in made:
            transport.close()
        await asyncio.sleep(0)


@dataclass
class WebServer:
    """What came, and how the next ones are answered: a status, hang, cut or flood; empty is 204.

    A status may bring a location, or a header: `302 http://…`, `429 retry-after: 60`.
    """

    port: int = 0
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sent: int = 0
    connections: int = 0

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self.port}/notices"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:]) if k}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.calls.append(({**headers, ":line": head[0]}, body))
            fault = self.faults.pop(0) if self.faults else "204"
            if fault == "cut":
                writer.transport.abort()
                return
            if fault == "hang":
                await asyncio.sleep(60)
            if fault == "flood":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
                while not writer.is_closing():
                    writer.write(b"x" * 65536)
                    self.sent += 65536
                    await writer.drain()
                return
            status, _, more = fault.partition(" ")
            more = f"{more if ': ' in more else f'location: {more}'}\r\n" if more else ""
            writer.write(f"HTTP/1.1 {status} So\r\n{more}content-length: 0\r\n\r\n".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def web_server(
    tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[WebServer]:
    """A web server of this loop, on a free port unless one is given."""
    told = WebServer()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(told.answer(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, host, port, ssl=tls)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
