"""The job that judges the models each day, and closes calls whose asker died."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any

import structlog

import domain.models.report  # its figures and alert rules are known wherever they are evaluated
from domain.models import registry
from domain.models.decide import decide
from domain.models.record import end_lost_calls
from domain.row import utc_now
from jobs.job import Tools, job
from jobs.schedule import scheduled

__all__ = ["domain", "judge_models"]

log = structlog.get_logger(__name__)


@scheduled(every=timedelta(days=1), at=time(3, 40))
@job(timeout_s=120)
async def judge_models(tools: Tools) -> Mapping[str, Any]:
    """Judge the challenger by what was answered; a second run finds that done."""
    async with tools.step() as sql:
        await registry.register(sql, tools.models.configured)
        lost = await end_lost_calls(sql)
        found = await decide(sql, tools.models.policy, made_by="policy", now=utc_now())
    if found.done:
        log.warning("models", done=found.done, why=found.judgement.why)
    return {"verdict": found.judgement.verdict, "why": found.judgement.why, "done": found.done, "lost": lost}
