"""What is kept of vectors, and how keys are told."""

import math
import uuid

import asyncpg
import pytest

from domain.adapters.postgres import Connection
from domain.vectors.keep import keep_embedding
from domain.vectors.mixing import place_of
from migrations import vectors
from tests.conftest import Databases

SHA = "0" * 64
TONICS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# The wheel as Mixed In Key prints it, by hand.
WHEEL = {
    "1A": "Ab m",
    "2A": "Eb minor",
    "3A": "Bbm",
    "4A": "F min",
    "5A": "C minor",
    "6A": "Gm",
    "7A": "D-minor",
    "8A": "A minor",
    "9A": "e minor",
    "10A": "B:min",
    "11A": "F# minor",
    "12A": "C#m",
    "1B": "B major",
    "2B": "F# major",
    "3B": "Db",
    "4B": "Ab maj",
    "5B": "E♭ major",
    "6B": "Bb",
    "7B": "F",
    "8B": "C major",
    "9B": "G M",
    "10B": "D",
    "11B": "A major",
    "12B": "E",
}


@pytest.fixture
async def recording(connection: Connection) -> uuid.UUID:
    owner = await connection.fetchval(
        "insert into organization (name, slug) values ('o', 'vectors') returning id"
    )
    id: uuid.UUID = await connection.fetchval(
        "insert into recording (owner_id, title) values ($1, 'r') returning id", owner
    )
    return id


async def test_the_same_is_kept_once_and_another_in_its_place(
    connection: Connection, recording: uuid.UUID
) -> None:
    async def keep(vector: list[float] | None, sha: str = SHA, **more: str) -> bool:
        of = {"model": "m", "version": "1", "of_sha256": sha, "dimensions": 2}
        return await keep_embedding(connection, "recording", recording, vector=vector, **of, **more)  # type: ignore[arg-type]

    assert await keep([3.0, 4.0])
    assert not await keep([3.0, 4.0])
    assert not await keep([6.0, 8.0]), "only where it points counts"
    assert await keep([4.0, 3.0], "1" * 64)
    assert await keep(None, "2" * 64, reason="silence")
    assert not await keep(None, "2" * 64, reason="silence")
    rows = await connection.fetch(
        "select vector::text, reason from embedding where entity_id = $1", recording
    )
    assert [tuple(row) for row in rows] == [(None, "silence")]
    assert await keep([3.0, 4.0])
    kept = await connection.fetchval("select vector::text from embedding where entity_id = $1", recording)
    assert kept == "[0.60009766,0.7998047]"


@pytest.mark.parametrize(
    "wrong", [[0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0], [], [0.0] * 4_001], ids=str.__call__
)
async def test_what_is_no_vector_is_refused(
    wrong: list[float], connection: Connection, recording: uuid.UUID
) -> None:
    with pytest.raises(ValueError, match="vector"):
        await keep_embedding(
            connection, "recording", recording, model="m", version="1", vector=wrong, of_sha256=SHA
        )


async def test_vectors_go_with_their_entity(connection: Connection, recording: uuid.UUID) -> None:
    of = {"model": "m", "version": "1", "of_sha256": SHA}
    await keep_embedding(connection, "recording", recording, vector=[1.0], **of)  # type: ignore[arg-type]
    of["model"] = "another"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        async with connection.transaction():
            await keep_embedding(connection, "release", recording, vector=[1.0], **of)  # type: ignore[arg-type]
    await connection.execute("set local role none")
    await connection.execute("delete from entity where id = $1", recording)
    kept = "select count(*) from embedding where entity_id = $1"
    assert await connection.fetchval(kept, recording) == 0


async def test_keys_stand_on_the_wheel(connection: Connection) -> None:
    for place, name in WHEEL.items():
        for told in (name, place, place.lower(), f" {place} "):
            assert ":" in told or place_of(told) == place, told
            assert await connection.fetchval("select catalog_camelot($1)", told) == place, told
    spelled = {"Cb": "1B", "B#m": "5A", "D#m": "2A", "G# min": "1A", "E#": "7B", "Am": "8A", "AM": "11B"}
    for name, place in spelled.items():
        assert await connection.fetchval("select catalog_camelot($1)", name) == place, name
    for nothing in ("", "H", "13A", "0B", "8C", "A sus", "minor", "A" * 1_000, "8", "🎵"):
        assert await connection.fetchval("select catalog_camelot($1)", nothing) is None, nothing


async def test_without_the_right_to_make_it_one_is_told_who_can(databases: Databases) -> None:
    url = await databases.empty()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set role pg_read_all_data")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="may not make it") as told:
            await connection.execute(vectors.EXTENSION)
        assert "create extension vector" in (told.value.hint or "")
        await connection.execute("reset role")
        await connection.execute(vectors.EXTENSION)
        await connection.execute("set role pg_read_all_data")
        await connection.execute(vectors.EXTENSION)
    finally:
        await connection.close()
