"""`bench partitioning`: catalog tables whole, against the same hash-partitioned by owner.

The same rows stand in both forms in one database, in schemas `whole` and `split`, with the columns and
indexes of the real tables. Each question is asked of both in turn. What docs/partitioning.md says is
measured here.
"""

import asyncio
import json
import random
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import asyncpg

from api.migrated import bring_up_to_date
from tests.bench import throwaway

TABLES = ("release", "recording", "track")
# Left out in both forms: they cost most of the loading time and are not about owners.
_SKIPPED = re.compile(r"_trgm|_folded|_words|_genres|gin|tsvector|catalog_fold")
_REPEATS = 60
_BATCH = 20_000


@dataclass(frozen=True)
class Plan:
    """How much is made."""

    tracks: int = 1_000_000
    owners: int = 50
    partitions: int = 16
    seed: int = 1


@dataclass(frozen=True)
class Line:
    """One question: medians in milliseconds (of sizes, MB). ratio: above 1, split is better."""

    question: str
    whole: float
    split: float

    @property
    def ratio(self) -> float:
        return round(self.whole / self.split, 2) if self.split else 0.0


@dataclass
class Result:
    """What was found. plans: how PostgreSQL answers some of the questions, in either form."""

    tracks: int
    owners: int
    partitions: int
    seconds: float = 0.0
    lines: list[Line] = field(default_factory=list)
    plans: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Question:
    """SQL over {s}, the schema, and the parameters it is asked with in turn."""

    name: str
    sql: str
    arguments: Any
    repeats: int = _REPEATS
    explained: bool = False


def run(plan: Plan, said: Any = print) -> Result:
    """Make both forms, measure, drop the database."""
    with throwaway.server() as settings:
        name = f"bench_{uuid.uuid4().hex[:12]}"
        try:
            url = asyncio.run(throwaway.create(settings.database_url, name))
            asyncio.run(bring_up_to_date(settings.using(database_url=url)))
            return asyncio.run(_measure(url, plan, said))
        finally:
            asyncio.run(throwaway.drop(settings.database_url, name))


async def _measure(url: str, plan: Plan, said: Any) -> Result:
    began = time.perf_counter()
    sql = await asyncpg.connect(url)
    result = Result(plan.tracks, plan.owners, plan.partitions)
    try:
        said("making the tables")
        await _make(sql, plan)
        said("making the rows")
        await _rows(sql, plan)
        for step in (_load, _index, _refer):
            said(step.__doc__)
            took = {schema: await step(sql, schema) for schema in ("whole", "split")}
            result.lines.append(_line(str(step.__doc__).rstrip("."), [took["whole"]], [took["split"]]))
        await sql.execute("vacuum analyze")
        result.lines.append(await _sizes(sql))
        asked = await _samples(sql, plan)
        for question in _questions(asked):
            said(question.name)
            result.lines.append(await _ask(sql, question))
            if question.explained:
                for schema in ("whole", "split"):
                    result.plans[f"{question.name}, {schema}"] = await _explain(sql, question, schema)
        said("bulk upserts")
        result.lines += await _bulk(sql, asked)
    finally:
        await sql.close()
    result.seconds = round(time.perf_counter() - began, 1)
    return result


# -- making the two forms ---------------------------------------------------------------------------------


async def _make(sql: asyncpg.Connection, plan: Plan) -> None:
    """Empty tables in both schemas. A partitioned table's keys must hold the column it is split by."""
    for schema in ("whole", "split"):
        await sql.execute(f"create schema {schema}")
        for table in TABLES:
            copied = f"like public.{table} including defaults including constraints"
            like = f"create table {schema}.{table} ({copied})"
            if schema == "whole":
                await sql.execute(like)
                continue
            await sql.execute(f"{like} partition by hash (owner_id)")
            for part in range(plan.partitions):
                await sql.execute(
                    f"create table split.{table}_{part} partition of split.{table} "
                    f"for values with (modulus {plan.partitions}, remainder {part})"
                )


async def _rows(sql: asyncpg.Connection, plan: Plan) -> None:
    """The rows, once, in tables without indexes: owners of uneven size, eight tracks to a release."""
    releases = plan.tracks // 8
    await sql.execute("select setseed($1)", plan.seed / 1000)
    await sql.execute(
        "create unlogged table owners as select gen_random_uuid() as id, n "
        f"from generate_series(1, {plan.owners}) n"
    )
    await sql.execute(
        f"""
        create unlogged table made_release as
        select r.n, o.id as owner_id, uuidv7() as id, 'Release '||md5(r.n::text) as title,
               lpad((r.n * 7)::text, 12, '0') as upc
          from (select n, 1 + floor({plan.owners} * power(random(), 1.6))::int as o
                  from generate_series(1, {releases}) n) r
          join owners o on o.n = r.o
         order by r.n
        """
    )
    await sql.execute(
        """
        create unlogged table made_track as
        select r.owner_id, r.id as release_id, uuidv7() as id, uuidv7() as recording_id, t.n as position,
               'Track '||md5(r.n::text||t.n) as title,
               'QZD'||lpad((r.n % 100)::text, 2, '0')||lpad((r.n * 8 + t.n)::text, 7, '0') as isrc,
               case when (r.n + t.n) % 3 = 0 then 'public' else 'private' end as visibility
          from made_release r cross join generate_series(1, 8) t (n)
         order by r.n, t.n
        """
    )


