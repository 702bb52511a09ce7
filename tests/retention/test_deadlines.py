"""The clock moved over every edge: each thing goes at its instant, told seven days before, and no earlier."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.adapters.postgres import Connection
from domain.retention.plan import plan
from domain.retention.rules import RULES, Period
from tests.retention.conftest import SECOND, WEEK, Attic


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


MAKERS = {
    "exports": "export",
    "files": "file",
    "callback_bodies": "callback",
    "delivered_messages": "delivery",
}
TABLES = {
    "exports": "job",
    "files": "file",
    "callback_bodies": "callback_event",
    "delivered_messages": "delivery",
}
# What began then, on a tier, goes then: month ends, leap days, the days on which clocks are changed.
EDGES = [
    ("free", utc(2024, 1, 31, 12), utc(2024, 3, 1, 12)),
    ("free", utc(2023, 2, 28, 23, 59, 59), utc(2023, 3, 30, 23, 59, 59)),
    ("free", utc(2025, 3, 15, 1, 30), utc(2025, 4, 14, 1, 30)),
    ("pro", utc(2023, 8, 31, 5), utc(2024, 2, 29, 5)),
    ("pro", utc(2024, 8, 31, 5), utc(2025, 2, 28, 5)),
    ("pro", utc(2024, 2, 29), utc(2024, 8, 29)),
    ("pro", utc(2024, 12, 31, 23, 59, 59), utc(2025, 6, 30, 23, 59, 59)),
    ("pro", utc(2024, 10, 27, 1), utc(2025, 4, 27, 1)),
]


@pytest.mark.parametrize(("tier", "began", "due"), EDGES, ids=lambda value: str(value)[:10])
async def test_each_goes_at_its_deadline_and_seven_days_after_its_notice(
    attic: Attic, tier: str, began: datetime, due: datetime
) -> None:
    owner = await attic.organization(tier)
    ids = [(TABLES[rule], await getattr(attic, make)(owner, began)) for rule, make in MAKERS.items()]
    none, one = dict.fromkeys(MAKERS, 0), dict.fromkeys(MAKERS, 1)
    assert not any((await attic.run(due - WEEK - SECOND)).told.values())
    assert await attic.states(due - WEEK) == dict.fromkeys(MAKERS, ("to_tell", 1))
    assert (await attic.run(due - WEEK)).told.items() >= one.items()
    assert not any((await attic.run(due - SECOND)).told.values())
    assert all([await attic.there(*thing) for thing in ids])
    for line in await attic.plan(due - SECOND):
        assert (line.state, line.due_at, line.goes_at) == ("told", due, due)
    assert await attic.states(due) == dict.fromkeys(MAKERS, ("due", 1))
    assert (await attic.run(due)).gone.items() >= one.items()
    assert not any([await attic.there(*thing) for thing in ids])
    assert (await attic.run(due)).gone.items() >= none.items()
    assert await attic.plan(due) == []


async def test_nothing_goes_before_its_notice_is_seven_days_old_however_late_it_is_given(
    attic: Attic,
) -> None:
    owner = await attic.organization()
    id = await attic.export(owner, utc(2020, 1, 1))
    late = utc(2024, 3, 30, 12)  # the night on which European clocks are put forward lies in the week after
    assert (await attic.run(late)).gone["exports"] == 0
    (line,) = await attic.plan(late + SECOND)
    assert (line.state, line.goes_at) == ("told", late + WEEK)
    assert (await attic.run(late + WEEK - SECOND)).gone["exports"] == 0
    assert await attic.there("job", id)
    assert (await attic.run(late + WEEK)).gone["exports"] == 1


async def test_a_notice_counts_only_for_the_deadline_that_it_named(attic: Attic) -> None:
    owner = await attic.organization("pro")
    began = utc(2024, 1, 10)
    await attic.export(owner, began)
    await attic.run(utc(2024, 7, 3))
    await attic.sql.execute("update organization set tier = 'free' where id = $1", owner)
    assert await attic.states(utc(2024, 7, 12)) == {"exports": ("to_tell", 1)}
    assert (await attic.run(utc(2024, 7, 12))).gone["exports"] == 0
    assert (await attic.run(utc(2024, 7, 19))).gone["exports"] == 1


async def test_the_owner_is_told_of_what_will_go_and_of_what_went(attic: Attic) -> None:
    owner = await attic.organization()
    for day in (1, 2, 3):
        await attic.export(owner, utc(2024, 5, day))
    await attic.run(utc(2024, 5, 26), batch=2)
    await attic.run(utc(2024, 6, 2), batch=2)
    rows = await attic.sql.fetch(
        "select topic, payload ->> 'count' as count from outbox where key = $1 order by id", str(owner)
    )
    assert [tuple(row) for row in rows] == [
        ("retention.notice", "2"),
        ("retention.notice", "1"),
        ("retention.deleted", "2"),
        ("retention.deleted", "1"),
    ]
    # Batches are ours; an organization reads one letter.
    letters = await attic.sql.fetch("select subject from notice where owner_id = $1", owner)
    assert [row["subject"] for row in letters] == [
        "Things will be deleted from 2024-06-02 on: files that exports wrote"
    ]


async def test_an_enterprise_keeps_what_its_policy_does_not_limit(attic: Attic) -> None:
    owner = await attic.organization("enterprise")
    id = await attic.export(owner, utc(2012, 2, 29))
    assert await attic.plan(utc(2026, 1, 1)) == []
    await attic.sql.execute(
        "insert into retention_policy (owner_id, rule, months, set_by) values ($1, 'exports', 12, 'x')",
        owner,
    )
    await attic.run(utc(2013, 2, 21))
    (line,) = await attic.plan(utc(2013, 2, 21))
    assert line.due_at == utc(2013, 2, 28)
    assert line.why.startswith("its policy keeps files that exports wrote for 12 months")
    assert (await attic.run(utc(2013, 2, 27, 23, 59, 59))).gone["exports"] == 0
    assert (await attic.run(utc(2013, 2, 28))).gone["exports"] == 1
    assert not await attic.there("job", id)


@pytest.mark.parametrize(
    ("state", "due"),
    [("done", utc(2024, 3, 1)), ("failed", utc(2024, 3, 1)), ("dead", utc(2024, 7, 31))],
)
async def test_ended_jobs_go_without_a_notice_and_open_ones_stay(
    attic: Attic, state: str, due: datetime
) -> None:
    owner = await attic.organization("enterprise")
    began = utc(2024, 1, 31)
    gone = await attic.job(owner, began, state=state)
    stays = [await attic.job(owner, began, state=other) for other in ("queued", "running")]
    await attic.run(due - SECOND)
    assert await attic.there("job", gone)
    await attic.run(due)
    assert not await attic.there("job", gone)
    assert all([await attic.there("job", id) for id in stays])


async def test_answers_go_when_they_have_expired(attic: Attic) -> None:
    owner = await attic.organization()
    await attic.sql.execute(
        "insert into idempotency_key (owner_id, actor, key, fingerprint, response, expires_at) "
        "values ($1, 'a', 'k', 'f', 'body', $2)",
        owner,
        utc(2024, 1, 8),
    )
    assert (await attic.run(utc(2024, 1, 8) - SECOND)).gone["kept_answers"] == 0
    done = await attic.run(utc(2024, 1, 8))
    assert (done.gone["kept_answers"], done.gone_bytes["kept_answers"]) == (1, 4)


async def test_what_is_due_is_the_same_in_every_session_time_zone(attic: Attic) -> None:
    owner = await attic.organization("pro")
    await attic.export(owner, datetime(2024, 8, 31, 23, 30, tzinfo=ZoneInfo("America/New_York")))
    due = utc(2025, 3, 1, 3, 30)
    for zone in ("UTC", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu"):
        async with attic.step() as sql:
            await sql.execute(f"set local timezone = '{zone}'")
            (line,) = await plan(sql, due - WEEK)
            assert line.due_at == due, zone


instants = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001
    datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-11)), ZoneInfo("Europe/Berlin")]),
)
periods = st.builds(Period, st.integers(0, 90), st.integers(0, 400), st.integers(0, 48))


async def test_months_are_added_as_postgresql_adds_them(connection: Connection) -> None:
    drawn: list[tuple[datetime, Period]] = []

    @settings(max_examples=400, database=None)
    @given(instants, periods)
    def draw(at: datetime, period: Period) -> None:
        drawn.append((at, period))
        # Without months, a time is exact; with them it never ends on a later day of the month than it began.
        if not period.months:
            assert period.after(at) - at.astimezone(UTC) == timedelta(days=period.days, hours=period.hours)
        elif not period.days and not period.hours:
            assert period.after(at).day <= at.astimezone(UTC).day

    draw()
    told = await connection.fetch(
        "select (at at time zone 'UTC' + make_interval(months => m, days => d, hours => h)) "
        "at time zone 'UTC' as then from unnest($1::timestamptz[], $2::int[], $3::int[], $4::int[]) "
        "with ordinality x(at, m, d, h, n) order by n",
        [at for at, _ in drawn],
        *([getattr(period, part) for _, period in drawn] for part in ("months", "days", "hours")),
    )
    assert [row["then"] for row in told] == [period.after(at) for at, period in drawn]


def test_every_rule_says_what_it_keeps_and_for_how_long() -> None:
    for name, rule in RULES.items():
        assert name == rule.name
        assert rule.about
        times = [rule.terms.of(tier) for tier in ("free", "pro", "enterprise")]
        assert None not in times[:2]
        # Who is told of a thing is told because it is theirs: what a tier limits has a notice.
        assert rule.notice == rule.terms.by_policy
