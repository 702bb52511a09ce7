"""A served house of an operator and two tenants, and callers of every kind."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from api.embedded import Servers
from api.keys import SigningKey, ensure_keys, mint_token
from domain.access.credentials import NewKey, new_api_key
from domain.access.scopes import Role
from domain.adapters.postgres import Pool, open_pool
from tests.api.conftest import serving, settings_for
from tests.conftest import Databases

OPERATOR = uuid.UUID("0195e3a0-0000-7000-8000-00000000000a")
OURS = uuid.UUID("0195e3a0-0000-7000-8000-000000000001")
THEIRS = uuid.UUID("0195e3a0-0000-7000-8000-000000000002")
# What the tenants' clients may unless a test says otherwise.
SCOPES = ["catalog:read", "catalog:write"]


@dataclass(frozen=True)
class Office:
    """The served house, its database, and a short way to every door."""

    url: str
    pool: Pool
    key: SigningKey

    def token(self, organization: uuid.UUID = OURS, role: Role = Role.ADMIN, **more: Any) -> str:
        """An access token of somebody of an organization."""
        given = {"subject": f"{role.value}@{organization}", "operator": organization == OPERATOR, **more}
        return mint_token(self.key, organization_id=organization, role=role, **given)

    def client(self, credential: str | None = None, **more: Any) -> httpx2.AsyncClient:
        """A caller with a credential; with an administrator's token unless one is given."""
        headers = {"Authorization": f"Bearer {credential or self.token(**more)}"}
        return httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=20)

    async def program(self, organization: uuid.UUID = OURS, role: str = "api_user") -> uuid.UUID:
        """A registered client, straight into the table."""
        made: uuid.UUID = await self.pool.fetchval(
            "insert into client (organization_id, name, role, scopes) values ($1, 'program', $2, $3) "
            "returning id",
            organization,
            role,
            SCOPES,
        )
        return made

    async def api_key(self, client_id: uuid.UUID | None = None, **columns: Any) -> NewKey:
        """An API key of a client, straight into the table."""
        made = new_api_key()
        values = {
            "client_id": client_id or await self.program(),
            "prefix": made.prefix,
            "hash": made.hash,
            "scopes": SCOPES,
            **columns,
        }
        places = ", ".join(f"${place + 1}" for place in range(len(values)))
        await self.pool.execute(
            f"insert into api_key ({', '.join(values)}) values ({places})", *values.values()
        )
        return made


async def asks(client: httpx2.AsyncClient, document: str, **variables: Any) -> dict[str, Any]:
    """The whole answer to a GraphQL request."""
    answer = await client.post("/graphql", json={"query": document, "variables": variables})
    whole: dict[str, Any] = answer.json()
    return whole


async def becomes(client: httpx2.AsyncClient, status: int, *, within_s: float = 5.0, **more: Any) -> Any:
    """The first answer with a status, which must come in time. Reads the viewer by REST.

    The time is counted in questions, so that it stands still while the machine does.
    """
    for _ in range(round(within_s / 0.1)):
        answer = await client.get("/v1/viewer", **more)
        if answer.status_code == status:
            return answer.json()
        await asyncio.sleep(0.1)
    raise AssertionError(f"{answer.status_code} still, after {within_s} s: {answer.text}")


@pytest.fixture(scope="session")
async def office_database(databases: Databases) -> str:
    """A migrated database with the operator and two tenants."""
    url = await databases.clone("access")
    async with await open_pool(url, role=None) as pool:
        for id, slug, operator in (
            (OPERATOR, "operator", True),
            (OURS, "ours", False),
            (THEIRS, "theirs", False),
        ):
            await pool.execute(
                "insert into organization (id, name, slug, is_operator) values ($1, $2, $3, $4)",
                id,
                slug.capitalize(),
                slug,
                operator,
            )
    return url


@pytest.fixture(scope="session")
async def office_pool(office_database: str) -> AsyncIterator[Pool]:
    """The work pool on the office's database."""
    opened = await open_pool(office_database, max_size=4)
    yield opened
    opened.terminate()


@pytest.fixture(scope="session")
def office(
    office_database: str, office_pool: Pool, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """The server over the office's database."""
    state = tmp_path_factory.mktemp("access")
    key = ensure_keys(state / "keys")[0]
    settings = settings_for(office_database, servers.redis_url or "", state)
    with serving(settings.using(trusted_proxies="127.0.0.1")) as url:
        yield Office(url, office_pool, key)
