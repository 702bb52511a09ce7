"""PostgreSQL as simulated processes see it: the real one, one statement at a time, under a simulated clock.

Each statement waits at a gate until the simulation lets it run, and again before its answer is heard. A
statement that waits for a lock stays under way while others go on.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import asyncpg

from domain.adapters.postgres import APPLICATION_ROLE
from tests.jobs.simulated_loop import PROCESS, Killed, Process, SimulatedLoop

BEGIN = datetime(2027, 2, 27, 23, 59, 30, tzinfo=UTC)
CONNECTIONS = 24
SEARCH_PATH = "simulated, pg_catalog, public"

# Unqualified names find these before PostgreSQL's own, because pg_catalog is named behind them.
SCHEMA = f"""
create schema simulated;
create sequence simulated.clock;
create sequence simulated.dice;
create sequence simulated.ids;
create function simulated.clock_timestamp() returns timestamptz language sql volatile as
$$ select pg_catalog.to_timestamp(pg_catalog.nextval('simulated.clock')::float8 / 1e6) $$;
create function simulated.now() returns timestamptz language sql stable as
$$ select pg_catalog.to_timestamp(last_value::float8 / 1e6) from simulated.clock $$;
create function simulated.random() returns float8 language sql volatile as
$$ select (pg_catalog.hashint8(pg_catalog.nextval('simulated.dice'))::bigint + 2147483648) / 4294967296.0 $$;
create function simulated.uuidv7() returns uuid language sql volatile as
$$ select ('00000000-0000-7000-8000-'
     || pg_catalog.lpad(pg_catalog.to_hex(pg_catalog.nextval('simulated.ids')), 12, '0'))::uuid $$;
do $$
declare found record;
begin
  for found in
    select c.oid::regclass as of, a.attname as name, pg_get_expr(d.adbin, d.adrelid) as given
      from pg_attrdef d join pg_class c on c.oid = d.adrelid
      join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
     where c.relnamespace = 'public'::regnamespace and c.relname in ('job', 'outbox')
  loop
    if found.given ~ '^(clock_timestamp|uuidv7)\\(\\)$' then
      execute format('alter table %s alter column %I set default simulated.%s',
                     found.of, found.name, found.given);
    end if;
  end loop;
end $$;
create table simulated.effect (
  seq bigserial, job_id uuid not null, step int not null, fence bigint not null);
create table simulated.given_up (seq bigserial, word text not null);
create table simulated.life (
  seq bigserial, job_id uuid not null, before text, after text not null, fence bigint not null, moved bigint,
  attempts int not null, counted int, history int not null, told int, cancelled bool not null,
  lease timestamptz, at timestamptz);
create function simulated.note() returns trigger language plpgsql security definer as $$
begin
  if tg_op = 'UPDATE' and (old.state, old.fence, old.attempts, old.history)
                       = (new.state, new.fence, new.attempts, new.history) then
    return null;
  end if;
  insert into simulated.life
    (job_id, before, after, fence, moved, attempts, counted, history, told, cancelled, lease, at)
  values (new.id, old.state, new.state, new.fence, new.fence - old.fence, new.attempts,
          new.attempts - old.attempts, jsonb_array_length(new.history),
          jsonb_array_length(new.history) - jsonb_array_length(old.history),
          new.cancel_asked_at is not null, old.leased_until,
          (select pg_catalog.to_timestamp(last_value::float8 / 1e6) from simulated.clock));
  return null;
end $$;
create trigger noted after insert or update of state, fence, attempts, history on job
  for each row execute function simulated.note();
grant usage on schema simulated to {APPLICATION_ROLE};
grant usage, select on all sequences in schema simulated to {APPLICATION_ROLE};
grant select, insert on all tables in schema simulated to {APPLICATION_ROLE};
"""
ANEW = """
truncate job, outbox, simulated.effect, simulated.given_up, simulated.life restart identity;
select setval('simulated.dice', 1), setval('simulated.ids', 1);
"""


class Away(ConnectionError):
    """The server can't be reached, or was lost before it answered."""


