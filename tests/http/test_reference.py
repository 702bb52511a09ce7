"""The printed pages are current, every code has its anchor, and a fault says nothing but its id."""

import re
from collections.abc import Callable
from typing import Any

import httpx2
import orjson
import pytest
from graphql import get_introspection_query

import api.app  # noqa: F401  (what refuses is loaded with what serves)
from api.problems import table
from api.reference import ERRORS, LIMITS_PAGE, printed_docs
from graph.limits import LIMITS, parsed
from graph.run import Engine
from graph.schema import graphql_schema
from openapi.routes import read_routes
from tests.api.conftest import House
from tests.shared import CHECKOUT

OURS = {
    "AUTH_REQUIRED": 401,
    "INVALID_CREDENTIALS": 401,
    "INVALID_API_KEY": 401,
    "INSUFFICIENT_SCOPE": 403,
    "VALIDATION_ERROR": 422,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
}


def test_the_pages_are_current() -> None:
    for path, content in printed_docs().items():
        assert path.read_bytes() == content, f"{path.name} is stale: python3 -m api openapi"


def test_every_code_has_its_anchor_and_the_agreed_ones_their_status() -> None:
    page = ERRORS.read_text()
    assert re.findall(r"^### (\w+)$", page, re.MULTILINE) == [
        code for _, code in sorted((status, code) for code, (status, _) in table().items())
    ]
    assert {code: table()[code][0] for code in OURS} == OURS


def test_every_limit_is_published() -> None:
    page = LIMITS_PAGE.read_text()
    for name, figure, said in LIMITS.table():
        assert f"| `{name}` | {figure:,} | {said} |" in page


def test_codes_lead_to_their_description(house: House) -> None:
    with house.client() as client:
        problem = client.get("/v1/releases/garbage").json()
    assert problem["type"] == f"/problems/{problem['code']}"
    assert httpx2.get(house.url + problem["type"]).json()["code"] == problem["code"]
    browser = {"Accept": "text/html,*/*;q=0.8"}
    led = httpx2.get(house.url + problem["type"], headers=browser)
    assert (led.status_code, led.headers["location"]) == (303, f"/problems#{problem['code']}")
    page = httpx2.get(f"{house.url}/problems", headers=browser).text
    for code in table():
        assert f'<h2 id="{code}">' in page


def test_what_we_ask_ourselves_keeps_to_the_limits() -> None:
    for route in read_routes(graphql_schema()):
        assert parsed(route.document((), (), frozenset(name for name, _ in route.arguments)))
    parsed(get_introspection_query())
    parsed(
        get_introspection_query(
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
        )
    )


def test_the_same_code_comes_through_every_door(house: House) -> None:
    """One wrong command by REST and by GraphQL; a read without its scope by both."""
    graphql = 'mutation { createWork(input: {title: ""}) { userErrors { code } } }'
    with house.client() as client:
        rest = client.post("/v1/works", json={"title": ""}, headers={"Idempotency-Key": "same-code"}).json()
        (error,) = client.post("/graphql", json={"query": graphql}).json()["data"]["createWork"]["userErrors"]
        assert rest["code"] == error["code"] == "VALIDATION_ERROR"
    with house.client(scopes=["catalog:read"]) as client:
        rest = client.get("/v1/deals").json()
        errors = client.post("/graphql", json={"query": "{ deals { nodes { id } } }"}).json()["errors"]
        assert rest["code"] == errors[0]["extensions"]["code"] == "INSUFFICIENT_SCOPE"
    for path in ("/graphql?query={__typename}", "/v1/deals"):
        assert httpx2.get(house.url + path).json()["code"] == "AUTH_REQUIRED"
        wrong = {"Authorization": "Bearer wrong"}
        assert httpx2.get(house.url + path, headers=wrong).json()["code"] == "INVALID_CREDENTIALS"


SECRET = "password=hunter2 at /srv/secret.py"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[Exception]], None]:
    """Makes every read and write of the engine fail with an exception that tells too much."""

    def breaks(kind: type[Exception]) -> None:
        async def execute(*_: Any, **__: Any) -> Any:
            raise kind(SECRET)

        def prepared(*_: Any, **__: Any) -> Any:
            raise kind(SECRET)

        monkeypatch.setattr(Engine, "execute", execute)
        monkeypatch.setattr(Engine, "parsed", prepared)

    return breaks


@pytest.mark.parametrize(
    "kind", [RuntimeError, KeyError, ValueError, AssertionError, OSError, RecursionError]
)
def test_the_text_of_an_exception_never_leaves(
    house: House, broken: Callable[[type[Exception]], None], kind: type[Exception]
) -> None:
    broken(kind)
    with house.client() as client:
        answers = [
            client.post("/graphql", json={"query": "{ __typename }"}),
            client.post("/graphql", content=iter([b'{"query":', b'"{ __typename }"}']), headers=JSON),
            client.get("/graphql", params={"query": "{ __typename }"}),
            client.post("/graphql", json={"query": "mutation { x }"}),
            client.get("/v1/releases"),
            client.get("/v1/viewer", headers={"X-Request-Id": "the-callers-own"}),
        ]
    for answer in answers:
        assert answer.status_code == 500, answer.text
        told = answer.json()
        code = told["code"] if "code" in told else told["errors"][0]["extensions"]["code"]
        assert code == "INTERNAL_ERROR"
        for text in ("hunter2", "secret.py", kind.__name__, "Traceback"):
            assert text not in answer.text + str(answer.headers)
        assert answer.headers["x-request-id"] in answer.text
        assert "content-security-policy" in answer.headers
    assert answers[-1].headers["x-request-id"] == "the-callers-own"


JSON = {"Content-Type": "application/json"}


def test_nothing_printed_names_this_machine() -> None:
    for content in printed_docs().values():
        assert str(CHECKOUT) not in content.decode()
        assert orjson.dumps(content.decode())
