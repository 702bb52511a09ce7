"""The job that lets go what is due, and tells of what will be."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any

from domain.retention.run import run
from domain.row import utc_now
from jobs.job import Tools, job
from jobs.schedule import scheduled


# In the hour in which least is done; a day without a worker is made up for by the next one.
@scheduled(every=timedelta(days=1), at=time(3))
@job(timeout_s=6 * 3600, tries=3, backoff_s=(60, 600))
async def retain(tools: Tools) -> Mapping[str, Any]:
    """Give notices and delete what is due, in batches; a second run goes on where the first one ended."""
    done = await run(tools.step, utc_now(), store=tools.blobs, progress=tools.progress)
    return done.result()
