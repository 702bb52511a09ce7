"""An authorization server with two organizations, people, and clients of every kind."""

import base64
import hashlib
import secrets
import socket
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import orjson
import pytest

from api.embedded import Servers
from api.keys import SigningKey, ensure_keys
from domain.access.credentials import hash_of
from domain.adapters.postgres import open_pool
from domain.row import new_id
from tests.api.conftest import serving, settings_for
from tests.conftest import Databases
from tests.people.browser import Browser
from tests.people.conftest import Person, Town

CALLBACK = "https://app.example/callback?kept=1"
VERIFIER = "a-verifier-of-forty-three-characters-or-more.~"
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
            hash_of(secret) if auth_method == "client_secret" else None,
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

    def authorization(self, client: Registered, **more: str | None) -> str:
        """The path of an authorization request; None leaves a parameter out."""
        fields = {
            "response_type": "code",
            "client_id": str(client.id),
            "redirect_uri": client.redirect_uri,
            "scope": "openid catalog:read",
            "state": "a state",
            "code_challenge": challenge(VERIFIER),
            "code_challenge_method": "S256",
            **more,
        }
        return "/oauth/authorize?" + urlencode({k: v for k, v in fields.items() if v is not None})

    async def logged_in(self, *organizations: uuid.UUID, role: str = "label_user") -> tuple[Browser, Person]:
        """Somebody's browser, logged in."""
        person = await self.person(*organizations, role=role)
        browser = self.browser()
        browser.log_in(person.email, person.password)
        return browser, person

    def consent(self, browser: Browser, path: str, **fields: str) -> dict[str, str]:
        """Answer the consent page with yes; gives what the client is sent."""
        answer = browser.submit(path, "/oauth/authorize", **{"decision": "allow", **fields})
        return sent_to_client(answer)

    async def code(self, client: Registered, *, role: str = "label_user", **more: str | None) -> str:
        """A code for a new person's consent."""
        browser, _ = await self.logged_in(role=role)
        with browser:
            return self.consent(browser, self.authorization(client, **more))["code"]

    def exchange(self, client: Registered, code: str, **more: str | None) -> httpx2.Response:
        """Exchange a code; None leaves a parameter out."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": VERIFIER,
            **more,
        }
        return self.token({k: v for k, v in fields.items() if v is not None}, client)

    def refresh(self, client: Registered, token: str, **more: str) -> httpx2.Response:
        """Exchange a refresh token."""
        return self.token({"grant_type": "refresh_token", "refresh_token": token, **more}, client)

    def wait_until_refused(self, token: str) -> httpx2.Response:
        """Ask until the token is refused; five seconds are all that a revocation may take.

        They are counted in questions, so that they stand still while the machine does.
        """
        for _ in range(100):
            if (answer := self.ask(token)).status_code != 200:
                return answer
            time.sleep(0.05)
        raise AssertionError("the token is still taken")


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def sent_to_client(answer: httpx2.Response, to: str = CALLBACK) -> dict[str, str]:
    """The parameters of a redirect to the client, which names who answers."""
    assert answer.status_code == 303, answer.text
    location = answer.headers["location"]
    assert location.startswith(to), location
    fields = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert fields.pop("iss").startswith("http://127.0.0.1:")
    return fields


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
