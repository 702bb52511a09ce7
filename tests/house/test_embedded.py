"""The embedded servers: durable, private, alone in their folder, back after a kill."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
import redis

from api import accounts
from api.embedded import AlreadyRunning, Embedded, EmbeddedFault, Servers
from api.processes import is_alive
from tests.shared import CHECKOUT

# Starts the servers in a folder, says where they are, and stays until it is killed.
STAY = """
import sys, time
from pathlib import Path
from api.embedded import Embedded
with Embedded(Path(sys.argv[1])) as servers:
    print(*servers, flush=True)
    time.sleep(60)
"""


def stay(folder: Path) -> tuple["subprocess.Popen[str]", Servers]:
    process = subprocess.Popen(
        [sys.executable, "-c", STAY, str(folder)], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    )
    assert process.stdout is not None
    return process, Servers(*process.stdout.readline().split())


async def run(servers: Servers, statement: str) -> object:
    connection = await asyncpg.connect(servers.database_url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_what_was_written_survives_a_kill_of_everything(tmp_path: Path) -> None:
    process, servers = stay(tmp_path)
    assert servers.redis_url is not None
    await run(servers, "create table kept as select 7 as n")
    client = redis.Redis.from_url(servers.redis_url)
    client.set("kept", "7")
    time.sleep(1.1)  # Valkey flushes its file every second
    process.kill()
    process.wait()

    with Embedded(tmp_path) as again:
        assert again.redis_url is not None
        assert await run(again, "select n from kept") == 7
        assert redis.Redis.from_url(again.redis_url).get("kept") == b"7"


async def test_servers_left_behind_are_stopped_by_the_next_start(tmp_path: Path) -> None:
    with Embedded(tmp_path, durable=False) as servers:
        postmaster = int((tmp_path / "pg" / "postmaster.pid").read_text().splitlines()[0])
        valkey = int((tmp_path / "run" / "valkey.pid").read_text())
        assert await run(servers, "show fsync") == "off"
        # What is left when the kernel doesn't tell children that their parent was killed.
        (tmp_path / "run" / "lock").unlink()
        with Embedded(tmp_path) as again:
            assert await run(again, "show fsync") == "on"
            assert not is_alive(postmaster)
            assert not is_alive(valkey)


async def test_a_folder_serves_one_and_two_folders_serve_two(tmp_path: Path) -> None:
    with Embedded(tmp_path / "a", valkey=False, durable=False) as one:
        with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"), Embedded(tmp_path / "a"):
            pass
        with Embedded(tmp_path / "b", valkey=False, durable=False) as two:
            await run(one, "create table only_here ()")
            assert await run(two, "select to_regclass('only_here')") is None
            assert await run(one, "select to_regclass('only_here')") is not None


async def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 120)
    with Embedded(folder, durable=False) as servers:
        assert servers.database_url is not None
        sockets = Path(servers.database_url.partition("host=")[2])
        assert sockets.parent == Path("/tmp")
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert await run(servers, "select 1") == 1
    sockets.joinpath("valkey.sock").unlink(missing_ok=True)
    sockets.rmdir()


async def test_it_is_closed_to_others_and_survives_a_power_cut(tmp_path: Path) -> None:
    with Embedded(tmp_path) as servers:
        assert [(await run(servers, f"show {name}")) for name in ("fsync", "synchronous_commit")] == [
            "on",
            "on",
        ]
        assert await run(servers, "show listen_addresses") == ""
        assert (
            await run(servers, "select datlocprovider::text || datlocale from pg_database limit 1")
            == "bC.UTF-8"
        )
        assert servers.redis_url is not None
        assert redis.Redis.from_url(servers.redis_url).config_get("appendonly") == {"appendonly": "yes"}
        for private in (tmp_path, tmp_path / "run", tmp_path / "keys", tmp_path / "pg"):
            assert private.stat().st_mode & 0o077 == 0
        assert (tmp_path / "keys" / "postgres").stat().st_mode & 0o777 == 0o600
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(servers.database_url, password="guess")


def test_a_half_made_cluster_is_begun_anew(tmp_path: Path) -> None:
    half = tmp_path / "pg.new-1"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    with Embedded(tmp_path, valkey=False, durable=False):
        assert not half.exists()
        assert (tmp_path / "pg" / "PG_VERSION").is_file()


def test_a_number_that_now_belongs_to_another_program_is_forgotten(tmp_path: Path) -> None:
    with Embedded(tmp_path, valkey=False, durable=False):
        pass
    (tmp_path / "pg" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}/pg\n")
    with Embedded(tmp_path, valkey=False, durable=False):
        pass


def test_a_folder_that_cant_be_written_has_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedFault, match="Not a directory"), Embedded(tmp_path / "file" / "state"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
async def test_root_without_user_namespaces_runs_it_as_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = Path("/var/tmp") / f"catalograph-test-{os.getpid()}"
    monkeypatch.setattr(accounts, "_SHARED_STATE", shared)
    monkeypatch.setattr(accounts, "namespace", lambda: None)
    try:
        for _ in range(2):
            with Embedded(tmp_path, valkey=False, durable=False) as servers:
                assert await run(servers, "select 1") == 1
                assert (tmp_path / "pg").stat().st_uid == accounts.nobody().uid
        monkeypatch.undo()
        assert accounts.choose(tmp_path).name == "nobody"
    finally:
        subprocess.run(["rm", "-rf", str(shared)], check=True)


def test_nothing_answers_after_a_stop(tmp_path: Path) -> None:
    with Embedded(tmp_path, durable=False):
        path = tmp_path / "run" / "valkey.sock"
        assert path.exists()
    with socket.socket(socket.AF_UNIX) as line, pytest.raises((FileNotFoundError, ConnectionRefusedError)):
        line.connect(str(path))


def test_children_end_with_their_parent(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the kernel tells children only on Linux; elsewhere the next start stops them")
    process, _servers = stay(tmp_path)
    postmaster = int((tmp_path / "pg" / "postmaster.pid").read_text().splitlines()[0])
    process.send_signal(signal.SIGKILL)
    process.wait()
    give_up_at = time.monotonic() + 30
    while is_alive(postmaster) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    assert not is_alive(postmaster)
