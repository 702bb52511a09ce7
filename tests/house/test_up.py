"""`python3 -m api` as a person starts it: one process tree, its verbs, its refusals, its end."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import jwt
import pytest

from api.processes import command_line, is_alive
from tests.command_line import Said, called
from tests.conftest import Databases
from tests.shared import CHECKOUT

QUIET = {name: value for name, value in os.environ.items() if not name.startswith("CATALOGRAPH_")}


@dataclass
class Running:
    """A started house."""

    process: "subprocess.Popen[str]"
    folder: Path
    said: str

    @property
    def note(self) -> dict[str, Any]:
        note: dict[str, Any] = json.loads((self.folder / "run" / "server.json").read_text())
        return note

    def workers(self) -> list[int]:
        """Numbers of the worker processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(n) for n in children.read_text().split() if "api worker" in command_line(int(n))]


def environment(folder: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in QUIET.items() if name not in ("DATABASE_URL", "REDIS_URL")},
        "CATALOGRAPH_STATE_FOLDER": str(folder),
        "CATALOGRAPH_BOOTSTRAP": "skip",
        # 30 MB for each start would be asked for; tests/audio/test_weights.py tries it.
        "CATALOGRAPH_WEIGHTS_FETCH": "false",
    }


def call(folder: Path, *words: str) -> Said:
    """The command line beside a house in a folder."""
    return called(
        {"CATALOGRAPH_STATE_FOLDER": str(folder), "CATALOGRAPH_BOOTSTRAP": "skip"}, *words, logs=True
    )


