"""A whole installation of real processes, each of which can be killed at any moment: kill -9, no farewell."""

import asyncio
import os
import random
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import redis.asyncio

from api.embedded import Embedded, EmbeddedFault
from api.keys import ensure_keys, mint_token
from domain.access.scopes import Role
from migrations.run import upgrade
from tests.jobs.messages import Album
from tests.ports import free_port
from tests.shared import CHECKOUT

LEASE_S = 2.0
# Imports take seconds and are not what is tried, so whoever is started anew is forked from one that has them.
NURSERY = f"""
import asyncio, dataclasses, os, signal, sys
from pathlib import Path
import api.app, api.house, api.cli.serve
from api.cli.frame import run
from jobs.job import JOBS
from jobs.worker import Pace, serve
for name, kind in JOBS.items():
    JOBS[name] = dataclasses.replace(kind, backoff_s=(0.1, 0.3))
pace = Pace(lease_s={LEASE_S}, poll_s=0.05, sweep_s=0.5, late_s=0.3, grace_s=2, at_once=3)
database, queue, folder = os.environ["DATABASE_URL"], os.environ["REDIS_URL"], Path(sys.argv[1])
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1):
            os.dup2(null, number)
        if line.strip() == "worker":
            os._exit(asyncio.run(serve(database, queue, folder, pace)))
        os._exit(run(["serve", "--port", line.strip()]))
    print(child, flush=True)
"""
# Jobs whose lease is over for more than five seconds, with who could stand in their way. Since all was up,
# workers have begun others for three seconds: on a busy machine they take long to come up themselves.
_LATE = """
select id, kind, fence, attempts, clock_timestamp() - leased_until as late,
       (select count(*) from pg_locks where relation = 'job'::regclass) as locks,
       (select string_agg(concat_ws(' ', application_name, state, wait_event_type, wait_event,
          clock_timestamp() - state_change, left(regexp_replace(query, '\\s+', ' ', 'g'), 60)), ' | ')
          from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle') as active
  from job where state = 'running' and leased_until < clock_timestamp() - interval '5 s'
   and (select max(other.started_at) - min(other.started_at) from job other where other.started_at
          > greatest(job.leased_until, clock_timestamp() - make_interval(secs => $1))) > interval '3 s'
"""
OWNER = uuid.UUID("0195e3a0-0000-7000-8000-000000000001")


async def eventually(holds: Callable[[], Awaitable[Any]], seconds: float = 60) -> None:
    """Wait until something holds; what is away meanwhile does not count."""
    give_up_at = time.monotonic() + seconds
    while True:
        try:
            if await holds():
                return
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, httpx2.HTTPError):
            pass
        assert time.monotonic() < give_up_at, f"not within {seconds:g} s"
        await asyncio.sleep(0.05)


