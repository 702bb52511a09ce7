"""A yard to work in: an organization, a blob store, a reader, and jobs run on the spot."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.adapters.blobs import LocalBlobs
from domain.adapters.ern.reader import ErnReader
from domain.adapters.inspecting import inspect
from domain.adapters.postgres import Pool
from domain.adapters.schemas import SchemaStore
from domain.commands import COMMANDS
from domain.deliveries.receive import Received
from domain.dispatch import dispatch
from jobs.job import House
from jobs.worker import run_job


@dataclass(frozen=True)
class Yard:
    """One organization that deliveries come to."""

    pool: Pool
    house: House
    viewer: Viewer
    folder: Path

    async def receive(
        self,
        content: bytes,
        name: str = "a.xml",
        *,
        validate: bool = False,
        correlation_id: str | None = None,
    ) -> "Parcel":
        """Take bytes in through the command; the job waits."""
        command = COMMANDS["validate_delivery" if validate else "receive_delivery"]
        answer = await dispatch(
            command,
            command.ask(content=content, file_name=name),
            viewer=self.viewer,
            pool=self.pool,
            door="test",
            blobs=self.house.blobs,
            correlation_id=correlation_id,
        )
        assert answer.outcome is not None
        value = answer.outcome.value
        assert isinstance(value, Received)
        return Parcel(self, answer.outcome.ids[0], value.job_id, value.known)

    async def deliver(self, content: bytes, name: str = "a.xml", *, validate: bool = False) -> "Parcel":
        """Take bytes in and run their job."""
        parcel = await self.receive(content, name, validate=validate)
        if parcel.job_id is not None:
            await run_job(self.house, parcel.job_id)
        return parcel

    async def fetch(self, query: str, *args: Any) -> list[dict[str, Any]]:
        """Rows of a query as dicts."""
        return [dict(row) for row in await self.pool.fetch(query, *args)]

    async def changes(self) -> int:
        """How many change rows the organization has."""
        return int(
            await self.pool.fetchval(
                "select count(*) from change where owner_id = $1", self.viewer.organization_id
            )
        )

    async def alive(self, kind: str, columns: str = "title") -> list[dict[str, Any]]:
        """The entities of a kind that are not deleted."""
        return await self.fetch(
            f"select {columns} from {kind} where owner_id = $1 and status <> 'deleted' order by id",
            self.viewer.organization_id,
        )


@dataclass(frozen=True)
class Parcel:
    """A delivery that was received."""

    yard: Yard
    id: uuid.UUID
    job_id: str | None
    known: bool

    async def row(self) -> dict[str, Any]:
        """The delivery with its summary read."""
        (row,) = await self.yard.fetch("select * from delivery where id = $1", self.id)
        return row | {"summary": json.loads(row["summary"]) if row["summary"] else None}

    async def state(self) -> str:
        """What became of it."""
        return str((await self.row())["state"])

    async def findings(self) -> list[dict[str, Any]]:
        """What was found, as it is reported."""
        return await self.yard.fetch(
            "select * from finding where delivery_id = $1 order by position", self.id
        )

    async def codes(self) -> set[str]:
        """The codes of the findings."""
        return {finding["code"] for finding in await self.findings()}


async def until(holds: Callable[[], Awaitable[Any]], seconds: float = 60) -> None:
    """Wait until something holds that no event tells of."""
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.02)


async def new_yard(pool: Pool, folder: Path, schemas: Path | None = None) -> Yard:
    """A new organization; with `schemas`, deliveries are judged by the XSDs of that folder."""
    slug = uuid.uuid4().hex
    owner = await pool.fetchval("insert into organization (name, slug) values ($1, $1) returning id", slug)
    reader = ErnReader(SchemaStore(schemas or folder / "schemas"))
    house = House(pool, LocalBlobs(folder / "blobs"), reader, inspect=inspect)
    viewer = Viewer(owner, f"user:{slug}", Role.LABEL_USER, frozenset(Scope))
    return Yard(pool, house, viewer, folder)
