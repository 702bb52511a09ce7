"""`bench functions`: how long a cloud function takes from nothing to its first answer, and once it is warm.

Each runs under awslambdaric against the Runtime API of tests/functions, beside a function that does nothing:
what that one takes is Python, the runtime and the hand-over.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from migrations.run import upgrade
from tests.bench import throwaway
from tests.functions import events
from tests.functions.runtime import function

_NAME = "catalograph_bench_functions"
_CASES: dict[str, tuple[str, Any]] = {
    "nothing": ("tests.bench.functions.nothing", {}),
    "queue": ("api.hooks.queue", events.messages()),
    "schedule": ("api.hooks.schedule", events.scheduled()),
    "http": ("api.hooks.http", events.http("GET", "/livez")),
}


@dataclass(frozen=True)
class Plan:
    """How often each is begun anew, and how often it is called once warm."""

    rounds: int = 5
    calls: int = 20


@dataclass(frozen=True)
class Line:
    """One function. cold_s: from starting the process to the first answer; warm_ms: a later call."""

    function: str
    cold_s: float
    warm_ms: float
    ratio: float


def nothing(event: Any, _context: Any) -> Any:
    """The function to compare with."""
    return event


def run(plan: Plan, stage: Callable[[str], None]) -> list[Line]:
    """Measure all of them, taking turns."""
    with throwaway.server() as settings:
        stage("database")
        url = asyncio.run(throwaway.create(settings.database_url, _NAME))
        folder = Path(tempfile.mkdtemp(prefix="catalograph-functions-"))
        try:
            asyncio.run(upgrade(url))
            environment = {
                "DATABASE_URL": url,
                "REDIS_URL": settings.redis_url,
                "CATALOGRAPH_STATE_FOLDER": str(folder),
                "CATALOGRAPH_POOL_SIZE": "2",
            }
            cold: dict[str, list[float]] = {name: [] for name in _CASES}
            warm: dict[str, list[float]] = {name: [] for name in _CASES}
            for number in range(plan.rounds):
                for name, (handler, event) in _CASES.items():
                    stage(f"{name}, {number + 1} of {plan.rounds}")
                    first, later = _measure(handler, event, environment, folder, plan.calls)
                    cold[name].append(first)
                    warm[name] += later
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            asyncio.run(throwaway.drop(settings.database_url, _NAME))
    base = median(cold["nothing"])
    return [
        Line(name, median(cold[name]), median(warm[name]) * 1000, median(cold[name]) / base)
        for name in _CASES
    ]


def _measure(
    handler: str, event: Any, environment: dict[str, str], folder: Path, calls: int
) -> tuple[float, list[float]]:
    began = time.perf_counter()
    with function(handler, environment, folder) as one:
        answers = [one.invoke(event)]
        first = time.perf_counter() - began
        later = []
        for _ in range(calls):
            began = time.perf_counter()
            answers.append(one.invoke(event))
            later.append(time.perf_counter() - began)
    assert {answer.error for answer in answers} == {None}, answers[0]
    return first, later
