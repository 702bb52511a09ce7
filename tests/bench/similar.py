"""`bench similar`: how many of the nearest the index finds, and how much sooner than comparing everything.

Vectors come in clusters of several widths, as those of music do: evenly spread ones have no neighbours worth
the name. Everything goes through the engine, with the viewer's row rule and filter in the statement; the
exact answer is the same statement once the index is gone.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any, TypeAlias

import asyncpg
import numpy as np

from api.demo import organization
from api.migrated import bring_up_to_date
from api.settings import Settings
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.adapters.postgres import connect_reader
from domain.ids import encode_id
from domain.row import new_id
from domain.vectors.tables import SOUND_DIMENSIONS
from graph.paging import CursorKey
from graph.run import Engine
from tests.bench import throwaway

FIRST = 10
_CLUSTERS = 200
_DOCUMENT = (
    "query ($id: ID!, $filter: SimilarFilter) "
    f"{{ similar(recordingId: $id, first: {FIRST}, filter: $filter) {{ hits {{ recording {{ id }} }} }} }}"
)
_MIX = (
    f"query ($id: ID!) {{ mixableNext(recordingId: $id, first: {FIRST}) "
    "{ hits { recording { id } } } }"
)
# By filter: for each question the hits and the seconds it took.
Answers: TypeAlias = dict[str, list[tuple[set[str], float]]]
FILTERS: dict[str, dict[str, Any]] = {
    "no filter": {},
    "year": {"yearFrom": 2000, "yearTo": 2009},
    "genre": {"genre": ["genre 7"]},
    "mixable": {"mixable": True},
    "mixable, genre": {"mixable": True, "genre": ["genre 7"]},
}


@dataclass(frozen=True)
class Plan:
    """How many vectors, how many questions of each kind, and which random ones."""

    vectors: int = 20_000
    questions: int = 50
    seed: int = 1


@dataclass(frozen=True)
class Line:
    """One filter. recall: of the exact nearest, the share that the index finds; least: of one question.

    hits: how many there are in the mean. ratio: the exact answer's time by the indexed one's, in the median.
    """

    filter: str
    hits: float
    recall: float
    least: float
    median_ms: float
    exact_ms: float
    ratio: float


@dataclass
class Result:
    """What was found, for the owner of all rows and for a stranger, who may see every second one."""

    vectors: int
    loaded_s: float = 0.0
    indexed_s: float = 0.0
    index_mb: float = 0.0
    mix_ms: float = 0.0
    lines: dict[str, list[Line]] = field(default_factory=dict)


def run(plan: Plan, said: Callable[[str], None]) -> Result:
    """Fill a database of its own, ask, and drop it."""
    with throwaway.server() as settings:
        return asyncio.run(_run(settings, plan, said))


async def _run(settings: Settings, plan: Plan, said: Callable[[str], None]) -> Result:
    name, result = f"bench_{uuid.uuid4().hex[:12]}", Result(plan.vectors)
    try:
        url = await throwaway.create(settings.database_url, name)
        here = settings.using(database_url=url)
        await bring_up_to_date(here)
        owner, stranger = await organization(here, "bench"), await organization(here, "stranger")
        said("rows")
        ids = await _fill(url, owner, plan, result, said)
        chance = np.random.default_rng(plan.seed)
        asked = [ids[place] for place in chance.choice(len(ids) // 2, plan.questions, replace=False) * 2]
        viewers = {
            who: Viewer(of, "user:bench", Role.ADMIN, frozenset(Scope))
            for who, of in (("owner", owner), ("stranger", stranger))
        }
        said("by the index")
        indexed = {who: await _asked(url, viewer, asked) for who, viewer in viewers.items()}
        result.mix_ms = await _mixed(url, viewers["owner"], asked)
        said("by comparing everything")
        await _drop_index(url)
        exact = {who: await _asked(url, viewer, asked) for who, viewer in viewers.items()}
        for who in viewers:
            result.lines[who] = [_line(name, indexed[who][name], exact[who][name]) for name in FILTERS]
    finally:
        await throwaway.drop(settings.database_url, name)
    return result


async def _fill(
    url: str, owner: uuid.UUID, plan: Plan, result: Result, said: Callable[[str], None]
) -> list[uuid.UUID]:
    """Recordings, every second one public; a vector, a tempo, a key, a genre and a year of each."""
    chance = np.random.default_rng(plan.seed)
    ids = [new_id() for _ in range(plan.vectors)]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "insert into recording (id, owner_id, title, visibility, genres, p_line_year) "
            "select x.id, $2, 'Recording ' || n, case when n % 2 = 1 then 'public' else 'private' end, "
            "array['genre ' || (n * 7919 % 10)], 1980 + n * 104729 % 45 "
            "from unnest($1::uuid[]) with ordinality x (id, n)",
            ids,
            owner,
        )
        tempos = np.round(chance.normal(118, 22, plan.vectors).clip(60, 190), 2)
        tonics = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
        names = [f"{tonic} {scale}" for tonic in tonics for scale in ("major", "minor")]
        keys = [names[place] for place in chance.integers(0, len(names), plan.vectors)]
        await connection.execute(
            "insert into audio_feature "
            "(recording_id, name, number, text, basis, source, model, model_version) "
            "select x.id, f.name, case f.name when 'tempo_bpm' then x.tempo end, "
            "case f.name when 'key' then x.scale end, 'measured', 'analysis', 'bench', '1' "
            "from unnest($1::uuid[], $2::float8[], $3::text[]) x (id, tempo, scale), "
            "(values ('tempo_bpm'), ('key')) f (name)",
            ids,
            tempos.tolist(),
            keys,
        )
        said("vectors")
        (index,) = await connection.fetch(
            "select indexdef from pg_indexes where indexname = 'ix_embedding_sound_400'"
        )
        await connection.execute("drop index ix_embedding_sound_400")
        centres = chance.normal(0, 1, (_CLUSTERS, SOUND_DIMENSIONS))
        widths = chance.uniform(0.4, 1.6, _CLUSTERS)
        began = time.perf_counter()
        for begin in range(0, plan.vectors, 2_000):
            some = ids[begin : begin + 2_000]
            of = chance.integers(0, _CLUSTERS, len(some))
            made = centres[of] + chance.normal(0, 1, (len(some), SOUND_DIMENSIONS)) * widths[of, None]
            made /= np.linalg.norm(made, axis=1, keepdims=True)
            texts = ["[" + ",".join(f"{number:.4f}" for number in row) + "]" for row in made]
            await connection.execute(
                "insert into embedding (entity_id, kind, made_of, model, model_version, dimensions, vector, "
                "of_sha256) select x.id, 'recording', 'sound', 'bench', '1', $3, x.v::halfvec, "
                "repeat('0', 64) from unnest($1::uuid[], $2::text[]) x (id, v)",
                some,
                texts,
                SOUND_DIMENSIONS,
            )
        result.loaded_s = round(time.perf_counter() - began, 1)
        said("index")
        began = time.perf_counter()
        await connection.execute("set maintenance_work_mem = '512MB'")
        await connection.execute("set max_parallel_maintenance_workers = 0")
        await connection.execute(index["indexdef"])
        result.indexed_s = round(time.perf_counter() - began, 1)
        size = await connection.fetchval("select pg_relation_size('ix_embedding_sound_400')")
        result.index_mb = round(size / (1 << 20), 1)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
    return ids


async def _asked(url: str, viewer: Viewer, asked: list[uuid.UUID]) -> Answers:
    """The answers under each filter, and how long each took."""
    found: Answers = {}
    reader = await _reader(url)
    try:
        for name, given in FILTERS.items():
            engine = Engine(None, CursorKey(b"the key of the bench"))  # type: ignore[arg-type]
            found[name] = []
            for id in asked:
                variables = {"id": encode_id("recording", id), "filter": given}
                began = time.perf_counter()
                answer = await engine.execute(_DOCUMENT, variables, viewer, sql=reader)
                found[name].append((_ids(answer.body), time.perf_counter() - began))
    finally:
        await reader.close()
    return found


def _line(name: str, indexed: list[tuple[set[str], float]], exact: list[tuple[set[str], float]]) -> Line:
    pairs = [(ours, theirs) for (ours, _), (theirs, _) in zip(indexed, exact, strict=True)]
    assert all(len(ours) == len(theirs) for ours, theirs in pairs), "a filter made an answer short"
    recalls = [len(ours & theirs) / len(theirs) if theirs else 1.0 for ours, theirs in pairs]
    # The first of a kind are planned anew.
    quick, slow = (median(took for _, took in some[3:]) * 1_000 for some in (indexed, exact))
    hits = mean(len(theirs) for _, theirs in pairs)
    return Line(
        name,
        round(hits, 2),
        round(mean(recalls), 4),
        round(min(recalls), 2),
        round(quick, 2),
        round(slow, 2),
        round(slow / quick, 2),
    )


async def _drop_index(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("drop index ix_embedding_sound_400")
    finally:
        await connection.close()


async def _mixed(url: str, viewer: Viewer, asked: list[uuid.UUID]) -> float:
    """Milliseconds of what follows on a recording in a mix, in the median."""
    engine, taken = Engine(None, CursorKey(b"the key of the bench")), []  # type: ignore[arg-type]
    reader = await _reader(url)
    try:
        for id in asked:
            began = time.perf_counter()
            await engine.execute(_MIX, {"id": encode_id("recording", id)}, viewer, sql=reader)
            taken.append(time.perf_counter() - began)
    finally:
        await reader.close()
    return round(median(taken[3:]) * 1_000, 2)


async def _reader(url: str) -> Any:
    return await connect_reader(url, statement_timeout_ms=60_000)


def _ids(body: bytes) -> set[str]:
    answer = json.loads(body)["data"]["similar"]
    return {hit["recording"]["id"] for hit in answer["hits"]}
