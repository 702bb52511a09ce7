"""Fills a catalog with made-up content, batch by batch."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from domain.claims import Draft
from domain.demo.generate import units

BATCH = 4_000

Load = Callable[[Sequence[Draft]], Awaitable[list[Draft]]]
Report = Callable[[int], None]


@dataclass
class Filled:
    """What a fill has put in so far.

    made: new entities by kind. present: drafts that were in the catalog before. tracks: passed, new or not.
    """

    made: Counter[str] = field(default_factory=Counter)
    present: int = 0
    tracks: int = 0
    seconds: float = 0.0

    @property
    def entities(self) -> int:
        return self.made.total()


@dataclass(frozen=True)
class _Batch:
    drafts: list[Draft]
    tracks: int


async def fill(load: Load, tracks: int, seed: int, filled: Filled, report: Report) -> None:
    """Load a made-up catalog of at least so many tracks; `filled` holds what is in, whenever it ends.

    load: stores a batch whole or not at all, and gives the drafts that were new. report: is told how many
    tracks are in.
    """
    began = time.perf_counter()
    batches = _batches(tracks, seed)
    batch = await asyncio.to_thread(next, batches, None)
    while batch is not None:
        # The next batch is made while PostgreSQL writes this one.
        following = asyncio.create_task(asyncio.to_thread(next, batches, None))
        try:
            fresh = await load(batch.drafts)
        finally:
            filled.seconds = time.perf_counter() - began
            if not following.done():
                await asyncio.wait([following])
        filled.made.update(draft.kind for draft in fresh)
        filled.present += len(batch.drafts) - len(fresh)
        filled.tracks += batch.tracks
        filled.seconds = time.perf_counter() - began
        report(filled.tracks)
        batch = await following


def _batches(tracks: int, seed: int) -> Iterator[_Batch]:
    drafts: list[Draft] = []
    made = 0
    for unit in units(tracks, seed):
        drafts += unit.drafts
        made += unit.tracks
        if len(drafts) >= BATCH:
            yield _Batch(drafts, made)
            drafts, made = [], 0
    if drafts:
        yield _Batch(drafts, made)
