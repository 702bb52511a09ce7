"""Golden triples: a query, the one statement it becomes, and the answer. A changed `.sql` is read like code.

`CATALOGRAPH_REWRITE_GOLDEN=1 pytest tests/graph/test_golden.py` writes the files anew.
"""

import json
import os
import re
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain.adapters.postgres import open_read_pool
from domain.vectors.keep import keep_embedding
from graph.run import Engine
from graph.sql import Bound
from tests.conftest import Databases
from tests.factories import OURS, THEIRS, Planter, World, instant, viewer
from tests.graph.conftest import KEY

FOLDER = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in FOLDER.glob("*.graphql"))
REWRITE = os.environ.get("CATALOGRAPH_REWRITE_GOLDEN") == "1"


async def plant(connection: "asyncpg.Connection[asyncpg.Record]") -> World:
    """One release with all that belongs to it, and a neighbour's rows beside it."""
    planter = Planter(connection)
    for id, name in ((OURS, "ours"), (THEIRS, "theirs")):
        await planter.row("organization", id=id, name=name, slug=name)
    artist = await planter.plant("artist", "artist", name="Ann", country="DE", visibility="public")
    old = await planter.plant("artist", "old artist", name="A.", status="deleted")
    await connection.execute("update entity set merged_into_id = $1 where id = $2", artist, old)
    credit = await planter.credit("Ann & Bob", ("Ann", artist, " & ", None), ("Bob", None, "", None))
    work = await planter.plant("work", "work", title="Blue Song", iswc="T0345246801")
    await planter.row("work_writer", work_id=work, position=1, name="Ann", role="composer", share=62.5)
    recordings = {}
    for name, title, isrc in (("recording", "Blue", "GBAYC1700598"), ("second", "Blue Again", None)):
        recordings[name] = await planter.plant(
            "recording", name, title=title, isrc=isrc, duration_ms=180_000, artist_credit_id=credit
        )
    await planter.row("recording_work", recording_id=recordings["recording"], position=1, work_id=work)
    await planter.plant("recording", "third", title="Azure")
    theirs = await planter.plant("recording", "their recording", THEIRS, title="Blue Hidden")
    release = await planter.plant(
        "release",
        "release",
        title='Blue "Album"',
        upc="602557190298",
        labels=["Label"],
        release_date="2020-02",
        artist_credit_id=credit,
    )
    of = {"entity_id": release, "kind": "release"}
    await planter.row("title", **of, position=1, text="Bleu", language="fr", type="translated")
    await planter.row("identifier", **of, position=1, scheme="proprietary", value="X-1")
    await planter.row("medium", release_id=release, position=1, format="CD")
    for place, (name, id) in enumerate(recordings.items(), 1):
        await planter.plant(
            "track",
            f"track {name}",
            release_id=release,
            medium_position=1,
            position=place,
            number=f"A{place}",
            title=f"Track {place}",
            recording_id=id,
        )
    deal = await planter.plant(
        "deal",
        "deal",
        reference="R1",
        territories=["AT", "DE"],
        use_types=["Stream"],
        commercial_models=["SubscriptionModel"],
        valid_from=instant(),
        price_amount=Decimal("1.99"),
    )
    await planter.row("deal_subject", deal_id=deal, position=1, subject_id=release)
    delivery = await planter.plant(
        "delivery", "delivery", sha256="0" * 64, size_bytes=9_007_199_254_740_993, summary={"releases": 1}
    )
    for place in (1, 2):
        await planter.row(
            "finding",
            delivery_id=delivery,
            position=place,
            code="missing_isrc",
            rule="every_recording_has_an_isrc",
            severity="warning",
            line=12 if place == 1 else None,
            text="a recording has no ISRC",
        )
    await planter.plant("job", "job", kind="ingest_delivery", subject_id=delivery)
    await heard(planter, [*recordings.values(), planter.world.ids["third"], theirs])
    return planter.world


async def heard(planter: Planter, recordings: list[uuid.UUID]) -> None:
    """A vector, a tempo and a key of each."""
    for place, id in enumerate(recordings):
        of: dict[str, Any] = {"model": "listener", "version": "1", "of_sha256": "0" * 64}
        vector = [1.0] + [place / 4] * 399
        await keep_embedding(planter.connection, "recording", id, vector=vector, **of)
        await planter.connection.execute("update embedding set made_at = $1", instant())
        ear: dict[str, Any] = {"recording_id": id, "model": "ear", "model_version": "1"}
        ear |= {"basis": "measured", "source": "analysis", "measured_at": instant()}
        await planter.row("audio_feature", **ear, name="tempo_bpm", number=120.0 + place)
        await planter.row("audio_feature", **ear, name="key", text="A minor")


@pytest.fixture(scope="module")
async def planted(databases: Databases) -> AsyncIterator[tuple[Engine, World]]:
    url = await databases.clone("golden")
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        world = await plant(connection)
    await connection.close()
    pool = await open_read_pool(url, max_size=1)
    yield Engine(pool, KEY), world
    pool.terminate()


def variables_of(name: str, world: World) -> dict[str, Any]:
    """The variables of a query; `@name` stands for the id of the row of that name."""
    text = (FOLDER / f"{name}.variables.json").read_text()
    found: dict[str, Any] = json.loads(
        re.sub(r'"@([^"]+)"', lambda named: json.dumps(world.id(named[1])), text)
    )
    return found


def laid_out(sql: str) -> str:
    """The statement with a line for each of its clauses."""
    return re.sub(r" (?=from |where |union all |order by |limit )|(?<=\()(?=select )", "\n", sql) + "\n"


@pytest.mark.parametrize("name", NAMES)
async def test_a_query_becomes_this_statement_and_this_answer(
    name: str, planted: tuple[Engine, World]
) -> None:
    engine, world = planted
    document = (FOLDER / f"{name}.graphql").read_text()
    variables = variables_of(name, world)
    prepared = engine._prepare(document, None)
    coerced = engine._variables(prepared, variables)
    compiled = engine._compile(prepared, coerced, viewer())
    assert compiled.statement is not None
    assert not compiled.served
    bound = Bound(viewer(), engine._arguments(compiled, coerced), KEY)
    assert len(compiled.statement.values(bound)) == len(compiled.statement.parameters)
    answer = await engine.execute(document, variables, viewer())
    assert answer.statements == 1
    printed = {
        "sql": laid_out(compiled.statement.text),
        "json": json.dumps(json.loads(answer.body), indent=2, ensure_ascii=False) + "\n",
    }
    for suffix, text in printed.items():
        path = FOLDER / f"{name}.{suffix}"
        if REWRITE:
            path.write_text(text)
        assert path.read_text() == text, f"{path.name} differs; see this module's first lines"


def test_every_file_belongs_to_a_triple() -> None:
    found = {path.name for path in FOLDER.iterdir()}
    assert found == {
        f"{name}.{suffix}" for name in NAMES for suffix in ("graphql", "variables.json", "sql", "json")
    }