class Gates(Protocol):
    """Where whatever a process does to the world waits until it may happen."""

    async def pass_through(self, process: Process, what: str, act: Callable[[], Awaitable[Any]]) -> Any:
        """Do it when it is let, and give its answer when that is let. Raises Away, Killed."""
        ...


@dataclass(eq=False)
class Raw:
    """One real connection."""

    sql: Any
    pid: int
    flying: asyncio.Task[Any] | None = None
    interrupted: bool = False

    def send(self, how: str, query: str, *args: Any) -> asyncio.Task[Any]:
        """Begin a statement, which goes on whatever becomes of the process that sent it."""
        context = copy_context()
        context.run(PROCESS.set, None)
        self.interrupted = False
        self.flying = context.run(asyncio.ensure_future, getattr(self.sql, how)(query, *args))
        return self.flying


@dataclass
class Database:
    """The real connections, and who has them."""

    url: str
    loop: SimulatedLoop
    offset_s: float = 0.0
    free: list[Raw] = field(default_factory=list)
    used: list["SimulatedConnection"] = field(default_factory=list)
    orphans: list[Raw] = field(default_factory=list)
    _set: int = 0

    async def open(self) -> None:
        """Connect whoever sets the clock and looks after locks."""
        self.keeper = await asyncpg.connect(self.url, server_settings={"timezone": "UTC"})
        await self.keeper.execute(SCHEMA)
        settings = {"role": APPLICATION_ROLE, "search_path": SEARCH_PATH, "timezone": "UTC"}
        for _ in range(CONNECTIONS):
            sql = await asyncpg.connect(self.url, server_settings=settings)
            self.free.append(Raw(sql, sql.get_server_pid()))

    async def close(self) -> None:
        """Drop all connections."""
        for raw in self.free:
            raw.sql.terminate()
        self.keeper.terminate()

    async def begin_anew(self) -> None:
        """No jobs, no outbox, no effects, and the clock at its beginning."""
        await self.keeper.execute(ANEW)
        self.offset_s = 0.0
        self._set = 0
        await self.tick()

    def now(self) -> datetime:
        """The time of the database."""
        return BEGIN + timedelta(seconds=self.loop.time() + self.offset_s)

    async def tick(self) -> None:
        """Set the clock of the database, if it moved by more than it moves by itself."""
        micros = round(self.now().timestamp() * 1_000_000)
        if abs(micros - self._set) >= 500_000:
            self._set = micros
            await self.keeper.fetchval("select setval('simulated.clock', $1)", micros)

    async def settle(self) -> None:
        """Until each statement under way has been answered or waits for a lock that somebody holds."""
        while True:
            await self.loop.drain()
            await self._bury()
            flying = {raw: raw.flying for raw in self._all() if raw.flying and not raw.flying.done()}
            if not flying:
                return
            for raw, statement in flying.items():
                if raw.interrupted:
                    raw.interrupted = False
                    await self.keeper.fetchval("select pg_cancel_backend($1)", raw.pid)
                    await asyncio.wait({statement})
                    break
            else:
                others = [raw for raw in self._all() if raw not in flying]
                if len(flying) == 1 and not any(raw.sql.is_in_transaction() for raw in others):
                    await asyncio.wait(flying.values())
                elif await self._wait_for_locks(flying):
                    return

    async def _wait_for_locks(self, flying: Mapping[Raw, asyncio.Task[Any]]) -> bool:
        """Whether each of the statements waits for a lock; False when one has been answered meanwhile."""
        moment = asyncio.ensure_future(self.loop.moment())
        await asyncio.wait({moment, *flying.values()}, return_when=asyncio.FIRST_COMPLETED)
        if not moment.done():
            moment.cancel()
            await asyncio.wait({moment})
            return False
        waiting = await self.keeper.fetch(
            "select distinct pid from pg_locks where not granted and pid = any($1)",
            [raw.pid for raw in flying],
        )
        return len(waiting) == len(flying) and not any(one.done() for one in flying.values())

    def _all(self) -> list[Raw]:
        return [connection.real for connection in self.used] + self.orphans

    async def _bury(self) -> None:
        """What a killed process left: an answered statement stands, an open transaction does not."""
        for raw in list(self.orphans):
            if raw.flying is None or raw.flying.done():
                self.orphans.remove(raw)
                await self.give_back(raw)

    async def give_back(self, raw: Raw) -> None:
        """Roll back what is open and keep the connection for the next."""
        raw.flying = None
        raw.interrupted = False
        if raw.sql.is_in_transaction():
            await raw.sql.execute("rollback")
        self.free.append(raw)

    async def drop(self, process: Process) -> None:
        """The connections of a process are gone."""
        for connection in [one for one in self.used if one.process is process]:
            connection.lost = True
            self.used.remove(connection)
            self.orphans.append(connection.real)
        await self._bury()

    def lose(self, connection: "SimulatedConnection") -> None:
        """One connection breaks."""
        if connection in self.used:
            connection.lost = True
            self.used.remove(connection)
            self.orphans.append(connection.real)