@contextlib.contextmanager
def started(folder: Path, **more: str) -> Iterator[Running]:
    """`up` on a free port, until the block ends. more: environment variables."""
    log = (folder / "up.log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "--port", "0"],
        cwd=CHECKOUT,
        env=environment(folder) | more,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            break
    log.seek(0)
    running = Running(process, folder, said + log.read())
    try:
        assert process.poll() is None, running.said
        yield running
    finally:
        process.kill()
        process.wait()
        log.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with started(tmp_path_factory.mktemp("house")) as running:
        yield running


def test_it_says_where_it_is_and_what_to_try(house: Running) -> None:
    for word in ("postgres", "valkey", "migrate", "api", "ready after", house.note["address"]):
        assert word in house.said
    assert "api query" in house.said
    token = next(line for line in house.said.splitlines() if line.startswith("eyJ"))
    assert jwt.decode(token, options={"verify_signature": False})["role"] == "admin"
    assert (house.folder / "run" / "server.json").stat().st_mode & 0o077 == 0


def test_it_is_alive_and_ready(house: Running) -> None:
    address = house.note["address"]
    assert httpx2.get(f"{address}/livez").json() == {"status": "alive"}
    ready = httpx2.get(f"{address}/readyz")
    assert ready.status_code == 200
    assert {name: part["state"] for name, part in ready.json()["parts"].items()} == {
        "postgres": "ok",
        "migrations": "ok",
        "valkey": "ok",
        "blobs": "ok",
    }


def test_the_printed_token_opens_the_door(house: Running) -> None:
    token = call(house.folder, "token").stdout.strip()
    address, query = house.note["address"], {"query": "{ __typename }"}
    assert httpx2.post(f"{address}/graphql", json=query).status_code == 401
    answer = httpx2.post(f"{address}/graphql", json=query, headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["data"] == {"__typename": "Query"}


def test_what_the_printed_token_asks_for_is_exported(house: Running, tmp_path: Path) -> None:
    out = tmp_path / "artists.ndjson"
    done = call(house.folder, "export", "ndjson", "--kind", "artist", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text().splitlines()[-1])["count"] == 0


def test_a_token_says_what_was_asked_for(house: Running) -> None:
    done = call(
        house.folder, "--json", "token", "--role", "api_user", "--scope", "catalog:read", "--ttl", "90s"
    )
    answer = json.loads(done.stdout)
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert answer["expires_in"] == 90
    assert 89 <= claims["exp"] - claims["iat"] <= 90
    assert (claims["role"], claims["scope"], claims["aud"]) == ("api_user", "catalog:read", "catalograph")
    assert claims["org"] == house.note["organization_id"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--role", "king"], "role king is unknown; there are: admin, label_user, api_user, service"),
        (["--scope", "fly"], "scope fly is unknown; there are: "),
        (["--ttl", "never"], "ttl 'never' can't be read; write 90s, 15m, 12h or 7d"),
        (["--ttl", "900d"], "ttl 900d is outside what a token may live"),
        (["--org", "nobody"], "there is no organization nobody; give the id or the slug of one"),
    ],
)
def test_a_token_that_cant_be_made_is_refused(house: Running, words: list[str], sentence: str) -> None:
    done = call(house.folder, "token", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr


def test_a_second_one_in_the_same_folder_is_told_about_the_first(house: Running) -> None:
    done = call(house.folder)
    assert done.returncode == 1
    assert "already running" in done.stderr
    assert f"pid {house.process.pid} at {house.note['address']}" in done.stderr


def test_the_doctor_finds_everything_well(house: Running) -> None:
    done = call(house.folder, "doctor", "--json")
    assert done.returncode == 0, done.stdout
    found = {one["part"]: one["state"] for one in json.loads(done.stdout)}
    assert {found[part] for part in ("server", "postgres", "migrations", "valkey", "blobs", "keys")} == {"ok"}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_that_dies_is_started_again(house: Running) -> None:
    (before,) = house.workers()
    os.kill(before, signal.SIGKILL)
    give_up_at = time.monotonic() + 30
    while not (after := [pid for pid in house.workers() if pid != before]) and time.monotonic() < give_up_at:
        time.sleep(0.1)
    assert len(after) == 1


def test_a_signal_ends_everything(house: Running) -> None:
    postmaster = int((house.folder / "pg" / "postmaster.pid").read_text().splitlines()[0])
    valkey = int((house.folder / "run" / "valkey.pid").read_text())
    house.process.send_signal(signal.SIGTERM)
    assert house.process.wait(60) == 0
    assert not is_alive(postmaster)
    assert not is_alive(valkey)
    assert not (house.folder / "run" / "server.json").exists()


def test_the_doctor_of_a_stopped_house_says_what_starts_it(house: Running) -> None:
    house.process.wait(60)
    done = call(house.folder, "doctor", "--json")
    found = {one["part"]: one for one in json.loads(done.stdout)}
    assert found["server"] == {
        "part": "server",
        "state": "idle",
        "detail": "not running; start it with: python3 -m api",
    }


def test_a_taken_port_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = call(tmp_path, "up", "--port", str(port))
    assert done.returncode == 3
    assert f"Port {port} on 127.0.0.1 can't be listened on: Address already in use" in done.stderr
    assert "--port" in done.stderr.splitlines()[-1]


def test_a_wrong_call_and_missing_servers_have_their_own_status(tmp_path: Path) -> None:
    assert call(tmp_path, "nonsense").returncode == 2
    served = call(tmp_path, "serve")
    assert (served.returncode, served.stderr.count("DATABASE_URL and REDIS_URL must be set")) == (3, 1)


async def test_servers_of_ones_own_replace_the_embedded_ones(
    databases: Databases, redis_url: str, tmp_path: Path
) -> None:
    url = await databases.empty()
    with started(tmp_path, DATABASE_URL=url, REDIS_URL=redis_url) as house:
        assert not any(stage in house.said for stage in ("  postgres ", "  valkey "))
        assert (house.note["database_url"], house.note["redis_url"]) == (url, redis_url)
        ready = httpx2.get(f"{house.note['address']}/readyz").json()
        assert ready["status"] == "ready", ready
        house.process.terminate()
        assert house.process.wait(60) == 0
    assert not {"pg", "valkey"} & {path.name for path in tmp_path.iterdir()}
    left = await asyncpg.connect(url)
    assert await left.fetchval("select slug from organization") == "development"
    await left.close()
