"""The job that runs retention: claimed, carried out and told of in its row, as any other."""

import json
import uuid
from datetime import timedelta
from pathlib import Path

from domain.adapters.postgres import Pool
from domain.row import utc_now
from jobs.worker import run_job
from tests.jobs.yard import new_yard
from tests.retention.conftest import Attic


async def test_the_job_says_what_it_did(attic: Attic, tmp_path: Path) -> None:
    pool: Pool = attic.pool
    yard = await new_yard(pool, tmp_path)
    owner = await attic.organization()
    await attic.job(owner, utc_now() - timedelta(days=31))
    await attic.export(owner, utc_now() - timedelta(days=25))
    id: uuid.UUID = await attic.sql.fetchval(
        "insert into job (owner_id, kind, state) values ($1, 'retain', 'queued') returning id",
        yard.viewer.organization_id,
    )
    assert await run_job(yard.house, str(id)) == "done"
    result = json.loads(await attic.sql.fetchval("select result from job where id = $1", id))
    assert result["gone"]["ended_jobs"] == 1
    assert result["told"]["exports"] == 1
    assert result["state"] == "1 gone, 1 told of"
