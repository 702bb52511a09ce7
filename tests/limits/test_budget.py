"""Budgets by HTTP: what is charged and given back, what headers and answers say, and who is refused."""

import asyncio
import re
import time
import uuid
from typing import Any

import asyncpg
import httpx2
import pytest

from domain.access.scopes import Role
from tests.api.conftest import House
from tests.factories import OURS
from tests.limits.conftest import Start, works

RESPONSE = "application/graphql-response+json"
PAGE = "query ($n: Int) { works(first: $n) { nodes { id } } }"
# The structured fields of draft-ietf-httpapi-ratelimit-headers-11, as far as they are used.
_ITEM = r'"[a-z]+"(;[a-z]+=[0-9]+)+'
_LIST = re.compile(f"{_ITEM}(, {_ITEM})*")


def fields(answer: httpx2.Response, name: str) -> dict[str, dict[str, int]]:
    """A header of named policies."""
    text = answer.headers[name]
    assert _LIST.fullmatch(text), text
    found = {}
    for item in text.split(", "):
        label, *parameters = item.split(";")
        found[label.strip('"')] = {k: int(v) for k, v in (one.split("=") for one in parameters)}
    return found


def ask(caller: httpx2.Client, query: str, headers: Any = None, **variables: Any) -> httpx2.Response:
    return caller.post("/graphql", json={"query": query, "variables": variables}, headers=headers)


