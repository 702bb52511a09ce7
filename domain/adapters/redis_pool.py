"""Pools of Redis connections whose commands end when their task is cancelled."""

import asyncio
from typing import Any, TypeVar

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection

P = TypeVar("P", bound=ConnectionPool)


class _Hearing(AbstractConnection):
    # redis-py sends by asyncio.wait_for, which in Python 3.11 drops a cancellation that comes just as all is
    # sent (https://github.com/python/cpython/issues/86296). A task cancelled once then runs for ever.
    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        await super().send_packed_command(command, check_health)
        if task.cancelling() > before:
            await self.disconnect(nowait=True)  # its answer must not be read as that of the next command
            raise asyncio.CancelledError


def hearing(pool: P) -> P:
    """The pool, whose connections from now on pass on every cancellation."""
    kind = pool.connection_class
    pool.connection_class = type(kind.__name__, (_Hearing, kind), {})
    return pool
