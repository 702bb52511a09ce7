"""Each rule fires when its figure was above the bound for long enough, clears, and says so once each."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain import jobs as life
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.adapters.postgres import Pool
from domain.alerts.evaluate import Standing, evaluate, step
from domain.alerts.rules import RULES, AlertRule
from domain.commands import COMMANDS
from domain.dispatch import dispatch
from domain.figures import house, tally
from domain.figures.registry import Family
from domain.notices.outlets import Outlets
from domain.refusals import InputInvalid
from domain.row import utc_now
from jobs.alerts import evaluate_alerts
from jobs.schedule import SCHEDULES
from jobs.worker import run_job
from tests.notices.conftest import house_of

T0 = datetime(2026, 3, 1, tzinfo=UTC)
RULE = AlertRule("r", "s", Family("f", "h"), threshold=10, for_s=60, clear_share=0.8, clear_for_s=30)


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def run(*steps: tuple[float, float]) -> list[str]:
    """What an alert is after each (second, value): '-', pending, firing, and what was told of it."""
    held: Standing | None = None
    said = []
    for second, value in steps:
        next = step(RULE, held, value, after(second))
        held = next.standing
        now = "-" if held is None else "firing" if held.fired_at else "pending"
        said.append(f"{now} {next.told}".strip())
    return said


def test_it_fires_only_after_its_time() -> None:
    assert run((0, 11), (59, 11), (60, 11), (90, 11)) == ["pending", "pending", "firing fired", "firing"]
    assert run((0, 11), (30, 9), (31, 11), (89, 11)) == ["pending", "-", "pending", "pending"]
    assert run((0, 10)) == ["-"]


def test_around_its_bound_it_does_not_go_off_and_on() -> None:
    told = run((0, 11), (60, 11), (70, 9), (200, 9), (210, 11), (220, 8), (249, 8), (250, 8), (251, 8))
    assert told == [
        *("pending", "firing fired", "firing", "firing", "firing", "firing", "firing"),
        *("- cleared", "-"),
    ]
    assert run((0, 11), (60, 11), (70, 8), (90, 9), (110, 8), (139, 8), (140, 8))[-3:] == [
        *("firing", "firing", "- cleared"),
    ]


@pytest.fixture
async def operator(fresh_pool: Pool) -> uuid.UUID:
    """The organization that runs the installation, which nobody has told where to send notices."""
    id: uuid.UUID = await fresh_pool.fetchval(
        "insert into organization (name, slug, is_operator) values ('O', 'o', true) returning id"
    )
    return id


Breach = Callable[[Pool, uuid.UUID], Awaitable[object]]


async def _jobs(pool: Pool, owner: uuid.UUID, count: int, state: str, more: str = "now()") -> None:
    await pool.execute(
        "insert into job (owner_id, kind, state, run_at, finished_at) "
        f"select $1, 'k', $2::text, {more}, case when $2::text = 'dead' then now() end "
        "from generate_series(1, $3)",
        owner,
        state,
        count,
    )


async def _slow(pool: Pool, owner: uuid.UUID, count: int, late: int) -> None:
    """Jobs that have begun, so many of them three seconds late."""
    await pool.execute(
        "insert into job (owner_id, kind, lane, state, created_at, started_at, finished_at) "
        "select $1, 'k', 'high', 'done', now() - make_interval(secs => case when n <= $3 then 3 else 0 end), "
        "now(), now() from generate_series(1, $2) n",
        owner,
        count,
        late,
    )


async def _models(pool: Pool, owner: uuid.UUID, calls: int, failed: int, answers: int, unsure: int) -> None:
    """Calls and answers of one model, so many of them failed or unsure."""
    model = await pool.fetchval(
        "insert into model (provider, model, prompt_version, code_version, role) "
        "values ('qwen', 'm', '1', '1', 'champion') returning id"
    )
    await pool.execute(
        "insert into model_call "
        "(owner_id, model_id, subject_id, sha256, place, reason, day, state, error) "
        "select $1, $2, $1, n::text, 0, 'r', now(), case when n <= $4 then 'failed' else 'answered' end, "
        "case when n <= $4 then 'timeout' end from generate_series(1, $3) n",
        owner,
        model,
        calls,
        failed,
    )
    await pool.execute(
        "insert into model_answer (owner_id, model_id, subject_id, sha256, labels, confidence, windows, "
        "reason, latency_ms, cost_micros) select $1, $2, $1, n::text, '{}', "
        "case when n <= $4 then 0.69 else 0.7 end, 1, 'r', 1, 0 from generate_series(1, $3) n",
        owner,
        model,
        answers,
        unsure,
    )


async def _errors(pool: Pool, _: uuid.UUID) -> None:
    async with pool.acquire() as sql:
        await tally.add(sql, uuid.uuid4(), utc_now(), tally.Counted(100, 6))


# At the bound nothing fires; one beyond it does.
BREACHES: dict[str, Breach] = {
    "jobs_pending": lambda pool, owner: _jobs(pool, owner, 501, "queued"),
    "dead_letters": lambda pool, owner: _jobs(pool, owner, 101, "dead"),
    "jobs_late": lambda pool, owner: _jobs(pool, owner, 1, "queued", "now() - interval '11 min'"),
    "errors": _errors,
    "lane_slow": lambda pool, owner: _slow(pool, owner, 100, 2),
    "model_errors": lambda pool, owner: _models(pool, owner, 100, 6, 0, 0),
    "model_unsure": lambda pool, owner: _models(pool, owner, 0, 0, 100, 21),
}
BOUNDS: dict[str, Breach] = {
    "jobs_pending": lambda pool, owner: _jobs(pool, owner, 500, "queued"),
    "dead_letters": lambda pool, owner: _jobs(pool, owner, 100, "dead"),
    "jobs_late": lambda pool, owner: _jobs(pool, owner, 1, "queued", "now() - interval '9 min'"),
    # Of a hundred, one may be late; of fewer nothing is said, however late they are.
    "lane_slow": lambda pool, owner: _slow(pool, owner, 99, 99),
    "model_errors": lambda pool, owner: _models(pool, owner, 100, 5, 19, 19),
    "model_unsure": lambda pool, owner: _models(pool, owner, 19, 19, 100, 20),
}


def test_every_rule_is_made_to_fire_here() -> None:
    assert set(BREACHES) == set(RULES)


async def evaluated(pool: Pool, now: datetime) -> dict[str, str]:
    async with pool.acquire() as sql, sql.transaction():
        return dict(await evaluate(sql, now))


async def _tidy(pool: Pool) -> None:
    for table in ("job", "request_tally", "model_call", "model_answer", "model"):
        await pool.execute(f"delete from {table}")


@pytest.mark.parametrize("name", sorted(RULES))
async def test_a_rule_fires_and_clears(fresh_pool: Pool, operator: uuid.UUID, name: str) -> None:
    pool, rule, now = fresh_pool, RULES[name], utc_now()
    assert await evaluated(pool, now) == {}
    if name in BOUNDS:
        await BOUNDS[name](pool, operator)
        assert await evaluated(pool, now) == {}
        await _tidy(pool)
    await BREACHES[name](pool, operator)
    first = await evaluated(pool, now)
    assert set(first) == (set() if rule.for_s else {name})
    state = await pool.fetchrow("select rule, state, value, threshold from alert")
    assert state is not None
    assert (state["rule"], state["state"]) == (name, "pending" if rule.for_s else "firing")
    assert state["value"] > state["threshold"]
    later = now + timedelta(seconds=rule.for_s)
    if rule.for_s:
        assert (await evaluated(pool, later))[name] == "fired"
    assert await evaluated(pool, later) == {}
    await _tidy(pool)
    assert await evaluated(pool, later) == {}
    calm = later + timedelta(seconds=rule.clear_for_s)
    assert await evaluated(pool, calm) == {name: "cleared"}
    assert await evaluated(pool, calm) == {}
    row = await pool.fetchrow("select state, fired_at, cleared_at from alert")
    assert row is not None
    assert (row["state"], row["fired_at"], row["cleared_at"]) == ("cleared", later, calm)
    told = await pool.fetch(
        "select kind, subject, channels from notice where owner_id = $1 order by id", operator
    )
    assert [tuple(row) for row in told] == [
        ("alert.fired", f"Alert {name} fires", 0),
        ("alert.cleared", f"Alert {name} is over", 0),
    ]


async def test_two_evaluations_at_once_tell_once(fresh_pool: Pool, operator: uuid.UUID) -> None:
    import asyncio

    await BREACHES["dead_letters"](fresh_pool, operator)
    now = utc_now()
    told = await asyncio.gather(*(evaluated(fresh_pool, now) for _ in range(4)))
    assert sorted(told, key=len) == [{}, {}, {}, {"dead_letters": "fired"}]
    assert await fresh_pool.fetchval("select count(*) from notice") == 1


async def test_an_administrator_sets_the_bounds(fresh_pool: Pool, operator: uuid.UUID) -> None:
    pool, command = fresh_pool, COMMANDS["edit_alert_rule"]
    viewer = Viewer(operator, "user:o", Role.ADMIN, frozenset(Scope))

    async def edit(**given: object) -> object:
        done = await dispatch(command, command.ask(**given), viewer=viewer, pool=pool, door="test")
        assert done.outcome is not None
        return done.outcome.value

    now = utc_now()
    await _jobs(pool, operator, 3, "dead")
    assert await evaluated(pool, now) == {}
    terms = await edit(name="dead_letters", threshold=2.0)
    assert (getattr(terms, "threshold", 0), getattr(terms, "for_s", 1)) == (2.0, 0)
    assert await evaluated(pool, now) == {"dead_letters": "fired"}
    await edit(name="dead_letters", disabled=True)
    assert await evaluated(pool, now) == {"dead_letters": "cleared"}
    terms = await edit(name="dead_letters", disabled=False, threshold=None)
    assert getattr(terms, "threshold", 0) == 100
    for wrong in (
        {"name": "nonsense"},
        {"name": "errors", "threshold": -1.0},
        {"name": "errors", "for_s": 1e9},
    ):
        with pytest.raises(InputInvalid):
            await edit(**wrong)


async def test_the_job_evaluates_tells_by_mail_and_tidies(
    fresh_pool: Pool, operator: uuid.UUID, tmp_path: Path
) -> None:
    assert SCHEDULES[evaluate_alerts.__name__].lane == "high"
    pool = fresh_pool
    await _jobs(pool, operator, 101, "dead")
    await pool.execute(
        "insert into notice_channel (owner_id, kind, address) values ($1, 'email', 'ops@house.example')",
        operator,
    )
    await pool.execute(
        "insert into job (owner_id, kind, state, finished_at) "
        "values ($1, 'evaluate_alerts', 'done', now() - interval '1 hour')",
        operator,
    )
    async with pool.acquire() as sql, sql.transaction():
        id = await life.ask(sql, operator, "evaluate_alerts", {}, unique_key="evaluate_alerts", lane="high")
    assert await run_job(house_of(pool, tmp_path, Outlets()), str(id)) == "done"
    states = await pool.fetch("select kind, state from job where kind <> 'k' order by kind")
    assert [tuple(row) for row in states] == [("evaluate_alerts", "done"), ("send_notice", "queued")]


async def test_a_figure_that_fails_takes_no_other_with_it(
    fresh_pool: Pool, operator: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    from domain.figures import registry

    async def broken(sql: object, now: datetime) -> list[registry.Sample]:
        raise LookupError("a mistake in a figure")

    families, _ = registry.READERS["outbox"]
    monkeypatch.setitem(registry.READERS, "outbox", (families, broken))
    async with fresh_pool.acquire() as sql:
        found = await registry.read_figures(sql, utc_now())
    assert house.RELAY not in found
    assert house.DELAY in found


async def test_labels_are_bounded(fresh_pool: Pool, operator: uuid.UUID) -> None:
    from domain.figures import registry

    await fresh_pool.execute(
        "insert into job (owner_id, kind) select $1, 'kind ' || n from generate_series(1, 600) n", operator
    )
    async with fresh_pool.acquire() as sql:
        found = await registry.read_figures(sql, utc_now())
    assert len(found[house.JOBS]) == registry.MOST_LABELS + 1
    assert sum(found[house.JOBS].values()) == 600
