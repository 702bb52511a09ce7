"""A studio: organizations that upload sound made from formulas, and their jobs, run on the spot."""

import asyncio
import dataclasses
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from domain.access.scopes import Role
from domain.adapters.audio import analyse as adapter
from domain.adapters.audio.orders import Settings
from domain.adapters.postgres import Pool
from domain.audio.analysis import Analysis, NotAnalysed
from domain.command import Outcome
from domain.commands import COMMANDS
from domain.dispatch import dispatch
from domain.files.ask import UPLOAD_FILE, UploadFile
from domain.files.taking import Bytes, Sums, look
from domain.inputs import parse
from jobs.worker import run_job
from tests.api.conftest import house, house_database, ours, theirs
from tests.jobs.yard import Yard, new_yard

__all__ = ["house", "house_database", "ours", "theirs"]


@dataclass
class Ear:
    """The analysis of the house, in this process. versions: those it says it has; asked: what for.

    weights: the folder of the taggers' weights, else nothing is tagged.
    """

    versions: Mapping[str, str] = field(default_factory=lambda: dict(adapter.VERSIONS))
    at_once: int = 2
    asked: list[frozenset[str]] = field(default_factory=list)
    weights: str = ""

    async def analyse(self, path: Path, parts: frozenset[str]) -> Analysis | NotAnalysed:
        """These parts, by the versions that it says it has."""
        self.asked.append(parts)
        settings = Settings(weights=self.weights)
        found = await asyncio.to_thread(adapter.analyse, path, parts, settings)
        if isinstance(found, NotAnalysed):
            return found
        return dataclasses.replace(found, models={part: self.versions[part] for part in found.models})


@dataclass(frozen=True)
class Studio:
    """An organization with sound, and what hears it."""

    yard: Yard
    ear: Ear

    @property
    def owner(self) -> uuid.UUID:
        """The organization."""
        return self.yard.viewer.organization_id

    async def do(self, name: str, /, **given: Any) -> Outcome:
        """A command of the organization."""
        command = COMMANDS[name]
        ask: Any = parse(command.ask, given)
        done = await dispatch(
            command,
            ask,
            viewer=self.yard.viewer,
            pool=self.yard.pool,
            door="test",
            blobs=self.yard.house.blobs,
        )
        assert done.outcome is not None
        return done.outcome

    async def recording(self, title: str = "A") -> str:
        """A new recording."""
        return str((await self.do("create_recording", title=title)).ids[0])

    async def upload(self, content: bytes, recording: str | None = None, name: str = "a.flac") -> uuid.UUID:
        """Send a file, hung on a recording."""
        blobs, sums = self.yard.house.blobs, Sums()

        async def stream() -> AsyncIterator[bytes]:
            yield content

        ref = await blobs.put(sums.of(stream()))
        given = Bytes(sha256=ref.sha256, xxh128=sums.xxh128, size_bytes=ref.size_bytes, file_name=name)
        assert self.yard.house.inspect is not None
        looked = await look(blobs, self.yard.house.inspect, given)
        ask = UploadFile(given=given, looked=looked, subject_id=recording)
        done = await dispatch(
            UPLOAD_FILE, ask, viewer=self.yard.viewer, pool=self.yard.pool, door="test", blobs=blobs
        )
        assert done.outcome is not None
        return done.outcome.ids[0]

    async def jobs(self) -> list[dict[str, Any]]:
        """The jobs of the organization, oldest first."""
        return await self.yard.fetch("select * from job where owner_id = $1 order by id", self.owner)

    async def work(self) -> list[str]:
        """Run what waits; gives the states that the jobs are left in."""
        waiting = [job for job in await self.jobs() if job["state"] == "queued"]
        return [await run_job(self.yard.house, str(job["id"])) for job in waiting]

    async def result(self, job: uuid.UUID) -> dict[str, Any]:
        """What a job says that it did."""
        (row,) = await self.yard.fetch("select result, state, error_text from job where id = $1", job)
        assert row["result"], row
        found: dict[str, Any] = json.loads(row["result"])
        return found

    async def figures(self, recording: str) -> dict[str, Any]:
        """The figures of a recording by name, as they count."""
        rows = await self.yard.fetch(
            "select * from audio_feature where recording_id = $1", uuid.UUID(recording)
        )
        return {row["name"]: row for row in rows}

    async def enrichments(self) -> list[dict[str, Any]]:
        """What was made of each file."""
        return await self.yard.fetch("select * from enrichment where owner_id = $1 order by id", self.owner)


async def open_studio(pool: Pool, folder: Path, ear: Ear) -> Studio:
    """An organization more."""
    yard = await new_yard(pool, folder)
    house = dataclasses.replace(yard.house, analyser=ear)
    viewer = dataclasses.replace(yard.viewer, role=Role.ADMIN)
    return Studio(dataclasses.replace(yard, house=house, viewer=viewer), ear)


@pytest.fixture
def ear() -> Ear:
    """What hears."""
    return Ear()


@pytest.fixture
async def studio(pool: Pool, tmp_path: Path, ear: Ear) -> Studio:
    """An organization with sound."""
    return await open_studio(pool, tmp_path, ear)
