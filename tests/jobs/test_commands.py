"""Who may cancel jobs and begin them anew, and what becomes of two who do so at once."""

import asyncio
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain import jobs as life
from domain.access.scopes import Role
from domain.access.viewer import Viewer
from domain.adapters.postgres import Pool
from domain.commands import COMMANDS
from domain.dispatch import dispatch
from domain.jobs import JobStateWrong
from domain.refusals import ScopeMissing
from jobs.lane import Ledger
from jobs.worker import run_job
from tests.jobs.messages import Album
from tests.jobs.yard import Yard, new_yard, until
from tests.shared import CHECKOUT


@pytest.fixture
async def yard(fresh_pool: Pool, tmp_path: Path) -> Yard:
    """An organization in a database of the test's own."""
    return await new_yard(fresh_pool, tmp_path)


async def ended(yard: Yard, kind: str, state: str = "dead", key: str | None = None) -> uuid.UUID:
    """A job that has ended so."""
    id: uuid.UUID = await yard.pool.fetchval(
        "insert into job (owner_id, kind, unique_key, lane, payload, state, finished_at) "
        "values ($1, $2, $3, 'low', '{}', $4, clock_timestamp()) returning id",
        yard.viewer.organization_id,
        kind,
        key,
        state,
    )
    return id


async def do(yard: Yard, name: str, *, of: Viewer | None = None, **given: Any) -> Any:
    """One command; gives what it says beside its entity."""
    found = COMMANDS[name]
    answer = await dispatch(found, found.ask(**given), viewer=of or yard.viewer, pool=yard.pool, door="test")
    assert answer.outcome is not None
    return answer.outcome.value


async def states(yard: Yard, *ids: uuid.UUID) -> list[str]:
    """The states of these jobs, in their order."""
    rows = {row["id"]: row["state"] for row in await yard.fetch("select id, state from job")}
    return [rows[id] for id in ids]


async def test_what_only_some_may_ask_for_only_they_may_begin_anew(yard: Yard) -> None:
    await yard.pool.execute(
        "insert into schedule (name, next_at) values ('tidy_up', now()) on conflict do nothing"
    )
    administrator = replace(yard.viewer, role=Role.ADMIN)
    theirs = ("erase_person", "retain", "tidy_up")
    for kind in theirs:
        stopped, waiting = await ended(yard, kind, "cancelled"), await ended(yard, kind, "queued")
        dead = await ended(yard, kind)
        for name, id in (("retry_job", stopped), ("retry_job", dead), ("cancel_job", waiting)):
            with pytest.raises(ScopeMissing, match=f"{kind}.*system:admin"):
                await do(yard, name, job_id=str(id))
        for more in ({"kind": kind}, {"job_ids": [str(dead)]}):
            with pytest.raises(ScopeMissing, match=f"{kind}.*system:admin"):
                await do(yard, "requeue_dead_letters", **more)
        assert await states(yard, stopped, waiting, dead) == ["cancelled", "queued", "dead"]
        await do(yard, "cancel_job", of=administrator, job_id=str(waiting))
        await do(yard, "retry_job", of=administrator, job_id=str(stopped))
        assert await states(yard, stopped, waiting) == ["queued", "cancelled"]
    own = await ended(yard, "ingest_delivery")
    told = await do(yard, "requeue_dead_letters")
    assert (told.requeued, told.left, await states(yard, own)) == (1, len(theirs), ["queued"])
    told = await do(yard, "requeue_dead_letters", of=administrator)
    assert (told.requeued, told.left) == (len(theirs), 0)


async def test_who_cancels_leaves_word_where_the_job_belongs(yard: Yard) -> None:
    waiting, running = await yard.receive(Album().xml), await yard.receive(Album(title="Two").xml)
    ids = [str(parcel.job_id) for parcel in (waiting, running)]
    async with yard.pool.acquire() as sql:
        claim = await life.claim(sql, uuid.UUID(ids[1]), 30, {"ingest_delivery": 3})
    assert claim is not None
    for id in ids:
        await do(yard, "cancel_job", job_id=id)
    assert [await waiting.state(), await running.state()] == ["failed", "received"]
    await Ledger(yard.pool, 30).release(claim)
    assert await running.state() == "failed"
    for id, parcel in zip(ids, (waiting, running), strict=True):
        await do(yard, "retry_job", job_id=id)
        assert await run_job(yard.house, id) == "done"
        assert await parcel.state() == "applied"


def test_whoever_can_cancel_knows_what_word_is_left() -> None:
    """The commands alone bring it along: a server has none of the workers' modules."""
    said = "import domain.commands; from domain.job_kinds import _LEAVES; print(*sorted(_LEAVES))"
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, cwd=CHECKOUT)
    enriching = ["enrich_file", "enrich_recordings", "extract_features", "follow_sound"]
    others = ["ingest_delivery", "receive_file", "send_notice"]
    assert found.stdout.split() == [*enriching, *others], found.stderr


async def test_of_two_jobs_for_the_same_thing_begun_anew_at_once_one_is(yard: Yard) -> None:
    first, second, other = [await ended(yard, "drop_blob", key=key) for key in ("k", "k", "o")]

    async def meanwhile(asked: Any) -> Any:
        """Ask while somebody is beginning the first, and has not committed."""
        async with yard.pool.acquire() as sql:
            async with sql.transaction():
                await sql.execute("update job set state = 'queued' where id = $1", first)
                asking = asyncio.create_task(asked)
                await until(lambda: _waits(yard))
            return await asyncio.gather(asking, return_exceptions=True)

    (refused,) = await meanwhile(do(yard, "retry_job", job_id=str(second)))
    assert isinstance(refused, JobStateWrong), refused
    await yard.pool.execute("update job set state = 'dead' where id = $1", first)
    ids = [str(second), str(other)]
    (told,) = await meanwhile(do(yard, "requeue_dead_letters", job_ids=ids))
    assert (told.requeued, told.left) == (1, 1)
    assert await states(yard, first, second, other) == ["queued", "dead", "queued"]


async def _waits(yard: Yard) -> bool:
    """Whether somebody waits for another's transaction."""
    return bool(
        await yard.pool.fetchval(
            "select exists (select from pg_locks l join pg_stat_activity a using (pid) "
            "where not l.granted and a.datname = current_database())"
        )
    )
