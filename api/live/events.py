"""What a subscription tells, whatever carries it: answers, one after the other, and why it ended.

It is paid for as it begins, and again for each answer. While the budget is spent nothing is told; what
changes meanwhile is told once, as it stands when there is something to pay with.
"""

import hashlib
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import structlog

from api.live.hub import MOST_WAITING, Watch
from api.middleware import problem_of
from api.problems import Problem, Withheld, status_of
from api.services import Services
from domain.access.viewer import Viewer
from domain.watching import LIVE, Mark
from graph.run import RequestRefused, refused
from graph.subscribe import Subscription, Told

_AGAIN_S = 1.0

log = structlog.get_logger("api.live")


@dataclass(frozen=True)
class Live:
    """One subscription of one viewer, ready to run."""

    services: Services
    viewer: Viewer
    asked: Subscription

    async def answers(self) -> AsyncGenerator[bytes, None]:
        """Whole GraphQL answers until the subscription has come to its end.

        Raises RequestRefused, Withheld and Problem; close it when it is not read to its end.
        """
        bill = self.services.limiter.bill(self.viewer)
        if (waiting := bill.reserve(self.asked.points)) is not None:
            await waiting
        async with self.services.hub.watch(self.viewer, self.asked.id, self._wants) as watch:
            last = _Last()
            if self.asked.id is not None:
                async with self.services.places.place(self.viewer.organization_id):
                    found = await self._read(self.asked.id)
                if found is None:
                    raise refused("NOT_FOUND", "no such job in your organization")
                last.is_news(self.asked.id, found)
                yield bill.with_cost(found.body)
                if found.state not in LIVE:
                    return
            while True:
                id = await watch.next()
                told = await self._told(watch, id, last)
                if told is None:
                    continue
                answer, found = told
                yield answer
                if self.asked.id is not None and found.state not in LIVE:
                    return

    async def _told(self, watch: Watch, id: uuid.UUID, last: "_Last") -> tuple[bytes, Told] | None:
        """What is to be told of a job that changed, paid for; None where there is nothing to tell yet."""
        try:
            async with self.services.places.place(self.viewer.organization_id):
                found = await self._read(id)
            if found is None and self.asked.id is not None:
                watch.end(Problem("NOT_FOUND", "the job was deleted; nothing more will happen to it"))
            if found is None or not last.would_be_news(id, found):
                return None
            bill = self.services.limiter.bill(self.viewer)
            if (waiting := bill.reserve(self.asked.points)) is not None:
                await waiting
        except Withheld as withheld:
            watch.tell(id, None, float(withheld.headers.get("Retry-After", _AGAIN_S)))
            return None
        except Exception as error:
            if status_of(problem_of(error).code) != 503:
                raise
            watch.tell(id, None, _AGAIN_S)
            return None
        last.is_news(id, found)
        return bill.with_cost(found.body), found

    async def _read(self, id: uuid.UUID) -> Told | None:
        async with self.services.engine.pool.acquire() as connection:
            return await self.asked.read(id, connection)

    def _wants(self, mark: Mark) -> bool:
        return self.asked.wants(kind=mark.kind, lane=mark.lane, state=mark.state)


class _Last:
    """What was told last of each job, so that nothing is told twice over."""

    def __init__(self) -> None:
        self._told: OrderedDict[uuid.UUID, bytes] = OrderedDict()

    def would_be_news(self, id: uuid.UUID, told: Told) -> bool:
        return self._told.get(id) != _digest(told)

    def is_news(self, id: uuid.UUID, told: Told) -> None:
        self._told[id] = _digest(told)
        self._told.move_to_end(id)
        if len(self._told) > 4 * MOST_WAITING:
            self._told.popitem(last=False)


def _digest(told: Told) -> bytes:
    return hashlib.blake2b(told.body, digest_size=16).digest()


def errors_of(error: BaseException, request_id: str) -> list[dict[str, Any]]:
    """Why a subscription ended, as GraphQL errors; a fault is logged."""
    if isinstance(error, RequestRefused):
        return error.errors
    problem = problem_of(error)
    if status_of(problem.code) >= 500 and not isinstance(error, Problem):
        log.error("fault", code=problem.code, exc_info=error)
    extensions: dict[str, Any] = {"code": problem.code, "requestId": request_id}
    if "Retry-After" in problem.headers:
        extensions["retryAfterSeconds"] = int(problem.headers["Retry-After"])
    return [{"message": problem.detail, "extensions": extensions}]
