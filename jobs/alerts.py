"""The job that looks whether something is out of bounds."""

from collections.abc import Mapping
from datetime import timedelta

import structlog

from domain.alerts.evaluate import evaluate
from domain.figures import tally
from domain.row import utc_now
from jobs.job import Tools, job
from jobs.schedule import scheduled

EVERY = timedelta(seconds=30)

log = structlog.get_logger(__name__)


# In the high lane: an alert about a lane that is late must not wait in it.
@scheduled(every=EVERY, lane="high")
@job(timeout_s=25, tries=1)
async def evaluate_alerts(tools: Tools) -> Mapping[str, str]:
    """Let alerts fire and clear, and give notice of both; a second run finds that done."""
    now = utc_now()
    async with tools.step() as sql:
        told = await evaluate(sql, now)
        await tally.forget(sql, now)
        # There are thousands of these a day, and nobody reads about those that went well.
        await sql.execute(
            "delete from job where kind = $1 and owner_id = $2 and state = 'done' "
            "and finished_at < clock_timestamp() - interval '15 minutes'",
            tools.claim.kind,
            tools.claim.owner_id,
        )
    for rule, what in told.items():
        log.warning("alert", rule=rule, state=what)
    return dict(told)
