"""`bench overload`: how answers change when five times as many ask as can be served.

One server, callers in a process of their own; first as many as there are places, then five times as many,
then few again. What counts are ratios of the same run.
"""

import asyncio
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from api.keys import ensure_keys, mint_token
from domain.access.scopes import Role
from domain.demo.fill import Report
from tests.bench import reads, throwaway
from tests.bench.pressure import Felt, Pressure, feel, request_of
from tests.bench.questions import QUESTIONS

TIMES = 5
SLOWER = 2.0
NO_WITHIN_MS = 50


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    tracks: int = 20_000
    seconds: float = 20.0
    callers: int = 16


@dataclass(frozen=True)
class Result:
    """Milliseconds. slower: the accepted 99th percentile under load by the calm one."""

    calm_p50: float
    calm_p99: float
    busy_p50: float
    busy_p99: float
    refused_p50: float
    refused_p99: float
    accepted: int
    refused: int
    after_p50: float
    slower: float


def run(plan: Plan, report: Report, said: Any = print) -> Result:
    """Make a catalog, start a server, press it."""
    with throwaway.server() as settings, tempfile.TemporaryDirectory(prefix="catalograph-bench-") as folder:
        name, state = f"bench_{uuid.uuid4().hex[:12]}", Path(folder)
        try:
            url, owner = asyncio.run(reads.catalog(settings, name, reads.Plan(tracks=plan.tracks), report))
            token = mint_token(
                ensure_keys(state / "keys")[0],
                subject="bench",
                organization_id=owner,
                role=Role.LABEL_USER,
                tier="enterprise",
                lifetime=timedelta(hours=2),
            )
            with reads.serving(reads.PRODUCT, settings.using(database_url=url), state, owner) as server:
                with reads.asker(server.port, token) as client:
                    after = reads.cursor_in(client)
                body = {"query": QUESTIONS[1].document, "variables": {"after": after}}
                request = request_of(server.port, body, token)
                felt = []
                for what, callers, seconds in (
                    ("calm", plan.callers, plan.seconds / 2),
                    ("five times as many", TIMES * plan.callers, plan.seconds),
                    ("calm again", plan.callers, plan.seconds / 4),
                ):
                    said(what)
                    felt.append(feel(Pressure(server.port, [request], [callers], seconds, pause_s=0.05)))
        finally:
            asyncio.run(throwaway.drop(settings.database_url, name))
    return _result(*felt)


def _result(calm: Felt, busy: Felt, after: Felt) -> Result:
    wrong = [*calm.wrong, *busy.wrong, *after.wrong]
    if wrong:
        raise reads.AnswersDiffer(f"{len(wrong)} answers were neither 200 nor a good 503: {wrong[0][:500]}")
    (quiet,), (loud,), (no,), (again,) = calm.accepted, busy.accepted, busy.refused, after.accepted
    return Result(
        calm_p50=_ms(quiet, 50),
        calm_p99=_ms(quiet, 99),
        busy_p50=_ms(loud, 50),
        busy_p99=_ms(loud, 99),
        refused_p50=_ms(no, 50),
        refused_p99=_ms(no, 99),
        accepted=len(loud),
        refused=len(no),
        after_p50=_ms(again, 50),
        slower=round(_ms(loud, 99) / max(_ms(quiet, 99), 0.01), 2),
    )


def _ms(seconds: Sequence[float], percent: int) -> float:
    if not seconds:
        return 0.0
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000, 2)
