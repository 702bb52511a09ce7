"""Random worlds in which recordings were listened to, by one model in two versions."""

import json
import random
import uuid
from typing import Any

from domain.ports import Sql
from domain.vectors.keep import keep_embedding
from tests.access_rows.worlds import RandomWorld
from tests.similar.reference import MAJOR, MINOR

KEYS = [f"{name} minor" for name in MINOR] + [f"{name} major" for name in MAJOR]
GENRES = ("Techno", "house", "Jazz")
MODEL = "listener"


def spread(chance: random.Random, dimensions: int) -> list[float]:
    """A vector that looks anywhere."""
    return [chance.gauss(0, 1) for _ in range(dimensions)]


async def listen(sql: Sql, world: RandomWorld, dimensions: int = 8) -> None:
    """Give the recordings of a world vectors, tempos, keys, genres and years, some of them none."""
    chance = world.chance
    features: list[dict[str, Any]] = []

    def measured(id: uuid.UUID, name: str, **value: Any) -> None:
        found = {"number": None, "text": None, **value}
        features.append({"recording_id": str(id), "name": name, **found})

    for row in world.rows["recording"]:
        id: uuid.UUID = row["id"]
        for version in chance.choices(((), ("1",), ("2",), ("1", "2")), (1, 6, 1, 1))[0]:
            silent = chance.random() < 0.08
            await keep_embedding(
                sql,
                "recording",
                id,
                model=MODEL,
                version=version,
                vector=None if silent else spread(chance, dimensions),
                dimensions=dimensions,
                of_sha256=f"{chance.getrandbits(256):064x}",
                reason="silence" if silent else None,
            )
        if chance.random() < 0.9:
            measured(id, "tempo_bpm", number=chance.choice((60.0, 62.5, 90.0, 120.0, 124.0, 126.5, 180.0)))
        if chance.random() < 0.85:
            measured(id, "key", text=chance.choice((*KEYS[:8], *KEYS[12:20])))
        if chance.random() < 0.3:
            measured(id, "genre", text=chance.choice(GENRES).upper())
        await sql.execute(
            "update recording set genres = $2, p_line_year = $3, recording_date = $4, version = version + 1 "
            "where id = $1",
            id,
            chance.sample(GENRES, chance.choice((0, 1, 2))),
            chance.choice((None, None, 1990, 2010)),
            chance.choice((None, None, "1985-03", "2020")),
        )
    await sql.execute(
        "update release set release_date = (1980 + get_byte(uuid_send(id), 3) % 40)::text, "
        "version = version + 1"
    )
    await sql.execute(
        "insert into audio_feature (recording_id, name, number, text, basis, source, model, model_version) "
        "select recording_id, name, number, text, 'measured', 'analysis', 'ear', '1' "
        "from jsonb_populate_recordset(null::audio_feature, $1::jsonb)",
        json.dumps(features),
    )


def some_filter(chance: random.Random) -> dict[str, Any]:
    """A filter of a few conditions."""
    every: dict[str, Any] = {
        "tempoMin": chance.choice((60.0, 100.0)),
        "tempoMax": chance.choice((70.0, 130.0)),
        "tempoWithin": chance.choice((2.0, 6.0, 25.0)),
        "halfDouble": chance.random() < 0.5,
        "key": chance.sample(KEYS, 6),
        "keyCompatible": chance.random() < 0.7,
        "mixable": chance.random() < 0.5,
        "genre": chance.sample(("techno", "HOUSE", "jazz", "none"), 2),
        "yearFrom": chance.choice((1985, 2000)),
        "yearTo": chance.choice((1995, 2015)),
    }
    found = {name: every[name] for name in chance.sample(sorted(every), chance.choice((0, 1, 1, 2, 3)))}
    for low, high in (("tempoMin", "tempoMax"), ("yearFrom", "yearTo")):
        if low in found and high in found:
            found[low], found[high] = sorted((found[low], found[high]))
    return found
