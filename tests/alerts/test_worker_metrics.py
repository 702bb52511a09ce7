"""The port of a worker: off unless set, closed unless opened, and telling what the process did."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse
from pydantic import SecretStr

from api.settings import Settings
from api.worker_metrics import worker_figures
from domain.adapters.postgres import Pool
from domain.dispatch import open_work
from jobs.job import JOBS, Tools, job
from jobs.tally import HERE
from jobs.worker import run_job
from tests.jobs.yard import new_yard
from tests.ports import free_port

TOKEN = "only-for-those-who-watch"


@pytest.fixture
def settings() -> Settings:
    """Settings with a free port."""
    return Settings(worker_metrics_port=free_port(), metrics_token=SecretStr(TOKEN))


@pytest.fixture
def own_jobs() -> Iterator[None]:
    """Jobs registered in the test go again."""
    before = dict(JOBS)
    yield
    JOBS.clear()
    JOBS.update(before)


def asked(settings: Settings, path: str = "/metrics", **headers: str) -> httpx2.Response:
    """What the port answers."""
    return httpx2.get(f"http://127.0.0.1:{settings.worker_metrics_port}{path}", headers=headers, timeout=10)


def samples(settings: Settings) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    answer = asked(settings, Authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in parse(answer.text)
        for sample in family.samples
    }


async def test_a_worker_tells_what_it_runs_and_how_it_ended(
    settings: Settings, pool: Pool, tmp_path: Path, own_jobs: None
) -> None:
    yard, going = await new_yard(pool, tmp_path), asyncio.Event()

    @job(tries=1)
    async def measured(well: bool, tools: Tools) -> None:
        await going.wait()
        assert well

    async def ask(well: bool) -> str:
        async with open_work(pool, yard.viewer, command="test", door="test") as unit:
            return str(await unit.enqueue("measured", {"well": well}))

    with worker_figures(settings):
        running = [asyncio.create_task(run_job(yard.house, await ask(well))) for well in (True, True, False)]
        while HERE.running["measured"] < 3:
            await asyncio.sleep(0.01)
        found = await asyncio.to_thread(samples, settings)
        assert found["catalograph_worker_jobs_running", "measured"] == 3
        assert found["process_resident_memory_bytes",] > 0
        going.set()
        assert sorted(await asyncio.gather(*running)) == ["dead", "done", "done"]
        assert await run_job(yard.house, str(uuid.uuid4())) == "not claimed"
        found = await asyncio.to_thread(samples, settings)
        assert found["catalograph_worker_jobs_running", "measured"] == 0
        ended = {key[1:]: count for key, count in found.items() if key[0] == "catalograph_worker_turns_total"}
        assert {state: ended["measured", state] for state in ("done", "dead")} == {"done": 2, "dead": 1}


def test_nobody_else_is_told(settings: Settings) -> None:
    with worker_figures(settings):
        for given in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"bearer{TOKEN}"}):
            refused = asked(settings, **given)
            assert (refused.status_code, "catalograph" in refused.text) == (401, False)
        assert asked(settings, "/", Authorization=f"Bearer {TOKEN}").status_code == 404
        # A second worker on the machine finds the port taken and does without.
        with worker_figures(settings):
            assert asked(settings, Authorization=f"Bearer {TOKEN}").status_code == 200
    with pytest.raises(httpx2.ConnectError):
        asked(settings)
    with worker_figures(settings.using(metrics_open_to="127.0.0.0/8", metrics_token=SecretStr(""))):
        assert asked(settings).status_code == 200
        assert asked(settings, Authorization="Bearer").status_code == 401
    with worker_figures(settings.using(metrics_token=SecretStr(""))):
        assert asked(settings, Authorization="Bearer").status_code == 401


def test_it_is_off_unless_a_port_is_set() -> None:
    assert Settings().worker_metrics_port == 0
