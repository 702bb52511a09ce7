"""The connections of reads: never more than allowed, never one with an answer still on its way."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest

from domain.adapters.postgres import connect_reader
from domain.adapters.readers import Readers


@pytest.fixture
async def readers(database_url: str) -> AsyncIterator[Readers]:
    async with Readers(partial(connect_reader, database_url, statement_timeout_ms=400), 3) as made:
        yield made


async def _ask(readers: Readers, query: str = "select pg_backend_pid()") -> object:
    async with readers.acquire() as connection:
        return await connection.fetchval(query)


async def test_many_readers_share_few_connections(readers: Readers) -> None:
    pids = await asyncio.gather(*(_ask(readers) for _ in range(60)))
    assert 1 <= len(set(pids)) <= 3


async def test_one_reader_after_the_other_uses_the_same_connection(readers: Readers) -> None:
    assert len({await _ask(readers) for _ in range(5)}) == 1


async def test_texts_come_as_bytes_and_nothing_can_be_written(readers: Readers) -> None:
    assert await _ask(readers, "select 'ä'::text") == "ä".encode()
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await _ask(readers, "delete from artist")


async def test_a_connection_that_gave_an_error_is_kept(readers: Readers) -> None:
    before = await _ask(readers)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await _ask(readers, "select 1 / 0")
    with pytest.raises(asyncpg.QueryCanceledError):
        await _ask(readers, "select pg_sleep(5)")
    assert await _ask(readers) == before


async def test_cancelled_readers_leave_every_place_free(readers: Readers) -> None:
    for _ in range(4):
        tasks = [asyncio.create_task(_ask(readers, "select pg_sleep(0.3)")) for _ in range(8)]
        await asyncio.sleep(0.05)
        for task in tasks[::2]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(one, asyncio.CancelledError) for one in done) == 4
    async with asyncio.timeout(30):
        assert len(set(await asyncio.gather(*(_ask(readers) for _ in range(30))))) <= 3


async def test_a_lost_connection_is_replaced(readers: Readers, database_url: str) -> None:
    pid = await _ask(readers)
    killer = await asyncpg.connect(database_url)
    await killer.execute("select pg_terminate_backend($1)", pid)
    await killer.close()
    (idle,) = readers._idle
    async with asyncio.timeout(30):
        while not idle.is_closed():
            await asyncio.sleep(0.01)
    assert await _ask(readers) != pid


async def test_places_come_back_when_no_connection_can_be_opened() -> None:
    async def refuse() -> asyncpg.Connection:
        raise ConnectionRefusedError

    readers = Readers(refuse, 2)
    done = await asyncio.gather(*(_ask(readers) for _ in range(7)), return_exceptions=True)
    assert all(isinstance(one, ConnectionRefusedError) for one in done)
