"""A server that is told to stop ends, also where something in it has missed that."""

import asyncio
import socket
import threading

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from api import house
from api.settings import Settings


async def test_what_missed_its_cancellation_keeps_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "_TO_END_S", 0.5)
    told: list[str] = []

    async def hard_of_hearing() -> None:
        while len(told) < 2:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                told.append("to end")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        task = asyncio.create_task(hard_of_hearing())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        task.cancel()
        await task

    line = socket.create_server(("127.0.0.1", 0))
    started = threading.Event()
    server = house._Server(house.server_config(app, Settings()), started.set, None)
    thread = threading.Thread(target=lambda: uvloop.run(server.serve([line])), daemon=True)
    thread.start()
    assert await asyncio.to_thread(started.wait, 30)
    server.should_exit = True
    await asyncio.to_thread(thread.join, 30)
    assert not thread.is_alive()
    assert len(told) == 2
