"""Readiness: each dependency by name, and which one is gone."""

from pathlib import Path

import httpx2
from starlette.applications import Starlette

from api.health import examine, health_routes, probes
from api.migrated import bring_up_to_date, current_revision, newest_revision
from api.settings import Settings
from migrations.run import head
from tests.conftest import Databases


async def test_every_part_is_asked(database_url: str, redis_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=database_url, redis_url=redis_url, state_folder=tmp_path)
    parts = {part.name: part for part in await examine(probes(settings))}
    assert {name: part.state for name, part in parts.items()} == dict.fromkeys(
        ("postgres", "migrations", "valkey", "blobs"), "ok"
    )
    assert parts["postgres"].detail.startswith("PostgreSQL 18")
    assert parts["valkey"].detail.startswith("valkey 9")


async def test_what_is_gone_makes_it_unready_without_telling_addresses(
    databases: Databases, tmp_path: Path
) -> None:
    (tmp_path / "blobs").touch()
    settings = Settings(
        database_url=await databases.empty(), redis_url="redis://127.0.0.1:1/0", state_folder=tmp_path
    )
    app = Starlette(routes=health_routes(settings))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://t") as client:
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["status"] == "not ready"
        assert {name: part["state"] for name, part in ready.json()["parts"].items()} == {
            "postgres": "ok",
            "migrations": "down",
            "valkey": "down",
            "blobs": "down",
        }
        assert "127.0.0.1" not in ready.text
        assert (await client.get("/livez")).status_code == 200


async def test_a_database_is_brought_to_the_newest_revision_once(
    databases: Databases, tmp_path: Path
) -> None:
    settings = Settings(database_url=await databases.empty(), state_folder=tmp_path)
    assert newest_revision() == head()
    assert await bring_up_to_date(settings) == (None, head())
    assert await bring_up_to_date(settings) == (head(), head())
    assert await current_revision(settings) == head()


async def test_what_only_a_part_needs_is_named_and_does_not_make_it_unready(
    database_url: str, tmp_path: Path
) -> None:
    settings = Settings(database_url=database_url, redis_url="redis://127.0.0.1:1/0", state_folder=tmp_path)
    app = Starlette(routes=health_routes(settings))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://t") as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["parts"]["valkey"]["state"] == "down"
