"""The log's leaves are dropped when their class's time is over, and readers who come too late are told."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from domain.feed import FeedTooOld, read_changes, read_updates
from domain.retention.partitions import TIMES
from migrations import log_partitions
from tests.retention.conftest import SECOND, Attic
from tests.retention.test_holds import hold

FEBRUARY = datetime(2012, 2, 1, tzinfo=UTC)
AUGUST = datetime(2012, 8, 1, tzinfo=UTC)
# A month of each class goes when the last instant of it has been kept for the class's time.
EDGES = [
    (FEBRUARY, "operations", datetime(2012, 9, 1, tzinfo=UTC)),
    (FEBRUARY, "ai", datetime(2015, 3, 1, tzinfo=UTC)),
    (FEBRUARY, "catalog", datetime(2019, 3, 1, tzinfo=UTC)),
    (AUGUST, "operations", datetime(2013, 3, 1, tzinfo=UTC)),
    (AUGUST, "catalog", datetime(2019, 9, 1, tzinfo=UTC)),
]


async def month(attic: Attic, begin: datetime) -> uuid.UUID:
    """A month of the log with a row of each class in its last second; gives whose."""
    owner = await attic.organization()
    name = f"change_p{begin:%Y%m}"
    await attic.sql.execute(f"drop table if exists {name}")
    await attic.sql.execute("delete from change_dropped where name like $1", f"{name}%")
    await attic.sql.execute("select catalog_make_month($1)", begin)
    last = (begin + timedelta(days=31)).replace(day=1) - SECOND
    for kind in TIMES:
        await attic.sql.execute(
            "insert into change (class, at, owner_id, kind, entity_id, op, diff) "
            "values ($1, $2, $3, 'artist', uuidv7(), 'insert', '{}')",
            kind,
            last,
            owner,
        )
    return owner


async def there(attic: Attic, begin: datetime, kind: str) -> bool:
    name = f"change_p{begin:%Y%m}_{kind}"
    found: bool = await attic.sql.fetchval("select to_regclass($1) is not null", name)
    return found


@pytest.mark.parametrize(("begin", "kind", "due"), EDGES, ids=lambda value: str(value)[:10])
async def test_a_leaf_is_dropped_on_its_day_and_no_other(
    attic: Attic, begin: datetime, kind: str, due: datetime
) -> None:
    await month(attic, begin)
    name = f"change_p{begin:%Y%m}_{kind}"
    line = next(line for line in await attic.plan(due, days=0) if line.examples == (name,))
    assert (line.state, line.due_at, line.goes_at) == ("due", due, due)
    assert str(TIMES[kind]) in line.why
    await attic.run(due - SECOND)
    assert await there(attic, begin, kind)
    done = await attic.run(due)
    assert done.gone["changes"] >= 1
    assert not await there(attic, begin, kind)
    longer = [other for other in TIMES if TIMES[other].months > TIMES[kind].months]
    assert all([await there(attic, begin, other) for other in longer])
    assert (await attic.sql.fetchval("select to_regclass($1) is null", name[:14])) == (not longer)


async def test_a_hold_keeps_the_whole_leaf(attic: Attic) -> None:
    owner = await month(attic, FEBRUARY)
    await hold(attic, owner, "organization", owner)
    due = EDGES[0][2]
    assert any(line.state == "held" and line.rule == "changes" for line in await attic.plan(due))
    await attic.run(due)
    assert await there(attic, FEBRUARY, "operations")
    await attic.sql.execute("update legal_hold set released_at = now()")
    await attic.run(due)
    assert not await there(attic, FEBRUARY, "operations")


async def test_no_clock_ahead_of_the_servers_is_believed(attic: Attic) -> None:
    before = await attic.sql.fetchval("select count(*) from pg_partition_tree('change')")
    async with attic.step() as sql:
        row = await sql.fetchrow("select * from catalog_drop_changes('2200-01-01')")
    while row["name"] is not None:  # what really is due
        async with attic.step() as sql:
            row = await sql.fetchrow("select * from catalog_drop_changes('2200-01-01')")
        before -= 1
    this_month = f"change_p{datetime.now(UTC):%Y%m}_operations"
    assert await attic.sql.fetchval("select to_regclass($1) is not null", this_month)


async def test_whoever_reads_on_too_late_is_told_and_whoever_has_read_is_not(attic: Attic) -> None:
    begin = AUGUST
    for gone in ("change_p201202", "change_p201208"):
        await attic.sql.execute(f"drop table if exists {gone}")
    owner = await attic.organization()
    await attic.sql.execute("insert into artist (owner_id, name) values ($1, 'a')", owner)
    early = (await read_changes(attic.sql, owner, None, 100)).next_cursor
    other = await month(attic, begin)
    await attic.sql.execute(
        "update change set owner_id = $2 where owner_id = $1 and at < '2013-01-01'", other, owner
    )
    first = await read_changes(attic.sql, owner, early, 1)
    late = (await read_changes(attic.sql, owner, early, 100)).next_cursor
    await attic.run(datetime(2019, 9, 1, tzinfo=UTC))
    for cursor in (early, first.next_cursor):
        with pytest.raises(FeedTooOld):
            await read_changes(attic.sql, owner, cursor, 100)
    assert (await read_changes(attic.sql, owner, late, 100)).changes == ()
    fresh = await read_changes(attic.sql, owner, None, 100)
    assert [change.kind for change in fresh.changes] == ["artist"]
    assert (await read_changes(attic.sql, owner, fresh.next_cursor, 100)).changes == ()
    with pytest.raises(FeedTooOld):
        await read_updates(attic.sql, owner, begin, None, 100)
    assert (
        len((await read_updates(attic.sql, owner, datetime(2020, 1, 1, tzinfo=UTC), None, 100)).updates) == 1
    )


def test_the_database_and_the_plan_know_the_same_times() -> None:
    for kind, time in TIMES.items():
        assert f"when '{kind}' then interval '{time.months} months'" in " ".join(log_partitions.DROP.split())


async def test_each_month_ahead_has_a_leaf_for_each_class(attic: Attic) -> None:
    rows = await attic.sql.fetch(
        "select p.relid::regclass::text as name from pg_partition_tree('change') p where p.isleaf"
    )
    months = {row["name"][:14] for row in rows if row["name"].startswith("change_p20")}
    assert {f"{m}_{kind}" for m in months for kind in TIMES} <= {row["name"] for row in rows} | {
        f"change_p{begin:%Y%m}_{kind}" for begin in (FEBRUARY, AUGUST) for kind in TIMES
    }