async def _load(sql: asyncpg.Connection, schema: str) -> float:
    """Load without indexes."""
    began = time.perf_counter()
    await sql.execute(
        f"insert into {schema}.release (id, owner_id, title, upc) "
        "select id, owner_id, title, upc from made_release"
    )
    await sql.execute(
        f"insert into {schema}.recording (id, owner_id, title, isrc, visibility, duration_ms) "
        "select recording_id, owner_id, title, isrc, visibility, 200000 from made_track"
    )
    await sql.execute(
        f"insert into {schema}.track (id, owner_id, title, release_id, medium_position, position, "
        "recording_id, visibility) "
        "select id, owner_id, title, release_id, 1, position, recording_id, visibility from made_track"
    )
    return (time.perf_counter() - began) * 1000


async def _index(sql: asyncpg.Connection, schema: str) -> float:
    """Make keys and indexes."""
    began = time.perf_counter()
    rows = await sql.fetch(
        "select tablename, indexname, indexdef from pg_indexes "
        "where schemaname = 'public' and tablename = any($1)",
        list(TABLES),
    )
    for row in rows:
        if row["indexname"].startswith("pk_"):
            key = "id" if schema == "whole" else "owner_id, id"
            await sql.execute(f"alter table {schema}.{row['tablename']} add primary key ({key})")
        elif not _SKIPPED.search(row["indexdef"]):
            await sql.execute(
                row["indexdef"].replace(f"ON public.{row['tablename']}", f"ON {schema}.{row['tablename']}")
            )
    return (time.perf_counter() - began) * 1000


async def _refer(sql: asyncpg.Connection, schema: str) -> float:
    """Check foreign keys."""
    began = time.perf_counter()
    for column, target in (("release_id", "release"), ("recording_id", "recording")):
        ours, theirs = (column, "id") if schema == "whole" else (f"owner_id, {column}", "owner_id, id")
        await sql.execute(
            f"alter table {schema}.track add foreign key ({ours}) references {schema}.{target} ({theirs})"
        )
    return (time.perf_counter() - began) * 1000


async def _sizes(sql: asyncpg.Connection) -> Line:
    rows = await sql.fetch(
        "select nspname, sum(pg_total_relation_size(c.oid)) / 1e6 as mb from pg_class c "
        "join pg_namespace n on n.oid = relnamespace "
        "where nspname in ('whole', 'split') and relkind = 'r' group by 1"
    )
    found = {row["nspname"]: float(row["mb"]) for row in rows}
    return Line("Size with indexes, MB", round(found["whole"]), round(found["split"]))


# -- asking -----------------------------------------------------------------------------------------------


async def _samples(sql: asyncpg.Connection, plan: Plan) -> dict[str, list[Any]]:
    await sql.execute("select setseed($1)", plan.seed / 500)
    tracks = await sql.fetch("select * from made_track order by random() limit 4000")
    releases = await sql.fetch("select * from made_release order by random() limit 500")
    biggest = await sql.fetchval("select owner_id from made_track group by 1 order by count(*) desc limit 1")
    own = await sql.fetch(
        "select isrc from made_track where owner_id = $1 order by random() limit 1000", biggest
    )
    return {
        "tracks": tracks,
        "releases": releases,
        "own": [(biggest, [row["isrc"] for row in own])],
    }


