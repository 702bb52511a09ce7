"""What nobody sends in good faith is refused at once, before validation takes its time and before any SQL."""

import time
import tracemalloc
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from graphql import OperationType

from api.graphql import Malformed, loads, question
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from graph.paging import CursorKey
from graph.run import Engine, RequestRefused
from tests.http.hostile import BAD, HOSTILE, LIMIT, OK, Hostile
from tests.pace import unit_s

VIEWER = Viewer(uuid.UUID(int=1), "user:hostile", Role.LABEL_USER, frozenset(Scope))
# A hundred small queries are one unit, and it takes three of them and more to stand out from the noise.
UNITS = 4.0
MEMORY = 20 << 20
NAMES = [case.name for case in HOSTILE]


class Counted:
    """A pool whose connections answer nothing, and say how often they were asked."""

    def __init__(self) -> None:
        self.asked = 0

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        yield self

    async def fetchrow(self, *_: Any) -> tuple[bytes, ...]:
        self.asked += 1
        return (b'{"data":null}',)


@pytest.fixture(scope="module")
def pool() -> Counted:
    return Counted()


@pytest.fixture(scope="module")
async def engine(pool: Counted) -> Engine:
    made = Engine(pool, CursorKey(b"hostile"))
    await made.execute("{ releases { nodes { titel: title } } }", None, VIEWER)
    return made


async def judged(engine: Engine, body: bytes) -> str:
    """The code that a body comes to, the way api/graphql.py goes."""
    try:
        asked = question(loads(body))
        if "mutation" in asked.document:
            parsed = engine.parsed(asked.document, asked.variables, asked.operation_name, VIEWER)
            if parsed.operation.operation is OperationType.MUTATION:
                return OK
        await engine.execute(asked.document, asked.variables, VIEWER, operation_name=asked.operation_name)
    except Malformed:
        return BAD
    except RequestRefused as refused:
        return refused.code
    return OK


def test_there_are_sixty_and_more() -> None:
    assert len(HOSTILE) == len(set(NAMES)) >= 100
    assert sum(case.code != OK for case in HOSTILE) >= 60


@pytest.mark.parametrize("case", HOSTILE, ids=NAMES)
async def test_it_costs_little_and_asks_nothing(case: Hostile, engine: Engine, pool: Counted) -> None:
    asked = pool.asked
    spent = []
    for _ in range(5):
        engine._documents.clear()
        engine._characters = 0
        unit = unit_s()
        began = time.process_time()
        code = await judged(engine, case.body)
        spent.append((time.process_time() - began) / unit)
        if spent[-1] < UNITS:
            break
    assert code == case.code
    assert min(spent) < UNITS
    assert code == OK or pool.asked == asked

    engine._documents.clear()
    engine._characters = 0
    tracemalloc.start()
    try:
        await judged(engine, case.body)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("case", HOSTILE, ids=NAMES)
def test_the_server_answers_in_words(case: Hostile, ours: httpx2.Client) -> None:
    for accept in ("application/graphql-response+json", "application/json"):
        headers = {"Content-Type": "application/json", "Accept": accept}
        answer = ours.post("/graphql", content=case.body, headers=headers)
        assert answer.status_code < 500
        document = answer.json()
        if case.code == OK:
            assert answer.status_code == 200, answer.text[:500]
            assert "errors" not in document, answer.text[:500]
            continue
        if accept != "application/json":
            assert answer.status_code >= 400
        errors = document["errors"]
        assert errors[0]["extensions"]["code"] == case.code
        assert len(errors) <= 11
        assert len(answer.content) < 100_000
        if case.code == LIMIT:
            assert "at most" in errors[0]["message"]