@dataclass
class Storm:
    """The installation: PostgreSQL, Valkey, the API and two workers. kills: of each kind."""

    folder: Path
    chance: random.Random
    kills: dict[str, int] = field(default_factory=dict)
    up_since: float = 0.0
    late: list[str] = field(default_factory=list)
    accepted: int = 0
    struck: list[tuple[float, str]] = field(default_factory=list)
    pids: dict[str, int] = field(default_factory=dict)
    nursery: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Bring everything up, with one organization."""
        self.postgres = Embedded(self.folder / "postgres", valkey=False)
        self.valkey = Embedded(self.folder / "valkey", postgres=False, durable=False)
        self.database_url = str((await asyncio.to_thread(self.postgres.__enter__)).database_url)
        self.redis_url = str((await asyncio.to_thread(self.valkey.__enter__)).redis_url)
        await upgrade(self.database_url)
        await self.sql("insert into organization (id, name, slug) values ($1, 'Ours', 'ours')", OWNER)
        self.state = self.folder / "state"
        self.key = ensure_keys(self.state / "keys")[0]
        self.port = free_port()
        self.nursery = await self._open_nursery()
        self.pids = {name: await self._fork(name) for name in ("worker1", "worker2", "api")}
        self.up_since = time.monotonic()

    async def stop(self) -> None:
        """Take everything down."""
        for pid in self.pids.values():
            _kill(pid)
        if self.nursery is not None:
            self.nursery.kill()
            await self.nursery.wait()
        for servers in (self.valkey, self.postgres):
            await asyncio.to_thread(servers.__exit__)

    async def sql(self, query: str, *args: Any) -> list[Any]:
        """Rows of a query."""
        connection = await asyncpg.connect(self.database_url, timeout=5)
        try:
            return await connection.fetch(query, *args)
        finally:
            connection.terminate()

    def client(self) -> httpx2.AsyncClient:
        """A caller with a token."""
        token = mint_token(
            self.key,
            subject="storm",
            organization_id=OWNER,
            role=Role.LABEL_USER,
            lifetime=timedelta(hours=3),
        )
        return httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=5,
        )

    async def is_under_load(self) -> bool:
        """Whether messages come in."""
        return await self.has_taken_more_than(1)

    async def has_taken_more_than(self, count: int) -> bool:
        """Whether more messages than so many were taken."""
        return self.accepted > count

    # -- what happens -----------------------------------------------------------------------------------

    async def kill(self, what: str) -> None:
        """Kill one thing and bring it up again."""
        self.kills[what] = self.kills.get(what, 0) + 1
        self.struck.append((time.monotonic(), what))
        if what == "worker":
            _kill(self.pids[self.chance.choice(["worker1", "worker2"])])
        elif what == "api":
            _kill(self.pids["api"])
        elif what == "flush":
            async with redis.asyncio.Redis.from_url(self.redis_url) as client:
                await client.flushall()
        elif what == "valkey":
            await self._kill_server(self.valkey, self.folder / "valkey" / "run" / "valkey.pid")
        elif what == "postgres":
            await self._kill_server(self.postgres, self.folder / "postgres" / "pg" / "postmaster.pid")
        elif what == "backend":
            # PostgreSQL takes all its connections down with one that was killed, and recovers by itself.
            await eventually(self._kill_backend)
            await asyncio.sleep(0.2)
        await eventually(lambda: self.sql("select 1"))
        self.up_since = time.monotonic()

    async def supervise(self) -> None:
        """Start again whoever is gone, killed or by its own decision."""
        while True:
            for name, pid in self.pids.items():
                if not _lives(pid):
                    self.pids[name] = await self._fork(name)
                    self.up_since = time.monotonic()
            await asyncio.sleep(0.1)

    async def deliver(self, number: int, client: httpx2.AsyncClient) -> None:
        """Send a message as a careful client does: with one key, again and again until it is taken."""
        content = Album(upc=f"006025{number:07d}", first=10 * number).xml
        key = {"Idempotency-Key": f"delivery-{number}", "Content-Type": "application/xml"}

        async def taken() -> bool:
            answer = await client.post("/v1/deliveries", content=content, headers=key)
            assert answer.status_code < 500 or answer.status_code in (500, 503), answer.text
            return answer.status_code == 202

        await eventually(taken, 120)
        self.accepted += 1

    async def watch_leases(self) -> None:
        """Note what runs five seconds behind its lease, though all was up for so long and others were begun.

        What is noted says all that is known of it, because nobody can look again afterwards.
        """
        while True:
            await asyncio.sleep(0.3)
            began = time.monotonic()
            try:
                rows = await self.sql(_LATE, began - self.up_since)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                continue
            up_s = began - self.up_since
            if up_s > 5:
                lately = [f"{what} {began - at:.1f} s ago" for at, what in self.struck[-6:]]
                self.late += [
                    f"{row['kind']} {row['id']}, fence {row['fence']}, attempt {row['attempts']}: its lease "
                    f"was over for {row['late']}, all was up for {up_s:.1f} s; struck: {', '.join(lately)}; "
                    f"locks on job: {row['locks']}; at work: {row['active']}"
                    for row in rows
                ]

    async def calm_down(self) -> None:
        """Until every job has ended; the dead ones, whose tries were killed, are begun anew."""
        async with self.client() as client:

            async def ended() -> bool:
                for row in await self.sql("select id from job where state = 'dead'"):
                    key = {"Idempotency-Key": str(uuid.uuid4())}
                    await client.post(f"/v1/jobs/{row['id']}/retry", headers=key)
                return not await self.sql("select 1 from job where state in ('queued', 'running', 'dead')")

            await eventually(ended, 120)

    async def _kill_backend(self) -> bool:
        rows = await self.sql("select pid from pg_stat_activity where application_name like 'catalograph%'")
        if rows:
            _kill(self.chance.choice(rows)["pid"])
        return bool(rows)

    # -- processes --------------------------------------------------------------------------------------

    async def _open_nursery(self) -> asyncio.subprocess.Process:
        environment = {
            **os.environ,
            "CATALOGRAPH_BOOTSTRAP": "skip",
            "CATALOGRAPH_STATE_FOLDER": str(self.state),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
        }
        nursery = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            NURSERY,
            str(self.state),
            cwd=CHECKOUT,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert nursery.stdout is not None
        assert b"ready" in await nursery.stdout.readline()
        return nursery

    async def _fork(self, name: str) -> int:
        assert self.nursery is not None
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(b"%d\n" % self.port if name == "api" else b"worker\n")
        return int(await self.nursery.stdout.readline())

    async def _kill_server(self, server: Embedded, noted: Path) -> None:
        os.kill(int(noted.read_text().splitlines()[0]), signal.SIGKILL)
        await asyncio.to_thread(server.__exit__)

        async def up() -> bool:
            try:
                await asyncio.to_thread(server.__enter__)
            except EmbeddedFault as fault:
                # The killed server's children need a moment to notice.
                raise OSError(str(fault)) from fault
            return True

        await eventually(up)


def _lives(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def storm(folder: Path, seed: int) -> AsyncIterator[Storm]:
    """An installation of its own, for the length of the block."""
    made = Storm(folder, random.Random(seed))
    try:
        await made.start()
        helping = [asyncio.create_task(made.watch_leases()), asyncio.create_task(made.supervise())]
        try:
            yield made
        finally:
            for task in helping:
                task.cancel()
    finally:
        await made.stop()
