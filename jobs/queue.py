"""The queue between the relay and the workers, as a Protocol, and the one of ARQ on Redis.

A queue only wakes workers. It may forget everything, wake twice, late or in another order: what is to be
done stands in PostgreSQL, and whoever is woken claims the row there first.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.jobs import serialize_job

from domain.jobs import Due

RUN = "run_row"
QUEUES = {"high": "catalograph:high", "low": "catalograph:low"}
STREAM = "catalograph:events"
STREAM_LENGTH = 100_000
_BODY_LIVES_MS = 24 * 3600 * 1000


VERSION = 1
_TAKE = """
local taken = {}
for _, id in ipairs(redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'limit', 0, ARGV[2])) do
  local body = ARGV[3] .. id
  table.insert(taken, id)
  table.insert(taken, redis.call('zscore', KEYS[1], id))
  table.insert(taken, redis.call('get', body) or '')
  redis.call('zrem', KEYS[1], id)
  redis.call('del', body)
end
return taken
"""


def message_of(turn: Due) -> dict[str, Any]:
    """What a worker is told of a turn. A worker reads the versions it knows, and leaves others lying."""
    return {
        "v": VERSION,
        "jobId": str(turn.id),
        "turn": turn.fence,
        "kind": turn.kind,
        "lane": turn.lane,
        "correlationId": turn.correlation_id,
    }


@dataclass(frozen=True)
class Wake:
    """A turn taken off a queue: its id there, since when it may begin, and its message as it came."""

    id: str
    at_ms: int
    body: bytes

    @property
    def message(self) -> Mapping[str, Any] | None:
        """What the message says; None when it is of a version that this worker does not know.

        A message that was lost, and one of before there were versions, say no more than the turn's own id.
        """
        if not self.body:
            return {"jobId": self.id.partition(":")[0]}
        given = json.loads(self.body).get("a") or [None]
        if isinstance(given[0], str):
            return {"jobId": given[0]}
        known = isinstance(given[0], dict) and given[0].get("v") == VERSION
        return given[0] if known else None


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
        self._take: Any = redis.register_script(_TAKE)

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
                body = serialize_job(RUN, (message_of(turn),), {}, None, now_ms, serializer=dump)
                pipe.psetex(job_key_prefix + turn.wake, max(at_ms - now_ms, 0) + _BODY_LIVES_MS, body)
                pipe.zadd(QUEUES[turn.lane], {turn.wake: at_ms}, lt=True)
            await pipe.execute()

    async def take(self, lane: str, most: int, waited_s: float = 0.0) -> list["Wake"]:
        """Take up to so many turns off a lane, those first that may begin the longest, in one round trip.

        waited_s: only those that could have begun so long ago. Who takes a turn and dies leaves it to the
        sweep; so nothing on the queue has to say that a worker is at it.
        """
        latest_ms = int((time.time() - waited_s) * 1000)
        found: list[bytes] = await self._take(keys=[QUEUES[lane]], args=[latest_ms, most, job_key_prefix])
        return [
            Wake(wake.decode(), int(float(at_ms)), body)
            for wake, at_ms, body in zip(found[::3], found[1::3], found[2::3], strict=True)
        ]

    async def put_back(self, lane: str, wakes: Sequence["Wake"], later_s: float = 0.0) -> None:
        """Give turns back as they came: to their place, or so many seconds later from now on."""
        if not wakes:
            return
        at_ms = int((time.time() + later_s) * 1000)
        async with self._redis.pipeline(transaction=True) as pipe:
            for wake in wakes:
                pipe.set(job_key_prefix + wake.id, wake.body, px=_BODY_LIVES_MS, nx=True)
                pipe.zadd(QUEUES[lane], {wake.id: at_ms if later_s else wake.at_ms}, lt=True)
            await pipe.execute()

    async def known(self, turns: Sequence[Due]) -> set[str]:
        """Whose place in its lane is there; a worker takes it away when it is woken."""
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


def dump(value: Any) -> bytes:
    """JSON; an exception that ARQ wants to report goes as its text."""
    return json.dumps(value, default=repr).encode()
