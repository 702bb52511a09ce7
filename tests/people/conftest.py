"""A server with two organizations and people in them, and browsers that know nobody yet."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
from argon2 import PasswordHasher

from api.embedded import Servers
from api.settings import Settings
from domain.access.credentials import INVITATION_MARK, hash_of, new_secret
from domain.adapters.postgres import Pool, open_pool
from domain.row import new_id
from tests.api.conftest import serving, settings_for
from tests.conftest import Databases
from tests.people.browser import Browser

# Quick to make; a log-in replaces it by one with today's parameters.
_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    id: uuid.UUID
    email: str
    password: str = PASSWORD


@dataclass
class Town:
    """A running server, its database, and ways to put people there."""

    url: str
    settings: Settings
    pool: Pool
    ours: uuid.UUID = field(default_factory=new_id)
    theirs: uuid.UUID = field(default_factory=new_id)

    async def settle(self) -> None:
        """Make the organizations."""
        for id, name in ((self.ours, "Ours"), (self.theirs, "Theirs")):
            await self.pool.execute(
                "insert into organization (id, name, slug) values ($1, $2, $3)", id, name, str(id)
            )

    async def person(
        self, *organizations: uuid.UUID, role: str = "label_user", password: str = PASSWORD
    ) -> Person:
        """A new person, a member of organizations; of ours when none is said."""
        id = new_id()
        email = f"Person.{id.hex[-12:]}@label.example"
        await self.pool.execute(
            "insert into user_account (id, email, display_name, password_hash) values ($1, $2, 'Ada', $3)",
            id,
            email,
            _QUICK.hash(password),
        )
        for organization in organizations or (self.ours,):
            await self.pool.execute(
                "insert into member (organization_id, user_id, role) values ($1, $2, $3)",
                organization,
                id,
                role,
            )
        return Person(id, email, password)

    async def invitation(
        self,
        email: str,
        *,
        organization: uuid.UUID | None = None,
        role: str = "label_user",
        lives: str = "1 day",
    ) -> str:
        """An invitation that is open for a while; gives its token."""
        token = new_secret(INVITATION_MARK)
        await self.pool.execute(
            "insert into invitation (organization_id, email, role, token_hash, invited_by, expires_at) "
            "values ($1, $2, $3, $4, 'test', clock_timestamp() + $5::text::interval)",
            organization or self.ours,
            email,
            role,
            hash_of(token),
            lives,
        )
        return token

    async def open_registration(self, is_open: bool) -> None:
        """Set whether anybody may register."""
        await self.pool.execute(
            "insert into system_setting (name, value) values ('open_registration', $1::jsonb) "
            "on conflict (name) do update set value = excluded.value",
            "true" if is_open else "false",
        )

    def browser(self) -> Browser:
        """A browser without cookies."""
        return Browser(self.url)


@pytest.fixture(scope="session")
async def town(
    databases: Databases, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """The server of these tests."""
    url = await databases.clone("people")
    settings = settings_for(url, servers.redis_url or "", tmp_path_factory.mktemp("people"))
    async with await open_pool(url, role=None, max_size=3) as pool:
        with serving(settings) as address:
            made = Town(address, settings, pool)
            await made.settle()
            yield made


@pytest.fixture
def browser(town: Town) -> Iterator[Browser]:
    """A browser without cookies."""
    with town.browser() as made:
        yield made
