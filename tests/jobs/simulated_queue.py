"""The queue, in this process: it behaves as Redis may, and no better."""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.jobs import Due
from jobs.queue import Wake, dump, message_of
from tests.jobs.simulated_database import Gates
from tests.jobs.simulated_loop import Process


@dataclass
class Place:
    """A turn's place in its lane: since when it may be taken, and its message."""

    id: str
    at: datetime
    body: bytes


class SimulatedQueue:
    """Gives each turn once and in order, until it is told to forget, to repeat itself or to mix things up.

    now: its clock. chance: decides about misbehaviour. unruly: how likely that is whenever it is asked.
    """

    def __init__(self, now: Callable[[], datetime], chance: random.Random, *, unruly: float = 0.0) -> None:
        self._now = now
        self._chance = chance
        self.unruly = unruly
        self.lanes: dict[str, dict[str, Place]] = {"high": {}, "low": {}}
        self.stream: list[Mapping[str, str | int]] = []
        self.published: list[int] = []

    async def enqueue(self, turns: Sequence[Due]) -> None:
        """Give each turn a place; one that has a place keeps it, at the earlier of both times."""
        for turn in turns:
            self._put(turn.lane, Place(turn.wake, turn.run_at, dump({"a": [message_of(turn)]})))

    async def known(self, turns: Sequence[Due]) -> set[str]:
        """Those that have a place."""
        return {turn.wake for turn in turns if turn.wake in self.lanes[turn.lane]}

    async def publish(self, events: Sequence[Mapping[str, str | int]]) -> None:
        """Append to the stream."""
        self.stream.extend(events)
        self.published.extend(int(event["id"]) for event in events)

    async def take(self, lane: str, most: int, waited_s: float = 0.0) -> list[Wake]:
        """Take turns away, the oldest first. An unruly queue gives some early, late, twice or in disorder."""
        latest = self._now() - timedelta(seconds=waited_s)
        odd = self._chance.random() < self.unruly
        found = [place for place in self.lanes[lane].values() if odd or place.at <= latest]
        found.sort(key=lambda place: (place.at, place.id))
        if odd:
            self._chance.shuffle(found)
            found = found[: self._chance.randrange(len(found) + 1)]
        for place in found[:most]:
            if not (odd and self._chance.random() < 0.5):
                del self.lanes[lane][place.id]
        return [Wake(place.id, round(place.at.timestamp() * 1000), place.body) for place in found[:most]]

    async def put_back(self, lane: str, wakes: Sequence[Wake], later_s: float = 0.0) -> None:
        """Give turns their places again, or places so many seconds from now."""
        for wake in wakes:
            later = self._now() + timedelta(seconds=later_s)
            at = later if later_s else datetime.fromtimestamp(wake.at_ms / 1000, later.tzinfo)
            self._put(lane, Place(wake.id, at, wake.body))

    def flush(self) -> None:
        """Forget everything."""
        for lane in self.lanes.values():
            lane.clear()
        self.stream.clear()

    def _put(self, lane: str, given: Place) -> None:
        place = self.lanes[lane].setdefault(given.id, given)
        place.at = min(place.at, given.at)


class ProcessQueue:
    """The queue as one process reaches it."""

    def __init__(self, queue: SimulatedQueue, gates: Gates, process: Process) -> None:
        self._queue = queue
        self._gates = gates
        self._process = process

    async def enqueue(self, turns: Sequence[Due]) -> None:
        """As jobs.queue.Queue."""
        await self._reach(f"enqueue {[turn.wake[-8:] for turn in turns]}", lambda: self._queue.enqueue(turns))

    async def known(self, turns: Sequence[Due]) -> set[str]:
        """As jobs.queue.Queue."""
        found: set[str] = await self._reach(f"known {len(turns)}", lambda: self._queue.known(turns))
        return found

    async def publish(self, events: Sequence[Any]) -> None:
        """As jobs.queue.Queue."""
        if events:
            await self._reach(f"publish {len(events)}", lambda: self._queue.publish(events))

    async def take(self, lane: str, most: int, waited_s: float = 0.0) -> list[Wake]:
        """As jobs.queue.ArqQueue. Looking at an empty lane is nothing that could go wrong."""
        if not self._queue.lanes[lane]:
            return []
        found: list[Wake] = await self._reach(f"take {lane}", lambda: self._queue.take(lane, most, waited_s))
        return found

    async def put_back(self, lane: str, wakes: Sequence[Wake], later_s: float = 0.0) -> None:
        """As jobs.queue.ArqQueue."""
        if wakes:
            await self._reach(
                f"put back {[wake.id[-8:] for wake in wakes]}",
                lambda: self._queue.put_back(lane, wakes, later_s),
            )

    async def _reach(self, what: str, act: Callable[[], Awaitable[Any]]) -> Any:
        return await self._gates.pass_through(self._process, f"queue {what}", act)
