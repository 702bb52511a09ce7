"""Callers without a good token, by address; log-ins and tokens, by slowapi; both over real HTTP."""

import time
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.embedded import Embedded
from api.floor import network_of
from api.guard import MOST_KEYS, BoundedMemory
from domain.access.scopes import Role
from tests.api.conftest import House
from tests.limits.conftest import Start
from tests.limits.test_budget import PAGE, ask, fields

LOGIN = {"email": "nobody@example.com", "password": "not the password"}


def test_an_address_has_so_many_requests_without_a_token(start: Start) -> None:
    house = start(anonymous_requests=10)
    bad = {"Authorization": "Bearer no.such.token"}
    with httpx2.Client(base_url=house.url) as nobody:
        for count, path in enumerate(("/schema.graphql", "/v1/works", "/nothing", "/docs", "/problems")):
            answer = nobody.get(path)
            assert answer.status_code in (200, 401, 404), answer.text
            assert fields(answer, "ratelimit")["address"]["r"] == 9 - count
            assert fields(answer, "ratelimit-policy") == {"address": {"q": 10, "w": 900}}
        for _ in range(3):
            assert ask(nobody, PAGE, bad).status_code == 401
        assert nobody.post("/oauth/token", data={"grant_type": "x"}).status_code in (400, 401)
        last = nobody.get("/v1/works", headers=bad)
        assert (last.status_code, fields(last, "ratelimit")["address"]["r"]) == (401, 0)
        for answer in (
            nobody.get("/docs"),
            ask(nobody, PAGE),
            ask(nobody, PAGE, bad),
            nobody.get("/v1/works", headers=bad),
            nobody.post("/oauth/token", data={"grant_type": "x"}),
            nobody.post("/auth/login", json=LOGIN, headers={"Cookie": "theme=dark"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
            assert 800 < int(answer.headers["retry-after"]) <= 900
            assert fields(answer, "ratelimit")["address"]["r"] == 0
        assert nobody.get("/livez").status_code == 200
        assert nobody.get("/readyz").status_code == 200
        for _ in range(20):
            assert nobody.get("/static/nothing").status_code == 404
    with house.client() as somebody:
        for _ in range(15):
            assert ask(somebody, PAGE, n=1).status_code == 200
        assert somebody.get("/v1/works").status_code == 200


def test_good_credentials_are_not_counted(start: Start) -> None:
    house = start(anonymous_requests=5)
    with house.client(role=Role.ADMIN) as admin:
        made = admin.post(
            "/v1/clients",
            json={"name": "n", "role": "api_user", "authMethod": "client_secret", "scopes": ["catalog:read"]},
            headers={"Idempotency-Key": uuid.uuid4().hex},
        ).json()
    with httpx2.Client(base_url=house.url) as program:

        def token(secret: str) -> int:
            given = (made["clientId"], secret)
            return program.post(
                "/oauth/token", data={"grant_type": "client_credentials"}, auth=given
            ).status_code

        assert [token(made["secret"]) for _ in range(8)] == [200] * 8
        assert [token("wrong") for _ in range(7)] == [401] * 5 + [429] * 2
        # Somebody behind the same address tried too often; whoever can prove who they are still may.
        assert token(made["secret"]) == 200


def test_two_servers_count_together(start: Start) -> None:
    first, second = start(anonymous_requests=6), start(anonymous_requests=6)
    statuses = [
        httpx2.get(f"{house.url}/problems").status_code for _ in range(4) for house in (first, second)
    ]
    assert statuses == [200] * 6 + [429] * 2


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
    ],
)
def test_an_address_is_one_caller(address: str, network: str) -> None:
    assert network_of(address) == network


def test_slowapi_guards_what_takes_credentials_in_each_process(start: Start) -> None:
    house = start(guarded_requests=3)
    attempts: dict[str, dict[str, Any]] = {
        "/auth/login": {"json": LOGIN},
        "/oauth/token": {"data": {"grant_type": "x"}},
        "/auth/register": {"json": {}},
        "/auth/invitations/accept": {"json": {}},
        "/auth/oidc/callback": {},
    }
    for path, sent in attempts.items():
        method = "POST" if sent else "GET"
        for count in range(3):
            answer = httpx2.request(method, house.url + path, **sent)
            assert 400 <= answer.status_code < 429, answer.text
            told = fields(answer, "ratelimit")
            assert (told["attempts"]["r"], "address" in told) == (2 - count, True)
        answer = httpx2.request(method, house.url + path, **sent)
        assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert 1 <= int(answer.headers["retry-after"]) <= 61
        assert fields(answer, "ratelimit")["attempts"]["r"] == 0
        assert fields(answer, "ratelimit-policy")["attempts"] == {"q": 3, "w": 60}


def test_the_guard_forgets_the_oldest_of_too_many() -> None:
    memory = BoundedMemory()
    for number in range(MOST_KEYS + 50):
        assert memory.incr(f"key {number}", 60) == 1
    assert len(memory.storage) == MOST_KEYS
    assert memory.get("key 0") == 0
    assert memory.incr(f"key {MOST_KEYS}", 60) == 2


def test_without_the_store_there_is_no_outage_and_still_a_limit(start: Start, tmp_path: Path) -> None:
    with Embedded(tmp_path / "own", postgres=False, durable=False) as servers:
        house: House = start(redis_url=servers.redis_url, anonymous_requests=8, tiers={"free": 60})
        with house.client() as caller:
            assert ask(caller, PAGE, n=10).status_code == 200
        assert httpx2.get(f"{house.url}/problems").status_code == 200
    with house.client() as caller:
        began = time.monotonic()
        statuses = [ask(caller, "{ a: viewer { actor } b: viewer { actor } }").status_code for _ in range(60)]
        assert time.monotonic() - began < 20
        assert set(statuses) == {200, 429}
        assert statuses.index(429) > 5
    statuses = [httpx2.get(f"{house.url}/problems").status_code for _ in range(10)]
    assert statuses == [200] * 8 + [429] * 2
