"""The job that forgets a person and proves it."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

from domain.audit import Audit
from domain.erasure.erase import erase, prove, quiet
from jobs.job import Tools, job

_LOOK_S = 0.5


@job(timeout_s=3600, tries=5, backoff_s=(10, 60))
async def erase_person(erasure_id: uuid.UUID, tools: Tools) -> Mapping[str, Any]:
    """Delete, rename, look everywhere; begun again, it goes on with what is not done."""
    async with tools.open_work("erase_person", audit=Audit.OPERATIONS) as work:
        await erase(work, erasure_id)
        await tools.hold(work)
    await tools.progress(1, 3, "waiting for what still runs in the person's name")
    while not await _over(erasure_id, tools):
        tools.checkpoint()
        await asyncio.sleep(_LOOK_S)
    await tools.progress(2, 3, "looking into every table")
    async with tools.step() as sql:
        proof = await prove(sql, erasure_id)
    return {"state": "left" if proof["left"] else "proven", **proof}


async def _over(erasure_id: uuid.UUID, tools: Tools) -> bool:
    async with tools.pool.acquire() as sql:
        return await quiet(sql, erasure_id)
