"""The cloud functions under awslambdaric, with events as the platform sends them, repeats included."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from api.keys import ensure_keys, mint_token
from domain.access.scopes import Role
from domain.adapters.schemas import SchemaStore
from jobs.schedule import SCHEDULES
from tests.audio.made import encoded, tone
from tests.command_line import called
from tests.domain.desk import Desk
from tests.functions import events
from tests.functions.conftest import Town
from tests.jobs.messages import Album
from tests.shared import shared_folder
from tests.tracing.test_one_trace import Collected, collector

__all__ = ["collector"]


async def invoke(town: Town, name: str, *given: Any, left_s: float = 60) -> list[Any]:
    """Run a function in a process of its own and hand it events one after the other; gives its answers."""

    def run() -> list[Any]:
        answers = []
        with town.start(name) as function:
            for event in given:
                answer = function.invoke(event, left_s=left_s)
                assert answer.error is None, (answer.error, function.log())
                answers.append(answer.value)
        return answers

    return await asyncio.to_thread(run)


async def test_an_object_that_lands_is_applied_and_landing_twice_changes_nothing(
    town: Town, collector: Collected
) -> None:
    town.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{collector.port}"
    message = town.put(f"{town.slug}/2026/night ferries+1.xml", Album().xml)
    event = events.object_created(
        message,
        town.put(f"{town.slug}/cover.jpg", b"\xff\xd8\xff"),
        town.put("nobody/a.xml", Album().xml),
        ("drop", f"{town.slug}/gone.xml", 10),
        ("drop", f"{town.slug}/large.xml", 10**12),
        town.put(f"{town.slug}/empty.xml", b""),
    )
    first, second = await invoke(town, "object_created", event, event)
    assert [one["state"] for one in first] == ["done", "left", "left", "left", "left", "left"]
    reasons = [one.get("reason", "") for one in first]
    for reason, words in zip(
        reasons[1:], (".xml", "no organization", "gone", "at most", "empty"), strict=True
    ):
        assert words in reason
    assert second[0] == {**first[0], "state": "known"}
    assert [row["title"] for row in await town.yard.alive("release")] == ["Night Ferries"]
    assert len(await town.yard.fetch("select id from delivery")) == 1
    # What a call did is sent before it answers, as one trace; the second call found nothing to run.
    by_name = {span.name: span for span in collector.spans}
    assert by_name["job ingest_delivery"].trace_id in {
        span.trace_id for span in collector.spans if span.name == "function object_created"
    }
    assert sum(span.name == "job ingest_delivery" for span in collector.spans) == 1


async def test_sound_that_lands_is_kept_once_and_enriched_where_it_names_a_recording(town: Town) -> None:
    desk = Desk(town.yard.pool, town.yard.viewer)
    recordings = [
        await desk.make("create_recording", title=title, **more)
        for title, more in (("by id", {}), ("by code", {"isrc": "DEA120600042"}))
    ]
    sounds = [encoded(tone(0.5, hertz), "flac", "flac") for hertz in (301.0, 302.0, 303.0)]
    event = events.object_created(
        town.put(f"{town.slug}/recordings/{recordings[0]}/a.flac", sounds[0]),
        town.put(f"{town.slug}/2026/DE-A12-06-00042.flac", sounds[1]),
        town.put(f"{town.slug}/loose.flac", sounds[2]),
        town.put(f"{town.slug}/false.mp3", b"<html>"),
        town.put("nobody/a.flac", sounds[2]),
    )
    first, second = await invoke(town, "object_created", event, event, left_s=120)
    assert [one["state"] for one in first] == ["done", "done", "ready", "quarantined", "left"]
    assert [one["state"] for one in second] == ["known", "known", "known", "known", "left"]
    rows = await town.yard.fetch("select recording_id, source from audio_feature where name = 'duration_s'")
    told = await town.yard.fetch("select state, code, text from enrichment")
    assert [row["state"] for row in told] == ["done", "done"], told
    assert {(row["recording_id"], row["source"]) for row in rows} == {
        (uuid.UUID(id), "analysis") for id in recordings
    }
    jobs = await town.yard.fetch("select state from job where kind = 'enrich_file'")
    assert [job["state"] for job in jobs] == ["done", "done"]


async def test_an_event_handled_by_two_processes_at_once_has_one_effect(town: Town) -> None:
    event = events.object_created(town.put(f"{town.slug}/a.xml", Album().xml))
    both = await asyncio.gather(*(invoke(town, "object_created", event) for _ in range(2)))
    assert {one[0][0]["state"] for one in both} <= {"done", "known", "not claimed"}
    assert len(await town.yard.alive("release")) == 1
    assert [row["state"] for row in await town.yard.fetch("select state from job")] == ["done"]


async def test_the_queue_asks_again_for_what_failed_and_for_nothing_else(town: Town) -> None:
    parcel = await town.yard.receive(Album(upc="00602557190304", title="Second").xml)
    landed = events.object_created(town.put(f"{town.slug}/a.xml", Album().xml))
    told, newer = {"v": 1, "jobId": parcel.job_id}, {"v": 99, "jobId": parcel.job_id}
    batch = events.messages(told, landed, "not json", events.test_event("drop"), newer)
    first, again = await invoke(town, "queue", batch, events.messages(told, received=2))
    failed = [batch["Records"][number]["messageId"] for number in (2, 4)]
    assert first == {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}
    assert again == {"batchItemFailures": []}
    assert await parcel.state() == "applied"
    assert {row["title"] for row in await town.yard.alive("release")} == {"Night Ferries", "Second"}


async def test_a_call_that_has_no_time_left_gives_its_work_back(town: Town) -> None:
    parcel = await town.yard.receive(Album().xml)
    batch = events.messages({"v": 1, "jobId": parcel.job_id})
    (answer,) = await invoke(town, "queue", batch, left_s=5)
    assert answer == {"batchItemFailures": [{"itemIdentifier": batch["Records"][0]["messageId"]}]}
    assert [row["attempts"] for row in await town.yard.fetch("select attempts from job")] == [0]


async def test_the_clock_does_what_was_left_lying_and_the_schedules(town: Town) -> None:
    pool = town.yard.pool
    await pool.execute("update organization set is_operator = true where slug = $1", town.slug)
    parcel = await town.yard.receive(Album().xml)
    await pool.execute("update job set run_at = run_at - interval '1 hour'")
    first, second = await invoke(town, "schedule", events.scheduled(), events.scheduled())
    at_once = [one for one in SCHEDULES.values() if one.at_s is None]
    assert first["tried"] == first["done"] == len(at_once) + 1
    assert second == {"tried": 0, "done": 0}
    assert await parcel.state() == "applied"


async def test_requests_reach_the_front_door(town: Town) -> None:
    await town.yard.deliver(Album().xml)
    key = ensure_keys(town.yard.folder / "keys")[0]
    token = mint_token(
        key, organization_id=town.yard.viewer.organization_id, role=Role.LABEL_USER, subject="hook@test"
    )
    bearer = {"authorization": f"Bearer {token}"}
    query = json.dumps({"query": "{ releases { totalCount nodes { title } } }"})
    endless = json.dumps({"query": "subscription { jobsChanged { id } }"})
    as_events = {**bearer, "content-type": "application/json", "accept": "text/event-stream"}
    answers = await invoke(
        town,
        "http",
        events.http("GET", "/v1/releases", query="first=1", headers=bearer),
        events.http("GET", "/v1/releases", query="first=1", headers=bearer),
        events.http("POST", "/graphql", headers={**bearer, "content-type": "application/json"}, body=query),
        events.http("GET", "/v1/releases", headers={"authorization": "Bearer no"}),
        events.http("GET", "/livez"),
        events.http("POST", "/graphql", headers=as_events, body=endless),
    )
    listed, again, asked, refused, alive, followed = answers
    assert listed["statusCode"] == 200
    assert json.loads(listed["body"])["items"][0]["title"] == "Night Ferries"
    assert json.loads(again["body"]) == json.loads(listed["body"])
    assert json.loads(asked["body"])["data"]["releases"]["totalCount"] == 1
    assert refused["statusCode"] == 401
    assert alive["statusCode"] == 200
    assert "NOT_ACCEPTABLE" in followed["body"]


async def same_findings(town: Town, content: bytes, file: Path) -> list[dict[str, Any]]:
    """The function's findings, after they were compared with those of `validate` line for line."""
    file.write_bytes(content)
    event = events.object_created(town.put(f"{town.slug}/{file.name}", content))
    (answer,) = await invoke(town, "ddex_check", event)
    assert answer[0]["state"] == "done"
    stored = await town.yard.fetch(
        "select code, rule, severity, line, path, text, fix from finding "
        "where delivery_id = $1::text::uuid order by position",
        answer[0]["delivery_id"],
    )
    assert await town.yard.alive("release") == []

    words = ("validate", str(file), "--offline", "--json", "--all-findings")
    printed = await asyncio.to_thread(called, town.environment, *words)
    (told,) = json.loads(printed.stdout)["deliveries"]
    validated = [{name: finding[name] for name in stored[0]} for finding in told["findings"]]
    assert stored == validated
    return stored


async def test_a_check_keeps_what_validate_says(town: Town, tmp_path: Path) -> None:
    content = (
        Album().xml.replace(b"<Title>", b"<Title><Unheard/>", 1).replace(b"00602557190298", b"0060255719029x")
    )
    assert await same_findings(town, content, tmp_path / "bad.xml")


@pytest.mark.shared
async def test_a_message_invalid_by_the_xsd_is_found_as_validate_finds_it(town: Town, tmp_path: Path) -> None:
    shared = shared_folder()
    assert shared is not None
    SchemaStore(tmp_path / "schemas").install(str(shared / "standards" / "ddex" / "ern-4.3"))
    content, *_ = [path.read_bytes() for path in shared.rglob("ern43_simple_release_xsd_invalid.xml")]
    found = await same_findings(town, content, tmp_path / "bad.xml")
    assert "schema_invalid" in {finding["code"] for finding in found}
    assert all(finding["line"] for finding in found if finding["code"] == "schema_invalid")
