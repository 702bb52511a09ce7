"""GraphQL over HTTP beyond the audit: what another site may not do, methods, charsets, several operations."""

import json
from typing import Any

import httpx2
import pytest

from tests.api.conftest import House

RESPONSE = "application/graphql-response+json"
TYPENAME = "{ __typename }"
SEVERAL = "query A { a: __typename } query B { b: __typename }"

# What a page of another site can send without asking first (Fetch: no preflight).
SIMPLE = [
    ("POST", {"Content-Type": "text/plain"}),
    ("POST", {"Content-Type": "text/plain; charset=utf-8"}),
    ("POST", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("POST", {"Content-Type": "multipart/form-data; boundary=x"}),
    ("POST", {"Content-Type": ""}),
    ("POST", {"Content-Type": "text/plain; application/json"}),
    ("POST", {"Content-Type": "application/json-seq"}),
    ("POST", {"Content-Type": "application/graphql"}),
]


@pytest.mark.parametrize(("method", "headers"), SIMPLE, ids=str)
def test_what_another_site_can_send_unasked_is_refused(
    ours: httpx2.Client, method: str, headers: dict[str, str]
) -> None:
    content = b'{"query":"mutation { createWork(input: {title: \\"CSRF\\"}) { userErrors { code } } }"}'
    answer = ours.request(method, "/graphql", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    found = ours.post(
        "/graphql", json={"query": '{ works(filter: {title: {equals: "CSRF"}}) { totalCount } }'}
    ).json()
    assert found["data"]["works"]["totalCount"] == 0


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROB"])
def test_other_methods_are_not_taken(ours: httpx2.Client, method: str) -> None:
    answer = ours.request(method, "/graphql")
    assert answer.status_code in (400, 405)
    assert answer.json()["code"] in ("METHOD_NOT_ALLOWED", "BAD_REQUEST")
    if answer.status_code == 405:
        assert {"GET", "POST"} <= {name.strip() for name in answer.headers["allow"].split(",")}


@pytest.mark.parametrize(
    ("charset", "status"),
    [("utf-8", 200), ("UTF-8", 200), ('"utf-8"', 200), ("utf-16", 415), ("iso-8859-1", 415), ("utf-7", 415)],
)
def test_the_charset_is_utf_8(ours: httpx2.Client, charset: str, status: int) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}", "Accept": RESPONSE}
    answer = ours.post("/graphql", content=b'{"query":"{ __typename }"}', headers=headers)
    assert answer.status_code == status
    assert "charset=utf-8" in answer.headers["content-type"] or status == 415


@pytest.mark.parametrize(
    ("name", "given"),
    [("A", {"a": "Query"}), ("B", {"b": "Query"}), ("C", None), (None, None), ("", None)],
)
def test_one_of_several_operations_is_named(
    ours: httpx2.Client, name: str | None, given: dict[str, Any] | None
) -> None:
    headers = {"Accept": RESPONSE}
    posted = ours.post("/graphql", json={"query": SEVERAL, "operationName": name}, headers=headers)
    params = {"query": SEVERAL, **({"operationName": name} if name is not None else {})}
    got = ours.get("/graphql", params=params, headers=headers)
    for answer in (posted, got):
        if given:
            assert answer.json()["data"] == given
        else:
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_get_reads_what_the_address_says(ours: httpx2.Client) -> None:
    document = "query ($n: Int!) { releases(first: $n) { totalCount } }"
    params = {"query": document, "variables": json.dumps({"n": 2}), "extensions": "{}"}
    assert ours.get("/graphql", params=params).json()["data"]["releases"]["totalCount"] >= 0
    for wrong in ({"variables": "{"}, {"variables": "[1]"}, {"extensions": "1"}, {"query": ""}):
        answer = ours.get("/graphql", params={**params, **wrong}, headers={"Accept": RESPONSE})
        assert answer.status_code == 400, wrong
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_a_mutation_by_get_is_refused_however_it_is_named(ours: httpx2.Client) -> None:
    document = 'query Q { __typename } mutation M { createWork(input: {title: "G"}) { userErrors { code } } }'
    for params in ({"operationName": "M"}, {"operationName": "M", "extensions": "{}"}):
        answer = ours.get("/graphql", params={"query": document, **params})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    answer = ours.get("/graphql", params={"query": document, "operationName": "Q"})
    assert answer.json()["data"] == {"__typename": "Query"}


def test_a_body_has_an_end(ours: httpx2.Client) -> None:
    large = b'{"query":"{ __typename }","variables":{"a":"' + b"x" * (1 << 20) + b'"}}'
    for content in (large, iter([large[:9], large[9:]])):
        answer = ours.post("/graphql", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_a_compressed_body_is_not_unpacked(ours: httpx2.Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = ours.post("/graphql", content=b"\x1f\x8b" + b"\0" * 100, headers=headers)
    assert answer.status_code == 400


def test_the_answer_is_not_kept_by_anybody(house: House, ours: httpx2.Client) -> None:
    for answer in (
        ours.post("/graphql", json={"query": TYPENAME}),
        ours.get("/graphql", params={"query": TYPENAME}),
        httpx2.post(f"{house.url}/graphql", json={"query": TYPENAME}),
    ):
        assert answer.headers["cache-control"] == "no-store"
