"""`bench availability`: the reference and the product on many random deals, and how fast the product answers.

The random worlds are those of tests/rights; a difference is a fault of the product or of the reference. The
times are of single calls over a made-up catalog, through the engine: parse, decide, answer.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median, quantiles

import asyncpg

from api.demo import fill_catalog, organization
from api.migrated import bring_up_to_date
from api.settings import Settings
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.adapters.postgres import open_read_pool
from domain.demo.fill import Filled
from domain.ids import encode_id
from graph.paging import CursorKey
from graph.run import Engine
from tests.bench import throwaway
from tests.rights.agreement import Tally, compare, compare_coverage, questions
from tests.rights.worlds import World

# DESIGN: p95 of one availability call.
TARGET_MS = 10.0
_WORLD = 2_000
_QUESTIONS = {
    "availability": (
        'query ($id: ID!) { availability(entity: $id, territory: "DE", '
        'useType: "OnDemandStream") { allowed reason text deal { deal } nearest { deal reasons } } }'
    ),
    "availability of 100": (
        'query ($ids: [ID!]!) { availabilities(entities: $ids, territory: "DE", '
        'useType: "OnDemandStream") { allowed reason } }'
    ),
    "coverage": "query ($id: ID!) { coverage(entity: $id) { groups { territories allowed } } }",
    "isStreamable of 100": (
        'query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Track { isStreamable(territory: "DE") } } }'
    ),
}


@dataclass(frozen=True)
class Plan:
    """How many random deals are compared; how large the catalog is, and how often it is asked."""

    deals: int = 100_000
    tracks: int = 100_000
    seed: int = 1
    calls: int = 400


@dataclass(frozen=True)
class Line:
    """Milliseconds of one question. ratio: its p95 by that of one availability call."""

    question: str
    median_ms: float
    p95_ms: float
    ratio: float


@dataclass
class Result:
    """What was found. yes: how many of the answers were yes. differ: where reference and product differ."""

    deals: int = 0
    asked: int = 0
    yes: int = 0
    differ: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    @property
    def agreement(self) -> float:
        """The share of the answers that are alike."""
        return 1 - len(self.differ) / max(1, self.asked)


def run(plan: Plan, report: Callable[[int], None], said: Callable[[str], None]) -> Result:
    """Compare, then measure, in databases of its own."""
    result = Result()
    with throwaway.server() as settings:
        for place in range(-(-plan.deals // _WORLD)):
            world = World(plan.seed * 10_000 + place, min(_WORLD, plan.deals - place * _WORLD))
            tally = asyncio.run(_world(settings, world))
            result.deals += world.deals
            result.asked, result.yes = result.asked + tally.asked, result.yes + tally.yes
            result.differ += tally.differ
            report(result.deals)
        said("times")
        result.lines = asyncio.run(_times(settings, plan))
    return result


async def _world(settings: Settings, world: World) -> Tally:
    name = f"bench_{uuid.uuid4().hex[:12]}"
    tally = Tally()
    try:
        url = await throwaway.create(settings.database_url, name)
        await bring_up_to_date(settings.using(database_url=url))
        connection = await asyncpg.connect(url)
        try:
            await world.plant(connection)
            await connection.execute("analyze")
            parties = (*world.owners, world.by_id, world.by_dpid, world.outsider)
            for place, question in enumerate(questions(world, 15)):
                viewer, named = world.viewer(parties[place % 5]), world.chance.choice(world.licensees())
                some = world.chance.sample(world.everything, min(60, len(world.everything)))
                tally.add(await compare(world, connection, viewer, question, named, some))
                if place % 5 == 0:
                    tally.add(await compare_coverage(world, connection, viewer, question, named, some[:5]))
        finally:
            await connection.close()
    finally:
        await throwaway.drop(settings.database_url, name)
    return tally


async def _times(settings: Settings, plan: Plan) -> list[Line]:
    name = f"bench_{uuid.uuid4().hex[:12]}"
    try:
        url = await throwaway.create(settings.database_url, name)
        here = settings.using(database_url=url)
        await bring_up_to_date(here)
        owner = await organization(here, "bench")
        await fill_catalog(here, owner, plan.tracks, plan.seed, Filled(), lambda _: None)
        connection = await asyncpg.connect(url)
        await connection.execute("vacuum analyze")
        tracks = await connection.fetch("select id from track order by id limit 20000")
        await connection.close()
        return await _timed(url, owner, [encode_id("track", row["id"]) for row in tracks], plan)
    finally:
        await throwaway.drop(settings.database_url, name)


async def _timed(url: str, owner: uuid.UUID, ids: list[str], plan: Plan) -> list[Line]:
    chance = random.Random(plan.seed)
    viewer = Viewer(owner, "user:bench", Role.ADMIN, frozenset(Scope))
    pool = await open_read_pool(url, max_size=1)
    engine = Engine(pool, CursorKey(b"the key of the bench"))
    lines: list[Line] = []
    try:
        for question, document in _QUESTIONS.items():
            taken: list[float] = []
            for _ in range(plan.calls):
                some = chance.sample(ids, min(100, len(ids)))
                began = time.perf_counter()
                answer = await engine.execute(document, {"id": some[0], "ids": some}, viewer)
                taken.append((time.perf_counter() - began) * 1_000)
                assert not answer.has_errors
            taken = taken[20:]
            p95 = quantiles(taken, n=20)[-1]
            ratio = p95 / lines[0].p95_ms if lines else 1.0
            lines.append(Line(question, round(median(taken), 2), round(p95, 2), round(ratio, 2)))
    finally:
        pool.terminate()
    return lines
