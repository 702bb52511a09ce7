"""The change feed loses nothing and keeps each entity's order, whatever the writers do."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.adapters.postgres import Pool, open_pool, open_read_pool
from domain.feed import Changed, CursorInvalid, PageSizeInvalid, read_changes, read_updates

WRITERS = 16
SHARED_ENTITIES = 2


@pytest.fixture
async def wide_pool(fresh_database: str) -> AsyncIterator[Pool]:
    """Connections enough for all writers and readers."""
    pool = await open_pool(fresh_database, min_size=WRITERS + 6, max_size=WRITERS + 6)
    yield pool
    pool.terminate()


async def an_owner(pool: Pool) -> uuid.UUID:
    owner: uuid.UUID = await pool.fetchval(
        "insert into organization (name, slug) values ($1, $1) returning id", uuid.uuid4().hex
    )
    return owner


async def some_artists(pool: Pool, owner: uuid.UUID, count: int) -> list[uuid.UUID]:
    rows = await pool.fetch(
        "insert into artist (owner_id, name) "
        "select $1, 'artist ' || n from generate_series(1, $2) n returning id",
        owner,
        count,
    )
    return [row["id"] for row in rows]


async def rename(connection: Any, artist: uuid.UUID) -> None:
    await connection.execute(
        "update artist set name = name || '.', version = version + 1 where id = $1", artist
    )


@dataclass
class Reader:
    """Keeps what it was given; when killed it starts again from the cursor it had kept."""

    pool: Pool
    owner: uuid.UUID
    limit: int
    kills: float
    chance: random.Random
    cursor: str | None = None
    seen: dict[int, Changed] = field(default_factory=dict)
    order: list[Changed] = field(default_factory=list)

    async def read(self) -> bool:
        """One page; sometimes the reader dies after taking it and before keeping the cursor."""
        async with self.pool.acquire() as connection:
            page = await read_changes(connection, self.owner, self.cursor, self.limit)
        for change in page.changes:
            if change.seq not in self.seen:
                self.seen[change.seq] = change
                self.order.append(change)
        if self.chance.random() >= self.kills:
            self.cursor = page.next_cursor
        return page.has_more

    async def follow(self, stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            if not await self.read():
                await asyncio.sleep(0.005)
        self.kills = 0
        while await self.read():
            pass


async def write_much(pool: Pool, artists: list[uuid.UUID], chance: random.Random, rounds: int) -> None:
    """Transactions that take their id early, dawdle, write late, and sometimes give up."""
    for _ in range(rounds):
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("select pg_current_xact_id()")
            await asyncio.sleep(chance.choice((0, 0, 0, 0.002, 0.01)))
            for artist in sorted(chance.sample(artists, 3)):
                await rename(connection, artist)
            await asyncio.sleep(chance.choice((0, 0, 0, 0.002, 0.02)))
            if chance.random() < 0.1:
                await transaction.rollback()
            else:
                await transaction.commit()


async def read_naively(pool: Pool, owner: uuid.UUID, stopped: asyncio.Event) -> set[int]:
    """The control: what `seq > last` sees."""
    last, seen = 0, set()
    while True:
        ended = stopped.is_set()
        rows = await pool.fetch(
            "select seq from change where owner_id = $1 and seq > $2 order by seq limit 100", owner, last
        )
        seen |= {row["seq"] for row in rows}
        last = rows[-1]["seq"] if rows else last
        if ended and not rows:
            return seen
        await asyncio.sleep(0 if rows else 0.002)


@pytest.mark.parametrize(
    "events", [2_500, pytest.param(50_000, marks=(pytest.mark.long, pytest.mark.timeout(900)))]
)
async def test_no_change_is_lost_and_versions_never_turn_round(events: int, wide_pool: Pool) -> None:
    owner = await an_owner(wide_pool)
    artists = await some_artists(wide_pool, owner, SHARED_ENTITIES)
    stopped = asyncio.Event()
    readers = [Reader(wide_pool, owner, 97, 0.3, random.Random(seed)) for seed in range(3)]
    following = [asyncio.create_task(reader.follow(stopped)) for reader in readers]
    naive = asyncio.create_task(read_naively(wide_pool, owner, stopped))
    # Every writer has artists of its own and two that all fight for, so that commits overlap.
    rounds = events // (WRITERS * 3) + 12
    hands = [artists + await some_artists(wide_pool, owner, 4) for _ in range(WRITERS)]
    await asyncio.gather(
        *(write_much(wide_pool, hand, random.Random(100 + n), rounds) for n, hand in enumerate(hands))
    )
    stopped.set()
    await asyncio.gather(*following)
    truth = {row["seq"] for row in await wide_pool.fetch("select seq from change where owner_id = $1", owner)}
    assert len(truth) >= events
    for reader in readers:
        assert set(reader.seen) == truth
        at: Counter[uuid.UUID] = Counter()
        for change in reader.order:
            assert change.version_after == at[change.entity_id] + 1, "versions came out of order"
            at[change.entity_id] += 1
    assert truth - await naive, "the control should have lost rows: the test no longer provokes the race"


async def test_a_third_transaction_can_not_cut_between_two_writers_of_one_entity(wide_pool: Pool) -> None:
    """Reading up to xmin alone gives the second write before the first; windows of snapshots do not."""
    owner = await an_owner(wide_pool)
    (artist,) = await some_artists(wide_pool, owner, 1)
    async with wide_pool.acquire() as reader:
        start = (await read_changes(reader, owner, None, 100)).next_cursor
    async with (
        wide_pool.acquire() as early,
        wide_pool.acquire() as bystander,
        wide_pool.acquire() as late,
        wide_pool.acquire() as reader,
    ):
        first, between = early.transaction(), bystander.transaction()
        await first.start()
        await early.execute("select pg_current_xact_id()")
        await between.start()
        await bystander.execute("select pg_current_xact_id()")
        async with late.transaction():
            await rename(late, artist)
        await rename(early, artist)
        await first.commit()

        by_xmin = await reader.fetch(
            "select version_after from change where owner_id = $1 and op = 'update' "
            "and xid < pg_snapshot_xmin(pg_current_snapshot())",
            owner,
        )
        assert [row["version_after"] for row in by_xmin] == [3], "the control shows the order turned round"

        page = await read_changes(reader, owner, start, 100)
        assert [change.version_after for change in page.changes] == [2, 3]
        await between.rollback()
        assert (await read_changes(reader, owner, page.next_cursor, 100)).changes == ()


async def test_pages_continue_and_other_owners_stay_unseen(fresh_pool: Pool) -> None:
    owner, other = await an_owner(fresh_pool), await an_owner(fresh_pool)
    await some_artists(fresh_pool, owner, 25)
    await some_artists(fresh_pool, other, 25)
    cursor: str | None = None
    seen: list[Changed] = []
    pages = 0
    async with fresh_pool.acquire() as connection:
        while True:
            page = await read_changes(connection, owner, cursor, 10)
            seen += page.changes
            cursor, pages = page.next_cursor, pages + 1
            if not page.has_more:
                break
        assert (pages, len(seen)) == (3, 25)
        assert seen == sorted(seen, key=lambda change: change.seq)
        assert seen[0].diff["name"] == [None, "artist 1"]
        await some_artists(fresh_pool, owner, 1)
        assert len((await read_changes(connection, owner, cursor, 10)).changes) == 1


async def test_the_read_pool_will_do(fresh_database: str, fresh_pool: Pool) -> None:
    owner = await an_owner(fresh_pool)
    await some_artists(fresh_pool, owner, 2)
    pool = await open_read_pool(fresh_database, max_size=1)
    try:
        async with pool.acquire() as connection:
            page = await read_changes(connection, owner, None, 10)
            again = await read_changes(connection, owner, page.next_cursor, 10)
            updates = await read_updates(connection, owner, datetime(2000, 1, 1, tzinfo=UTC), None, 10)
    finally:
        pool.terminate()
    assert [change.kind for change in page.changes] == ["artist", "artist"]
    assert again.changes == ()
    assert [update.op for update in updates.updates] == ["insert", "insert"]


async def test_bad_cursors_are_refused_with_what_would_do(fresh_pool: Pool) -> None:
    owner, other = await an_owner(fresh_pool), await an_owner(fresh_pool)
    async with fresh_pool.acquire() as connection:
        cursor = (await read_changes(connection, owner, None, 10)).next_cursor
        for bad in ("", "zzz", cursor[:-3], cursor + "AA", "é" * 8, "A" * 40_000):
            with pytest.raises(CursorInvalid, match="use the cursor of an earlier answer"):
                await read_changes(connection, owner, bad, 10)
        with pytest.raises(CursorInvalid):
            await read_changes(connection, other, cursor, 10)
        for size in (0, 1_001):
            with pytest.raises(PageSizeInvalid):
                await read_changes(connection, owner, None, size)


async def test_updates_fold_the_changes_of_a_span(fresh_pool: Pool) -> None:
    owner = await an_owner(fresh_pool)
    start = datetime.now(UTC) - timedelta(seconds=5)
    made, edited, gone = await some_artists(fresh_pool, owner, 3)
    middle = await fresh_pool.fetchval("select clock_timestamp()")
    for _ in range(3):
        await rename(fresh_pool, edited)
    await fresh_pool.execute(
        "update artist set status = 'deleted', version = version + 1 where id = $1", gone
    )
    async with fresh_pool.acquire() as connection:
        later = await read_updates(connection, owner, middle, None, 10)
        assert [(u.id, u.op, u.version) for u in later.updates] == [
            (edited, "update", 4),
            (gone, "delete", 2),
        ]
        earlier = await read_updates(connection, owner, start, middle, 10)
        assert [u.op for u in earlier.updates] == ["insert"] * 3
        first = await read_updates(connection, owner, start, None, 2)
        assert first.has_more
        rest = await read_updates(connection, owner, start, None, 2, first.next_after)
        assert {u.id for u in (*first.updates, *rest.updates)} == {made, edited, gone}
