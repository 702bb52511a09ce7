"""An authorization server with two organizations, people, and clients of every kind."""

import secrets
import socket
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson
import pytest

from api.embedded import Servers
from api.keys import SigningKey, ensure_keys
from domain.access.grants import digest
from domain.adapters.postgres import open_pool
from domain.row import new_id
from tests.api.conftest import serving, settings_for
from tests.conftest import Databases
from tests.people.conftest import Town

CALLBACK = "https://app.example/callback?kept=1"
READS = ("catalog:read", "rights:read")


@dataclass(frozen=True)
class Registered:
    """A client as its owner knows it."""

    id: uuid.UUID
    secret: str
    redirect_uri: str = CALLBACK

    @property
    def basic(self) -> tuple[str, str]:
        """What it proves itself with."""
        return str(self.id), self.secret


@dataclass
class Court(Town):
    """A running authorization server; every client's calls go over HTTP."""

    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=30, trust_env=False))

    @property
    def key(self) -> SigningKey:
        """The key that signs."""
        return ensure_keys(self.settings.state_folder / "keys")[0]

    async def client(
        self,
        *,
        scopes: Sequence[str] = READS,
        role: str = "service",
        auth_method: str = "client_secret",
        jwks: dict[str, Any] | None = None,
        redirect_uris: Sequence[str] = (CALLBACK,),
        organization: uuid.UUID | None = None,
        name: str = "Tried",
    ) -> Registered:
        """Register a client."""
        id, secret = new_id(), secrets.token_urlsafe(32)
        await self.pool.execute(
            "insert into client (id, organization_id, name, role, scopes, redirect_uris, auth_method, jwks, "
            "secret_hash) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            id,
            organization or self.ours,
            name,
            role,
            list(scopes),
            list(redirect_uris),
            auth_method,
            orjson.dumps(jwks).decode() if jwks else None,
            digest(secret) if auth_method == "client_secret" else None,
        )
        return Registered(id, secret, redirect_uris[0] if redirect_uris else "")

    def post(self, path: str, data: dict[str, str] | None = None, **more: Any) -> httpx2.Response:
        """One POST of a form."""
        return self.http.post(self.url + path, data=data or {}, **more)

    def token(self, data: dict[str, str], client: Registered | None = None, **more: Any) -> httpx2.Response:
        """One call of the token endpoint; client: proves itself by Basic."""
        auth = {"auth": client.basic} if client else {}
        return self.post("/oauth/token", data, **auth, **more)

    def own_token(self, client: Registered, scope: str | None = None) -> str:
        """An access token of the client itself."""
        asked = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        answer = self.token(asked, client)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def ask(self, token: str, query: str = "{ __typename }") -> httpx2.Response:
        """One GraphQL request with a token."""
        return self.http.post(
            f"{self.url}/graphql", json={"query": query}, headers={"Authorization": f"Bearer {token}"}
        )

    def wait_until_refused(self, token: str) -> httpx2.Response:
        """Ask until the token is refused; five seconds are all that a revocation may take."""
        import time

        give_up_at = time.monotonic() + 5
        while (answer := self.ask(token)).status_code == 200:
            assert time.monotonic() < give_up_at, "the token is still taken"
            time.sleep(0.05)
        return answer


def refused(answer: httpx2.Response, error: str, status: int = 400) -> str:
    """Assert an error of RFC 6749 §5.2; gives its description."""
    assert answer.status_code == status, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert body["error"] == error, body
    assert ("www-authenticate" in answer.headers) == (status == 401)
    return str(body.get("error_description", ""))


@pytest.fixture(scope="session")
async def court(
    databases: Databases, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Court]:
    """The server of these tests. Its public address is the one it listens on."""
    url = await databases.clone("oauth")
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = settings_for(url, servers.redis_url or "", tmp_path_factory.mktemp("oauth"))
    settings = settings.using(public_url=address)
    async with await open_pool(url, role=None, max_size=3) as pool:
        with serving(settings, listener):
            made = Court(address, settings, pool)
            await made.settle()
            yield made
            made.http.close()
