"""`ingest`, `validate` and `jobs` against a running server and worker, as from a terminal."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.cli.frame import run
from api.cli.output import Refused
from api.cli.sending import files_of
from api.keys import ensure_keys, mint_token
from domain.access.scopes import Role
from jobs.job import Tools, job
from jobs.worker import Pace, open_queue, work
from tests.api.conftest import serving, settings_for
from tests.jobs.messages import Album, day
from tests.jobs.test_worker import ask, own_jobs, reached, row
from tests.jobs.yard import Yard, new_yard

__all__ = ["own_jobs"]

Call = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def yard(fresh_pool: Any, tmp_path: Path) -> Yard:
    """An organization, its folder being the server's state folder."""
    return await new_yard(fresh_pool, tmp_path / "state")


@pytest.fixture
async def call(
    yard: Yard,
    fresh_database: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Call]:
    """Runs a command line against a server and a worker; gives status, output and error output."""
    yard.folder.mkdir(exist_ok=True)
    key = ensure_keys(yard.folder / "keys")[0]
    token = mint_token(
        key,
        organization_id=yard.viewer.organization_id,
        role=Role.LABEL_USER,
        subject="cli@test",
        lifetime=timedelta(hours=1),
    )
    queue, stopping = open_queue(redis_url), asyncio.Event()
    pace = Pace(poll_s=0.05, sweep_s=1)
    working = asyncio.create_task(work(yard.house, queue, pace, stopping, asyncio.Event()))
    with serving(settings_for(fresh_database, redis_url, yard.folder)) as address:
        monkeypatch.setenv("CATALOGRAPH_URL", address)
        monkeypatch.setenv("CATALOGRAPH_TOKEN", token)
        monkeypatch.setenv("CATALOGRAPH_STATE_FOLDER", str(yard.folder))

        async def made(*words: str) -> tuple[int, str, str]:
            capsys.readouterr()
            status = await asyncio.to_thread(run, list(words))
            out, error = capsys.readouterr()
            return status, out, error

        yield made
    stopping.set()
    await working
    await queue.aclose()


def a_folder(where: Path, **files: bytes) -> Path:
    where.mkdir()
    for name, content in files.items():
        (where / f"{name}.xml").write_bytes(content)
    return where


async def test_a_folder_goes_in_and_its_fate_is_told(call: Call, yard: Yard, tmp_path: Path) -> None:
    folder = a_folder(
        tmp_path / "drop",
        a_newer=Album(title="Newer", created=day(5)).xml,
        b_older=Album(title="Older", created=day(2)).xml,
        c_other=Album(upc="00602557190304", first=50).xml,
    )
    status, out, error = await call("ingest", str(folder))
    assert status == 0, error
    assert "3/3" in error
    assert "a_newer.xml" in out
    assert sorted(r["title"] for r in await yard.alive("release")) == ["Newer", "Night Ferries"]
    status, out, _ = await call("ingest", str(folder), "--json")
    told = json.loads(out)
    assert (status, told["totals"]) == (0, {})
    assert {one["known"] for one in told["deliveries"]} == {True}
    status, out, _ = await call("jobs", "list", "--json")
    assert [job["state"] for job in json.loads(out)] == ["done"] * 3
    status, out, _ = await call("jobs", "show", json.loads(out)[0]["id"])
    assert (status, "ingest_delivery" in out) == (0, True)


async def test_what_is_refused_gives_status_1_and_says_where(call: Call, yard: Yard, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "drop", good=Album().xml, cut=Album().xml[:-30])
    status, out, error = await call("ingest", str(folder))
    assert status == 1
    assert "xml_not_well_formed" in out
    assert "1 refused" in error
    assert len(await yard.alive("release")) == 1
    empty = tmp_path / "empty.xml"
    empty.write_bytes(b"")
    status, out, _ = await call("ingest", str(empty), "--json")
    assert (status, json.loads(out)["deliveries"][0]["state"]) == (1, "refused")


