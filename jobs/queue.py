"""The queue between the relay and the workers, as a Protocol, and the one of ARQ on Redis.

A queue only wakes workers. It may forget everything, wake twice, late or in another order: what is to be
done stands in PostgreSQL, and whoever is woken claims the row there first.
"""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import ConnectionPool

from domain.jobs import Due

RUN = "run_row"
QUEUES = {"high": "catalograph:high", "low": "catalograph:low"}
STREAM = "catalograph:events"
STREAM_LENGTH = 100_000
_BODY_LIVES_MS = 24 * 3600 * 1000


class Queue(Protocol):
    """What the relay asks of a queue. Every method may raise when the queue is away."""

    async def enqueue(self, turns: Sequence[Due]) -> None:
        """Let a worker be woken for each turn, not before its time. A turn that waits already waits once."""
        ...

    async def known(self, turns: Sequence[Due]) -> set[str]:
        """The wake ids of those turns that wait on the queue, or whose worker is being woken."""
        ...

    async def publish(self, events: Sequence[Mapping[str, str | int]]) -> None:
        """Put events on the stream, in their order."""
        ...


class ArqQueue:
    """The queue that ARQ's workers listen to; a lane is a sorted set, a message a key beside it."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def enqueue(self, turns: Sequence[Due]) -> None:
        """Queue turns in one round trip, each with its message or not at all.

        ARQ's own way takes two round trips for each, and refuses a turn whose message or result is still
        kept though its place in the queue is lost. Here the earlier of two times holds, so a job that is
        begun anew does not wait for the time of its cancelled turn.
        """
        if not turns:
            return
        now_ms = int(time.time() * 1000)
        async with self._redis.pipeline(transaction=True) as pipe:
            for turn in turns:
                at_ms = int(turn.run_at.timestamp() * 1000)
                body = serialize_job(RUN, (str(turn.id),), {}, None, now_ms, serializer=dump)
                pipe.psetex(job_key_prefix + turn.wake, max(at_ms - now_ms, 0) + _BODY_LIVES_MS, body)
                pipe.zadd(QUEUES[turn.lane], {turn.wake: at_ms}, lt=True)
            await pipe.execute()

    async def known(self, turns: Sequence[Due]) -> set[str]:
        """Whose place in its lane is there; ARQ takes it away when the worker that was woken is done."""
        found: set[str] = set()
        for lane, queue in QUEUES.items():
            wakes = [turn.wake for turn in turns if turn.lane == lane]
            if wakes:
                scores = await self._redis.zmscore(queue, wakes)
                found.update(wake for wake, score in zip(wakes, scores, strict=True) if score is not None)
        return found

    async def publish(self, events: Sequence[Mapping[str, str | int]]) -> None:
        """Append to the stream, which keeps the newest hundred thousand."""
        if not events:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            for event in events:
                entry: dict[Any, Any] = dict(event)
                pipe.xadd(STREAM, entry, maxlen=STREAM_LENGTH, approximate=True)
            await pipe.execute()


def open_queue(redis_url: str) -> ArqRedis:
    """A client for the queues; messages are JSON."""
    connections: Any = ConnectionPool.from_url(
        redis_url, socket_connect_timeout=5, socket_timeout=15, health_check_interval=30
    )
    return ArqRedis(connections, job_serializer=dump, job_deserializer=json.loads)


def dump(value: Any) -> bytes:
    """JSON; an exception that ARQ wants to report goes as its text."""
    return json.dumps(value, default=repr).encode()