def cost(answer: httpx2.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["extensions"]["cost"]
    return found


@pytest.fixture
def house(start: Start) -> House:
    """A server with the tiers as they are delivered."""
    return start()


def caller_of(house: House, tier: str = "free", organization: uuid.UUID = OURS, **more: Any) -> httpx2.Client:
    return house.client(tier=tier, organization=organization, **more)


def test_what_is_not_used_comes_back(start: Start) -> None:
    house = start()
    asyncio.run(works(house.database_url, 7))
    with caller_of(house, "pro") as caller:
        answer = ask(caller, PAGE, n=50)
        assert len(answer.json()["data"]["works"]["nodes"]) == 7
        told = cost(answer)
        assert (told["requestedQueryCost"], told["actualQueryCost"]) == (51, 8)
        assert told["throttleStatus"]["maximumAvailable"] == 10_000
        assert told["throttleStatus"]["restoreRate"] == pytest.approx(10_000 / 60)
        state = fields(answer, "ratelimit")["organization"]
        assert state["r"] == told["throttleStatus"]["currentlyAvailable"]
        assert 9_900 < state["r"] <= 10_000
        assert fields(answer, "ratelimit-policy") == {"organization": {"q": 10_000, "w": 60}}
        same = ask(caller, PAGE, {"Accept": RESPONSE}, n=50)
        assert cost(same)["actualQueryCost"] == 8


def exhaust(caller: httpx2.Client) -> int:
    """Spend a budget by what is charged whole; gives how many requests were let through."""
    for count in range(400):
        answer = ask(caller, "{ " + " ".join(f"a{n}: viewer {{ actor }}" for n in range(10)) + " }")
        if answer.status_code == 429:
            return count
        assert answer.status_code == 200, answer.text
    raise AssertionError("the budget does not end")


def test_too_little_is_429_at_every_door(start: Start) -> None:
    house = start(tiers={"free": 100})
    with caller_of(house) as caller:
        assert exhaust(caller) >= 1
        for accept in ("application/json", RESPONSE):
            answer = ask(caller, PAGE, {"Accept": accept}, n=99)
            assert answer.status_code == 429
            (error,) = answer.json()["errors"]
            assert error["extensions"]["code"] == "RATE_LIMIT_EXCEEDED"
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert fields(answer, "ratelimit")["organization"]["r"] < 100
            assert cost(answer)["actualQueryCost"] == 0
            assert answer.headers["content-type"].startswith(accept)
        rest = caller.get("/v1/works", params={"first": 99})
        assert (rest.status_code, rest.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert rest.headers["content-type"] == "application/problem+json"
        assert 1 <= int(rest.headers["retry-after"]) <= 60
        assert fields(rest, "ratelimit")["organization"]["r"] < 100
    with caller_of(house, organization=uuid.uuid4()) as other:
        assert ask(other, PAGE, n=1).status_code == 200


def test_more_than_the_whole_budget_is_told_as_what_can_never_run(start: Start) -> None:
    house = start(tiers={"free": 50})
    with caller_of(house) as caller:
        for answer in (ask(caller, PAGE, {"Accept": RESPONSE}, n=100), caller.get("/v1/works?first=100")):
            assert answer.status_code == 400
            assert "retry-after" not in answer.headers
            assert "LIMIT_EXCEEDED" in answer.text
            assert "never run" in answer.text


def test_the_price_alone_is_told_and_nothing_runs(house: House) -> None:
    dry = {"X-Cost-Only": "true"}
    with caller_of(house) as caller:
        answer = ask(caller, PAGE, dry, n=100)
        assert answer.json()["data"] is None
        assert (cost(answer)["requestedQueryCost"], cost(answer)["actualQueryCost"]) == (101, 1)
        rest = caller.get("/v1/works?first=100", headers=dry)
        assert rest.json()["cost"]["requestedQueryCost"] == 101
        document = 'mutation { createWork(input: {title: "Dry"}, idempotencyKey: "dry") { work { id } } }'
        assert cost(ask(caller, document, dry))["requestedQueryCost"] == 11
        key = {**dry, "Idempotency-Key": "dry-rest"}
        made = caller.post("/v1/works", json={"title": "Dry"}, headers=key)
        assert (made.status_code, made.json()["cost"]["actualQueryCost"]) == (200, 1)
        assert made.json()["cost"]["requestedQueryCost"] >= 11
        found = ask(caller, '{ works(filter: {title: {equals: "Dry"}}) { nodes { id } } }')
        assert found.json()["data"]["works"]["nodes"] == []


def test_commands_are_charged_and_refusals_given_back(house: House) -> None:
    document = "mutation ($t: String!) { createWork(input: {title: $t}, idempotencyKey: $t) { work { id } } }"
    with caller_of(house) as caller:
        assert cost(ask(caller, document, t="Charged"))["actualQueryCost"] == 11
        refused = ask(
            caller, 'mutation { createWork(input: {title: ""}, idempotencyKey: "r") { userErrors { code } } }'
        )
        assert cost(refused)["actualQueryCost"] <= 2
        invalid = ask(caller, "{ nothing }")
        assert (cost(invalid)["requestedQueryCost"], cost(invalid)["actualQueryCost"]) == (1, 1)
        steps = [{"command": "createWork", "input": {"title": f"Step {n}"}} for n in range(3)]
        many = """mutation ($s: [StepInput!]!) {
            applyChanges(input: {changes: $s}, idempotencyKey: "s") { applied } }"""
        assert cost(ask(caller, many, {"X-Cost-Only": "true"}, s=steps))["requestedQueryCost"] == 80


def test_the_budget_can_be_asked_for(house: House) -> None:
    with caller_of(house) as caller:
        document = "{ rateLimit { limit remaining resetAt cost } works(first: 10) { nodes { id } } }"
        found = ask(caller, document).json()["data"]["rateLimit"]
        assert (found["limit"], found["cost"]) == (1_000, 11)
        assert 900 < found["remaining"] <= 1_000
        tiers = ask(caller, "{ tiers { name pointsPerMinute } }").json()["data"]["tiers"]
        assert {"name": "pro", "pointsPerMinute": 10_000} in tiers


async def a_client(url: str, points: int) -> uuid.UUID:
    connection = await asyncpg.connect(url)
    try:
        found: uuid.UUID = await connection.fetchval(
            "insert into client (organization_id, name, role, scopes, points_per_minute) "
            "values ($1, 'Narrow', 'api_user', '{}', $2) returning id",
            OURS,
            points,
        )
        return found
    finally:
        await connection.close()


def test_a_client_has_a_share_of_its_own_within_the_organizations(start: Start) -> None:
    house = start()
    narrow = asyncio.run(a_client(house.database_url, 40))
    with (
        caller_of(house, "pro", client_id=str(uuid.uuid4())) as other,
        caller_of(house, "pro", client_id=str(narrow)) as caller,
    ):
        give_up_at = time.monotonic() + 30
        while "client" not in fields(answer := ask(caller, PAGE, n=1), "ratelimit"):
            assert time.monotonic() < give_up_at
            time.sleep(0.2)
        assert fields(answer, "ratelimit-policy") == {
            "organization": {"q": 10_000, "w": 60},
            "client": {"q": 40, "w": 60},
        }
        assert cost(answer)["throttleStatus"]["maximumAvailable"] == 40
        assert ask(caller, PAGE, {"Accept": RESPONSE}, n=99).status_code == 400
        statuses = {ask(caller, PAGE, n=n).status_code for n in (30, *range(1, 39))}
        assert statuses == {200, 429}
        assert set(fields(ask(other, PAGE, n=99), "ratelimit")) == {"organization"}


def test_an_edited_tier_holds_within_seconds(start: Start) -> None:
    house = start()
    admin: dict[str, Any] = {"role": Role.ADMIN, "operator": True}
    with caller_of(house, "pro", **admin) as caller:
        edit = """mutation { editTier(input: {name: "pro", pointsPerMinute: 12345}, idempotencyKey: "t")
            { name pointsPerMinute userErrors { code } } }"""
        done = ask(caller, edit).json()["data"]["editTier"]
        assert done == {"name": "pro", "pointsPerMinute": 12_345, "userErrors": []}
        give_up_at = time.monotonic() + 30
        while fields(ask(caller, PAGE, n=1), "ratelimit-policy")["organization"]["q"] != 12_345:
            assert time.monotonic() < give_up_at
            time.sleep(0.2)
        wrong = caller.patch("/v1/tiers/free", json={"pointsPerMinute": 0})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "VALIDATION_ERROR")
    with caller_of(house, role=Role.LABEL_USER) as other:
        assert other.patch("/v1/tiers/free", json={"pointsPerMinute": 5}).status_code == 403
