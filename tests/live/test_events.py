"""Operations as server-sent events (graphql-sse, distinct connections mode)."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

from api.embedded import Servers
from tests.conftest import Databases
from tests.live.conftest import WATCH, Yard, a_small_house, job_id, opened, until_told


def read(text: str) -> list[tuple[str, Any]]:
    """The events of a stream, with what each carries."""
    found = []
    for part in text.split("\n\n"):
        lines = [line for line in part.splitlines() if not line.startswith(":")]
        if lines:
            fields = dict(line.split(":", 1) for line in lines)
            found.append(
                (fields["event"].strip(), json.loads(fields["data"]) if fields["data"].strip() else None)
            )
    return found


def caller(yard: Yard, **headers: str) -> httpx2.AsyncClient:
    named = {"Authorization": f"Bearer {yard.house.token()}", "Accept": "text/event-stream", **headers}
    return httpx2.AsyncClient(base_url=yard.house.url, headers=named, timeout=30)


async def test_a_job_that_has_ended_is_told_once(yard: Yard) -> None:
    id = await yard.job()
    await yard.claim(id)
    await yard.finish(id)
    variables = {"id": job_id(id)}
    async with caller(yard) as client:
        posted = await client.post("/graphql", json={"query": WATCH, "variables": variables})
        got = await client.get("/graphql", params={"query": WATCH, "variables": json.dumps(variables)})
    for answer in (posted, got):
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert "content-length" not in answer.headers
        (first, told), last = read(answer.text)
        assert (first, told["data"]["jobProgress"]["state"]) == ("next", "done")
        assert last == ("complete", None)


async def test_a_query_is_answered_in_events_where_nothing_else_is_taken(yard: Yard) -> None:
    async with caller(yard) as client:
        answer = await client.post("/graphql", json={"query": "{ viewer { actor } }"})
        (first, told), last = read(answer.text)
        assert (first, told["data"], last) == (
            "next", {"viewer": {"actor": "label_user@test"}}, ("complete", None)
        )  # fmt: skip
    async with caller(yard, Accept="application/json, text/event-stream") as client:
        plain = await client.post("/graphql", json={"query": "{ viewer { actor } }"})
        assert plain.json()["data"] == told["data"]
        streamed = await client.post("/graphql", json={"query": WATCH, "variables": {"id": "x"}})
        assert streamed.headers["content-type"].startswith("application/json")
        assert streamed.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_subscription_needs_a_caller_that_takes_events(yard: Yard) -> None:
    asked = {"query": WATCH, "variables": {"id": job_id(await yard.job())}}
    async with caller(yard, Accept="application/graphql-response+json") as client:
        answer = await client.post("/graphql", json=asked)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (
            406,
            "NOT_ACCEPTABLE",
        )


async def test_a_token_that_ends_ends_a_stream_with_its_code(yard: Yard) -> None:
    token = yard.house.token(lifetime=timedelta(seconds=4))
    asked = {"query": WATCH, "variables": {"id": job_id(await yard.job())}}
    async with caller(yard, Authorization=f"Bearer {token}") as client:
        answer = await client.post("/graphql", json=asked)
    (_, first), (name, told), last = read(answer.text)
    assert first["data"]["jobProgress"]["state"] == "queued"
    assert (name, told["errors"][0]["extensions"]["code"]) == ("next", "INVALID_CREDENTIALS")
    assert last == ("complete", None)


async def test_pages_of_other_sites_open_no_stream(yard: Yard) -> None:
    asked = {"query": WATCH, "variables": json.dumps({"id": await ended(yard)})}
    async with caller(yard, Origin="https://elsewhere.example") as client:
        answer = await client.get("/graphql", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_FAILED")
    async with caller(yard, Origin=yard.house.url) as client:
        assert (await client.get("/graphql", params=asked)).status_code == 200


async def ended(yard: Yard) -> str:
    """A job that is done."""
    id = await yard.begun()
    await yard.finish(id)
    return job_id(id)


async def test_the_price_is_told_without_beginning(yard: Yard) -> None:
    async with caller(yard, **{"X-Cost-Only": "true", "Accept": "application/json"}) as client:
        answer = await client.post("/graphql", json={"query": WATCH, "variables": {"id": "x"}})
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    async with caller(yard, **{"X-Cost-Only": "true", "Accept": "application/json"}) as client:
        answer = await client.post("/graphql", json={"query": "subscription { jobsChanged { id } }"})
    assert answer.json()["extensions"]["cost"]["requestedQueryCost"] == 1


async def test_a_reader_that_hangs_up_leaves_its_place(
    databases: Databases, servers: Servers, tmp_path: Path
) -> None:
    async with a_small_house(databases, servers, tmp_path, subscriptions_of_one=1) as yard:
        id = job_id(await yard.job())
        asked = {"query": WATCH, "variables": {"id": id}}
        async with caller(yard) as client, client.stream("POST", "/graphql", json=asked) as answer:
            lines = answer.aiter_lines()
            while "queued" not in await anext(lines):
                pass
            async with opened(yard.house) as socket:
                await socket.follow("one", WATCH, id=id)
                assert await socket.refused("one") == "LIMIT_EXCEEDED"
        async with opened(yard.house) as socket:
            await until_told(socket, "one", id)
