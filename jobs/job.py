"""What a job is: a function registered by name, its limits, and the tools it works with."""

import inspect
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from domain import jobs
from domain.access.scopes import ROLE_SCOPES, Role
from domain.access.viewer import Viewer
from domain.audit import Audit
from domain.deliveries.check import Reader
from domain.dispatch import open_work
from domain.features.enrich import Analyser
from domain.features.fetch import Fetcher
from domain.files.verdict import Inspect
from domain.job_kinds import values_of
from domain.models.ports import NO_MODELS, Models
from domain.notices.outlets import Outlets
from domain.ports import Blobs, OutsideAway, Sql, SqlPool
from domain.work import Work

_SAY_EVERY_S = 0.25


class TryAgain(Exception):
    """The job could not do it this time; another may be better. code, text: as its failure is told."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Cancelled(Exception):
    """Somebody asked to cancel the job, and it has reached a point where it can stop."""


@dataclass(frozen=True)
class House:
    """What a worker was composed of; every job of the process shares it.

    inspect: tells what files are, for the jobs that take them in. models: language models that may be asked.
    analyser: finds out what can be said of sound, and fetcher fetches it, for the jobs that enrich.
    """

    pool: SqlPool
    blobs: Blobs
    reader: Reader
    outlets: Outlets = Outlets()  # noqa: RUF009
    inspect: Inspect | None = None
    models: Models = NO_MODELS
    analyser: Analyser | None = None
    fetcher: Fetcher | None = None


@dataclass
class Tools:
    """What one run of a job works with. It holds the lease; without it nothing can be written."""

    house: House
    claim: jobs.Claim
    cancel_asked: bool = False
    _said_at: float = field(default_factory=time.monotonic, repr=False)

    @property
    def pool(self) -> SqlPool:
        """Connections to work with."""
        return self.house.pool

    @property
    def blobs(self) -> Blobs:
        """The store of bytes."""
        return self.house.blobs

    @property
    def reader(self) -> Reader:
        """Reads delivered messages."""
        return self.house.reader

    @property
    def inspect(self) -> Inspect:
        """Tells what files are."""
        assert self.house.inspect is not None, "a house that takes files in is composed with an inspection"
        return self.house.inspect

    @property
    def models(self) -> Models:
        """The language models that may be asked."""
        return self.house.models

    @property
    def analyser(self) -> Analyser:
        """Finds out what can be said of sound; a worker without one leaves the job to another."""
        if self.house.analyser is None:
            raise OutsideAway("a worker that decodes sound", "this one has no decoders", 60.0)
        return self.house.analyser

    @property
    def fetcher(self) -> Fetcher:
        """Fetches sound that lies elsewhere."""
        assert self.house.fetcher is not None, "a house that enriches is composed with a fetcher"
        return self.house.fetcher

    @property
    def viewer(self) -> Viewer:
        """In whose name the job writes: the organization that asked, and the actor if one is named."""
        actor = str(self.claim.payload.get("actor") or f"job:{self.claim.kind}")
        return Viewer(self.claim.owner_id, actor, Role.SERVICE, ROLE_SCOPES[Role.SERVICE])

    def open_work(
        self, command: str, *, change_set_id: uuid.UUID | None = None, audit: Audit = Audit.CATALOG
    ) -> AbstractAsyncContextManager[Work]:
        """One step's transaction; call `hold` inside it before the end."""
        return open_work(
            self.pool,
            self.viewer,
            command=command,
            door="job",
            audit=audit,
            change_set_id=change_set_id,
            blobs=self.blobs,
            correlation_id=self.claim.correlation_id,
        )

    @asynccontextmanager
    async def step(self) -> AsyncIterator[Sql]:
        """A transaction about the job itself, outside any change set; nobody else can claim the job in it."""
        async with self.pool.acquire() as connection, connection.transaction():
            await jobs.hold(connection, self.claim.id, self.claim.fence)
            yield connection

    async def hold(self, work: Work) -> None:
        """Make the step's transaction fail if another worker has the job. Raises jobs.LeaseLost."""
        await jobs.hold(work.connection, self.claim.id, self.claim.fence)

    async def progress(self, done: int, total: int | None = None, text: str | None = None) -> None:
        """Say how far the job is, at most four times a second, and always when all is done."""
        self.checkpoint()
        if done != total and time.monotonic() - self._said_at < _SAY_EVERY_S:
            return
        self._said_at = time.monotonic()
        async with self.pool.acquire() as connection:
            await jobs.progress(connection, self.claim.id, self.claim.fence, done, total, text)

    def checkpoint(self) -> None:
        """A point between steps where the job can stop. Raises Cancelled."""
        if self.cancel_asked:
            raise Cancelled(f"job {self.claim.id} was cancelled")


Run = Callable[..., Awaitable[Mapping[str, Any] | None]]


@dataclass(frozen=True)
class JobKind:
    """One registered job.

    tries: how often it may be begun. backoff_s: the waits between (see `domain.jobs.waits`). places: how many
    of a lane's places it fills while it runs.
    """

    name: str
    run: Run
    timeout_s: float
    tries: int
    backoff_s: tuple[float, ...]
    parameters: Mapping[str, type]
    places: int = 1

    async def start(self, tools: Tools) -> Mapping[str, Any] | None:
        """Run it on the payload of its row; fields that are no parameters are for the house."""
        return await self.run(tools=tools, **values_of(self.parameters, tools.claim.payload))


JOBS: dict[str, JobKind] = {}


def job(
    *,
    timeout_s: float = 300,
    tries: int = jobs.TRIES,
    backoff_s: tuple[float, ...] = (5, 30),
    places: int = 1,
) -> Callable[[Run], Run]:
    """Register a coroutine function as the job of its name.

    Its parameters are the payload's fields by name (ids as uuid.UUID), and `tools`. It may run twice and be
    killed anywhere, so each of its steps is whole by itself and does nothing the second time. places: more
    than one for what fills memory or a processor, so that fewer of it run at once. What is to be said where
    it belongs when it is given up is declared where it is asked for (`domain.job_kinds.given_up`).
    """

    def declare(run: Run) -> Run:
        name = run.__name__
        assert name not in JOBS, f"job {name} is registered twice"
        hints = get_type_hints(run)
        parameters = {field: hints[field] for field in inspect.signature(run).parameters if field != "tools"}
        JOBS[name] = JobKind(name, run, timeout_s, tries, backoff_s, parameters, places)
        return run

    return declare
