"""A process that spends from a budget as fast as it is let: `python -m tests.limits.spender`, told in JSON.

Its clock can be wrong: `skew_s` is added to every clock that the process may look at. Prints what it was
granted, and whether what it told its callers always fitted its decisions.
"""

import asyncio
import json
import random
import sys
import time
import uuid
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvloop

from api.limits import Limiter
from api.problems import Withheld
from domain.access.scopes import Role
from domain.access.viewer import Viewer
from domain.adapters.budget import RedisBuckets


class Tiers:
    """A pool whose one connection knows one tier."""

    def __init__(self, points: int) -> None:
        self.points = points

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        return self

    async def __aenter__(self) -> "Tiers":
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def fetch(self, text: str) -> list[dict[str, Any]]:
        if "from client" in text:
            return []
        files = {"most_file_bytes": 1 << 20, "most_kept_bytes": 1 << 20, "most_upload_s": 60}
        files |= {"paid_models": False, "model_cents_per_day": 0}
        return [{"name": "pro", "points_per_minute": self.points, **files}]


async def spend(given: dict[str, Any]) -> dict[str, Any]:
    """Spend until the time is over."""
    skew, real = given["skew_s"], (time.time, time.monotonic)
    time.time = lambda: real[0]() + skew
    time.monotonic = lambda: real[1]() + skew
    chance = random.Random(given["seed"])
    viewer = Viewer(uuid.UUID(given["organization"]), "spender", Role.SERVICE, frozenset(), "pro")
    found = {"granted": 0, "refused": 0, "requests": 0, "at_once": 0, "contradictions": 0}
    async with (
        RedisBuckets(given["redis_url"]) as store,
        Limiter(store, Tiers(given["points"]), every_s=0.2) as limiter,
    ):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        end = real[1]() + given["seconds"]

        async def one() -> None:
            spent = False
            # At the end there is nothing left, however long others had kept this process from spending.
            while real[1]() < end or not spent:
                began = real[1]()
                bill, price = limiter.bill(viewer), chance.randint(1, 30)
                found["requests"] += 1
                try:
                    waiting = bill.reserve(price)
                    if waiting is None:
                        found["at_once"] += 1
                    else:
                        await waiting
                except Withheld as withheld:
                    found["refused"] += 1
                    spent = began >= end
                    left = bill.state().remaining
                    wait = int(withheld.headers["Retry-After"])
                    found["contradictions"] += left >= price or wait < 1
                    await asyncio.sleep(0.002)
                    continue
                found["contradictions"] += bill.state().remaining < 0
                bill.settle(chance.randint(1, price))
                found["granted"] += bill.actual
                await asyncio.sleep(given["pause_s"])

        await asyncio.gather(*(one() for _ in range(given["callers"])))
    return found


if __name__ == "__main__":
    print(json.dumps(uvloop.run(spend(json.loads(sys.argv[1])))))
