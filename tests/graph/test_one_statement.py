"""One operation is one statement: counted where the statements leave the house, not where they are made."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from domain.adapters.postgres import Pool, open_read_pool
from graph.run import Engine
from tests.factories import World, administrator, viewer
from tests.graph.conftest import KEY
from tests.graph.test_differential import NAMES, document_of, variables_of


class Counted:
    """A pool that writes down every statement its connections send."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.sent: list[str] = []

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        """A connection of the pool, listened to."""
        async with self.pool.acquire() as connection:
            with connection.query_logger(lambda record: self.sent.append(record.query)):
                yield connection


@pytest.fixture(scope="module")
async def counted(planted: tuple[str, World]) -> AsyncIterator[Counted]:
    pool = await open_read_pool(planted[0], max_size=1)
    # The driver asks a new connection once for what it does not know of a type.
    await pool.fetch("select $1::text[], $2::uuid[]", [], [])
    yield Counted(pool)
    pool.terminate()


@pytest.mark.parametrize("name", NAMES)
async def test_a_query_is_one_statement(name: str, counted: Counted, world: World) -> None:
    engine = Engine(counted, KEY)
    document = document_of(name, world)
    for variables in variables_of(name, world):
        counted.sent.clear()
        answer = await engine.execute(document, variables, administrator())
        assert len(counted.sent) == answer.statements == 1


@pytest.mark.parametrize(
    ("document", "statements"),
    [
        ('{ search(query: "a") { nodes { __typename } totalCount } }', 1),
        ('{ a: releases { totalCount } b: artists { totalCount } search(query: "b") { totalCount } }', 1),
        ("{ viewer { role } }", 0),
        ("{ viewer { role } releases { nodes { id } } }", 1),
        ("{ __schema { queryType { name } } }", 0),
    ],
)
async def test_only_what_sql_can_not_produce_goes_another_way(
    document: str, statements: int, counted: Counted
) -> None:
    counted.sent.clear()
    await Engine(counted, KEY).execute(document, None, viewer())
    assert len(counted.sent) == statements
