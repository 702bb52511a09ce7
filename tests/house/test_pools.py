"""The pools: what comes back, and what they refuse."""

import asyncpg
import pytest

from domain.adapters.postgres import Pool, open_pool, open_read_pool


async def test_the_read_pool_returns_undecoded_bytes(database_url: str) -> None:
    pool = await open_read_pool(database_url)
    try:
        row = await pool.fetchrow(
            "select $1::text as t, $2::json as j, $2::jsonb as b, $3::text[] as l",
            '{"title":"Ä"}',
            '{"a": 1}',
            ["x", "ü"],
        )
    finally:
        await pool.close()

    assert row is not None
    assert (row["t"], row["j"], row["b"]) == ('{"title":"Ä"}'.encode(), b'{"a": 1}', b'{"a": 1}')
    assert row["l"] == ["x", "ü"]


async def test_the_read_pool_writes_nothing(database_url: str) -> None:
    pool = await open_read_pool(database_url)
    try:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await pool.execute("create temporary table t ()")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await pool.execute("delete from organization")
    finally:
        await pool.close()


async def test_statements_run_as_the_application_role(pool: Pool, database_url: str) -> None:
    assert await pool.fetchval("select current_user") == "catalograph_app"
    own = await open_pool(database_url, role=None)
    try:
        assert await own.fetchval("select current_user") == "catalograph"
    finally:
        await own.close()


async def test_the_cluster_compares_by_code_point_and_holds_utf8(pool: Pool) -> None:
    assert await pool.fetchval("select lower('ÄÖ') || upper('é')") == "äöÉ"
