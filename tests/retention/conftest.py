"""A world in which things grow old: rows made at any instant, and runs and plans at any other."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from domain.adapters.postgres import Pool, open_pool
from domain.ports import Sql
from domain.retention.plan import PlanLine, plan
from domain.retention.run import Done, run
from tests.conftest import Databases

WEEK = timedelta(days=7)
SECOND = timedelta(seconds=1)
EMPTIED = (
    *("retention_notice", "retention_extension", "retention_policy", "legal_hold", "outbox"),
    *("callback_partner", "delivery", "job", "idempotency_key", "file", "blob_leaving"),
)


@dataclass
class Attic:
    """Where old things stand. sql: as the owner of the tables, to plant rows of the past."""

    pool: Pool
    sql: Any

    async def organization(self, tier: str = "free") -> uuid.UUID:
        """A new tenant."""
        slug = uuid.uuid4().hex
        made: uuid.UUID = await self.sql.fetchval(
            "insert into organization (name, slug, tier) values ($1, $1, $2) returning id", slug, tier
        )
        return made

    async def export(
        self, owner: uuid.UUID, at: datetime, *, size: int = 7, sha256: str = "ab" * 32
    ) -> uuid.UUID:
        """An export that ended at an instant."""
        return await self.job(owner, at, kind="write_export", result={"sha256": sha256, "size_bytes": size})

    async def job(
        self, owner: uuid.UUID, at: datetime, *, kind: str = "x", state: str = "done", result: Any = None
    ) -> uuid.UUID:
        """A job that ended at an instant."""
        made: uuid.UUID = await self.sql.fetchval(
            "insert into job (owner_id, kind, state, finished_at, result) values ($1, $2, $3, $4, $5::jsonb) "
            "returning id",
            owner,
            kind,
            state,
            at,
            json.dumps(result) if result is not None else None,
        )
        return made

    async def callback(
        self, owner: uuid.UUID, at: datetime, release_id: uuid.UUID | None = None
    ) -> uuid.UUID:
        """A partner's call, read long ago."""
        partner = await self.sql.fetchval(
            "insert into callback_partner (owner_id, name, slug, mapping, secret_sealed) "
            "values ($1, 'p', $2, '{}', 'x') returning id",
            owner,
            uuid.uuid4().hex,
        )
        distribution = await self.sql.fetchval(
            "insert into distribution (owner_id, partner_id, subject, release_id, reference_scheme, "
            "reference, state, state_at) "
            "values ($1, $2, 'partner:1', $3, 'partner', '1', 'delivered', $4) returning id",
            owner,
            partner,
            release_id,
            at,
        )
        made: uuid.UUID = await self.sql.fetchval(
            "insert into callback_event (owner_id, partner_id, distribution_id, event_id, body, body_sha256, "
            "size_bytes, state, sent_at, received_at) "
            "values ($1, $2, $3, 'e', '{\"a\":1}', 'x', 7, 'applied', $4, $4) returning id",
            owner,
            partner,
            distribution,
            at,
        )
        return made

    async def delivery(self, owner: uuid.UUID, at: datetime, *, sha256: str = "cd" * 32) -> uuid.UUID:
        """A delivery that was applied at an instant."""
        made: uuid.UUID = await self.sql.fetchval(
            "insert into delivery (owner_id, state, sha256, size_bytes, received_at, finished_at) "
            "values ($1, 'applied', $2, 9, $3, $3) returning id",
            owner,
            sha256,
            at,
        )
        return made

    async def file(
        self, owner: uuid.UUID, at: datetime, *, state: str = "ready", sha256: str | None = None, **more: Any
    ) -> uuid.UUID:
        """A file that came at an instant."""
        made: uuid.UUID = await self.sql.fetchval(
            "insert into file (owner_id, file_name, state, size_bytes, sha256, created_at, temporary, "
            "keep_until) values ($1, 'f', $2, 5, $3, $4, $5, $6) returning id",
            owner,
            state,
            sha256 or uuid.uuid4().hex * 2,
            at,
            more.get("temporary", False),
            more.get("keep_until"),
        )
        return made

    async def run(self, now: datetime, **more: Any) -> Done:
        """Run retention as if it were an instant, as the application's role."""
        return await run(self.step, now, **more)

    @asynccontextmanager
    async def step(self) -> AsyncIterator[Sql]:
        """A transaction of a run."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection

    async def plan(self, now: datetime, **more: Any) -> list[PlanLine]:
        """What would go."""
        async with self.pool.acquire() as connection:
            return await plan(connection, now, **more)

    async def states(self, now: datetime, **more: Any) -> dict[str, tuple[str, int]]:
        """For each class its state and count, where one organization has things in one state."""
        return {line.rule: (line.state, line.count) for line in await self.plan(now, **more)}

    async def there(self, table: str, id: uuid.UUID) -> bool:
        """Whether a row is there, with what it holds."""
        kept = {
            "callback_event": "octet_length(body) > 0",
            "delivery": "raw_deleted_at is null",
            "file": "state <> 'deleted'",
        }
        found: bool = await self.sql.fetchval(
            f"select exists (select from {table} where id = $1 and {kept.get(table, 'true')})", id
        )
        return found


@pytest.fixture(scope="session")
async def attic_database(databases: Databases) -> AsyncIterator[str]:
    """One database for all tests of the folder: each begins with an empty attic."""
    url = await databases.clone("retention")
    yield url
    await databases.drop(url)


@pytest.fixture
async def attic(attic_database: str) -> AsyncIterator[Attic]:
    """An empty attic."""
    connection = await asyncpg.connect(attic_database)
    for table in EMPTIED:
        await connection.execute(f"delete from {table}")
    await connection.execute("drop table if exists change_p201202, change_p201208")
    pool = await open_pool(attic_database, max_size=4)
    yield Attic(pool, connection)
    await connection.close()
    pool.terminate()
