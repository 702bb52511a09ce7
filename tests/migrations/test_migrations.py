"""Up, down and up again; no drift; and what the triggers and the role promise."""

import asyncpg
import pytest

from domain.adapters.postgres import Connection, Pool
from migrations import run, triggers
from tests.conftest import Databases

TABLES = "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relname !~ 'alembic'"


async def test_up_down_up_leaves_nothing_behind_and_no_drift(databases: Databases) -> None:
    url = await databases.empty()
    connection = await asyncpg.connect(url)
    await run.upgrade(url)
    assert await connection.fetchval(TABLES) > 100
    await run.downgrade(url, "base")
    assert await connection.fetchval(TABLES) == 0
    await run.upgrade(url)
    await run.check(url)
    assert await connection.fetchval("select version_num from alembic_version") == run.head()
    await connection.close()


def test_every_content_and_value_table_has_triggers() -> None:
    from domain.kinds import KINDS

    assert set(triggers.CONTENT_TABLES) == set(KINDS)
    collections = [c for kind in KINDS.values() for c in kind.collections]
    assert set(triggers.VALUE_TABLES) == {c.table.name for c in collections if not c.named}
    assert set(triggers.NAMED_TABLES) == {c.table.name for c in collections if c.named}


@pytest.fixture
async def owner(connection: Connection) -> object:
    return await connection.fetchval(
        "insert into organization (name, slug) values ('o', 'triggers') returning id"
    )


async def test_a_bulk_load_is_recorded_row_by_row(connection: Connection, owner: object) -> None:
    await connection.execute(
        "insert into artist (owner_id, name) select $1, 'a' || n from generate_series(1, 5000) n", owner
    )
    await connection.execute(
        "update artist set name = name || '!', version = version + 1 where owner_id = $1", owner
    )
    rows = await connection.fetch(
        "select op, count(*), min(version_after) as v from change where owner_id = $1 group by 1", owner
    )
    assert {row["op"]: (row["count"], row["v"]) for row in rows} == {"insert": (5000, 1), "update": (5000, 2)}
    assert await connection.fetchval("select count(*) from entity where owner_id = $1", owner) == 5000


async def test_a_change_that_keeps_its_version_is_refused(connection: Connection, owner: object) -> None:
    id = await connection.fetchval("insert into artist (owner_id, name) values ($1, 'a') returning id", owner)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="kept its version"):
        async with connection.transaction():
            await connection.execute("update artist set name = 'b' where id = $1", id)


async def test_values_are_recorded_with_their_entity(connection: Connection, owner: object) -> None:
    id = await connection.fetchval("insert into artist (owner_id, name) values ($1, 'a') returning id", owner)
    await connection.execute(
        "insert into title (entity_id, kind, position, text, type) values ($1, 'artist', 1, 'A', 'display')",
        id,
    )
    row = await connection.fetchrow(
        "select kind, version_after, diff::text from change where entity_id = $1 order by seq desc", id
    )
    assert (row["kind"], row["version_after"]) == ("artist", 1)  # type: ignore[index]
    assert '"titles": [[], [{"text": "A"' in row["diff"]  # type: ignore[index]


@pytest.mark.parametrize(
    "statement",
    [
        "update change set diff = '{}'",
        "delete from change",
        "delete from change_prest",
        "select catalog_make_month('1999-01-01'); delete from change_p199901_catalog",
        "insert into change (owner_id, kind, entity_id, op, diff) "
        "values (uuidv7(), 'artist', uuidv7(), 'insert', '{}')",
        "truncate artist",
        "alter table artist disable trigger all",
        "set session_replication_role = replica",
        "update source_record set claims = '{}'",
        "delete from source_record",
        "delete from entity",
    ],
)
async def test_the_application_can_not_rewrite_history(pool: Pool, statement: str) -> None:
    async with pool.acquire() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_partitions_are_made_ahead_and_once(connection: Connection) -> None:
    months = "select count(*) from pg_inherits where inhparent = 'change'::regclass"
    before = await connection.fetchval(months)
    assert before == 15
    assert await connection.fetchval("select catalog_ensure_partitions()") == 0


async def test_older_servers_get_a_uuid_of_the_same_shape(databases: Databases) -> None:
    url = await databases.empty()
    connection = await asyncpg.connect(url)
    script = triggers.UUIDV7.replace("< 180000", "< 999999").replace(
        "function uuidv7", "function public.uuidv7"
    )
    for statement in triggers.split(script):
        await connection.execute(statement)
    ids = [
        row["id"]
        for row in await connection.fetch("select public.uuidv7() as id from generate_series(1, 200)")
    ]
    assert len(set(ids)) == 200
    assert {(id.version, id.variant) for id in ids} == {(7, "specified in RFC 4122")}
    newest = await connection.fetchval("select pg_catalog.uuidv7()")
    assert abs((newest.int >> 80) - (ids[-1].int >> 80)) < 5_000
    await connection.close()
