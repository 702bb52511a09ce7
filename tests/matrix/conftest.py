"""Served houses for storms and matrices, with budgets that they don't exhaust."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx2
import jwt
import pytest

from api.embedded import Servers
from api.keys import ensure_keys, mint_token
from api.settings import Settings
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.adapters.postgres import open_pool
from domain.ids import encode_id
from domain.kinds import KINDS
from tests.access_rows.reference import Rows, visible
from tests.api.conftest import OURS, THEIRS, House, serving, settings_for
from tests.conftest import Databases
from tests.matrix.callers import Crowd
from tests.matrix.planted import BOUND_TO, EVERYBODY, OPERATOR, PARTNER, PLENTY, plant

# Whose rows of a table are whose, where it is not for deals to say. A deal of ours names its licensee, so the
# id of an organization is no secret; what it has is.
OWNERS = {
    **dict.fromkeys(("delivery", "job", "change_set"), "owner_id"),
    **dict.fromkeys(("organization_dpid", "member", "invitation", "client", "session"), "organization_id"),
    "api_key": "(select c.organization_id from client c where c.id = api_key.client_id)",
}
# Who administers the system sees these of everybody.
OF_THE_SYSTEM = ("organization_dpid",)


def generous(database_url: str, servers: Servers, state: Path) -> Settings:
    """Settings of a server that turns nobody away for asking often, or late; other tests see to that."""
    return settings_for(database_url, servers.redis_url or "", state).using(
        anonymous_requests=PLENTY,
        guarded_requests=PLENTY,
        concurrency=400,
        read_timeout_ms=60_000,
        write_timeout_ms=60_000,
        database_wait_ms=60_000,
    )


async def two_organizations(databases: Databases, hint: str) -> str:
    """A migrated database with two organizations, where every tier has plenty."""
    url = await databases.clone(hint)
    async with await open_pool(url, role=None) as pool:
        for id, slug in ((OURS, "ours"), (THEIRS, "theirs")):
            await pool.execute(
                "insert into organization (id, name, slug) values ($1, $2, $3)", id, slug.capitalize(), slug
            )
        await pool.execute("update tier set points_per_minute = $1", PLENTY)
    return url


@pytest.fixture(scope="module")
def storm_house(
    databases: Databases, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A server over an empty catalog."""
    url = asyncio.run(two_organizations(databases, "storm"))
    state = tmp_path_factory.mktemp("state")
    key = ensure_keys(state / "keys")[0]
    with serving(generous(url, servers, state)) as address:
        yield House(address, url, key)


@pytest.fixture(scope="module")
def crowd(
    databases: Databases, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Crowd]:
    """A server over the planted world, and everybody at its door."""
    url = asyncio.run(databases.clone("matrix"))
    state = tmp_path_factory.mktemp("state")
    key = ensure_keys(state / "keys")[0]
    revoked = mint_token(key, subject="revoked", organization_id=OURS, role=Role.ADMIN)
    jti = jwt.decode(revoked, options={"verify_signature": False})["jti"]
    planted = asyncio.run(plant(url, jti))
    with (
        serving(generous(url, servers, state)) as address,
        httpx2.Client(base_url=address, timeout=30) as client,
    ):
        made = Crowd(House(address, url, key), planted, client, revoked)
        told = client.get("/auth/session", headers={"Cookie": planted.session})
        made.csrf = told.json()["csrf"]
        made.hidden = asyncio.run(hidden_from_each(url))
        yield made
        print(f"\n{made.told:,} answers looked through for what is another's")


async def hidden_from_each(database_url: str) -> dict[uuid.UUID, dict[bytes, str]]:
    """By organization: the ids, in each of their forms, of what its people may not see."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await Rows.load(connection)
        found = {}
        for organization in (OURS, THEIRS, OPERATOR, PARTNER):
            bound = BOUND_TO if organization == PARTNER else None
            of = Viewer(organization, "reference", Role.ADMIN, frozenset(Scope), territories=bound)
            seen = visible(rows, of)
            hidden = [
                (kind, row["id"])
                for kind in KINDS
                for row in rows.tables[kind]
                if row["id"] not in seen[kind] and row["owner_id"] != organization
            ]
            for table, column in OWNERS.items():
                if organization == OPERATOR and table in OF_THE_SYSTEM:
                    continue
                # The planted world wrote rows of both tenants in one change set.
                others = await connection.fetch(
                    f"select id from {table} where {column} <> $1 and id not in "
                    "(select x from change, unnest(array[change_set_id, entity_id]) x "
                    "where owner_id = $1 and x is not null)",
                    organization,
                )
                hidden.extend((table, row["id"]) for row in others)
            found[organization] = {
                form.encode(): f"{kind} {id}"
                for kind, id in hidden
                for form in (encode_id(kind, id), str(id), id.hex)
            } | {f"private of {of}".encode(): of for of, id in EVERYBODY if id != organization}
        return found
    finally:
        await connection.close()
