"""No seed loses a job or doubles its effect; and whoever breaks that is found out by some seed."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest

from domain import jobs
from domain.ports import Sql
from jobs.relay import Relay
from tests.conftest import Databases
from tests.jobs.simulation import Broken, Result, Simulation

SHORT = 15
LONG, PARTS = 10_000, 8
FOUND_WITHIN = 120


@pytest.fixture(scope="module")
async def own_database(databases: Databases) -> AsyncIterator[str]:
    """A database whose clock is the simulation's."""
    url = await databases.clone("simulation")
    yield url
    await databases.drop(url)


@pytest.fixture(scope="module")
def simulation(own_database: str) -> Iterator[Simulation]:
    """Runs seeds, all on one database."""
    with Simulation(own_database) as opened:
        yield opened


def test_no_seed_loses_a_job_or_doubles_its_effect(simulation: Simulation) -> None:
    results = _run_all(simulation, range(SHORT))
    assert sum(result.kills for result in results) >= SHORT
    assert sum(result.jobs for result in results) >= SHORT


@pytest.mark.long
@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_seed_of_ten_thousand_does(simulation: Simulation, part: int) -> None:
    """Parts run side by side: pytest -n, or one part by its number. Every second one is sharp."""
    _run_all(simulation, range(part, LONG, PARTS), sharp=part % 2 == 1)


def test_a_seed_replays_identically(simulation: Simulation) -> None:
    first, second = [[simulation.run(seed).trace for seed in (7, 8, 9)] for _ in range(2)]
    assert first == second
    assert len({len(trace) for trace in first}) > 1


def _run_all(simulation: Simulation, seeds: Iterable[int], *, sharp: bool = False) -> list[Result]:
    return [simulation.run(seed, sharp=sharp) for seed in seeds]


# -- what is broken on purpose ------------------------------------------------------------------------


async def finish_without_fence(sql: Sql, ended: Sequence[Any]) -> list[bool]:
    for id, fence, _ in ended:
        await sql.execute(
            "update job set state = 'done', result = jsonb_build_object('fence', $2::bigint), "
            "leased_until = null, finished_at = clock_timestamp() where id = $1 and state = 'running'",
            id,
            fence,
        )
    return [True for _ in ended]


async def hold_nothing(sql: Sql, id: Any, fence: int) -> None:
    return None


async def tell_before_it_is_published(self: Relay) -> int:
    async with self._pool.acquire() as sql:
        rows = await sql.fetch(
            "update outbox set told_at = clock_timestamp() where told_at is null "
            "returning id, topic, key, payload, correlation_id, created_at"
        )
        await self._wake(sql, [row for row in rows if row["topic"] == "job"])
    await self._publish([row for row in rows if row["topic"] != "job"])
    return len(rows)


async def sweep_nothing(self: Relay) -> int:
    return 0


def _without(name: str, old: str, new: str) -> tuple[Any, str, str]:
    statement: str = getattr(jobs, name)
    assert old in statement
    return jobs, name, statement.replace(old, new)


# Found by few seeds, and sharp ones, so looked for only where there is time.
SELDOM = (
    "finish without the fence",
    "steps that do not hold the lease",
    "a claim that forgets who cancelled",
    "a failure that forgets who cancelled",
)
BROKEN: dict[str, Callable[[], tuple[Any, str, Any]]] = {
    "finish without the fence": lambda: (jobs, "finish_many", finish_without_fence),
    "steps that do not hold the lease": lambda: (jobs, "hold", hold_nothing),
    "a relay that marks as told and then tells": lambda: (Relay, "tell", tell_before_it_is_published),
    "a relay that never sweeps": lambda: (Relay, "sweep", sweep_nothing),
    "a claim that ignores the lease": lambda: _without("_CLAIM", "and leased_until < clock_timestamp()", ""),
    "a claim that keeps the fence": lambda: _without("_CLAIM", "fence = fence + 1", "fence = fence"),
    "a claim that forgets who was lost": lambda: _without(
        "_CLAIM", "case when lost then", "case when false then"
    ),
    "a claim that forgets who cancelled": lambda: _without(
        "_CLAIM", "cancel_asked_at is not null as cancelled", "false as cancelled"
    ),
    "a failure that forgets who cancelled": lambda: _without(
        "_FAIL", "when cancel_asked_at is not null then 'cancelled'", ""
    ),
    "a try too many": lambda: _without("_FAIL", "attempts >= $5", "attempts > $5"),
}


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=pytest.mark.long) if what in SELDOM else what for what in BROKEN]
)
def test_what_is_broken_is_found(what: str, simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*BROKEN[what]())
    sharp = what in SELDOM
    with pytest.raises(Broken) as found:
        _run_all(simulation, range(4 * FOUND_WITHIN if sharp else FOUND_WITHIN), sharp=sharp)
    with pytest.raises(Broken) as again:
        simulation.run(found.value.seed, sharp=sharp)
    assert (again.value.what, again.value.trace) == (found.value.what, found.value.trace)
