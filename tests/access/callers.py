"""Short ways to do a command and to look at what came of it."""

import uuid
from dataclasses import dataclass
from typing import Any

import httpx2

from domain.access.scopes import Role
from tests.access.conftest import OPERATOR, OURS, Office

PROGRAM = {"name": "Program", "scopes": ["catalog:read", "catalog:write"]}


@dataclass(frozen=True)
class Caller:
    """One credential at the door of commands."""

    office: Office
    credential: str

    async def send(self, method: str, path: str, **body: Any) -> httpx2.Response:
        """A command by REST, under a key of its own."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        async with self.office.client(self.credential) as client:
            return await client.request(method, f"/v1{path}", json=body or None, headers=headers)

    async def does(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """A command that must be done; gives the answer."""
        answer = await self.send(method, path, **body)
        assert answer.status_code < 300, answer.text
        told: dict[str, Any] = answer.json() if answer.content else {}
        return told

    async def refused(self, method: str, path: str, **body: Any) -> tuple[str, str]:
        """A command that must be refused; gives code and detail."""
        answer = await self.send(method, path, **body)
        assert 400 <= answer.status_code < 500, answer.text
        told = answer.json()
        return told["code"], told["detail"]

    async def reads(self, path: str) -> Any:
        """GET; gives the answer."""
        async with self.office.client(self.credential) as client:
            answer = await client.get(f"/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def makes_client(self, **more: Any) -> dict[str, Any]:
        """A client."""
        return await self.does("POST", "/clients", **{**PROGRAM, **more})


def admin(office: Office, organization: uuid.UUID = OURS, **more: Any) -> Caller:
    """An administrator of an organization."""
    return Caller(office, office.token(organization, Role.ADMIN, **more))


def operator(office: Office) -> Caller:
    """An administrator of the system."""
    return admin(office, OPERATOR)


async def tenant(office: Office) -> uuid.UUID:
    """A new organization of a test's own."""
    made: uuid.UUID = await office.pool.fetchval(
        "insert into organization (name, slug) values ('Tenant', $1) returning id", uuid.uuid4().hex
    )
    return made


async def member(office: Office, organization: uuid.UUID, role: str = "admin") -> tuple[uuid.UUID, str, str]:
    """A person in an organization; gives the account's id, the membership's, and an access token."""
    user_id = await office.pool.fetchval(
        "insert into user_account (email, display_name) values ($1, 'Ada') returning id",
        f"{uuid.uuid4().hex}@example.org",
    )
    id = await office.pool.fetchval(
        "insert into member (organization_id, user_id, role) values ($1, $2, $3) returning id",
        organization,
        user_id,
        role,
    )
    return user_id, str(id), office.token(organization, Role(role), subject=str(user_id))
