"""PostgreSQL through asyncpg: one pool to work in, one to read from.

Pooled connections never carry session state over, so nothing is reset on release: a round trip saved on
each query. Whoever changes a session setting does it with `set local` inside a transaction.
"""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

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


class _PlainConnection(asyncpg.Connection):
    """A connection whose release sends nothing."""

    def get_reset_query(self) -> str:
        return ""


async def open_pool(
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = 10,
    role: str | None = APPLICATION_ROLE,
    statement_timeout_ms: int = 60_000,
    name: str = "catalograph",
) -> Pool:
    """A pool for commands and jobs; text and json come back as `str`.

    role: the role every statement runs as; None keeps the role of the URL (migrations, maintenance).
    """
    return await _open(dsn, min_size, max_size, _settings(role, statement_timeout_ms, name), None)


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
    return await _open(dsn, min_size, max_size, settings, _return_bytes)


async def connect_reader(
    dsn: str,
    *,
    role: str | None = APPLICATION_ROLE,
    statement_timeout_ms: int = 5_000,
    name: str = "catalograph read",
) -> Connection:
    """One connection as those of `open_read_pool`."""
    settings = _settings(role, statement_timeout_ms, name) | {"default_transaction_read_only": "on"}
    connection: Connection = await asyncpg.connect(
        dsn,
        server_settings=settings,
        statement_cache_size=_STATEMENTS_KEPT,
        max_cached_statement_lifetime=0,
        max_cacheable_statement_size=_LONGEST_STATEMENT_KEPT,
    )
    await _return_bytes(connection)
    return connection


def _settings(role: str | None, statement_timeout_ms: int, name: str) -> dict[str, str]:
    settings = {
        "application_name": name,
        "statement_timeout": str(statement_timeout_ms),
        "idle_in_transaction_session_timeout": "60000",
        "timezone": "UTC",
    }
    return settings | {"role": role} if role else settings


async def _open(
    dsn: str,
    min_size: int,
    max_size: int,
    settings: dict[str, str],
    init: Callable[[Any], Coroutine[Any, Any, None]] | None,
) -> Pool:
    pool: Pool = await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        server_settings=settings,
        init=init,
        connection_class=_PlainConnection,
        max_inactive_connection_lifetime=0,
        statement_cache_size=_STATEMENTS_KEPT,
        max_cached_statement_lifetime=0,
        max_cacheable_statement_size=_LONGEST_STATEMENT_KEPT,
        command_timeout=None,
    )
    return pool


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
