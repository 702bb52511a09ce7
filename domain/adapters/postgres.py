"""PostgreSQL through asyncpg: one pool to work in, one to read from.

Pooled connections never carry session state over, so nothing is reset on release: a round trip saved on
each query. Whoever changes a session setting does it with `set local` inside a transaction.

No wait is without end. The server ends statements that take too long; where it does not answer at all, this
side gives up a little later and throws the connection away. A server that does not take connections is tried
by one caller a second once five have failed, while the others are told at once.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from domain.adapters.outside import FAULTS, Outside
from domain.figures.pools import PoolFigures

APPLICATION_ROLE = "catalograph_app"

if TYPE_CHECKING:
    Record: TypeAlias = asyncpg.Record
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    Record, Connection, Pool = asyncpg.Record, asyncpg.Connection, asyncpg.Pool

_STATEMENTS_KEPT = 512
# A wide statement costs PostgreSQL megabytes on every connection that keeps it.
_LONGEST_STATEMENT_KEPT = 32 * 1024
# How long to wait for a free connection or a new one.
PATIENCE_S = 10.0
# How long the server may say nothing beyond its own limit on a statement, or when it is asked to stop one.
_SILENCE_S = 2.0
_REST_S = 1.0
# Searches for neighbours look further than pgvector would of itself, and go on where rows are filtered out.
_NEARNESS = {"hnsw.ef_search": "100", "hnsw.iterative_scan": "relaxed_order"}
# A connection that nothing comes back on is found dead within a minute, also while it lies idle.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}
_FAULTS: tuple[type[Exception], ...] = (
    *FAULTS,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InternalClientError,
)


def database(patience_s: float = PATIENCE_S) -> Outside:
    """The database as something that may be away; one for all pools of a process."""
    return Outside("the database", patience_s, rest_s=_REST_S, faults=_FAULTS)


class _PlainConnection(asyncpg.Connection):
    """A connection whose release sends nothing, and whose cancellation waits for nobody long."""

    def get_reset_query(self) -> str:
        return ""

    async def _cancel(self, waiter: Any, cancel_waiter: Any = None) -> None:
        """Ask the server to stop. One that is silent would be waited for as long as for the statement."""
        silent = asyncio.get_running_loop().call_later(_SILENCE_S, self.terminate)
        try:
            await super()._cancel(waiter, cancel_waiter)  # type: ignore[misc]
        finally:
            silent.cancel()


class _PatientPool(asyncpg.Pool):
    """A pool whose connections are waited for only so long, and given back within the same time."""

    patience_s = PATIENCE_S
    counted: PoolFigures

    @property
    def figures(self) -> PoolFigures:
        """What was counted."""
        self.counted.lent = self.get_size() - self.get_idle_size()
        return self.counted

    async def _acquire(self, timeout: float | None) -> Any:  # noqa: ASYNC109
        counted = self.counted
        if self.get_idle_size() or self.get_size() < self.get_max_size():
            return await super()._acquire(timeout)  # type: ignore[misc]
        began = perf_counter()
        counted.waits += 1
        counted.waiting += 1
        try:
            return await super()._acquire(timeout)  # type: ignore[misc]
        finally:
            counted.waiting -= 1
            counted.waited_s += perf_counter() - began

    def acquire(self, *, timeout: float | None = None) -> Any:
        """A connection, as asyncpg's."""
        return super().acquire(timeout=self.patience_s if timeout is None else timeout)


async def open_pool(
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = 10,
    role: str | None = APPLICATION_ROLE,
    statement_timeout_ms: int = 60_000,
    name: str = "catalograph",
    away: Outside | None = None,
) -> Pool:
    """A pool for commands and jobs; text and json come back as `str`.

    role: the role every statement runs as; None keeps the role of the URL (migrations, maintenance).
    away: what knows whether the database can be reached; one of its own unless given.
    """
    settings = _settings(role, statement_timeout_ms, name)
    return await _open(dsn, min_size, max_size, settings, None, away or database())


async def open_read_pool(
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = 10,
    role: str | None = APPLICATION_ROLE,
    statement_timeout_ms: int = 5_000,
    name: str = "catalograph read",
) -> Pool:
    """A read-only pool whose `text`, `json` and `jsonb` values come back as undecoded `bytes`.

    For compiled reads: the single column PostgreSQL returns is the response body itself.
    """
    settings = _settings(role, statement_timeout_ms, name) | {"default_transaction_read_only": "on"}
    return await _open(dsn, min_size, max_size, settings, _return_bytes, database())


