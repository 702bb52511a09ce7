"""Budgets in Redis or Valkey: buckets of points, counters of requests, and which processes share them.

Each call is one script, so that it happens whole or not at all, and takes the time from the server, so that
the clocks of the processes don't matter.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from domain.adapters.redis_pool import hearing
from domain.ports import BudgetAway, Draw, Drawn

PATIENCE_S = 0.5
_CONNECTIONS = 16
_PREFIX = "catalograph:budget:"
_PROCESSES = _PREFIX + "processes"

T = TypeVar("T")

# A bucket is a hash of what it held and when. One that is not there is full: after two minutes it would be.
# ARGV has for each bucket its capacity, what is needed, what would be welcome, and what comes back.
# Of what remains, a quarter may be taken beyond the need, so that the last points are there for everybody.
_DRAW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local held, wait = {}, 0
for i, key in ipairs(KEYS) do
  local capacity, need = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local kept = redis.call('HMGET', key, 'points', 'at')
  local points = capacity
  if kept[1] then
    local passed = math.max(0, now - tonumber(kept[2]))
    points = math.min(capacity, tonumber(kept[1]) + tonumber(ARGV[4 * i]) + passed * capacity / 60)
  end
  held[i] = points
  if need > points then wait = math.max(wait, (need - points) * 60 / capacity) end
end
local answer = {string.format('%.3f', wait)}
for i, key in ipairs(KEYS) do
  local need, more = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  local taken = 0
  if wait == 0 then taken = need + math.min(more, math.floor((held[i] - need) / 4)) end
  local left = held[i] - taken
  redis.call('HSET', key, 'points', string.format('%.6f', left), 'at', string.format('%.6f', now))
  redis.call('PEXPIRE', key, 120000)
  answer[2 * i] = string.format('%d', taken)
  answer[2 * i + 1] = string.format('%.3f', left)
end
return answer
"""
_COUNT = """
local most = tonumber(ARGV[1])
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
local left = redis.call('PTTL', KEYS[1])
if count >= most and left > 0 then return {0, 0, left} end
count = redis.call('INCR', KEYS[1])
if count == 1 or left < 0 then
  left = tonumber(ARGV[2])
  redis.call('PEXPIRE', KEYS[1], left)
end
return {1, most - count, left}
"""
_PRESENT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], 1000 * math.ceil(tonumber(ARGV[2])))
return redis.call('ZCARD', KEYS[1])
"""


class RedisBuckets:
    """The shared budgets of an installation. Commands are tried again once, where a connection was stale."""

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=PATIENCE_S,
            socket_timeout=PATIENCE_S,
            socket_connect_timeout=PATIENCE_S,
            retry=Retry(NoBackoff(), 1),
            retry_on_error=[RedisConnectionError],
        )
        self._redis: Redis = Redis(connection_pool=hearing(pool))
        self._draw = self._script(_DRAW)
        self._count = self._script(_COUNT)
        self._present = self._script(_PRESENT)

    async def __aenter__(self) -> "RedisBuckets":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def draw(self, draws: Sequence[Draw]) -> tuple[list[Drawn], float]:
        """Draw from all or from none; beside it the seconds until there is enough, 0 when there was."""
        keys = [_PREFIX + draw.name for draw in draws]
        given = [value for draw in draws for value in (draw.capacity, draw.need, draw.more, draw.back)]
        wait, *found = await _reached(self._draw(keys, given))
        pairs = zip(found[::2], found[1::2], strict=True)
        return [Drawn(int(taken), float(left)) for taken, left in pairs], float(wait)

    async def count(self, name: str, most: int, window_s: float) -> tuple[bool, int, float]:
        """Count one in a window that begins with its first; whether it is in, how many are left, seconds."""
        taken, left, wait = await _reached(self._count([_PREFIX + name], [most, round(window_s * 1000)]))
        return bool(taken), max(0, left), wait / 1000

    async def present(self, process: str, patience_s: float) -> int:
        """Say that a process is there; gives how many said so within the time."""
        return int(await _reached(self._present([_PROCESSES], [process, patience_s])))

    async def leave(self, process: str) -> None:
        """Say that a process is gone."""
        await _reached(cast("Awaitable[Any]", self._redis.zrem(_PROCESSES, process)))

    def _script(self, text: str) -> Callable[[Sequence[str], Sequence[Any]], Awaitable[Any]]:
        return cast(
            "Callable[[Sequence[str], Sequence[Any]], Awaitable[Any]]", self._redis.register_script(text)
        )


async def _reached(asked: Awaitable[T]) -> T:
    try:
        return await asked
    except (RedisError, OSError, TimeoutError) as error:
        raise BudgetAway(f"{type(error).__name__}: {error}") from error
