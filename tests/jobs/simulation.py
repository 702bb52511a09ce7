"""Jobs, relay, queue and crashes in one process, decided by one seed.

The SQL, the relay, the claim, the lease and the end of a job are the product's own. Simulated are the clock,
the queue, and who goes on next. A process can be killed before each statement and message and after it,
before it hears the answer. The same seed gives the same trace.
"""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

import structlog
from arq.connections import ArqRedis

from domain import jobs
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.commands import COMMANDS
from domain.dispatch import dispatch, open_work
from domain.job_kinds import given_up
from domain.ports import Sql
from domain.refusals import InputInvalid, Refusal
from jobs.job import JOBS, House, Tools, job
from jobs.lane import AGED, LaneWorker, Ledger, Pace
from jobs.relay import Relay
from jobs.worker import run_job
from tests.jobs.simulated_checks import check_all, check_leases, unsettled
from tests.jobs.simulated_database import Away, Database, SimulatedPool
from tests.jobs.simulated_loop import PROCESS, Killed, Process, SimulatedLoop
from tests.jobs.simulated_queue import ProcessQueue, SimulatedQueue

LEASE_S = 4.0
PACE = Pace(lease_s=LEASE_S, poll_s=0.7, sweep_s=2.0, late_s=1.0, grace_s=1.0, at_once=4, aged_s=5.0)
TRIES = 3
STORM_S = 6.0
PATIENCE_S = 120.0
# Where it matters most what was done before a process stopped: a step's effect and commit, a claim, an end.
CRITICAL = ("effect", "commit", "update job", "with mine", "with open", "with changed", "for share")


class Broken(AssertionError):
    """A seed under which an invariant does not hold, with the end of its trace."""

    def __init__(self, seed: int, what: str, trace: Sequence[str]) -> None:
        super().__init__(f"seed {seed}: {what}\n" + "\n".join(trace[-80:]))
        self.seed = seed
        self.what = what
        self.trace = trace


class Fate(Enum):
    """What becomes of what waits at a gate."""

    DONE = 1
    HEARD_LATER = 2
    LOST = 3


@dataclass
class Gate:
    """Something a process is about to do, or an answer that it is about to hear."""

    process: Process
    what: str
    future: "asyncio.Future[Fate]"


@dataclass
class Result:
    """What came of a seed."""

    seed: int
    trace: list[str]
    jobs: int
    kills: int