async def test_validation_leaves_the_catalog_alone(call: Call, yard: Yard, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "drop", good=Album().xml)
    for extra in ((), ("--offline",)):
        status, out, _ = await call("validate", str(folder), "--json", *extra)
        told = json.loads(out)["deliveries"][0]
        assert (status, told["state"], told["format"]) == (0, "checked", "ERN 4.3")
    assert not await yard.alive("release")
    (folder / "good.xml").write_bytes(Album().xml.replace(b"<ISRC>QZAAA2600001", b"<ISRC>NOPE"))
    for extra in ((), ("--offline",)):
        status, out, _ = await call("validate", str(folder), *extra)
        assert (status, "NOPE" in out) == (1, True)


async def test_wrong_calls_are_told_what_would_do(call: Call, tmp_path: Path) -> None:
    assert (await call("ingest"))[0] == 2
    for words, text in (
        (("ingest", str(tmp_path / "nowhere")), "is not there"),
        (("jobs", "list", "--state", "lost"), "there are queued"),
        (("jobs", "show", "nonsense"), "is not an id"),
        (("jobs", "retry", "01a1fd14-9a9d-7428-b198-147e9700d486"), "no job"),
    ):
        status, _, error = await call(*words)
        assert (status, text in error) == (1, True), error
    hollow = tmp_path / "hollow"
    hollow.mkdir()
    with pytest.raises(Refused, match=r"holds no \.xml"):
        files_of([str(hollow)])


async def test_dead_letters_are_listed_with_their_history_and_begun_anew(
    call: Call, yard: Yard, own_jobs: None
) -> None:
    healthy = False

    async def fragile(tools: Tools) -> None:
        if not healthy:
            raise ValueError("the sea was rough")

    async def brittle(tools: Tools) -> None:
        await fragile(tools)

    for run_it in (fragile, brittle):
        job(tries=2, backoff_s=(0.01,))(run_it)
    stranger = await new_yard(yard.pool, yard.folder.parent / "stranger")
    theirs = await ask(stranger, "brittle")
    ids = [await ask(yard, kind) for kind in ("fragile", "fragile", "fragile", "brittle")]
    await reached(yard, "dead", 5)
    status, out, _ = await call("jobs", "list", "--dead", "--json")
    dead = json.loads(out)
    assert (status, len(dead), {one["state"] for one in dead}) == (0, 4, {"dead"})
    _, out, _ = await call("jobs", "list", "--dead", "--kind", "brittle", "--json")
    assert [one["kind"] for one in json.loads(out)] == ["brittle"]
    _, out, _ = await call(
        "query", "{ deadLetters(first: 1) { totalCount nodes { attempts history } } }", "--json"
    )
    found = json.loads(out)["deadLetters"]
    assert (found["totalCount"], found["nodes"][0]["attempts"]) == (4, 2)
    assert [(one["attempt"], one["code"], one["text"]) for one in found["nodes"][0]["history"]] == [
        (1, "fault", "ValueError: the sea was rough"),
        (2, "fault", "ValueError: the sea was rough"),
    ]
    assert (await call("jobs", "requeue"))[0] == 1
    healthy = True
    first = next(one["id"] for one in dead if one["kind"] == "fragile")
    for words, said in (
        ((first,), "requeued: 1; still dead: 0"),
        (("--kind", "fragile"), "requeued: 2; still dead: 0"),
        (("--all",), "requeued: 1; still dead: 0"),
        (("--all",), "requeued: 0; still dead: 0"),
    ):
        status, _, error = await call("jobs", "requeue", *words)
        assert (status, said in error) == (0, True), error
    await reached(yard, "done", 4)
    assert [len((await row(yard, id))["history"]) for id in ids] == [2] * 4
    assert (await row(yard, theirs))["state"] == "dead", "another organization's stay"


async def test_no_server_is_a_fault_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("CATALOGRAPH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CATALOGRAPH_STATE_FOLDER", str(tmp_path))
    file = a_folder(tmp_path / "drop", good=Album().xml) / "good.xml"
    assert await asyncio.to_thread(run, ["ingest", str(file)]) == 3
    assert "python3 -m api" in capsys.readouterr().err
