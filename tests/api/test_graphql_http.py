"""GraphQL over HTTP: media types, statuses, mutations, masking, and the page for browsers."""

import json
import uuid
from typing import Any

import httpx2
import pytest

RESPONSE = "application/graphql-response+json"
TYPENAME = "{ __typename }"

CREATE = """
mutation Create($input: CreateWorkInput!, $key: String) {
  createWork(input: $input, idempotencyKey: $key) {
    __typename
    work { id title version titles { text } }
    changeSet { id command actor }
    userErrors { code message path details }
  }
}
"""


def ask(client: httpx2.Client, query: str, status: int = 200, **variables: Any) -> dict[str, Any]:
    answer = client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == status, answer.text
    document: dict[str, Any] = answer.json()
    return document


def before_cost(answer: httpx2.Response) -> bytes:
    """The bytes of an answer without what it cost, which is another thing each time."""
    body, mark, _ = answer.content.rpartition(b',"extensions":{"cost":')
    assert mark
    return body


def data(client: httpx2.Client, query: str, **variables: Any) -> dict[str, Any]:
    document = ask(client, query, **variables)
    assert "errors" not in document, document
    found: dict[str, Any] = document["data"]
    return found


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (RESPONSE, RESPONSE),
        (f"{RESPONSE}; charset=utf-8, application/json; q=0.9", RESPONSE),
    ],
)
def test_the_answer_comes_as_it_is_wanted(ours: httpx2.Client, accept: str | None, given: str) -> None:
    headers = {"Accept": accept} if accept else {"Accept": ""}
    answer = ours.post("/graphql", json={"query": TYPENAME}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{given}; charset=utf-8"
    assert answer.json()["data"] == {"__typename": "Query"}


def test_other_media_types_are_refused(ours: httpx2.Client) -> None:
    assert ours.post("/graphql", json={"query": TYPENAME}, headers={"Accept": "text/csv"}).status_code == 406
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = ours.post("/graphql", content=b'{"query":"{__typename}"}', headers={"Content-Type": kind})
        assert answer.status_code == 415, kind
        assert answer.json()["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    ("document", "code"),
    [("{ ", "GRAPHQL_PARSE_FAILED"), ("{ nothing }", "GRAPHQL_VALIDATION_FAILED")],
)
def test_a_document_that_can_not_run_is_told_by_status(ours: httpx2.Client, document: str, code: str) -> None:
    new = ours.post("/graphql", json={"query": document}, headers={"Accept": RESPONSE})
    old = ours.post("/graphql", json={"query": document}, headers={"Accept": "application/json"})
    assert (new.status_code, old.status_code) == (400, 200)
    for answer in (new, old):
        assert "data" not in answer.json()
        assert answer.json()["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'[{"query":"{__typename}"}]',
        b"{}",
        b'{"query":1}',
        b'{"query":"{__typename}","variables":[]}',
        b'{"query":"{__typename}","variables":"{}"}',
        b'{"query":"{__typename}","operationName":1}',
        b'{"query":"{__typename}","extensions":1}',
    ],
)
def test_a_malformed_request_is_400_in_words(ours: httpx2.Client, body: bytes) -> None:
    for accept in (RESPONSE, "application/json"):
        headers = {"Content-Type": "application/json", "Accept": accept}
        answer = ours.post("/graphql", content=body, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_null_members_are_as_good_as_absent(ours: httpx2.Client) -> None:
    body = {"query": TYPENAME, "operationName": None, "variables": None, "extensions": None}
    assert ours.post("/graphql", json=body).json()["data"] == {"__typename": "Query"}


def test_get_reads_and_never_writes(ours: httpx2.Client) -> None:
    document = "query A($n: Int) { works(first: $n) { nodes { id } } } query B { __typename }"
    params = {"query": document, "operationName": "A", "variables": json.dumps({"n": 1})}
    assert "works" in ours.get("/graphql", params=params).json()["data"]

    mutation = 'mutation { createWork(input: {title: "By GET"}) { userErrors { code } } }'
    answer = ours.get("/graphql", params={"query": mutation})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    found = data(ours, '{ works(filter: {title: {equals: "By GET"}}) { nodes { id } } }')
    assert found["works"]["nodes"] == []


def test_no_token_no_answer(house: Any) -> None:
    answer = httpx2.post(f"{house.url}/graphql", json={"query": TYPENAME})
    assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_REQUIRED")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_command_answers_with_the_thing_as_a_query_shows_it(ours: httpx2.Client) -> None:
    done = data(ours, CREATE, input={"title": "Opus", "titles": [{"text": "Werk"}]})["createWork"]

    assert done["__typename"] == "CreateWorkPayload"
    assert done["userErrors"] == []
    assert done["changeSet"]["command"] == "create_work"
    query = "query($id: ID!) { work(id: $id) { id title version titles { text } } }"
    assert data(ours, query, id=done["work"]["id"])["work"] == done["work"]


def test_the_same_key_gives_the_same_bytes(ours: httpx2.Client) -> None:
    body = {"query": CREATE, "variables": {"input": {"title": "Key"}, "key": str(uuid.uuid4())}}
    first, again = (ours.post("/graphql", json=body) for _ in range(2))
    assert before_cost(first) == before_cost(again)
    assert first.json()["data"]["createWork"]["work"]["version"] == 1

    other = {**body, "variables": {**body["variables"], "input": {"title": "Other"}}}  # type: ignore[dict-item]
    (error,) = ours.post("/graphql", json=other).json()["data"]["createWork"]["userErrors"]
    assert (error["code"], error["path"]) == ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
    narrower = {**body, "query": CREATE.replace("titles { text }", "")}
    (error,) = ours.post("/graphql", json=narrower).json()["data"]["createWork"]["userErrors"]
    assert error["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_a_refusal_is_data_and_points_at_the_input(ours: httpx2.Client) -> None:
    done = data(ours, CREATE, input={"title": "x", "iswc": "T-000"})["createWork"]
    (error,) = done["userErrors"]
    assert (done["work"], done["changeSet"]) == (None, None)
    assert (error["code"], error["path"]) == ("VALIDATION_ERROR", ["input", "iswc"])

    stale = """mutation($id: ID!) { editWork(input: {id: $id, title: "y", expectedVersion: 7}) {
        work { id } userErrors { code details } } }"""
    made = data(ours, CREATE, input={"title": "Stale"})["createWork"]["work"]
    (error,) = data(ours, stale, id=made["id"])["editWork"]["userErrors"]
    assert error == {"code": "VERSION_CONFLICT", "details": {"expectedVersion": 7, "currentVersion": 1}}


def test_commands_of_one_mutation_run_in_order(ours: httpx2.Client) -> None:
    made = data(ours, CREATE, input={"title": "One"})["createWork"]["work"]
    steps = """mutation($id: ID!) {
      first: editWork(input: {id: $id, title: "Two"}) { ...Done }
      refused: editWork(input: {id: $id, title: ""}) { ...Done userErrors { code } }
      third: editWork(input: {id: $id, title: "Three", expectedVersion: 2}) { ...Done }
      gone: deleteWork(input: {id: $id}) { deletedId userErrors { code } }
    }
    fragment Done on EditWorkPayload { work { title version } }"""
    done = data(ours, steps, id=made["id"])
    assert done["first"]["work"] == {"title": "Two", "version": 2}
    assert done["refused"] == {"work": None, "userErrors": [{"code": "VALIDATION_ERROR"}]}
    assert done["third"]["work"] == {"title": "Three", "version": 3}
    assert done["gone"] == {"deletedId": made["id"], "userErrors": []}
    assert data(ours, "query($id: ID!) { work(id: $id) { id } }", id=made["id"]) == {"work": None}


def test_null_clears_and_absence_keeps(ours: httpx2.Client) -> None:
    made = data(ours, CREATE, input={"title": "Keep", "type": "song"})["createWork"]["work"]
    edit = """mutation($id: ID!, $type: String) {
      editWork(input: {id: $id, type: $type}) { work { title type version } } }"""
    assert data(ours, edit, id=made["id"])["editWork"]["work"] == {
        "title": "Keep",
        "type": "song",
        "version": 1,
    }
    assert data(ours, edit, id=made["id"], type=None)["editWork"]["work"]["type"] is None


def test_many_changes_come_as_one(ours: httpx2.Client) -> None:
    apply = """mutation($steps: [StepInput!]!, $dry: Boolean!) {
      applyChanges(input: {changes: $steps, dryRun: $dry}) {
        applied results { command kind id alias } diffs { kind op diff versionAfter } changeSet { id }
        userErrors { code path message } } }"""
    steps = [{"command": "createWork", "input": {"title": "Many"}, "alias": "w"}]
    tried = data(ours, apply, steps=steps, dry=True)["applyChanges"]
    assert (tried["applied"], tried["changeSet"], tried["diffs"][0]["op"]) == (False, None, "insert")
    done = data(ours, apply, steps=steps, dry=False)["applyChanges"]
    assert done["applied"] is True
    work = data(ours, "query($id: ID!) { work(id: $id) { title } }", id=done["results"][0]["id"])
    assert work == {"work": {"title": "Many"}}

    bad = [*steps, {"command": "createWork", "input": {"titel": "x"}}]
    (error,) = data(ours, apply, steps=bad, dry=False)["applyChanges"]["userErrors"]
    assert error["path"] == ["input", "changes", "1", "input", "titel"]


def test_a_narrow_token_is_refused_by_scope(house: Any) -> None:
    with house.client(scopes=["catalog:read"]) as reader:
        done = data(reader, 'mutation { createWork(input: {title: "x"}) { userErrors { code } } }')
        assert done["createWork"]["userErrors"] == [{"code": "INSUFFICIENT_SCOPE"}]
        errors = ask(reader, "{ deals { nodes { id } } }")["errors"]
        assert errors[0]["extensions"]["code"] == "INSUFFICIENT_SCOPE"


def test_a_payload_that_may_not_be_read_undoes_the_command(house: Any) -> None:
    with house.client(scopes=["catalog:read", "catalog:write"]) as writer:
        document = ask(
            writer, 'mutation { createWork(input: {title: "Half seen"}) { work { id } changeSet { id } } }'
        )
        assert document["data"] == {"createWork": None}
        assert document["errors"][0]["extensions"]["code"] == "INSUFFICIENT_SCOPE"
        found = data(writer, '{ works(filter: {title: {equals: "Half seen"}}) { nodes { id } } }')
        assert found["works"]["nodes"] == []


def test_a_browser_gets_a_page_that_loads_nothing_from_outside(house: Any) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    for path, script in (("/graphql", "graphiql.min.js"), ("/docs", "swagger-ui-bundle.js")):
        page = httpx2.get(house.url + path, headers=browser)
        assert page.status_code == 200
        assert "http://" not in page.text
        assert "https://" not in page.text
        policy = page.headers["content-security-policy"]
        nonce = policy.split("'nonce-")[1].split("'")[0]
        assert f'<script nonce="{nonce}">' in page.text
        assert script in page.text
        for part in page.text.split('"'):
            if part.startswith("/static/"):
                assert httpx2.get(house.url + part).status_code == 200, part
    assert nonce not in httpx2.get(house.url + "/docs").text


def test_the_interface_describes_itself(house: Any) -> None:
    assert httpx2.get(f"{house.url}/openapi.json").json()["openapi"] == "3.1.0"
    assert "type Mutation" in httpx2.get(f"{house.url}/schema.graphql").text
    problems = httpx2.get(f"{house.url}/problems").json()
    assert {"VERSION_CONFLICT", "AUTH_REQUIRED"} <= {problem["code"] for problem in problems}
    for problem in problems:
        assert httpx2.get(house.url + problem["type"]).json() == problem
