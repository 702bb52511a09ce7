"""One column in a table and one line in its graph type: the field is there, at every door."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from api.embedded import Servers
from api.keys import ensure_keys
from tests.api.conftest import OURS, THEIRS, House
from tests.conftest import Databases
from tests.shared import CHECKOUT

ROOMS = ("api", "graph", "domain", "jobs", "migrations", "openapi")
COLUMN = (
    "domain/catalog/tables.py",
    "    recording_date: str | None = None\n",
    "    mood_note: str | None = None\n",
)
LINE = (
    "graph/catalog.py",
    "    recording_date: PartialDate | None = column()\n",
    "    mood_note: str | None = column()\n",
)
SERVE = """
import socket, sys, uvicorn
from api.app import create_app
from api.settings import Settings
listener = socket.create_server(("127.0.0.1", 0))
settings = Settings(database_url=sys.argv[1], redis_url=sys.argv[2], state_folder=sys.argv[3], pool_size=2)
config = uvicorn.Config(create_app(settings), log_config=None)
print(listener.getsockname()[1], flush=True)
uvicorn.Server(config).run([listener])
"""


@pytest.fixture
async def wider_database(databases: Databases) -> str:
    """A database whose recordings have one column more."""
    url = await databases.clone("wider")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("alter table recording add column mood_note text")
        for id, slug in ((OURS, "ours"), (THEIRS, "theirs")):
            await connection.execute(
                "insert into organization (id, name, slug) values ($1, $2, $2)", id, slug
            )
    finally:
        await connection.close()
    return url


@pytest.fixture
def wider(wider_database: str, servers: Servers, tmp_path: Path) -> Iterator[House]:
    """A server of a copy of the tree with the two lines added."""
    copy = tmp_path / "checkout"
    for room in ROOMS:
        shutil.copytree(CHECKOUT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name, after, added in (COLUMN, LINE):
        text = (copy / name).read_text()
        assert text.count(after) == 1
        (copy / name).write_text(text.replace(after, after + added))
    state = tmp_path / "state"
    key = ensure_keys(state / "keys")[0]
    given = [wider_database, servers.redis_url or "", str(state)]
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, *given],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        assert port, "the server of the copy did not start"
        yield House(f"http://127.0.0.1:{port}", wider_database, key)
    finally:
        server.terminate()
        server.wait(60)


def test_a_new_column_is_everywhere(wider: House) -> None:
    with wider.client() as caller:
        made = caller.post("/v1/recordings", json={"title": "Blue", "moodNote": "wistful"})
        assert (made.status_code, made.json().get("moodNote")) == (201, "wistful"), made.text
        edit = """mutation($id: ID!) { editRecording(input: {id: $id, moodNote: "calm"}) {
            recording { moodNote version } userErrors { message } } }"""
        body = {"query": edit, "variables": {"id": made.json()["id"]}}
        done = caller.post("/graphql", json=body).json()["data"]["editRecording"]
        assert done == {"recording": {"moodNote": "calm", "version": 2}, "userErrors": []}
        read = caller.get(f"/v1/recordings/{made.json()['id']}", params={"fields": "moodNote"})
        assert read.json()["moodNote"] == "calm"
        history = caller.get(f"/v1/recordings/{made.json()['id']}/history").json()["items"]
        assert history[-1]["diff"]["mood_note"] == ["wistful", "calm"]
        document = httpx2.get(f"{wider.url}/openapi.json").json()
        assert "moodNote" in document["components"]["schemas"]["Recording"]["properties"]
        content = document["paths"]["/recordings"]["post"]["requestBody"]["content"]
        assert "moodNote" in content["application/json"]["schema"]["properties"]
        assert "moodNote: String" in httpx2.get(f"{wider.url}/schema.graphql").text
