"""One budget, four processes: exact within a hundredth, whatever their clocks say; and without the store."""

import asyncio
import json
import subprocess
import sys
import time
import uuid
from typing import Any

import pytest
import redis.asyncio

from api.limits import HELD_SHARE, Limiter
from api.problems import Withheld
from domain.access.scopes import Role
from domain.access.viewer import Viewer
from domain.adapters.budget import RedisBuckets
from domain.ports import Draw
from tests.limits.spender import Tiers
from tests.shared import CHECKOUT

SKEWS_S = (-2.0, 0.0, 0.0, 2.0)
SECONDS = 6.0


def viewer(organization: uuid.UUID) -> Viewer:
    return Viewer(organization, "somebody", Role.SERVICE, frozenset(), "pro")


def test_four_processes_grant_the_budget_and_no_more(redis_url: str) -> None:
    points = 12_000
    given = {
        "redis_url": redis_url,
        "organization": str(uuid.uuid4()),
        "points": points,
        "seconds": SECONDS,
        "callers": 4,
        "pause_s": 0.0005,
    }
    processes = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.limits.spender"),
                json.dumps({**given, "skew_s": skew, "seed": seed}),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )
        for seed, skew in enumerate(SKEWS_S)
    ]
    found: list[dict[str, Any]] = []
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        time.sleep(1)  # each has told the others of itself by now
        began = time.monotonic()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            out, _ = process.communicate(timeout=60)
            found.append(json.loads(out))
        took = time.monotonic() - began
    finally:
        for process in processes:
            process.kill()
    granted = sum(one["granted"] for one in found)
    least, most = points + points / 60 * SECONDS, points + points / 60 * took
    assert all(one["refused"] for one in found), "the budget was never exhausted"
    assert sum(one["contradictions"] for one in found) == 0
    assert granted <= most
    assert granted >= least * 0.99


async def test_a_share_pays_most_requests_at_once_and_goes_back(redis_url: str) -> None:
    store, organization = RedisBuckets(redis_url), uuid.uuid4()
    async with store, Limiter(store, Tiers(60_000)) as limiter:
        at_once, began = 0, time.monotonic()
        for _ in range(1000):
            bill = limiter.bill(viewer(organization))
            waiting = bill.reserve(5)
            at_once += waiting is None
            if waiting is not None:
                await waiting
        assert at_once > 950
        (bucket,) = limiter.bill(viewer(organization)).buckets
        assert 0 <= bucket.held <= 60_000 * HELD_SHARE + 5
        async with asyncio.timeout(30):
            while bucket.held:
                await asyncio.sleep(0.05)
        (left,), _ = await store.draw([Draw(bucket.name, 60_000)])
        back = (time.monotonic() - began) * 1_000
        assert 60_000 - 5_000 <= left.left <= 60_000 - 5_000 + back


async def test_a_refund_is_exact(redis_url: str) -> None:
    store, organization = RedisBuckets(redis_url), uuid.uuid4()
    async with store, Limiter(store, Tiers(600)) as limiter:
        for _ in range(20):
            bill = limiter.bill(viewer(organization))
            if waiting := bill.reserve(100):
                await waiting
            bill.settle(3)
            bill.settle(90)
            bill.close()
            assert bill.actual == 3
        assert limiter.bill(viewer(organization)).state().remaining >= 600 - 60


async def test_a_client_and_its_organization_are_charged_together_or_not_at_all(redis_url: str) -> None:
    store = RedisBuckets(redis_url)
    async with store:
        whole, own = f"{{{uuid.uuid4()}}}", f"{{{uuid.uuid4()}}}:c"
        began = time.monotonic()
        drawn, wait = await store.draw([Draw(whole, 1_000, 60), Draw(own, 100, 60)])
        assert ([one.taken for one in drawn], wait) == ([60, 60], 0)
        drawn, wait = await store.draw([Draw(whole, 1_000, 60), Draw(own, 100, 60)])
        assert [one.taken for one in drawn] == [0, 0]
        assert 0 < wait <= 20 * 60 / 100 + 0.1
        assert 940 <= drawn[0].left <= 940 + (time.monotonic() - began) * 1_000 / 60 + 0.1


async def test_without_the_store_each_process_spends_its_part(redis_url: str) -> None:
    away = RedisBuckets("redis://127.0.0.1:1/0")
    organization = uuid.uuid4()
    began = time.monotonic()
    async with away, Limiter(away, Tiers(600), every_s=60) as limiter:
        limiter.processes = 4
        assert limiter.away
        granted, waits, lefts = 0, list[int](), list[int]()
        for _ in range(200):
            bill = limiter.bill(viewer(organization))
            try:
                if waiting := bill.reserve(10):
                    await waiting
            except Withheld as withheld:
                waits.append(int(withheld.headers["Retry-After"]))
                lefts.append(bill.state().remaining)
                continue
            granted += 10
        assert min(waits) >= 1
        assert max(lefts) < 10
        assert 150 <= granted <= 150 + 10 * (time.monotonic() - began) + 10
        # What is dearer than the part of this process runs once there is nothing left to wait for.
        other = limiter.bill(viewer(uuid.uuid4()))
        if waiting := other.reserve(500):
            await waiting
        assert other.actual == 500


async def test_a_store_that_comes_back_is_found_by_one_call_and_told_once(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, organization = RedisBuckets(redis_url), uuid.uuid4()
    told: list[str] = []
    here = asyncio.get_running_loop()

    def tell(event: str, **_: object) -> None:
        # A server of other tests, on a loop of its own, uses the same store and tells of it as well.
        if asyncio.get_running_loop() is here:
            told.append(event)

    monkeypatch.setattr("api.limits.log.warning", tell)
    async with store, Limiter(store, Tiers(6_000), every_s=0.2) as limiter:
        client = redis.asyncio.Redis.from_url(redis_url)
        await client.client_pause(60_000, all=False)  # it hangs: the worst way to be away
        began = time.monotonic()

        async def one() -> None:
            bill = limiter.bill(viewer(organization))
            if waiting := bill.reserve(10):
                await waiting

        try:
            await asyncio.gather(*(one() for _ in range(50)))
            assert time.monotonic() - began < 50, "nobody waits until it is back"
            assert limiter.away
            others = list[str]()
            here.call_soon(others.append, "somebody else's turn")
            for _ in range(20):
                await one()
            assert not others, "once it is known to be away, nobody waits for it"
        finally:
            await client.client_unpause()
        async with asyncio.timeout(30):
            while limiter.away:
                await asyncio.sleep(0.05)
        await one()
        assert limiter.bill(viewer(organization)).buckets[0].alone is None
        assert told == ["budget_store_away", "budget_store_back"]
        await client.aclose()
