"""A proxy that can spoil what passes through it, on a thread of its own, switched while it runs."""

import asyncio
import random
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Line: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial: TypeAlias = Callable[[], Awaitable[Line]]


class Fault(StrEnum):
    """What goes wrong on the way."""

    NONE = "none"
    REFUSE = "refuses"
    HANG = "hangs"
    SLOW = "slow"
    CUT = "cut mid-byte"
    GARBAGE = "garbage"


class FaultProxy:
    """Passes bytes on to one server, or spoils them.

    refuses: nobody listens, and connections are reset. hangs: connections are taken and nothing passes until
    it is over. slow: each piece is held up. cut mid-byte: of the next answer half passes, then a reset.
    garbage: what is sent does not arrive, and is answered with noise.
    """

    def __init__(self, dial: Dial, delay_s: float = 0.02) -> None:
        self._dial = dial
        self._delay_s = delay_s
        self._fault = Fault.NONE
        self._changed = asyncio.Event()
        self._noise = random.Random(7)
        self._listener: asyncio.Server | None = None
        self._blocker: socket.socket | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.taken = 0

    @property
    def open(self) -> int:
        """How many connections callers have through it."""
        return len(self._writers)

    async def begin(self) -> None:
        """Listen on a free port."""
        self._blocker = _bound(0)
        self.port = self._blocker.getsockname()[1]
        await self._listen()

    async def end(self) -> None:
        """Hear nobody any more."""
        await self._deafen()
        self._hang_up()
        if self._blocker:
            self._blocker.close()

    async def switch(self, fault: Fault) -> None:
        """Do this to what passes from now on."""
        was, self._fault = self._fault, fault
        if fault is Fault.REFUSE and was is not Fault.REFUSE:
            await self._deafen()
            self._hang_up()
        elif was is Fault.REFUSE and fault is not Fault.REFUSE:
            await self._listen()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _listen(self) -> None:
        assert self._blocker
        self._blocker.listen(256)
        self._listener = await asyncio.start_server(self._serve, sock=self._blocker)
        self._blocker = None

    async def _deafen(self) -> None:
        """Keep the port without listening on it: that is what refuses."""
        if self._listener:
            self._listener.close()
            self._listener = None
            self._blocker = _bound(self.port)

    def _hang_up(self) -> None:
        for writer in list(self._writers):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        self._writers.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            await self._passing()
            answers, there = await self._dial()
            ways = (
                asyncio.create_task(self._pass(reader, there, writer, outward=True)),
                asyncio.create_task(self._pass(answers, writer, writer, outward=False)),
            )
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            for one in (writer, there):
                if one:
                    with suppress(Exception):
                        one.close()

    async def _passing(self) -> None:
        while self._fault is Fault.HANG:
            await self._changed.wait()

    async def _pass(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        caller: asyncio.StreamWriter,
        *,
        outward: bool,
    ) -> None:
        with suppress(OSError):
            while data := await source.read(1 << 16):
                await self._passing()
                if self._fault is Fault.SLOW:
                    await asyncio.sleep(self._delay_s)
                elif self._fault is Fault.GARBAGE:
                    caller.write(self._noise.randbytes(64) + b"\r\n\r\n")
                    await caller.drain()
                    continue
                elif self._fault is Fault.CUT and not outward:
                    target.write(data[: len(data) // 2])
                    await target.drain()
                    break
                target.write(data)
                await target.drain()


class Switchboard:
    """The proxies of a test, seen from its own thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="switchboard", daemon=True)
        self._proxies: list[FaultProxy] = []

    def proxy(self, dial: Dial, delay_s: float = 0.02) -> FaultProxy:
        """A proxy that listens."""

        async def begin() -> FaultProxy:
            made = FaultProxy(dial, delay_s)
            await made.begin()
            return made

        made = self._do(begin())
        self._proxies.append(made)
        return made

    def switch(self, proxy: FaultProxy, fault: Fault) -> None:
        """Do this to what passes through it from now on."""
        self._do(proxy.switch(fault))

    def __enter__(self) -> "Switchboard":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for proxy in self._proxies:
            self._do(proxy.end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @contextmanager
    def spoiled(self, proxy: FaultProxy, fault: Fault) -> Iterator[None]:
        """A fault for the length of the block."""
        self.switch(proxy, fault)
        try:
            yield
        finally:
            self.switch(proxy, Fault.NONE)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)


def by_tcp(port: int) -> Dial:
    """The way to a server on a port of this machine."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


def by_socket(path: str) -> Dial:
    """The way to a server on a unix socket."""
    return lambda: asyncio.open_unix_connection(path)


def _bound(port: int) -> socket.socket:
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    line.bind(("127.0.0.1", port))
    return line


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side learns at once that it was not meant to."""
    line = writer.get_extra_info("socket")
    with suppress(OSError, AttributeError):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()
