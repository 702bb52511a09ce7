"""`bench bulk`: the set-based upsert of recordings with history, against one without, as ratios.

Both are COPY into a stage and one INSERT … SELECT … ON CONFLICT; one writes the real table, whose triggers
keep a change row for each entity, the other a copy of it with the same indexes and no triggers. Beside
them the whole road of a source's claims (records, mappings, resolving, history): COPY for what is new,
`Work.put` for what is told again.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import asyncpg

from api.compose import load_made_up, work_pool
from api.demo import organization
from api.migrated import bring_up_to_date
from api.settings import Settings
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.claims import Draft
from domain.demo.generate import units
from domain.dispatch import open_work
from domain.kinds import KINDS
from domain.row import new_id
from tests.bench import throwaway

# DESIGN: inserts, updates, and the same told again keep at least so much of their speed.
FLOORS = {"insert": 0.50, "update": 0.33, "same again": 0.90}


@dataclass(frozen=True)
class Plan:
    """How much is written at once, and how often, for the median."""

    rows: int = 20_000
    rounds: int = 3


@dataclass(frozen=True)
class Line:
    """Rows a second with history and without; ratio: how much of the speed history leaves."""

    what: str
    with_history: int
    without: int
    ratio: float
    floor: float


@dataclass
class Result:
    """What was found. roads: entities a second on the whole road of claims."""

    rows: int
    rounds: int
    lines: list[Line] = field(default_factory=list)
    roads: dict[str, int] = field(default_factory=dict)


def run(plan: Plan, said: Any = print) -> Result:
    """Measure in a database of its own."""
    with throwaway.server() as settings:
        name = f"bench_{uuid.uuid4().hex[:12]}"
        try:
            url = asyncio.run(throwaway.create(settings.database_url, name))
            here = settings.using(database_url=url)
            asyncio.run(bring_up_to_date(here))
            return asyncio.run(_measure(here, plan, said))
        finally:
            asyncio.run(throwaway.drop(settings.database_url, name))


async def _measure(settings: Settings, plan: Plan, said: Any) -> Result:
    owner = await organization(settings, "bench")
    result = Result(plan.rows, plan.rounds)
    sql = await asyncpg.connect(settings.database_url)
    try:
        await sql.execute("create table bare (like recording including all)")
        await sql.execute(
            "alter table bare add foreign key (owner_id) references organization (id), "
            "add foreign key (artist_credit_id) references artist_credit (id)"
        )
        await sql.execute("create unlogged table stage (like recording including defaults)")
        took: dict[tuple[str, str], list[float]] = {}
        for turn in range(plan.rounds):
            rows = _rows(owner, plan.rows, turn)
            for what in FLOORS:
                said(f"round {turn + 1} of {plan.rounds}: {what}")
                if what == "update":
                    rows = [(*row[:2], f"{row[2]}!", *row[3:]) for row in rows]
                for table in ("recording", "bare") if turn % 2 else ("bare", "recording"):
                    took.setdefault((what, table), []).append(await _upsert(sql, table, owner, rows))
        await sql.execute("drop table stage, bare")
    finally:
        await sql.close()
    for what, floor in FLOORS.items():
        ours, bare = (plan.rows / median(took[what, table]) for table in ("recording", "bare"))
        result.lines.append(Line(what, round(ours), round(bare), round(ours / bare, 2), floor))
    result.roads = await _roads(settings, owner, plan, said)
    return result


_COLUMNS = ("id", "owner_id", "title", "isrc", "duration_ms", "p_line", "languages", "genres")


def _rows(owner: uuid.UUID, count: int, turn: int) -> list[tuple[Any, ...]]:
    return [
        (
            new_id(),
            owner,
            f"Bulk title number {n} of turn {turn}",
            f"QZB{turn:02}{n:07}",
            180_000 + n,
            "2026 Bulk Records",
            ["en"],
            ["Pop", "Rock"],
        )
        for n in range(count)
    ]


async def _upsert(
    sql: asyncpg.Connection, table: str, owner: uuid.UUID, rows: list[tuple[Any, ...]]
) -> float:
    """Seconds for one upsert in one transaction and change set."""
    listed = ", ".join(_COLUMNS)
    values = _COLUMNS[2:]
    assigned = ", ".join(f"{name} = excluded.{name}" for name in values)
    before, after = (", ".join(f"{side}.{name}" for name in values) for side in ("t", "excluded"))
    began = time.perf_counter()
    async with sql.transaction():
        if table == "recording":
            change_set = new_id()
            await sql.execute("select set_config('catalograph.change_set', $1, true)", str(change_set))
            await sql.execute(
                "insert into change_set (id, owner_id, actor, door, command) "
                "values ($1, $2, 'bench', 'cli', 'bench')",
                change_set,
                owner,
            )
        await sql.execute("truncate stage")
        await sql.copy_records_to_table("stage", records=rows, columns=_COLUMNS)
        await sql.execute(
            f"insert into {table} as t ({listed}) select {listed} from stage "
            f"on conflict (id) do update set {assigned}, version = t.version + 1, updated_at = now() "
            f"where ({before}) is distinct from ({after})"
        )
    return time.perf_counter() - began


async def _roads(settings: Settings, owner: uuid.UUID, plan: Plan, said: Any) -> dict[str, int]:
    """Entities a second for claims: new by COPY, and by Work.put new, the same again, and changed."""
    viewer = Viewer(owner, "bench", Role.ADMIN, frozenset(Scope))
    drafts = [draft for unit in units(plan.rows // 10, seed=5) for draft in unit.drafts]
    other = [draft for unit in units(plan.rows // 10, seed=6) for draft in unit.drafts]
    changed = [_changed(draft) for draft in other]
    found: dict[str, int] = {}
    async with work_pool(settings) as pool:

        async def put(some: list[Draft]) -> None:
            async with open_work(pool, viewer, command="bench") as work:
                await work.put(some, source="demo", prefix="6")

        steps: tuple[tuple[str, Callable[[], Awaitable[Any]], int], ...] = (
            ("new, COPY", lambda: load_made_up(pool, viewer, drafts, 5, new_id()), len(drafts)),
            ("new, put", lambda: put(other), len(other)),
            ("the same again, put", lambda: put(other), len(other)),
            ("changed, put", lambda: put(changed), len(changed)),
        )
        for name, step, count in steps:
            said(name)
            began = time.perf_counter()
            await step()
            found[name] = round(count / (time.perf_counter() - began))
    return found


def _changed(draft: Draft) -> Draft:
    label = KINDS[draft.kind].label
    given = draft.fields.get(label)
    return Draft(draft.kind, draft.key, {**draft.fields, label: f"{given}!"}) if given else draft