async def connect_reader(
    dsn: str,
    *,
    role: str | None = APPLICATION_ROLE,
    statement_timeout_ms: int = 5_000,
    name: str = "catalograph read",
    away: Outside | None = None,
) -> Connection:
    """One connection as those of `open_read_pool`."""
    settings = _settings(role, statement_timeout_ms, name) | {"default_transaction_read_only": "on"}
    return await _connect(
        away or database(),
        _return_bytes,
        dsn,
        connection_class=_PlainConnection,
        server_settings=settings,
        statement_cache_size=_STATEMENTS_KEPT,
        max_cached_statement_lifetime=0,
        max_cacheable_statement_size=_LONGEST_STATEMENT_KEPT,
        command_timeout=_until_silent(settings),
    )


async def _connect(
    away: Outside, init: Callable[[Any], Coroutine[Any, Any, None]] | None, *given: Any, **more: Any
) -> Connection:
    """A connection made and made ready within the time. Raises OutsideAway."""

    async def connect() -> Connection:
        connection: Connection = await asyncpg.connect(*given, timeout=away.timeout_s, **more)
        try:
            _watch(connection)
            if init:
                await init(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    return await away.call(connect)


def _watch(connection: Connection) -> None:
    """Have the kernel ask, where nothing was said for a while, whether the other side is still there."""
    line = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
    if line is None or line.family not in (socket.AF_INET, socket.AF_INET6):
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if option := getattr(socket, name, None):
            with suppress(OSError):
                line.setsockopt(socket.IPPROTO_TCP, option, value)


def _until_silent(settings: dict[str, str]) -> float:
    """Seconds after which a statement has no answer and never will: the server would have ended it."""
    return int(settings["statement_timeout"]) / 1000 + _SILENCE_S


def _settings(role: str | None, statement_timeout_ms: int, name: str) -> dict[str, str]:
    settings = {
        "application_name": name,
        "statement_timeout": str(statement_timeout_ms),
        "idle_in_transaction_session_timeout": "60000",
        "timezone": "UTC",
        **_NEARNESS,
    }
    return settings | {"role": role} if role else settings


async def _open(
    dsn: str,
    min_size: int,
    max_size: int,
    settings: dict[str, str],
    init: Callable[[Any], Coroutine[Any, Any, None]] | None,
    away: Outside,
) -> Pool:
    counted = PoolFigures(max_size)
    pool = _PatientPool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        max_queries=50_000,
        max_inactive_connection_lifetime=0,
        connect=partial(_connect, away, partial(_count, counted, init)),
        loop=asyncio.get_running_loop(),
        connection_class=_PlainConnection,
        record_class=Record,
        server_settings=settings,
        statement_cache_size=_STATEMENTS_KEPT,
        max_cached_statement_lifetime=0,
        max_cacheable_statement_size=_LONGEST_STATEMENT_KEPT,
        command_timeout=_until_silent(settings),
    )
    pool.patience_s = away.timeout_s
    pool.counted = counted
    return await pool


async def _count(
    counted: PoolFigures,
    init: Callable[[Any], Coroutine[Any, Any, None]] | None,
    connection: Connection,
) -> None:
    """Count the statements of a connection."""

    def note(told: Any) -> None:
        counted.statements += 1
        counted.seconds += told.elapsed
        counted.failed += told.exception is not None

    if init is not None:
        await init(connection)
    connection.add_query_logger(note)


def figures_of(pool: Pool) -> PoolFigures:
    """What a pool of `open_pool` has counted."""
    assert isinstance(pool, _PatientPool), "every pool of the house counts"
    return pool.figures


async def _return_bytes(connection: Connection) -> None:
    for kind in ("text", "varchar", "json"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=_to_bytes, decoder=_as_is, format="binary"
        )
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_to_jsonb, decoder=_from_jsonb, format="binary"
    )


def _as_is(value: bytes) -> bytes:
    return value


def _to_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _to_jsonb(value: str | bytes) -> bytes:
    return b"\x01" + _to_bytes(value)


def _from_jsonb(value: bytes) -> bytes:
    """Binary jsonb is a version byte, then the text."""
    return value[1:]
