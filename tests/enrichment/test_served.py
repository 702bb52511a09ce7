"""Enrichment through the doors: uploaded over HTTP, analysed by a worker, read by REST, GraphQL, a verb."""

import asyncio
import dataclasses
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.cli.frame import run
from api.keys import ensure_keys
from domain.access.scopes import Scope
from domain.adapters.audio.enriching import Analysing
from domain.exports.cells import read_rows
from domain.exports.columns import columns_of
from domain.ids import encode_id
from jobs.worker import Pace, open_queue, work
from tests.api.conftest import House, serving, settings_for
from tests.audio.made import encoded, tone
from tests.exports.test_served import Town
from tests.jobs.yard import Yard, new_yard, until


@pytest.fixture
async def town(fresh_pool: Any, fresh_database: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    """A server, and a worker in this process whose analyses are made in a process of their own."""
    yard: Yard = await new_yard(fresh_pool, tmp_path / "state")
    yard.folder.mkdir(exist_ok=True)
    analysing, stopping = Analysing(1), asyncio.Event()
    yard = dataclasses.replace(yard, house=dataclasses.replace(yard.house, analyser=analysing))
    key = ensure_keys(yard.folder / "keys")[0]
    listener = socket.create_server(("127.0.0.1", 0))
    settings = settings_for(fresh_database, redis_url, yard.folder).using(port=listener.getsockname()[1])
    queue = open_queue(redis_url)
    with serving(settings, listener) as address:
        pace = Pace(poll_s=0.05, sweep_s=1)
        task = asyncio.create_task(work(yard.house, queue, pace, stopping, asyncio.Event()))
        yield Town(yard, House(address, fresh_database, key))
        stopping.set()
        await task
    analysing.close()
    await queue.aclose()


async def test_what_is_uploaded_is_heard_and_told_at_every_door(
    town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def ask(method: str, path: str, **more: Any) -> httpx2.Response:
        with town.client() as client:
            return client.request(method, path, **more)

    async def asked(method: str, path: str, **more: Any) -> Any:
        headers = {"Idempotency-Key": f"{method} {path}".replace(" ", "_")} | more.pop("headers", {})
        answer = await asyncio.to_thread(ask, method, path, headers=headers, **more)
        assert answer.status_code < 300, answer.text
        return answer.json()

    recording = (await asked("POST", "/v1/recordings", json={"title": "A"}))["id"]
    given = {"title": "R", "media": [{"position": 1}]}
    release = (await asked("POST", "/v1/releases", json=given))["id"]
    place = {"releaseId": release, "mediumPosition": 1, "position": 1, "recordingId": recording}
    track = (await asked("POST", "/v1/tracks", json={"title": "T", **place}))["id"]
    content = encoded(tone(2.0), "flac", "flac", tags={"BPM": "97"})
    sent = {"files": {"file": ("a.flac", content, "audio/flac")}, "data": {"subjectId": recording}}
    await asked("POST", "/v1/files", **sent)

    async def heard() -> bool:
        found = await asked("GET", f"/v1/recordings/{recording}/features")
        return any(one["name"] == "loudness_lufs" for one in found["items"])

    await until(heard, 60)
    of_recording = await asked("GET", f"/v1/recordings/{recording}/features")
    assert await asked("GET", f"/v1/tracks/{track}/features") == of_recording
    figures = {one["name"]: one for one in of_recording["items"]}
    assert figures["loudness_lufs"]["source"] == "analysis"
    assert figures["duration_s"]["number"] == pytest.approx(2.0, abs=0.05)
    corrected = await asked(
        "PATCH", f"/v1/recordings/{recording}/features/genre", json={"text": "drone", "lock": True}
    )
    assert corrected["id"] == recording
    found = await asked("GET", f"/v1/recordings/{recording}/provenance", params={"names": "features.genre"})
    assert found["items"][0]["claims"][0]["source"] == "manual"
    query = "{ enrichments { nodes { state recording { title } file { fileName } models } } }"
    data = (await asked("POST", "/graphql", json={"query": query}))["data"]["enrichments"]["nodes"]
    assert [(one["state"], one["recording"]["title"], one["file"]["fileName"]) for one in data] == [
        ("done", "A", "a.flac")
    ]
    stranger = await town.yard.pool.fetchval(
        "insert into organization (name, slug) values ('o', 'o') returning id"
    )
    answer = await town.get(f"/v1/recordings/{recording}/features", organization=stranger)
    assert answer.status_code == 404

    token = town.house.token(organization=town.yard.viewer.organization_id)
    monkeypatch.setenv("CATALOGRAPH_URL", town.house.url)
    monkeypatch.setenv("CATALOGRAPH_TOKEN", token)
    assert await asyncio.to_thread(run, ["enrich", "--all", "--wait", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["state"], told["recordings"], told["up_to_date"], told["done"]) == ("done", 1, 1, 0)
    assert await asyncio.to_thread(run, ["enrich", recording, release, "--wait"]) == 0
    assert "up_to_date" in capsys.readouterr().out
    assert await asyncio.to_thread(run, ["enrich", encode_id("recording", stranger), "--wait"]) == 1
    assert await asyncio.to_thread(run, ["enrich"]) == 2
    file = tmp_path / "figures.csv"
    names = ("id", "features.loudness_lufs", "features.genre", "features.genre.confidence", "features")
    columns = [word for name in names for word in ("--column", name)]
    for kind in ("recording", "track"):
        asked_for = ["export", "csv", "--kind", kind, "--out", str(file), *columns]
        assert await asyncio.to_thread(run, asked_for) == 0, capsys.readouterr()
        with file.open(newline="") as lines:
            (row,) = read_rows(lines, columns_of(kind))
        assert row["features.loudness_lufs"] == figures["loudness_lufs"]["number"]
        assert (row["features.genre"], row["features.genre.confidence"]) == ("drone", None)
        assert {one["name"] for one in row["features"]} >= set(figures) - {"genre"}
    query = "{ changes(first: 100) { changes { kind diff } } }"
    fed = (await asked("POST", "/graphql", json={"query": query}))["data"]["changes"]["changes"]
    told = [one["diff"] for one in fed if "features.genre" in one["diff"]]
    assert told[-1]["features.genre"][1]["text"] == "drone"
    for uri, said in (
        ("http://sound.example/a.flac", "https addresses alone"),
        ("https://127.0.0.1/a.flac", "no public address"),
        ("https://ada:secret@sound.example/a.flac", "no user and no password"),
    ):
        body = {"entityType": "recording", "entityId": recording, "audioUri": uri}
        given = {"Idempotency-Key": uri}
        answer = await asyncio.to_thread(ask, "POST", "/v1/audio-features", json=body, headers=given)
        assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
        assert said in answer.text
        assert "secret" not in answer.text
    (file_id,) = [one["id"] for one in (await asked("GET", "/v1/files"))["items"]]
    await asked("POST", f"/v1/files/{file_id}/detach")

    async def forgotten() -> bool:
        found = await asked("GET", f"/v1/tracks/{track}/features")
        return [one["name"] for one in found["items"]] == ["genre"]

    await until(forgotten, 60)
    refused = await town.get("/v1/enrichments", scopes=frozenset({Scope.FILES_READ}))
    assert refused.status_code == 403
