"""Whatever is killed under load: no job lost, no effect doubled, nothing running long past its lease."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.jobs.storm import Storm, eventually, storm

SHORT = ("worker", "flush", "backend", "worker", "valkey", "api", "postgres", "worker")
LONG = 120
WEIGHTS = {"worker": 6, "flush": 3, "backend": 2, "postgres": 2, "valkey": 3, "api": 2}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, because sockets lie in it."""
    made = Path(tempfile.mkdtemp(prefix="storm-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


async def judge(installation: Storm, deliveries: int) -> None:
    """Nothing lost, nothing twice, nothing late."""
    assert installation.accepted == deliveries
    states = await installation.sql("select state, count(*) as n from job group by 1")
    assert {row["state"]: row["n"] for row in states} == {"done": deliveries}
    states = await installation.sql("select state, count(*) as n from delivery group by 1")
    assert {row["state"]: row["n"] for row in states} == {"applied": deliveries}
    changes = await installation.sql(
        "select kind || ' ' || op as what, count(*) as n from change "
        "where kind in ('release', 'track') group by 1"
    )
    told = {row["what"]: row["n"] for row in changes}
    assert (told["release insert"], told["track insert"]) == (deliveries, 2 * deliveries)
    assert not await installation.sql("select 1 from outbox where told_at is null")
    assert not installation.late, "\n".join(installation.late)


@pytest.mark.timeout(600)  # ten seconds where nobody else computes
async def test_nothing_is_lost_or_doubled_whatever_is_killed(folder: Path) -> None:
    async with storm(folder, 1) as installation, installation.client() as client:
        order = list(SHORT)
        installation.chance.shuffle(order)

        async def send() -> None:
            for number in range(20):
                await installation.deliver(number, client)
                await asyncio.sleep(0.1)

        sending = asyncio.create_task(send())
        await eventually(installation.is_under_load)
        for what in order:
            await asyncio.sleep(installation.chance.uniform(0, 0.4))
            await installation.kill(what)
        await sending
        await installation.calm_down()
        await judge(installation, 20)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_nothing_is_lost_or_doubled_by_a_hundred_kills_and_more(folder: Path) -> None:
    async with storm(folder, random.randrange(1 << 30)) as installation, installation.client() as client:
        raging, sent = True, 0

        async def send() -> None:
            nonlocal sent
            while raging:
                await installation.deliver(sent, client)
                sent += 1
                await asyncio.sleep(installation.chance.uniform(0, 0.5))

        sending = asyncio.create_task(send())
        await eventually(installation.is_under_load)
        for number in range(LONG):
            # Now and then a time long enough for leases to be looked at.
            await asyncio.sleep(7 if number % 20 == 19 else installation.chance.uniform(0, 1.5))
            (what,) = installation.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
            await installation.kill(what)
            if number % 5 == 4:
                # Servers come up slowly on a busy machine; a storm that lets nothing through tries nothing.
                reached = installation.accepted
                await eventually(partial(installation.has_taken_more_than, reached), 180)
        raging = False
        await sending
        await installation.calm_down()
        await judge(installation, sent)
        assert sum(installation.kills.values()) == LONG
        print(f"{sent} deliveries under {installation.kills}")
