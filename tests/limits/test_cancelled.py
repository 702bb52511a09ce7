"""A task that is cancelled while it sends to the store ends, whenever the cancellation comes."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from domain.adapters.budget import RedisBuckets
from jobs.worker import open_queue


def cancels_as_all_is_sent(client: Redis) -> None:
    """Let each connection cancel the task it sends for, after the last byte and before the task goes on."""
    kind = client.connection_pool.connection_class

    class Cancelling(kind):  # type: ignore[misc, valid-type]
        async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            asking = asyncio.current_task()
            assert asking is not None
            self.cancel = asking.cancel
            await super().send_packed_command(command, check_health)

        async def _send_packed_command(self, command: Any) -> None:
            await super()._send_packed_command(command)
            asyncio.get_running_loop().call_soon(self.cancel)

    client.connection_pool.connection_class = Cancelling


@pytest.mark.parametrize("whose", ["budget", "queue"])
async def test_no_cancellation_is_lost(redis_url: str, whose: str) -> None:
    client = RedisBuckets(redis_url)._redis if whose == "budget" else open_queue(redis_url)
    cancels_as_all_is_sent(client)

    async def keep_on() -> None:
        for _ in range(100):
            await client.incr("seen")

    task = asyncio.create_task(keep_on())
    await asyncio.wait([task], timeout=20)
    assert task.cancelled()
    plain = Redis.from_url(redis_url)
    assert int(await plain.get("seen") or 0) <= 1
    await plain.aclose()
    await client.aclose()
