"""`upload` against a running server and worker, as from a terminal."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from api.cli.frame import run
from jobs.worker import Pace, open_queue, work
from tests.files.made import flac, flac_block, flac_picture
from tests.uploads.conftest import Desk, png
from tests.uploads.test_limits import MIB, limit
from tests.uploads.test_owners import recording

Call = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def call(
    desk: Desk, redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Call]:
    """Runs a command line against the server and a worker; gives status, output and error output."""
    queue, stopping = open_queue(redis_url), asyncio.Event()
    pace = Pace(poll_s=0.05, sweep_s=1)
    working = asyncio.create_task(work(desk.jobs, queue, pace, stopping, asyncio.Event()))
    monkeypatch.setenv("CATALOGRAPH_URL", desk.served.house.url)
    monkeypatch.setenv("CATALOGRAPH_TOKEN", desk.served.house.token(organization=desk.ours))

    async def made(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = await asyncio.to_thread(run, ["upload", *words])
        out, error = capsys.readouterr()
        return status, out, error

    yield made
    stopping.set()
    await working
    await queue.aclose()


def song() -> bytes:
    """A recording in FLAC with a cover; no two are the same."""
    return flac(flac_block(2, uuid.uuid4().bytes), flac_picture(png()))


async def test_a_folder_goes_up_once(call: Call, desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "album"
    (folder / "disc 2").mkdir(parents=True)
    for name in ("one.flac", "disc 2/two.flac"):
        (folder / name).write_bytes(song())
    (folder / "front.png").write_bytes(png())
    (folder / "again.png").write_bytes((folder / "front.png").read_bytes())
    (folder / ".hidden").write_bytes(b"not asked for")
    subject = await recording(desk)
    status, out, error = await call(str(folder), "--wait", "--subject", subject, "--json")
    assert status == 0, error
    told = {Path(one["file"]).name: one for one in json.loads(out)}
    assert set(told) == {"one.flac", "two.flac", "front.png", "again.png"}
    assert {told[name]["state"] for name in ("one.flac", "two.flac")} == {"ready"}
    assert {told[name]["mediaType"] for name in ("one.flac", "two.flac")} == {"audio/flac"}
    assert told["one.flac"]["coverId"]
    assert {told["front.png"]["state"], told["again.png"]["state"]} <= {"ready", "known"}
    assert told["front.png"]["id"] == told["again.png"]["id"]
    assert f"ready {folder / 'one.flac'}" in error
    query = "query($id: ID!) { recording(id: $id) { files { nodes { id } } } }"
    hanging = (await desk.graph(query, id=subject))["recording"]["files"]["nodes"]
    assert {node["id"] for node in hanging} == {one["id"] for one in told.values()}
    # The same again sends nothing.
    status, out, _ = await call(str(folder), "--json")
    again = {Path(one["file"]).name: one for one in json.loads(out)}
    assert (status, {one["state"] for one in again.values()}) == (0, {"known"})
    assert {name: one["id"] for name, one in again.items()} == {name: one["id"] for name, one in told.items()}


async def test_what_was_given_up_is_waited_for_when_it_is_sent_again(
    call: Call, desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "one.flac").write_bytes(content := song())
    assert (await call(str(tmp_path), "--wait"))[0] == 0
    # As a check leaves it that was given up.
    await desk.pool.execute(
        "update file set state = 'quarantined', reason = 'file_not_checked' where sha256 = $1",
        hashlib.sha256(content).hexdigest(),
    )
    status, out, error = await call(str(tmp_path), "--wait", "--json")
    assert (status, [one["state"] for one in json.loads(out)]) == (0, ["ready"]), error


async def test_what_is_refused_gives_status_1_and_says_why(call: Call, desk: Desk, tmp_path: Path) -> None:
    await limit(desk, most_file_bytes=MIB)
    lies, large, good = tmp_path / "a.flac", tmp_path / "b.wav", tmp_path / "c.png"
    lies.write_bytes(png(5, 5))
    large.write_bytes(bytes(2 * MIB))
    good.write_bytes(png())
    status, out, error = await call(str(lies), str(large), str(good), "--wait", "--json")
    assert status == 1
    told = {Path(one["file"]).name: one for one in json.loads(out)}
    assert (told["a.flac"]["state"], told["c.png"]["state"]) == ("quarantined", "ready")
    assert "its name ends in .flac" in told["a.flac"]["text"]
    assert told["b.wav"]["state"] == "refused"
    assert told["b.wav"]["text"].startswith("FILE_TOO_LARGE")
    assert "refused" in error
    status, out, _ = await call(str(lies))
    assert (status, "quarantined" in out) == (1, True)
    assert (await call(str(tmp_path / "nowhere")))[0] == 1
    assert await call("") == (1, "", "an empty name names nothing; a file or a folder will do\n")


async def test_without_a_server_the_status_is_3(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOGRAPH_URL", "http://127.0.0.1:9")
    (tmp_path / "a.png").write_bytes(png())
    status, out, error = await call(str(tmp_path / "a.png"))
    assert status == 3, (out, error)
    assert "does not answer" in error
