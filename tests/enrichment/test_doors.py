"""Enrichment asked for where no worker runs: the verb, the list of what was made, and what routes answer."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx2
import pytest

from api.cli.frame import run
from domain.access.scopes import Scope
from domain.ids import decode_id, encode_id
from tests.api.conftest import House

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Runs `enrich` against the server; gives status, output, errors. Its jobs are cancelled afterwards."""
    monkeypatch.setattr("api.cli.frame.configure_logs", lambda *_: None)
    monkeypatch.setenv("CATALOGRAPH_URL", house.url)
    monkeypatch.setenv("CATALOGRAPH_TOKEN", house.token())

    def made(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = run(["enrich", *words])
        return status, *capsys.readouterr()

    yield made
    with house.client() as client:
        for job in client.get("/v1/jobs", params={"state": "queued", "first": 100}).json().get("items", ()):
            client.post(f"/v1/jobs/{job['id']}/cancel", json={})


def make(client: httpx2.Client, path: str, **given: Any) -> str:
    answer = client.post(f"/v1/{path}", json=given)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_the_verb_says_which_jobs_it_asked_for(call: Call, ours: httpx2.Client) -> None:
    recording = make(ours, "recordings", title="Silent yet")
    status, out, err = call("--all", "--json")
    assert status == 0, err
    ((job,),) = [[row["jobId"] for row in json.loads(out)]]
    # One that waits is that job; so is the same by its route, whatever its key.
    status, out, err = call("--all")
    assert (status, job in err) == (0, True)
    again = ours.post("/v1/enrichments", json={})
    assert (again.status_code, again.json()["id"]) == (202, job)
    for wrong, code in (
        (encode_id("recording", uuid.uuid4()), "NOT_FOUND"),
        (encode_id("artist", uuid.uuid4()), "REFERENCE_NOT_FOUND"),
        ("nonsense", "REFERENCE_NOT_FOUND"),
    ):
        status, _, err = call(wrong)
        assert (status, code in err) == (1, True), err
        assert "Asked for already" not in err
    status, _, err = call(recording, encode_id("release", uuid.uuid4()))
    assert status == 1
    assert "NOT_FOUND" in err
    assert "Asked for already, and going on: " in err
    assert call()[0] == call("--all", recording)[0] == 2
    # Once more is asked of recordings, and is another job than the one that waits.
    assert call("--all", "--again")[0] == call(encode_id("release", uuid.uuid4()), "--again")[0] == 2
    once, again = (json.loads(call(recording, *words, "--json")[1]) for words in ((), ("--again",)))
    assert [len(once), len(again)] == [1, 1]
    assert once != again


def test_whoever_waits_is_told_that_nobody_works_and_may_stop_waiting(
    call: Call, ours: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = make(ours, "recordings", title="Waits")
    monkeypatch.setattr("api.cli.awaiting._UNTAKEN_S", 0.0)
    looked: list[float] = []

    def interrupt(seconds: float) -> None:
        looked.append(seconds)
        if len(looked) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("api.cli.awaiting.time", SimpleNamespace(sleep=interrupt, monotonic=time.monotonic))
    status, out, err = call(recording, "--wait")
    assert (status, out) == (1, "")
    assert err.count("Nobody works on job") == 1
    assert "Stopped waiting. The server goes on" in err


def test_a_cancelled_job_is_no_success(
    call: Call, ours: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = make(ours, "recordings", title="Cancelled")

    def cancel(_seconds: float) -> None:
        for job in ours.get("/v1/jobs", params={"state": "queued", "first": 100}).json()["items"]:
            ours.post(f"/v1/jobs/{job['id']}/cancel", json={})

    monkeypatch.setattr("api.cli.awaiting.time", SimpleNamespace(sleep=cancel, monotonic=time.monotonic))
    status, out, _ = call(recording, "--wait", "--json")
    (row,) = json.loads(out)
    assert (status, row["state"], row["done"]) == (1, "cancelled", 0)


@pytest.fixture
async def enriched(house: House, ours: httpx2.Client) -> list[str]:
    """Three files of a recording: done, refused and failed; gives their enrichments' ids."""
    recording = make(ours, "recordings", title="Three files")
    connection = await asyncpg.connect(house.database_url)
    try:
        rows = []
        for place, (state, code) in enumerate(
            (("done", None), ("refused", "audio_empty"), ("failed", "fault"))
        ):
            rows += await connection.fetch(
                "with f as (insert into file (owner_id, file_name, size_bytes, kind, state, sha256, "
                "subject_type, subject_id, created_by) "
                "select owner_id, 'a', 1, 'audio', 'ready', $2, 'recording', id, 't' "
                "from recording where id = $1 returning id, owner_id) "
                "insert into enrichment (owner_id, file_id, recording_id, sha256, state, code) "
                "select owner_id, id, $1, $2, $3, $4 from f returning id",
                decode_id(recording)[1],
                f"{place + 1:064x}",
                state,
                code,
            )
    finally:
        await connection.close()
    return [encode_id("enrichment", row["id"]) for row in rows]


async def test_what_was_made_is_listed_page_by_page_and_by_its_state(
    enriched: list[str], ours: httpx2.Client, theirs: httpx2.Client
) -> None:
    by = {}
    asked: tuple[tuple[str, Any], ...] = (
        ("refused", {"state": "refused"}),
        ("code", {"code": "fault"}),
        ("sha256", {"sha256": f"{1:064x}"}),
        ("several", [("state", "refused"), ("state", "failed")]),
        ("nothing", {"code": "no such code"}),
    )
    for name, given in asked:
        answer = ours.get("/v1/enrichments", params=given)
        assert answer.status_code == 200, (name, answer.text)
        by[name] = [one["id"] for one in answer.json()["items"] if one["id"] in enriched]
    assert by == {
        "refused": [enriched[1]],
        "code": [enriched[2]],
        "sha256": [enriched[0]],
        "several": enriched[1:],
        "nothing": [],
    }
    found, path = [], "/v1/enrichments?first=1"
    while path:
        answer = ours.get(path)
        found += [one["id"] for one in answer.json()["items"]]
        path = answer.links.get("next", {}).get("url", "")
    assert [id for id in found if id in enriched] == enriched
    assert len(found) == len(set(found))
    assert not {one["id"] for one in theirs.get("/v1/enrichments").json()["items"]} & set(enriched)
    for wrong in ({"first": 0}, {"after": "x"}, {"model": "x"}):
        assert ours.get("/v1/enrichments", params=wrong).status_code == 400, wrong


def test_features_of_nothing_of_strangers_and_of_what_nobody_heard(
    house: House, ours: httpx2.Client, theirs: httpx2.Client
) -> None:
    recording = make(ours, "recordings", title="Unheard")
    release = make(ours, "releases", title="R", media=[{"position": 1}])
    place = {"releaseId": release, "mediumPosition": 1}
    track = make(ours, "tracks", title="T", position=1, recordingId=recording, **place)
    bare = make(ours, "tracks", title="U", position=2, **place)
    for path in (f"recordings/{recording}", f"tracks/{track}", f"tracks/{bare}"):
        answer = ours.get(f"/v1/{path}/features")
        assert (answer.status_code, answer.json()) == (200, {"items": []}), path
        assert theirs.get(f"/v1/{path}/features").status_code == 404
        unread = house.client(scopes=frozenset({Scope.FILES_READ})).get(f"/v1/{path}/features")
        assert (unread.status_code, unread.json()["code"]) == (403, "INSUFFICIENT_SCOPE")
        known = ours.get(f"/v1/{path}/features", headers={"If-None-Match": answer.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        assert answer.headers["cache-control"] == "private, no-cache"
        nobody = httpx2.get(f"{house.url}/v1/{path}/features")
        assert nobody.status_code == 401
    for path, status in (
        (f"recordings/{uuid.uuid4()}", 404),
        (f"tracks/{uuid.uuid4()}", 404),
        (f"recordings/{track}", 400),
        (f"tracks/{recording}", 400),
        ("recordings/x", 400),
    ):
        answer = ours.get(f"/v1/{path}/features")
        assert (answer.status_code, answer.json()["status"]) == (status, status), path
    before = ours.get(f"/v1/recordings/{recording}/features").headers["etag"]
    said = ours.patch(f"/v1/recordings/{recording}/features/key", json={"text": "8A"})
    assert said.status_code == 200, said.text
    after = ours.get(f"/v1/recordings/{recording}/features", headers={"If-None-Match": before})
    assert (after.status_code, after.json()["items"][0]["text"]) == (200, "A minor")
    assert ours.get(f"/v1/tracks/{track}/features").content == after.content
    narrow = ours.get(f"/v1/tracks/{track}/features", params={"fields": "name,text"})
    assert narrow.json() == {"items": [{"name": "key", "text": "A minor"}]}
