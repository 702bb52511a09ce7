"""A server on a free port over a database of its own, and callers with tokens."""

import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
import uvloop

from api.app import create_app
from api.embedded import Servers
from api.house import server_config
from api.keys import SigningKey, ensure_keys, mint_token
from api.logs import configure_logs
from api.settings import Settings
from domain.access.scopes import Role
from domain.adapters.postgres import open_pool
from tests.conftest import Databases

OURS = uuid.UUID("0195e3a0-0000-7000-8000-000000000001")
THEIRS = uuid.UUID("0195e3a0-0000-7000-8000-000000000002")


@dataclass(frozen=True)
class House:
    """A running server: where it listens, which database it has, and the key that signs its tokens."""

    url: str
    database_url: str
    key: SigningKey

    def token(self, organization: uuid.UUID = OURS, role: Role = Role.LABEL_USER, **more: Any) -> str:
        """An access token."""
        given = {"subject": f"{role.value}@test", "lifetime": timedelta(hours=1), **more}
        return mint_token(self.key, organization_id=organization, role=role, **given)

    def client(self, **more: Any) -> httpx2.Client:
        """A caller with a token, who names each write that has no idempotency key."""
        headers = {"Authorization": f"Bearer {self.token(**more)}"}
        hooks: dict[str, list[Any]] = {"request": [with_key]}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30, event_hooks=hooks)


def with_key(request: httpx2.Request) -> None:
    """Give a request that posts a command an idempotency key of its own, unless it has one."""
    if request.method == "POST" and request.url.path.startswith("/v1/"):
        request.headers.setdefault("Idempotency-Key", str(uuid.uuid4()))


def settings_for(database_url: str, redis_url: str, state: Path) -> Settings:
    """Settings of a server of the tests."""
    return Settings(
        database_url=database_url, redis_url=redis_url, state_folder=state, pool_size=4, body_limit_mb=1
    )


@contextmanager
def serving(settings: Settings, listener: socket.socket | None = None) -> Iterator[str]:
    """Serve on a free port, on a thread with an event loop of its own; gives the address."""
    configure_logs("error", "json")
    listener = listener or socket.create_server(("127.0.0.1", 0))
    config = server_config(create_app(settings), settings)
    server = uvicorn.Server(config)
    # On uvloop, as the product serves: asyncio leaves Nagle's algorithm on for a listener made like this one,
    # and each answer then waits 40 ms for an acknowledgement.
    thread = threading.Thread(target=lambda: uvloop.run(server.serve([listener])), daemon=True)
    thread.start()
    give_up_at = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < give_up_at, "the server takes too long to start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="session")
async def house_database(databases: Databases) -> str:
    """A migrated database with two organizations."""
    url = await databases.clone("api")
    async with await open_pool(url, role=None) as pool:
        for id, slug in ((OURS, "ours"), (THEIRS, "theirs")):
            await pool.execute(
                "insert into organization (id, name, slug) values ($1, $2, $3)", id, slug.capitalize(), slug
            )
    return url


@pytest.fixture(scope="session")
def house(house_database: str, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The server, on a thread with an event loop of its own."""
    state = tmp_path_factory.mktemp("state")
    settings = settings_for(house_database, servers.redis_url or "", state)
    key = ensure_keys(state / "keys")[0]
    with serving(settings) as url:
        yield House(url, house_database, key)


@pytest.fixture
def ours(house: House) -> Iterator[httpx2.Client]:
    """A label user of our organization."""
    with house.client() as client:
        yield client


@pytest.fixture
def theirs(house: House) -> Iterator[httpx2.Client]:
    """A label user of another organization."""
    with house.client(organization=THEIRS) as client:
        yield client
