"""`jobs watch` as from a terminal, from a script, and while the server goes away."""

import asyncio
import json
import os
import pty
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from api.cli.following import events
from api.cli.frame import run
from api.embedded import Servers
from api.keys import ensure_keys
from tests.api.conftest import OURS, THEIRS, House, serving, settings_for
from tests.live.conftest import Yard, job_id
from tests.ports import free_port
from tests.shared import CHECKOUT

_GIVE_UP_S = 60


def environment(house: House, state: Path) -> dict[str, str]:
    """What lets a command line talk to a house."""
    return {
        "CATALOGRAPH_URL": house.url,
        "CATALOGRAPH_TOKEN": house.token(),
        "CATALOGRAPH_STATE_FOLDER": str(state),
        "CATALOGRAPH_BOOTSTRAP": "skip",
        "COLUMNS": "160",
        "LINES": "60",
    }


class Command:
    """A command line that runs in this process, on a thread of its own."""

    def __init__(self, *words: str) -> None:
        self.status: int | None = None
        self._thread = threading.Thread(target=self._run, args=(words,), daemon=True)
        self._thread.start()

    def _run(self, words: tuple[str, ...]) -> None:
        self.status = run(list(words))

    async def end(self) -> int | None:
        """Its exit status."""
        await asyncio.to_thread(self._thread.join, _GIVE_UP_S)
        return self.status


async def watched(capsys: pytest.CaptureFixture[str], word: str, so_far: list[str]) -> None:
    """Wait until a word was printed."""
    async with asyncio.timeout(_GIVE_UP_S):
        while word not in so_far[0]:
            out, error = capsys.readouterr()
            so_far[0] += out + error
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("ends", ["done", "failed"])
async def test_one_job_is_watched_to_its_end_which_is_the_exit_status(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ends: str
) -> None:
    for name, value in environment(yard.house, tmp_path).items():
        monkeypatch.setenv(name, value)
    id, printed = await yard.begun(), [""]
    command = Command("jobs", "watch", job_id(id), "--json")
    await watched(capsys, "running", printed)
    await yard.progress(id, 4)
    await watched(capsys, "4/10 4 of 10", printed)
    if ends == "done":
        await yard.finish(id)
    else:
        await yard.refuse(id)
    assert await command.end() == (0 if ends == "done" else 1)
    assert json.loads(capsys.readouterr().out)["state"] == ends


