"""What a call of a cloud function does with work that does not fit it: too long, too late, or too new."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.hooks import _Call, _consume, _run_job, _sweep
from domain.adapters.postgres import Pool
from jobs.job import JOBS, Tools, job
from tests.functions import events
from tests.jobs.test_worker import ask, row
from tests.jobs.yard import Yard, new_yard


@pytest.fixture
async def yard(fresh_pool: Pool, tmp_path: Path) -> Yard:
    """An organization in a database of the test's own."""
    return await new_yard(fresh_pool, tmp_path)


@pytest.fixture
def longer() -> Iterator[None]:
    """A job that takes longer than any call here."""
    before = dict(JOBS)

    @job(backoff_s=(0,))
    async def longer(tools: Tools) -> None:
        await asyncio.sleep(60)

    yield
    JOBS.clear()
    JOBS.update(before)


def call(left_s: float, before_s: float = 0.0) -> _Call:
    """A call that has so much time left, and has lasted so long before."""
    now = time.monotonic()
    return _Call(now - before_s, now + left_s)


@pytest.mark.usefixtures("longer")
async def test_what_takes_longer_than_a_call_ends_as_a_dead_letter(yard: Yard) -> None:
    id = await ask(yard, "longer")
    assert [await _run_job(yard.house, id, call(0.3)) for _ in range(3)] == ["queued", "queued", "dead"]
    found = await row(yard, id)
    assert (found["state"], [one["code"] for one in found["history"]]) == ("dead", ["timeout"] * 3)


@pytest.mark.usefixtures("longer")
async def test_what_comes_late_in_a_call_is_given_back_uncounted(yard: Yard) -> None:
    id = await ask(yard, "longer")
    for _ in range(4):
        assert await _run_job(yard.house, id, call(0.2, before_s=1)) == "given back"
    found = await row(yard, id)
    assert (found["state"], found["attempts"], found["history"]) == ("queued", 0, [])


async def test_jobs_of_an_unknown_kind_are_left_to_a_newer_function(yard: Yard) -> None:
    newer = [await ask(yard, "of_tomorrow") for _ in range(60)]
    await yard.pool.execute("update job set run_at = run_at - interval '1 hour'")
    known = await ask(yard, "make_partitions")
    await yard.pool.execute(
        "update job set run_at = run_at - interval '1 minute' where id = $1", uuid.UUID(known)
    )
    told: list[dict[str, Any]] = [
        {"v": 1, "jobId": newer[0], "kind": "of_tomorrow"},
        {"v": 1, "jobId": newer[1]},
    ]
    for _ in range(3):
        batch = events.messages(*told)
        answer = await _consume(yard.house, batch, call(30))
        assert answer == {"batchItemFailures": [{"itemIdentifier": batch["Records"][0]["messageId"]}]}
    assert await _sweep(yard.house, call(30)) == {"tried": 1, "done": 1}
    left = await yard.fetch("select state, attempts, history from job where kind = 'of_tomorrow'")
    assert {(one["state"], one["attempts"], json.dumps(json.loads(one["history"]))) for one in left} == {
        ("queued", 0, "[]")
    }