def _questions(asked: dict[str, list[Any]]) -> list[_Question]:
    tracks, releases = asked["tracks"], asked["releases"]
    chance = random.Random(7)
    codes = [row["isrc"] for row in tracks]
    page = "select id, title from {s}.track where %s status <> 'deleted' and id > $1 order by id limit 100"
    nested = (
        "select r.id, (select json_agg(json_build_array(t.title, c.isrc) "
        "order by t.medium_position, t.position) "
        "from {s}.track t join {s}.recording c on c.id = t.recording_id%s where t.release_id = r.id%s) "
        "from (select id, owner_id from {s}.release where owner_id = $2 and status <> 'deleted' and id > $1 "
        "order by id limit 50) r"
    )
    return [
        _Question(
            "By id",
            "select title, owner_id from {s}.track where id = $1",
            [(row["id"],) for row in tracks[:500]],
            400,
            explained=True,
        ),
        _Question(
            "By id and owner",
            "select title, owner_id from {s}.track where id = $1 and owner_id = $2",
            [(row["id"], row["owner_id"]) for row in tracks[:500]],
            400,
        ),
        _Question(
            "Page of 100 of one owner",
            page % "owner_id = $2 and",
            [(row["id"], row["owner_id"]) for row in tracks[:200]],
            200,
        ),
        _Question(
            "Page of 100 of everybody's public rows",
            page % "visibility = 'public' and",
            [(row["id"],) for row in tracks[:200]],
            100,
            explained=True,
        ),
        _Question(
            "1,000 ISRCs of one owner",
            "select id, isrc from {s}.recording where isrc = any($2) and owner_id = $1",
            asked["own"],
            40,
        ),
        _Question(
            "1,000 ISRCs whoever owns them",
            "select id, isrc from {s}.recording where isrc = any($1)",
            [(chance.sample(codes, 1000),) for _ in range(20)],
            40,
        ),
        _Question(
            "50 releases with tracks and recordings, joined by id",
            nested % ("", ""),
            [(row["id"], row["owner_id"]) for row in releases[:60]],
            6,
            explained=True,
        ),
        _Question(
            "50 releases with tracks and recordings, joined by owner and id",
            nested % (" and c.owner_id = t.owner_id", " and t.owner_id = r.owner_id"),
            [(row["id"], row["owner_id"]) for row in releases[:60]],
            60,
            explained=True,
        ),
        _Question(
            "Count of one owner's tracks",
            "select count(*) from {s}.track where owner_id = $1 and status <> 'deleted'",
            [(row["owner_id"],) for row in tracks[:20]],
            20,
        ),
    ]


async def _ask(sql: asyncpg.Connection, question: _Question) -> Line:
    prepared = {s: await sql.prepare(question.sql.format(s=s)) for s in ("whole", "split")}
    answers = {s: await prepared[s].fetch(*question.arguments[0]) for s in prepared}
    assert sorted(map(str, answers["whole"])) == sorted(map(str, answers["split"])), question.name
    took: dict[str, list[float]] = {"whole": [], "split": []}
    warm_up = question.repeats // 3
    for turn in range(warm_up + question.repeats):
        order = ("whole", "split") if turn % 2 else ("split", "whole")
        arguments = question.arguments[turn % len(question.arguments)]
        for schema in order:
            began = time.perf_counter()
            await prepared[schema].fetch(*arguments)
            if turn >= warm_up:
                took[schema].append((time.perf_counter() - began) * 1000)
    return _line(question.name, took["whole"], took["split"])


async def _explain(sql: asyncpg.Connection, question: _Question, schema: str) -> str:
    said = await sql.fetchval(
        f"explain (analyze, format json) {question.sql.format(s=schema)}", *question.arguments[0]
    )
    told: dict[str, Any] = json.loads(said)[0]
    nodes = [node["Node Type"] for node in _nodes(told["Plan"])]
    counted = {name: nodes.count(name) for name in dict.fromkeys(nodes)}
    shown = ", ".join(f"{name} ×{n}" if n > 1 else name for name, n in counted.items())
    return f"{shown}; planned in {told['Planning Time']:.2f} ms, run in {told['Execution Time']:.2f} ms"


def _nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(found for inner in node.get("Plans", []) for found in _nodes(inner))]


# -- writing ----------------------------------------------------------------------------------------------


async def _bulk(sql: asyncpg.Connection, asked: dict[str, list[Any]]) -> list[Line]:
    """Upserts of recordings of all owners: new ones, the same again, and each changed."""
    await sql.execute(
        f"create unlogged table stage as select uuidv7() as id, owner_id, title, 'QZNEW'||n as isrc "
        f"from (select *, row_number() over () as n from made_track limit {_BATCH}) t"
    )
    upsert = (
        "insert into {s}.recording as r (id, owner_id, title, isrc) "
        "select id, owner_id, title, isrc from stage "
        "on conflict ({k}) do update "
        "set title = excluded.title, isrc = excluded.isrc, version = r.version + 1 "
        "where (r.title, r.isrc) is distinct from (excluded.title, excluded.isrc)"
    )
    keys = {"whole": "id", "split": "owner_id, id"}
    lines = []
    for name, change in (
        ("new", None),
        ("the same again", None),
        ("each changed", "update stage set title = title||'!'"),
    ):
        took: dict[str, list[float]] = {"whole": [], "split": []}
        for turn in range(1 if name == "new" else 3):
            if change:
                await sql.execute(change)
            for schema in ("whole", "split") if turn % 2 else ("split", "whole"):
                began = time.perf_counter()
                await sql.execute(upsert.format(s=schema, k=keys[schema]))
                took[schema].append((time.perf_counter() - began) * 1000)
        lines.append(_line(f"Upsert of {_BATCH:,} recordings, {name}", took["whole"], took["split"]))
    return lines


def _line(question: str, whole: Sequence[float], split: Sequence[float]) -> Line:
    return Line(question, round(median(whole), 3), round(median(split), 3))
