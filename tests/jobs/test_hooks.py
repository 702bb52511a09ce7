"""The cloud-function entries, called as the platform calls them."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from api import hooks
from api.keys import ensure_keys, mint_token
from domain.access.scopes import Role
from jobs.schedule import SCHEDULES
from tests.jobs.messages import Album
from tests.jobs.yard import Yard, new_yard

OBJECTS: dict[str, bytes] = {}


class _Bucket(BaseHTTPRequestHandler):
    """A bucket from which objects are read by path: /bucket/key."""

    def do_GET(self) -> None:
        content = OBJECTS.get(self.path.split("?")[0])
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """Objects by /bucket/key, behind the address that boto3 is given."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    OBJECTS.clear()
    yield OBJECTS
    server.shutdown()
    server.server_close()


@pytest.fixture
async def yard(
    fresh_pool: Any, fresh_database: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """An organization, and an environment that names its servers."""
    made = await new_yard(fresh_pool, tmp_path)
    monkeypatch.setenv("DATABASE_URL", fresh_database)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("CATALOGRAPH_STATE_FOLDER", str(tmp_path))
    hooks._process.cache_clear()
    yield made
    await asyncio.to_thread(lambda: hooks._process().close())
    hooks._process.cache_clear()


async def slug_of(yard: Yard) -> str:
    return str(
        await yard.pool.fetchval("select slug from organization where id = $1", yard.viewer.organization_id)
    )


def notice(*keys: str) -> dict[str, Any]:
    return {"Records": [{"s3": {"bucket": {"name": "drop"}, "object": {"key": key}}} for key in keys]}


async def test_an_object_that_lands_is_applied_and_landing_twice_changes_nothing(
    yard: Yard, bucket: dict[str, bytes]
) -> None:
    slug = await slug_of(yard)
    bucket[f"/drop/{slug}/2026/night.xml"] = Album().xml
    event = notice(f"{slug}/2026/night.xml", f"{slug}/cover.jpg", "nobody/a.xml")
    first = await asyncio.to_thread(hooks.object_created, event, None)
    assert [one["state"] for one in first] == ["done", "left", "left"]
    assert [r["title"] for r in await yard.alive("release")] == ["Night Ferries"]
    before = await yard.changes()
    second = await asyncio.to_thread(hooks.object_created, event, None)
    assert second[0] == {**first[0], "state": "known"}
    assert await yard.changes() == before


async def test_the_queue_runs_jobs_and_asks_for_what_failed_again(
    yard: Yard, bucket: dict[str, bytes]
) -> None:
    slug = await slug_of(yard)
    parcel = await yard.receive(Album().xml)
    bodies = [json.dumps({"job_id": parcel.job_id}), json.dumps(notice(f"{slug}/gone.xml")), "not json"]
    event = {"Records": [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]}
    answer = await asyncio.to_thread(hooks.queue, event, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "2"}]}
    assert await parcel.state() == "applied"


async def test_the_schedule_does_what_was_left_lying(yard: Yard) -> None:
    parcel = await yard.receive(Album().xml)
    assert await asyncio.to_thread(hooks.schedule, {}, None) == {"tried": 0, "done": 0}
    await yard.pool.execute("update job set run_at = run_at - interval '1 hour'")
    assert await asyncio.to_thread(hooks.schedule, {}, None) == {"tried": 1, "done": 1}
    assert await parcel.state() == "applied"


async def test_the_schedule_does_the_upkeep(yard: Yard) -> None:
    await yard.pool.execute(
        "update organization set is_operator = true where id = $1", yard.viewer.organization_id
    )
    first = await asyncio.to_thread(hooks.schedule, {}, None)
    assert first["tried"] == first["done"] == len(SCHEDULES)
    assert await asyncio.to_thread(hooks.schedule, {}, None) == {"tried": 0, "done": 0}
    done = await yard.fetch("select kind from job where state = 'done'")
    assert {row["kind"] for row in done} == set(SCHEDULES)


async def test_http_events_reach_the_front_door(yard: Yard) -> None:
    await yard.deliver(Album().xml)
    key = ensure_keys(yard.folder / "keys")[0]
    token = mint_token(
        key, organization_id=yard.viewer.organization_id, role=Role.LABEL_USER, subject="hook@test"
    )
    event = {
        "version": "2.0",
        "rawPath": "/v1/releases",
        "rawQueryString": "first=1",
        "headers": {"authorization": f"Bearer {token}", "host": "example"},
        "requestContext": {
            "http": {"method": "GET", "path": "/v1/releases", "sourceIp": "127.0.0.1"},
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    for _ in range(2):
        answer = await asyncio.to_thread(hooks.http, event, None)
        assert answer["statusCode"] == 200
        assert json.loads(answer["body"])["items"][0]["title"] == "Night Ferries"
