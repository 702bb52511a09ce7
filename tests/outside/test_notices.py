"""docs/outside.md for the mail server and webhooks: a notice is sent or tried again, and never given up."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from domain.adapters.mail import SmtpMailer, SmtpServer
from domain.adapters.webhooks import WebhookPoster
from domain.notices.outlets import Mail, NotSent
from tests.outside.asks import told_in
from tests.outside.proxy import Fault, FaultProxy, Switchboard, by_tcp
from tests.outside.test_outages import FAULTS, table

PATIENCE_S = 1.5
Send = Callable[[], Awaitable[None]]


@asynccontextmanager
async def mail(board: Switchboard, taken: list[str]) -> AsyncIterator[tuple[FaultProxy, Send]]:
    """A mail server, and a letter to it."""

    class Postbox:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            taken.append(str(envelope.rcpt_tos))
            return "250 OK"

    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: SMTP(Postbox()), "127.0.0.1", 0) as server:
        proxy = board.proxy(by_tcp(server.sockets[0].getsockname()[1]))
        where = SmtpServer("127.0.0.1", "house@label.example", proxy.port, "none", patience_s=PATIENCE_S)
        mailer = SmtpMailer(where)
        letter = Mail(to="ada@label.example", subject="News", text="Some.", id=uuid.uuid4().hex)
        yield proxy, lambda: mailer.send(letter)


@asynccontextmanager
async def webhook(board: Switchboard, taken: list[str]) -> AsyncIterator[tuple[FaultProxy, Send]]:
    """Somebody's server, and a post to it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        taken.append(head.decode().partition("\r\n")[0])
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        proxy = board.proxy(by_tcp(server.sockets[0].getsockname()[1]))
        async with WebhookPoster(private=True, patience_s=PATIENCE_S) as poster:
            url = f"http://127.0.0.1:{proxy.port}/hook"
            yield proxy, lambda: poster.post(url, {"webhook-id": "1"}, b"{}")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("name", "outlet"), [("mail server", mail), ("webhook", webhook)])
async def test_a_notice_is_sent_or_tried_again(name: str, outlet: Any, fault: Fault) -> None:
    taken: list[str] = []
    with Switchboard() as board:
        async with outlet(board, taken) as (proxy, send):
            with board.spoiled(proxy, fault):
                try:
                    await send()
                    found = "sent"
                except NotSent:
                    found = "tried again later"
            assert found in told_in(table()[name, "a notice"][fault])
            assert (found == "sent") <= (len(taken) == 1)
            await send()
            assert len(taken) in (1, 2)
