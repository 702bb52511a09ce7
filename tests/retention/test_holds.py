"""A legal hold wins, an extension is granted, another tenant is left alone, and a killed run goes on."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.callbacks.partners import BodyGone
from domain.callbacks.settle import settle
from domain.commands import COMMANDS
from domain.dispatch import dispatch, open_work
from domain.ports import Sql
from domain.retention import due
from domain.retention.run import Step, run
from tests.retention.conftest import WEEK, Attic

BEGAN = datetime(2024, 1, 31, tzinfo=UTC)
DUE = datetime(2024, 3, 1, tzinfo=UTC)


async def hold(attic: Attic, owner: uuid.UUID, kind: str, subject: uuid.UUID) -> uuid.UUID:
    made: uuid.UUID = await attic.sql.fetchval(
        "insert into legal_hold (owner_id, subject_type, subject_id, reason, placed_by) "
        "values ($1, $2, $3, 'suit', 'x') returning id",
        owner,
        kind,
        subject,
    )
    return made


async def test_a_hold_on_the_organization_keeps_everything_until_it_is_released(attic: Attic) -> None:
    owner = await attic.organization()
    ids = [
        ("job", await attic.export(owner, BEGAN)),
        ("callback_event", await attic.callback(owner, BEGAN)),
        ("delivery", await attic.delivery(owner, BEGAN)),
        ("job", await attic.job(owner, BEGAN)),
    ]
    await attic.run(DUE - WEEK)
    held = await hold(attic, owner, "organization", owner)
    lines = await attic.plan(DUE)
    assert {(line.rule, line.state, line.goes_at) for line in lines} == {
        (rule, "held", None) for rule in ("exports", "callback_bodies", "delivered_messages", "ended_jobs")
    }
    assert all("legal hold" in line.why for line in lines)
    assert sum((await attic.run(DUE + timedelta(days=1000))).gone.values()) == 0
    await attic.sql.execute("update legal_hold set released_at = now() where id = $1", held)
    assert sum((await attic.run(DUE)).gone.values()) == 4
    assert not any([await attic.there(table, id) for table, id in ids])


async def test_a_hold_on_one_thing_keeps_that_and_what_hangs_on_it(attic: Attic) -> None:
    owner, release = await attic.organization(), uuid.uuid4()
    kept, goes = await attic.callback(owner, BEGAN, release), await attic.callback(owner, BEGAN)
    exports = [await attic.export(owner, BEGAN) for _ in range(2)]
    await attic.run(DUE - WEEK)
    await hold(attic, owner, "entity", release)
    await hold(attic, owner, "file", exports[0])
    await attic.run(DUE)
    assert [await attic.there("callback_event", id) for id in (kept, goes)] == [True, False]
    assert [await attic.there("job", id) for id in exports] == [True, False]


async def test_a_hold_of_somebody_else_on_the_same_id_holds_nothing(attic: Attic) -> None:
    ours, theirs = await attic.organization(), await attic.organization()
    id = await attic.export(ours, BEGAN)
    await attic.run(DUE - WEEK)
    await hold(attic, theirs, "file", id)
    await hold(attic, theirs, "organization", theirs)
    assert (await attic.run(DUE)).gone["exports"] == 1


async def test_an_extension_moves_the_deadline_of_an_enterprise_alone(attic: Attic) -> None:
    owner = await attic.organization("enterprise")
    await attic.sql.execute(
        "insert into retention_policy (owner_id, rule, days, set_by) values ($1, 'exports', 30, 'x')", owner
    )
    one, other = await attic.export(owner, BEGAN), await attic.export(owner, BEGAN)
    until = DUE + timedelta(days=40)
    await attic.sql.execute(
        "insert into retention_extension (owner_id, rule, subject_id, until, reason, made_by) "
        "values ($1, 'exports', $2, $3, 'audit', 'x')",
        owner,
        one,
        until,
    )
    await attic.run(DUE - WEEK)
    assert (await attic.run(DUE)).gone["exports"] == 1
    assert [await attic.there("job", id) for id in (one, other)] == [True, False]
    assert (await attic.run(until - WEEK)).told["exports"] == 1
    assert (await attic.run(until - timedelta(seconds=1))).gone["exports"] == 0
    assert (await attic.run(until)).gone["exports"] == 1


async def test_another_tenant_is_left_alone(attic: Attic) -> None:
    free, pro = await attic.organization("free"), await attic.organization("pro")
    await attic.export(free, BEGAN)
    stays = [("job", await attic.export(pro, BEGAN)), ("delivery", await attic.delivery(pro, BEGAN))]
    await attic.run(DUE - WEEK)
    await attic.run(DUE)
    assert all([await attic.there(table, id) for table, id in stays])
    assert [line.owner_id for line in await attic.plan(DUE, days=365)] == [pro, pro]
    assert await attic.plan(DUE, days=365, owner_id=free) == []


class Killed(Exception):
    """The run ends here, as by kill -9: the transaction that is open is rolled back."""


async def test_a_run_killed_anywhere_goes_on_and_does_nothing_twice(attic: Attic) -> None:
    owner = await attic.organization()
    for at in range(1, 9):
        for _ in range(5):
            await attic.export(owner, BEGAN)
        await attic.run(DUE - WEEK, batch=2)
        await attic.sql.execute("delete from outbox")
        with pytest.raises(Killed):
            await run(dying(attic, at), DUE, batch=2)
        left = await attic.sql.fetchval("select count(*) from job")
        assert (await attic.run(DUE, batch=2)).gone["exports"] == left
        told = await attic.sql.fetch("select payload from outbox where topic = 'retention.deleted'")
        assert sum(json.loads(row["payload"])["count"] for row in told) == 5


def dying(attic: Attic, at: int) -> Step:
    """Steps of a run that is killed at the end of one of them."""
    begun = 0

    @asynccontextmanager
    async def step() -> AsyncIterator[Sql]:
        nonlocal begun
        async with attic.step() as sql:
            yield sql
            begun += 1
            if begun == at:
                raise Killed

    return step


async def test_two_runs_at_once_do_the_work_of_one(attic: Attic) -> None:
    owner = await attic.organization()
    for _ in range(20):
        await attic.export(owner, BEGAN)
    await attic.run(DUE - WEEK)
    both = await asyncio.gather(attic.run(DUE, batch=3), attic.run(DUE, batch=3))
    assert await attic.sql.fetchval("select count(*) from job") == 0
    assert sum(done.gone["exports"] for done in both) == 20


async def test_a_hold_that_was_answered_is_seen_by_the_batch_that_waited_for_it(attic: Attic) -> None:
    owner = await attic.organization()
    id = await attic.export(owner, BEGAN)
    await attic.run(DUE - WEEK)
    async with attic.sql.transaction():
        await attic.sql.execute(f"select pg_advisory_xact_lock({due.LOCK})")
        running = asyncio.create_task(attic.run(DUE))
        await hold(attic, owner, "organization", owner)
        await asyncio.sleep(0.1)
        assert not running.done()
    assert (await running).gone["exports"] == 0
    assert await attic.there("job", id)


async def test_a_call_whose_body_went_is_not_read_again_and_says_so(attic: Attic) -> None:
    owner = await attic.organization()
    id = await attic.callback(owner, BEGAN)
    await attic.run(DUE - WEEK)
    await attic.run(DUE)
    viewer = Viewer(owner, "user:x", Role.ADMIN, frozenset(Scope))
    command = COMMANDS["replay_callback"]
    with pytest.raises(BodyGone):
        await dispatch(command, command.ask(id=str(id)), viewer=viewer, pool=attic.pool, door="test")
    async with open_work(attic.pool, viewer, command="settle_callback") as work:
        assert await settle(work, id) == {"state": "gone"}
    assert await attic.sql.fetchval("select state from callback_event where id = $1", id) == "applied"
