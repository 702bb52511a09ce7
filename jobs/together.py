"""Calls that come at the same time, answered by one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

One = TypeVar("One")
Answer = TypeVar("Answer")


class Together(Generic[One, Answer]):
    """Gathers calls while a statement is under way, and asks for all of them with the next one.

    A commit waits for the disk, however much it holds; so the busier it gets, the more jobs share one. What
    fails together is tried once more one by one, so that nobody suffers another's fault. A call that nobody
    waits for any more is answered all the same.
    """

    def __init__(self, many: Callable[[Sequence[One]], Awaitable[Sequence[Answer]]], most: int = 100) -> None:
        self._many = many
        self._most = most
        self._waiting: list[tuple[One, asyncio.Future[Answer]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, one: One) -> Answer:
        """The answer for one call, or its fault."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, future))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await future

    async def _ask(self) -> None:
        try:
            while self._waiting:
                calls, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                try:
                    answers = await self._many([one for one, _ in calls])
                except Exception as error:
                    if len(calls) == 1:
                        _fail(calls[0][1], error)
                    else:
                        await self._one_by_one(calls)
                    continue
                for (_, future), answer in zip(calls, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        finally:
            self._asking = None

    async def _one_by_one(self, calls: Sequence[tuple[One, asyncio.Future[Answer]]]) -> None:
        for one, future in calls:
            try:
                (answer,) = await self._many([one])
            except Exception as error:
                _fail(future, error)
            else:
                if not future.done():
                    future.set_result(answer)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