async def test_a_job_that_is_not_ones_own_is_not_watched(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(yard.house, tmp_path).items():
        monkeypatch.setenv(name, value)
    assert await Command("jobs", "watch", job_id(await yard.job(THEIRS))).end() == 1
    assert "no such job in your organization" in capsys.readouterr().err


@pytest.fixture
async def process(yard: Yard, tmp_path: Path) -> AsyncIterator["asyncio.subprocess.Process"]:
    """`jobs watch` in a process of its own, whose output is no terminal."""
    made = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api", "jobs", "watch"),
        cwd=CHECKOUT,
        env={**os.environ, **environment(yard.house, tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    yield made
    if made.returncode is None:
        made.kill()
        await made.wait()


async def test_all_jobs_are_told_of_by_lines_where_there_is_no_terminal(
    yard: Yard, process: "asyncio.subprocess.Process"
) -> None:
    assert process.stdout is not None
    said: list[str] = []

    async def until(*words: str) -> None:
        assert process.stdout is not None
        async with asyncio.timeout(_GIVE_UP_S):
            while not (said and all(word in said[-1] for word in words)):
                said.append((await process.stdout.readline()).decode())
                assert said[-1], "the command ended early"

    await until("lane low:", "waiting")
    # What happens before a subscription has begun is not told.
    while not any("told" in line for line in said):
        id = await yard.begun(kind="told")
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await until(job_id(id), "low running")
    await yard.progress(id, 5)
    await until(job_id(id), "5/10 5 of 10")
    await yard.finish(id)
    await until(job_id(id), "done")
    process.send_signal(signal.SIGINT)
    _, error = await asyncio.wait_for(process.communicate(), _GIVE_UP_S)
    assert process.returncode == 0, error
    assert error.decode().strip().endswith("Stopped watching.")


async def test_a_terminal_is_shown_lanes_and_what_runs(yard: Yard, tmp_path: Path) -> None:
    id = await yard.begun(kind="drawn_kind")
    await yard.progress(id, 5)
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api", "jobs", "watch"),
        cwd=CHECKOUT,
        env={**os.environ, **environment(yard.house, tmp_path), "TERM": "xterm"},
        stdout=theirs,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = b""
    try:
        async with asyncio.timeout(_GIVE_UP_S):
            while not all(word in shown for word in (b"oldest wait", b"drawn_kind", b"5/10 5 of 10")):
                with suppress(BlockingIOError):
                    shown += os.read(ours, 65536)
                assert process.returncode is None, await process.communicate()
                await asyncio.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, error = await process.communicate()
        assert (process.returncode, error.decode().strip()) == (0, "Stopped watching.")
    finally:
        os.close(ours)
        if process.returncode is None:
            process.kill()


async def test_a_server_that_goes_away_is_waited_for(
    house_database: str,
    servers: Servers,
    yard: Yard,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = settings_for(house_database, servers.redis_url or "", tmp_path)
    key, id, printed = ensure_keys(tmp_path / "keys")[0], await yard.begun(), [""]
    port = free_port()
    first = serving(settings, socket.create_server(("127.0.0.1", port)))
    address = await asyncio.to_thread(first.__enter__)
    for name, value in environment(House(address, house_database, key), tmp_path).items():
        monkeypatch.setenv(name, value)
    command = Command("jobs", "watch", job_id(id))
    await watched(capsys, "running", printed)
    await asyncio.to_thread(first.__exit__, None, None, None)
    await watched(capsys, "connecting again", printed)
    await yard.finish(id)
    with serving(settings, socket.create_server(("127.0.0.1", port))):
        assert await command.end() == 0


@pytest.mark.parametrize("everybody", [False, True])
async def test_lanes_are_counted(yard: Yard, everybody: bool) -> None:
    before = await lanes(yard, everybody)
    for owner in (OURS, THEIRS):
        waiting = [await yard.job(owner) for _ in range(3)]
        await yard.claim(waiting[0])
        await yard.sql.execute("update job set state = 'dead' where id = $1", waiting[1])
        late = await yard.job(owner)
        await yard.sql.execute("update job set run_at = now() + interval '1 hour' where id = $1", late)
    after = await lanes(yard, everybody)
    times = 2 if everybody else 1
    names = ("waiting", "later", "running", "dead")
    grown = {name: after["low"][name] - before["low"][name] for name in names}
    assert grown == dict.fromkeys(names, times)
    assert {name: after["high"][name] - before["high"][name] for name in names} == dict.fromkeys(names, 0)
    assert after["low"]["oldestWaitSeconds"] > 0


async def lanes(yard: Yard, everybody: bool) -> dict[str, dict[str, float]]:
    from domain.access.scopes import Role

    with yard.house.client(role=Role.ADMIN, operator=everybody) as client:
        answer = client.get("/v1/job-lanes", params={"everybody": str(everybody).lower()})
        assert answer.status_code == 200, answer.text
        return {item["lane"]: item for item in answer.json()["items"]}


async def test_the_lanes_of_everybody_are_for_who_runs_the_system(yard: Yard) -> None:
    with yard.house.client() as client:
        answer = client.get("/v1/job-lanes", params={"everybody": "true"})
        assert (answer.status_code, answer.json()["code"]) == (403, "INSUFFICIENT_SCOPE")


def test_events_are_read_as_they_are_written() -> None:
    lines = [
        ":",
        "",
        "event: next",
        "data: {",
        "data:}",
        "",
        "data: alone",
        "",
        "event:complete",
        "data:",
        "",
    ]
    assert list(events(lines)) == [("next", "{\n}"), ("complete", "alone\n")]
