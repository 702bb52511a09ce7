"""A yard whose exports are asked for and run on the spot, and read back as they lie in the store."""

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.access.viewer import Viewer
from domain.adapters.postgres import Pool
from domain.commands import COMMANDS
from domain.dispatch import dispatch
from domain.inputs import parse
from jobs.worker import run_job
from tests.jobs.yard import Yard, new_yard


@dataclass(frozen=True)
class Exported:
    """What became of an export. raw: the file's bytes, None where there is none."""

    job: dict[str, Any]
    raw: bytes | None

    @property
    def result(self) -> dict[str, Any]:
        """What the job says of its file."""
        found: dict[str, Any] = json.loads(self.job["result"])
        return found

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of NDJSON."""
        assert self.raw is not None
        return [json.loads(line) for line in self.raw.splitlines()[:-1]]


Export = Callable[..., Awaitable[Exported]]


@pytest.fixture
async def yard(fresh_pool: Pool, tmp_path: Path) -> Yard:
    """An organization in a database of the test's own."""
    return await new_yard(fresh_pool, tmp_path)


async def ask(yard: Yard, kind: str, format: str = "ndjson", *, of: Viewer | None = None, **more: Any) -> str:
    """Ask for an export through the command; gives the job's id."""
    command = COMMANDS["export_catalog"]
    given: Any = parse(command.ask, {"kind": kind, "format": format, **more})
    answer = await dispatch(command, given, viewer=of or yard.viewer, pool=yard.pool, door="test")
    assert answer.outcome is not None
    return str(answer.outcome.ids[0])


async def look(yard: Yard, id: str) -> Exported:
    """The job as it stands, and its file."""
    (job,) = await yard.fetch("select * from job where id = $1", uuid.UUID(id))
    sha256 = json.loads(job["result"])["sha256"] if job["result"] else None
    return Exported(job, await yard.house.blobs.read(sha256) if sha256 else None)


@pytest.fixture
def export(yard: Yard) -> Export:
    """Ask for an export and run its job."""

    async def exported(kind: str, format: str = "ndjson", **more: Any) -> Exported:
        id = await ask(yard, kind, format, **more)
        await run_job(yard.house, id)
        return await look(yard, id)

    return exported


def stored(yard: Yard) -> list[Path]:
    """Every file that lies in the store, half written ones too."""
    return [path for path in (yard.folder / "blobs").rglob("*") if path.is_file()]


async def record(yard: Yard, *titles: str, owner: uuid.UUID | None = None, **more: Any) -> None:
    """Recordings of these titles, of our organization unless said."""
    columns = {"owner_id": owner or yard.viewer.organization_id, **more}
    names = ", ".join(columns)
    slots = ", ".join(f"${place + 2}" for place in range(len(columns)))
    await yard.pool.execute(
        f"insert into recording (title, {names}) select t, {slots} from unnest($1::text[]) t",
        list(titles),
        *columns.values(),
    )
