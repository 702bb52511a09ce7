"""The job that reads what a partner told us."""

import uuid
from collections.abc import Mapping
from typing import Any

from domain.audit import Audit
from domain.callbacks.settle import settle
from jobs.job import Tools, job


@job(timeout_s=30)
async def settle_callback(id: uuid.UUID, tools: Tools) -> Mapping[str, Any]:
    """Read one kept event of a partner, and let the record of its release follow."""
    async with tools.open_work("settle_callback", audit=Audit.OPERATIONS) as work:
        await tools.hold(work)
        return await settle(work, id)