@dataclass
class World:
    """One seed's world. storm: things still go wrong.

    sharp: who stands still does so wholly, and mostly where it matters; jobs are slow enough to be overtaken.
    """

    seed: int
    loop: SimulatedLoop
    database: Database
    owner: uuid.UUID
    sharp: bool = False
    storm: bool = True
    kills: int = 0
    asked: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    database_away_until: float = 0.0
    queue_away_until: float = 0.0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.queue = SimulatedQueue(self.database.now, self.chance, unruly=0.05)

    def note(self, what: str) -> None:
        """One line of the trace."""
        self.trace.append(f"{self.loop.time():9.4f} {what}")

    # -- gates ------------------------------------------------------------------------------------------

    async def pass_through(self, process: Process, what: str, act: Callable[[], Awaitable[Any]]) -> Any:
        """Wait, do it, wait, and give the answer; or fail before it is done, or before it is heard."""
        fate = await self._gate(process, what)
        if fate is Fate.LOST:
            raise Away(f"away before: {what}")
        answer = await act()
        if fate is Fate.HEARD_LATER and await self._gate(process, f"heard: {what}") is Fate.LOST:
            raise Away(f"away after: {what}")
        return answer

    async def _gate(self, process: Process, what: str) -> Fate:
        if process.dead:
            raise Killed
        gate = Gate(process, what, self.loop.create_future())
        self.gates.append(gate)
        return await gate.future

    # -- processes --------------------------------------------------------------------------------------

    def start(self, name: str, main: Callable[[Process], Coroutine[Any, Any, None]]) -> Process:
        """A process that runs until its main function ends or it is killed."""
        process = Process(name)
        self.processes.append(process)
        context = copy_context()
        context.run(PROCESS.set, process)
        context.run(self.loop.create_task, self._live(process, main))
        return process

    async def _live(self, process: Process, main: Callable[[Process], Coroutine[Any, Any, None]]) -> None:
        try:
            await main(process)
        finally:
            process.dead = True

    async def kill(self, process: Process) -> None:
        """As `kill -9`: whatever it was at stops where it is, and its open transactions are rolled back."""
        self.note(f"KILL {process.name}")
        self.kills += 1
        process.dead = True
        await self.database.drop(process)
        for gate in [gate for gate in self.gates if gate.process is process]:
            self.gates.remove(gate)
            if not gate.future.done():
                gate.future.set_exception(Killed())
        for _ in range(20):
            left = [task for task in process.tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            await self.loop.drain()

    # -- what happens next ------------------------------------------------------------------------------

    async def step(self) -> None:
        """Let one thing happen: a process goes on, time passes, or something breaks."""
        await self.database.settle()
        if self.storm:
            await self._break_something()
        self.gates = [gate for gate in self.gates if not gate.future.done()]
        now = self.loop.time()
        ready = [gate for gate in self.gates if not gate.process.dead and gate.process.stalled_until <= now]
        # Statements that waited for the same lock are answered in no order of ours.
        ready.sort(key=lambda gate: (gate.process.name, gate.what))
        if ready and self.chance.random() < 0.97:
            gate = self.chance.choice(ready)
            self.gates.remove(gate)
            fate = self._fate(gate)
            self.note(f"{gate.process.name}: {'LOST ' if fate is Fate.LOST else ''}{gate.what}")
            self.loop.move(now + self.chance.uniform(0.001, 0.02))
            await self.database.settle()
            await self.database.tick()
            if not gate.future.done():
                gate.future.set_result(fate)
        else:
            timer = self.loop.next_timer()
            ends = [one.stalled_until for one in self.processes if one.stalled_until > now]
            following = [at for at in (timer, *ends) if at is not None]
            self.loop.move((min(following) if following else now) + self.chance.uniform(0.001, 0.05))

    def _fate(self, gate: Gate) -> Fate:
        if not self.storm:
            return Fate.DONE
        until = self.queue_away_until if "queue" in gate.what else self.database_away_until
        luck = self.chance.random()
        if self.loop.time() < until or luck < 0.004:
            return Fate.LOST
        return Fate.HEARD_LATER if luck < 0.3 else Fate.DONE

    async def _break_something(self) -> None:
        luck = self.chance.random()
        alive = [one for one in self.processes if not one.dead]
        if luck < 0.006 and alive:
            await self.kill(self._victim(alive))
        elif luck < 0.016 and alive:
            process = self._victim(alive)
            seconds = self.chance.uniform(0.2, 1) * 3 * LEASE_S
            process.stalled_until = self.loop.time() + seconds
            self.note(f"STALL {process.name} {seconds:.3f}")
        elif luck < 0.018:
            self.note("FLUSH")
            self.queue.flush()
        elif luck < 0.019:
            self.queue_away_until = self.loop.time() + self.chance.uniform(0.1, 4)
            self.note(f"QUEUE AWAY until {self.queue_away_until:.3f}")
        elif luck < 0.020:
            self.database_away_until = self.loop.time() + self.chance.uniform(0.1, 4)
            self.note(f"DATABASE AWAY until {self.database_away_until:.3f}")
        elif luck < 0.025:
            jump = self.chance.choice([self.chance.uniform(1, 40), -self.chance.uniform(0.5, 4)])
            self.database.offset_s += jump
            self.note(f"CLOCK JUMPS {jump:+.3f}")

    def _victim(self, alive: Sequence[Process]) -> Process:
        """Any of them; in a sharp world mostly one that is in the middle of what must be whole."""
        if not self.sharp:
            return self.chance.choice(alive)
        names = {gate.process.name for gate in self.gates if any(what in gate.what for what in CRITICAL)}
        busy = [process for process in alive if process.name in names]
        return self.chance.choice(busy if busy and self.chance.random() < 0.7 else alive)

    async def run(self, until: float, done: Callable[[], Awaitable[bool]] | None = None) -> bool:
        """Go on until a time, or until it is done, which is asked now and then. Gives whether it is done."""
        asks_at = self.loop.time()
        while self.loop.time() < until:
            await self.step()
            if done is not None and self.loop.time() >= asks_at:
                asks_at = self.loop.time() + 2
                await self.database.settle()
                await self.database.tick()
                if await done():
                    return True
        return False


# -- the processes --------------------------------------------------------------------------------------


def worker(world: World, stops_after: float | None = None) -> Callable[[Process], Coroutine[Any, Any, None]]:
    """A worker with its relay and two lanes. stops_after: seconds until SIGTERM."""

    async def main(process: Process) -> None:
        pool: Any = SimulatedPool(world.database, world, process)
        queue = ProcessQueue(world.queue, world, process)
        house = House(pool, cast(Any, None), cast(Any, None))
        ledger = Ledger(pool, LEASE_S)
        stopping, hurry = asyncio.Event(), asyncio.Event()

        async def perform(id: uuid.UUID, ledger: Ledger) -> str:
            return await run_job(house, str(id), ledger=ledger)

        parts = [
            asyncio.create_task(
                Relay(pool, queue, grace_s=PACE.late_s).run(stopping, poll_s=2.0, sweep_s=PACE.sweep_s)
            ),
            *(
                asyncio.create_task(SimulatedLane(name, queue, perform, ledger).serve(stopping, hurry))
                for name in ("high", "low", AGED)
            ),
        ]
        if stops_after is not None:
            await asyncio.sleep(stops_after)
            world.note(f"STOP {process.name}")
            stopping.set()
        for part in parts:
            await part

    return main


class SimulatedLane(LaneWorker):
    """The worker's own lane, on the simulated queue."""

    def __init__(
        self, name: str, queue: ProcessQueue, perform: Callable[..., Awaitable[str]], ledger: Ledger
    ) -> None:
        super().__init__(name, ArqRedis(), PACE, perform, ledger)
        self._queue = cast(Any, queue)

    async def heart_beat(self) -> None:
        """Nobody asks how it is."""


def asker(world: World, viewer: Viewer) -> Callable[[Process], Coroutine[Any, Any, None]]:
    """A front door: people ask for jobs, cancel them and begin them anew."""

    async def main(process: Process) -> None:
        pool: Any = SimulatedPool(world.database, world, process)
        chance = world.chance
        for _ in range(chance.randrange(1, 4)):
            await asyncio.sleep(chance.uniform(0.01, 2))
            try:
                if not world.asked or chance.random() < 0.7:
                    plan = _plan(chance, world.sharp)
                    key = chance.choice(["a", "b"]) if chance.random() < 0.2 else None
                    async with open_work(pool, viewer, command="simulation", door="test") as work:
                        id = str(await work.enqueue("simulated", {"plan": plan}, unique_key=key))
                    world.asked.append(id)
                    world.note(f"asked {id[-6:]} {plan}")
                else:
                    command = COMMANDS[chance.choice(["cancel_job", "retry_job"])]
                    # What was asked for last is most likely under way.
                    ask = command.ask(job_id=chance.choice(world.asked[-3 if world.sharp else 0 :]))
                    await dispatch(command, ask, viewer=viewer, pool=pool, door="test")
            except (Away, Refusal) as error:
                world.note(f"{process.name} was told {error}")

    return main


def _plan(chance: random.Random, sharp: bool) -> dict[str, Any]:
    """What a job does and how its first attempts fail.

    steps, with naps between them and a rest after them; doubt: between looking for an effect and having it.
    """
    plan = {
        "word": f"{chance.getrandbits(32):08x}",
        "steps": chance.randrange(1, 4),
        "nap": round(chance.choice([0, 0.2, 0.8, 1.5, LEASE_S]), 2),
        "fails": chance.choice([0, 0, 0, 0, 1, 2, 3]),
        "refuses": chance.random() < 0.08,
        "hangs": chance.random() < 0.05,
        "holds": chance.choice(["first", "last"]),
    }
    slow = {name: round(chance.choice([0, 0, 0.8, LEASE_S]), 2) for name in ("rest", "doubt") if sharp}
    return plan | {"rest": 0.0, "doubt": 0.0} | slow


@given_up("simulated")
async def leave_word(plan: dict[str, Any], sql: Sql) -> None:
    """Say that a job was given up."""
    await sql.execute("insert into simulated.given_up (word) values ($1)", plan["word"])


@contextmanager
def simulated_jobs() -> Iterator[None]:
    """Registers the job that is simulated, for the length of the block."""
    before = dict(JOBS)
    JOBS.clear()

    @job(timeout_s=15, tries=TRIES, backoff_s=(1, 3))
    async def simulated(plan: dict[str, Any], tools: Tools) -> dict[str, Any]:
        for number in range(plan["steps"]):
            tools.checkpoint()
            await asyncio.sleep(plan["nap"])
            if plan["holds"] == "first":
                async with tools.step() as sql:
                    await _take_effect(sql, tools, number, plan["doubt"])
            else:
                async with tools.pool.acquire() as sql, sql.transaction():
                    await _take_effect(sql, tools, number, plan["doubt"])
                    await jobs.hold(sql, tools.claim.id, tools.claim.fence)
        await asyncio.sleep(plan["rest"])
        if plan["refuses"]:
            raise InputInvalid("the plan says so")
        if tools.claim.attempt <= plan["fails"]:
            raise ValueError("the plan says so")
        if plan["hangs"] and tools.claim.attempt == 1:
            await asyncio.sleep(600)
        return {"fence": tools.claim.fence}

    try:
        yield
    finally:
        JOBS.clear()
        JOBS.update(before)


async def _take_effect(sql: Sql, tools: Tools, number: int, doubt_s: float) -> None:
    """What must happen once: looked for and then done, with nothing but the lease against doing it twice."""
    if not await sql.fetchval(
        "select exists (select from simulated.effect where job_id = $1 and step = $2)", tools.claim.id, number
    ):
        await asyncio.sleep(doubt_s)
        await sql.execute(
            "with done as (insert into simulated.effect (job_id, step, fence) values ($1, $2, $3) "
            "returning 1) insert into outbox (topic, payload) select 'effect', '{}' from done",
            tools.claim.id,
            number,
            tools.claim.fence,
        )


# -- seeds ----------------------------------------------------------------------------------------------


class Simulation:
    """Runs seeds, one after the other, on one database that is its own."""

    def __init__(self, database_url: str) -> None:
        self._loop = SimulatedLoop()
        self._database = Database(database_url, self._loop)

    def __enter__(self) -> "Simulation":
        self._config = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
        self._loop.run_until_complete(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._database.close())
        self._loop.close()
        structlog.configure(**self._config)

    async def _open(self) -> None:
        await self._database.open()
        self._owner: uuid.UUID = await self._database.keeper.fetchval(
            "insert into organization (name, slug) values ('simulated', 'simulated') returning id"
        )

    def run(self, seed: int, *, sharp: bool = False) -> Result:
        """What comes of a seed. Raises Broken."""
        self._loop.begin_anew()
        self._loop.freezes = sharp
        jobs.CHANCE.seed(seed)
        with simulated_jobs():
            return self._loop.run_until_complete(self._run(seed, sharp))

    async def _run(self, seed: int, sharp: bool) -> Result:
        await self._database.begin_anew()
        world = World(seed, self._loop, self._database, self._owner, sharp)
        try:
            await self._live(world)
        except (jobs.LeaseLost, AssertionError) as error:
            raise Broken(seed, f"{type(error).__name__}: {error}", world.trace) from error
        finally:
            for process in world.processes:
                if not process.dead or any(not task.done() for task in process.tasks):
                    await self._database.settle()
                    await world.kill(process)
            await self._database.settle()
        return Result(seed, world.trace, len(world.asked), world.kills)

    async def _live(self, world: World) -> None:
        """A storm, in which workers and front doors are started again; then calm, in which all must end."""
        chance, viewer = world.chance, Viewer(self._owner, "user:s", Role.LABEL_USER, frozenset(Scope))
        number = 0
        while world.loop.time() < STORM_S:
            for kind, count in (("worker", 2), ("api", 1)):
                alive = [one for one in world.processes if one.name.startswith(kind) and not one.dead]
                if len(alive) < count:
                    number += 1
                    stops = chance.uniform(1, 10) if chance.random() < 0.25 else None
                    main = worker(world, stops) if kind == "worker" else asker(world, viewer)
                    world.start(f"{kind}{number}", main)
            await world.run(world.loop.time() + chance.uniform(0.5, 1.5))
        world.storm, world.queue.unruly = False, 0.0
        world.note("CALM")
        for process in world.processes:
            if not world.sharp:
                process.stalled_until = 0.0
        world.start("calm", worker(world))
        calm_at = world.loop.time()

        async def settled() -> bool:
            # Who stands still in the middle of a step keeps its row, until his connection is cut.
            awake_at = max([calm_at, *(one.stalled_until for one in world.processes if not one.dead)])
            if world.loop.time() > awake_at + 5:
                await check_leases(self._database.keeper)
            if world.sharp and world.loop.time() < awake_at + 1:
                return False
            return not await unsettled(self._database.keeper)

        if not await world.run(calm_at + PATIENCE_S, settled):
            raise AssertionError(f"lost: {await unsettled(self._database.keeper)}")
        await check_all(self._database.keeper, world.asked, world.queue.published, TRIES)
