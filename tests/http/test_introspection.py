"""Who is told the schema: each state of the setting, and no hints where it is not told."""

import json
import time
from typing import Any

import asyncpg
import httpx2
import pytest
from graphql import get_introspection_query

from domain.access.introspection import Introspection
from domain.access.scopes import Role
from domain.access.settings import SystemSettings
from tests.api.conftest import House

NAMED = '{ __type(name: "Release") { name } }'
INSIDE = "{ ...F } fragment F on Query { a: __schema { queryType { name } } }"
RESPONSE = "application/graphql-response+json"


async def set_to(house: House, value: str | None) -> None:
    """Set the system setting as its administrators do, and wait until the server knows."""
    connection = await asyncpg.connect(house.database_url)
    try:
        await connection.execute("delete from system_setting where name = 'introspection'")
        if value is not None:
            await connection.execute(
                "insert into system_setting (name, value) values ('introspection', $1::jsonb)",
                json.dumps(value),
            )
    finally:
        await connection.close()


def asked(house: House, document: str, **more: Any) -> httpx2.Response:
    with house.client(**more) as client:
        return client.post("/graphql", json={"query": document}, headers={"Accept": RESPONSE})


def becomes(house: House, status: int, **more: Any) -> httpx2.Response:
    """The answer once it has the status: within five seconds, counted in questions."""
    for _ in range(50):
        if (answer := asked(house, NAMED, **more)).status_code == status:
            break
        time.sleep(0.1)
    assert answer.status_code == status, answer.text
    return answer


@pytest.fixture
async def policy(house: House) -> Any:
    """Sets the policy; afterwards nothing is set."""

    async def chosen(value: str | None) -> None:
        await set_to(house, value)

    yield chosen
    await set_to(house, None)
    becomes(house, 200)


async def test_who_is_signed_in_is_told(house: House, policy: Any) -> None:
    for value in (None, "signed_in", "a word of another version"):
        await policy(value)
        assert becomes(house, 200).json()["data"] == {"__type": {"name": "Release"}}
    assert asked(house, get_introspection_query()).status_code == 200
    assert "Did you mean" in asked(house, "{ release }").text


async def test_nobody_else_is(house: House) -> None:
    answer = httpx2.post(f"{house.url}/graphql", json={"query": NAMED})
    assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_REQUIRED")


async def test_administrators_of_the_installation_are_told_where_they_alone_are(
    house: House, policy: Any
) -> None:
    await policy("operator")
    refused = becomes(house, 403)
    assert refused.json()["errors"][0]["extensions"]["code"] == "INTROSPECTION_REFUSED"
    assert "data" not in refused.json()
    assert asked(house, NAMED, role=Role.ADMIN, operator=True).status_code == 200
    assert asked(house, NAMED, role=Role.ADMIN).status_code == 403
    assert asked(house, NAMED, role=Role.LABEL_USER, operator=True).status_code == 403
    assert asked(house, NAMED, role=Role.ADMIN, operator=True, scopes=["catalog:read"]).status_code == 403


async def test_off_is_off_for_everybody_and_nothing_is_hinted_at(house: House, policy: Any) -> None:
    await policy("off")
    becomes(house, 403)
    for document in (NAMED, INSIDE, get_introspection_query(), "{ __typename __schema { description } }"):
        for role in Role:
            assert asked(house, document, role=role).status_code == 403
    assert asked(house, "{ __typename }").json()["data"] == {"__typename": "Query"}

    hinted = [
        "{ relese { id } }",
        "{ releases { nodes { titel } } }",
        "{ releases(frist: 1) { totalCount } }",
        "{ releases(orderBy: TITEL_ASC) { totalCount } }",
        "{ releases(filter: {titel: 1}) { totalCount } }",
        "query ($f: RelaseFilter) { releases(filter: $f) { totalCount } }",
        '{ node(id: "x") { ... on Relase { id } } }',
        "{ __typename @skp(if: true) }",
        "mutation { createWrok(input: {}) { __typename } }",
        'mutation { createWork(input: {titel: "x"}) { __typename } }',
    ]
    for document in hinted:
        answer = asked(house, document)
        assert answer.status_code == 400
        assert "Did you mean" not in answer.text, document
    with house.client() as client:
        body = {
            "query": "query ($f: ReleaseFilter) { releases(filter: $f) { totalCount } }",
            "variables": {"f": {"titel": "x"}},
        }
        answer = client.post("/graphql", json=body)
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert "Did you mean" not in answer.text
    assert "type Query" in httpx2.get(f"{house.url}/schema.graphql").text


def test_the_states_are_those_of_the_setting() -> None:
    assert {one.value for one in Introspection} == {"signed_in", "operator", "off"}
    assert Introspection.named(SystemSettings().introspection) is Introspection.SIGNED_IN
