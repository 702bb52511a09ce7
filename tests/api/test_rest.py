"""REST over HTTP: reads, pages, validators, writes, and what each refusal says."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest


def create(client: httpx2.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["requestId"] == answer.headers["x-request-id"]
    return document


def test_what_is_created_is_answered_as_a_read_shows_it(ours: httpx2.Client) -> None:
    answer = ours.post("/v1/recordings", json={"title": "Cielo", "isrc": "NL-A32-20-00001"})

    assert answer.status_code == 201
    made = answer.json()
    assert (made["title"], made["isrc"], made["version"]) == ("Cielo", "NLA322000001", 1)
    assert answer.headers["location"] == f"/v1/recordings/{made['id']}"
    read = ours.get(answer.headers["location"])
    assert read.content == answer.content
    assert read.headers["etag"] == answer.headers["etag"]
    assert uuid.UUID(answer.headers["x-change-set"])


def test_lists_come_by_include_and_fields_narrow(ours: httpx2.Client) -> None:
    artist = create(ours, "artists", name="Ada Test")
    made = create(
        ours,
        "releases",
        title="Two Sides",
        media=[{"position": 1, "format": "CD"}],
        titles=[{"text": "Twee kanten", "language": "nl"}],
        artistCredit=[{"name": "Ada", "artistId": artist["id"]}],
    )
    assert "titles" not in made
    assert made["artistCredit"] == {"name": "Ada"}

    found = ours.get(f"/v1/releases/{made['id']}", params={"include": "titles,media.tracks"}).json()
    assert found["titles"][0]["text"] == "Twee kanten"
    assert found["media"] == [{"position": 1, "format": "CD", "title": None, "tracks": []}]

    narrow = ours.get(f"/v1/releases/{made['id']}", params={"fields": "title,artistCredit.names.artist.name"})
    assert narrow.json() == {
        "id": made["id"],
        "version": 1,
        "title": "Two Sides",
        "artistCredit": {"names": [{"artist": {"id": artist["id"], "version": 1, "name": "Ada Test"}}]},
    }


def test_a_plain_uuid_is_an_id_too(ours: httpx2.Client) -> None:
    made = create(ours, "works", title="By Uuid")
    import base64

    raw = base64.urlsafe_b64decode(made["id"] + "=" * (-len(made["id"]) % 4)).split(b":", 1)[1]
    assert ours.get(f"/v1/works/{uuid.UUID(bytes=raw)}").json()["title"] == "By Uuid"


def test_an_unchanged_thing_is_not_sent_again(ours: httpx2.Client) -> None:
    made = create(ours, "works", title="Etag")
    path = f"/v1/works/{made['id']}"
    etag = ours.get(path).headers["etag"]

    again = ours.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    ours.patch(path, json={"title": "Etag 2"})
    assert ours.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_a_patch_changes_what_it_names_and_null_clears(ours: httpx2.Client) -> None:
    made = create(ours, "recordings", title="Patch", versionTitle="Live", durationMs=1000)
    path = f"/v1/recordings/{made['id']}"

    answer = ours.patch(
        path,
        content=b'{"versionTitle": null, "durationMs": 2000}',
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert (changed["title"], changed["versionTitle"], changed["durationMs"]) == ("Patch", None, 2000)
    assert changed["version"] == 2


def test_if_match_guards_a_write(ours: httpx2.Client) -> None:
    made = create(ours, "works", title="Guarded")
    path = f"/v1/works/{made['id']}"
    etag = ours.get(path).headers["etag"]

    assert ours.patch(path, json={"title": "First"}, headers={"If-Match": etag}).status_code == 200
    late = problem(
        ours.patch(path, json={"title": "Late"}, headers={"If-Match": etag}), 412, "VERSION_CONFLICT"
    )
    assert late["currentVersion"] == 2
    assert late["expectedVersion"] == 1
    problem(ours.patch(path, json={"title": "x"}, headers={"If-Match": "W/1"}), 412, "VERSION_CONFLICT")
    problem(ours.delete(path, headers={"If-Match": '"1"'}), 412, "VERSION_CONFLICT")
    assert ours.delete(path, headers={"If-Match": '"2"'}).status_code == 204
    problem(ours.get(path), 404, "NOT_FOUND")


def test_the_same_key_gives_the_same_bytes(ours: httpx2.Client) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = ours.post("/v1/works", json={"title": "Once"}, headers=key)
    again = ours.post("/v1/works", json={"title": "Once"}, headers=key)

    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("etag", "location", "x-change-set"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["idempotency-replayed"] == "true"
    assert len(ours.get("/v1/works", params={"title": "Once"}).json()["items"]) == 1

    other = ours.post("/v1/works", json={"title": "Twice"}, headers=key)
    problem(other, 422, "IDEMPOTENCY_KEY_REUSED")
    wider = ours.post("/v1/works", json={"title": "Once"}, headers=key, params={"include": "titles"})
    problem(wider, 422, "IDEMPOTENCY_KEY_REUSED")


def test_one_key_at_the_same_time_makes_one_thing(ours: httpx2.Client) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}

    def post(_: int) -> httpx2.Response:
        return ours.post("/v1/works", json={"title": "At once"}, headers=key)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, range(4)))
    made = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in made}) == 1
    for answer in answers:
        if answer.status_code != 201:
            problem(answer, 409, "IDEMPOTENCY_KEY_IN_FLIGHT")
    assert len(ours.get("/v1/works", params={"title": "At once"}).json()["items"]) == 1


def test_a_deletion_is_replayed_too(ours: httpx2.Client) -> None:
    path = f"/v1/works/{create(ours, 'works', title='Gone')['id']}"
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, again = ours.delete(path, headers=key), ours.delete(path, headers=key)
    assert (first.status_code, again.status_code) == (204, 204)
    assert first.headers["x-change-set"] == again.headers["x-change-set"]
    problem(ours.delete(path), 404, "NOT_FOUND")


def test_head_is_get_without_the_body(ours: httpx2.Client) -> None:
    path = f"/v1/works/{create(ours, 'works', title='Head')['id']}"
    head, get = ours.head(path), ours.get(path)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", get.headers["etag"])


def test_a_list_is_walked_by_its_links(ours: httpx2.Client) -> None:
    made = {create(ours, "podcasts", title=f"Walk {n}")["id"] for n in range(5)}
    seen: list[str] = []
    next_page: str | None = "/v1/podcasts?first=2&fields=title"
    while next_page:
        answer = ours.get(next_page)
        assert answer.status_code == 200, answer.text
        seen += [item["id"] for item in answer.json()["items"]]
        link = answer.headers.get("link")
        assert (link is not None) == answer.json()["page"]["hasNextPage"]
        next_page = link.split(">")[0][1:] if link else None
    assert made <= set(seen)
    assert len(seen) == len(set(seen))


def test_a_sub_resource_is_read_by_itself(ours: httpx2.Client) -> None:
    made = create(ours, "works", title="With history")
    ours.patch(f"/v1/works/{made['id']}", json={"title": "With more history"})
    page = ours.get(f"/v1/works/{made['id']}/history").json()
    assert [item["op"] for item in page["items"]] == ["insert", "update"]
    problem(ours.get(f"/v1/works/{uuid.uuid4()}/history"), 404, "NOT_FOUND")


def test_what_another_organization_owns_is_not_found(ours: httpx2.Client, theirs: httpx2.Client) -> None:
    made = create(ours, "works", title="Ours alone")
    problem(theirs.get(f"/v1/works/{made['id']}"), 404, "NOT_FOUND")
    problem(theirs.patch(f"/v1/works/{made['id']}", json={"title": "Mine"}), 404, "NOT_FOUND")
    problem(theirs.delete(f"/v1/works/{made['id']}"), 404, "NOT_FOUND")


def test_no_token_no_answer(house: Any) -> None:
    with httpx2.Client(base_url=house.url) as nobody:
        missing = nobody.get("/v1/works")
        problem(missing, 401, "AUTH_REQUIRED")
        assert missing.headers["www-authenticate"].startswith("Bearer")
        problem(nobody.get("/v1/works", headers={"Authorization": "Bearer x"}), 401, "INVALID_CREDENTIALS")


def test_a_narrow_token_may_not_write(house: Any) -> None:
    with house.client(scopes=["catalog:read"]) as reader:
        problem(reader.post("/v1/works", json={"title": "x"}), 403, "INSUFFICIENT_SCOPE")


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code", "said"),
    [
        ("GET", "/v1/works?colour=red", {}, 400, "UNKNOWN_PARAMETER", "'colour' is no parameter here"),
        ("GET", "/v1/works?fields=titel", {}, 400, "UNKNOWN_FIELD", "Work has no field 'titel'"),
        ("GET", "/v1/works?first=ten", {}, 400, "BAD_USER_INPUT", "first is 'ten'; a number"),
        ("GET", "/v1/works?first=1&first=2", {}, 400, "BAD_USER_INPUT", "given 2 times"),
        ("GET", "/v1/works?first=101", {}, 400, "PAGE_TOO_LARGE", "first is 101; 1 to 100 will do"),
        ("GET", "/v1/works?after=abc", {}, 400, "BAD_CURSOR", "'abc' is no cursor of ours"),
        ("GET", "/v1/works?updatedSince=x", {}, 400, "BAD_USER_INPUT", "updatedSince: 'x' is no instant"),
        ("GET", "/v1/tracks?isrc=xx", {}, 400, "BAD_USER_INPUT", "isrc: 'xx' is not an ISRC"),
        ("GET", "/v1/works?identifier.scheme=a", {}, 400, "BAD_USER_INPUT", "required field 'value'"),
        ("GET", "/v1/works/abc", {}, 400, "BAD_USER_INPUT", "'abc' is not an id"),
        ("GET", "/v1/works/%20", {}, 400, "BAD_USER_INPUT", "' ' is not an id"),
        ("GET", "/v1/works/{}", {}, 400, "BAD_USER_INPUT", "'{}' is not an id"),
        ("GET", "/v1/works/%20/history", {}, 400, "BAD_USER_INPUT", "' ' is not an id"),
        ("GET", "/v1/%20", {}, 404, "NOT_FOUND", ""),
        ("GET", "/v1/works//history", {}, 404, "NOT_FOUND", ""),
        ("GET", "/v1/nothing", {}, 404, "NOT_FOUND", "/openapi.json lists what there is"),
        ("GET", "/nothing", {}, 404, "NOT_FOUND", ""),
        ("PUT", "/v1/works", {}, 405, "METHOD_NOT_ALLOWED", "takes GET, HEAD, POST, not PUT"),
        ("GET", "/v1/works", {"headers": {"Accept": "text/csv"}}, 406, "NOT_ACCEPTABLE", "text/csv"),
        ("POST", "/v1/works", {"content": b"{"}, 415, "UNSUPPORTED_MEDIA_TYPE", "no Content-Type"),
        ("POST", "/v1/works", {"json": {}}, 422, "VALIDATION_ERROR", "title is missing"),
        ("POST", "/v1/works", {"json": {"titel": "x"}}, 422, "VALIDATION_ERROR", "'titel' is no field"),
        ("POST", "/v1/works", {"json": {"title": "x" * 501}}, 422, "VALIDATION_ERROR", "501 characters"),
        ("POST", "/v1/works", {"json": [1]}, 400, "BAD_REQUEST", "an object is asked for"),
        ("POST", "/v1/recordings", {"json": {"title": "x", "isrc": "1"}}, 422, "VALIDATION_ERROR", ""),
    ],
)
def test_each_mistake_is_told_apart(
    ours: httpx2.Client, method: str, path: str, more: dict[str, Any], status: int, code: str, said: str
) -> None:
    assert said in problem(ours.request(method, path, **more), status, code)["detail"]


def test_a_body_beyond_the_cap_is_refused_before_it_is_read(ours: httpx2.Client) -> None:
    answer = ours.post("/v1/works", content=b'{"title":"' + b"x" * (2 << 20) + b'"}')
    problem(answer, 413, "PAYLOAD_TOO_LARGE")


def test_where_a_mistake_stands_is_pointed_at(ours: httpx2.Client) -> None:
    body = {"title": "x", "titles": [{"text": "fine"}, {"text": 3}]}
    document = problem(ours.post("/v1/works", json=body), 422, "VALIDATION_ERROR")
    assert [error["pointer"] for error in document["errors"]] == ["/titles/1/text"]


def test_many_changes_are_tried_and_then_done(ours: httpx2.Client) -> None:
    steps = [
        {"command": "createWork", "input": {"title": "Step"}, "alias": "w"},
        {"command": "editWork", "input": {"id": "@w", "title": "Step two"}},
    ]
    tried = ours.post("/v1/changes", json={"changes": steps, "dryRun": True})
    assert tried.status_code == 200, tried.text
    assert tried.json()["applied"] is False
    assert ours.get("/v1/works", params={"title": "Step two"}).json()["items"] == []

    done = ours.post("/v1/changes", json={"changes": steps})
    assert done.json()["applied"] is True
    assert len(ours.get("/v1/works", params={"title": "Step two"}).json()["items"]) == 1

    change_set = done.json()["id"]
    reverted = ours.post(f"/v1/change-sets/{change_set}/revert")
    assert reverted.status_code == 200, reverted.text
    assert ours.get("/v1/works", params={"title": "Step two"}).json()["items"] == []


def test_request_ids_and_traces_are_carried(ours: httpx2.Client) -> None:
    assert ours.get("/v1/viewer", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert ours.get("/v1/viewer", headers={"X-Request-Id": "a b\tc"}).headers["x-request-id"] != "a b\tc"
    trace = "0af7651916cd43dd8448eb211c80319c"
    made = ours.post(
        "/v1/works", json={"title": "Traced"}, headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    )
    change_set = ours.get(f"/v1/change-sets/{made.headers['x-change-set']}").json()
    assert change_set["correlationId"] == trace