class SimulatedConnection:
    """A connection of one process, with the methods that `domain.ports.Sql` asks for."""

    def __init__(self, database: Database, gates: Gates, process: Process, real: Raw) -> None:
        self._database = database
        self._gates = gates
        self.process = process
        self.real = real
        self.lost = False
        self._depth = 0

    async def fetch(self, query: str, *args: Any) -> Any:
        """All rows."""
        return await self._run("fetch", query, *args)

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row, or None."""
        return await self._run("fetchrow", query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        return await self._run("fetchval", query, *args)

    async def execute(self, query: str, *args: Any) -> Any:
        """Run a statement."""
        return await self._run("execute", query, *args)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """A transaction, or a savepoint inside one."""
        savepoint = f"s{self._depth}" if self._depth else None
        await self._run("execute", f"savepoint {savepoint}" if savepoint else "begin")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if not self.lost:
                # Nobody can tell it from a rollback that was not sent, so it passes no gate.
                undo = f"rollback to savepoint {savepoint}" if savepoint else "rollback"
                await asyncio.shield(self.real.send("execute", undo))
            raise
        self._depth -= 1
        await self._run("execute", f"release savepoint {savepoint}" if savepoint else "commit")

    async def _run(self, how: str, query: str, *args: Any) -> Any:
        what = " ".join(query.split())[:50] + "".join(f" {_shown(arg)}" for arg in args[:2])
        try:
            return await self._gates.pass_through(self.process, what, lambda: self._fly(how, query, args))
        except Away:
            self._database.lose(self)
            raise

    async def _fly(self, how: str, query: str, args: tuple[Any, ...]) -> Any:
        if self.lost:
            raise Away("the connection was lost")
        flying = self.real.send(how, query, *args)
        try:
            await asyncio.shield(flying)
        except asyncio.CancelledError:
            if not flying.done() and not self.lost:
                self.real.interrupted = True
                await asyncio.wait({flying})
            raise
        return flying.result()


class SimulatedPool:
    """Connections for one process."""

    def __init__(self, database: Database, gates: Gates, process: Process) -> None:
        self._database = database
        self._gates = gates
        self._process = process

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[SimulatedConnection]:
        """A connection for the length of the block."""
        if self._process.dead:
            raise Killed
        real = self._database.free.pop()
        connection = SimulatedConnection(self._database, self._gates, self._process, real)
        self._database.used.append(connection)
        try:
            yield connection
        finally:
            if connection in self._database.used:
                self._database.used.remove(connection)
                # Whoever was cancelled while it began a transaction has left it open.
                self._database.orphans.append(connection.real)


def _shown(value: Any) -> str:
    """An argument as the trace shows it; ids that are not of the simulation differ each time."""
    if isinstance(value, uuid.UUID):
        return str(value)[-6:] if str(value).startswith("00000000") else "…"
    if isinstance(value, list):
        return str([_shown(one) for one in value])
    return str(value) if isinstance(value, int | float) else "…"
