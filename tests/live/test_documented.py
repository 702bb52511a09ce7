"""The examples of docs/subscriptions.md, and the page that shows subscriptions, as they stand there."""

import asyncio
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.live.conftest import Yard, job_id
from tests.node import node_modules, script
from tests.shared import CHECKOUT

TEXT = (CHECKOUT / "docs/subscriptions.md").read_text()
_GIVE_UP_S = 60


async def printed(yard: Yard, id: str, *command: str) -> str:
    """What a command prints until it ends."""
    done = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "CATALOGRAPH": yard.house.url, "TOKEN": yard.house.token(), "JOB": id},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(done.communicate(), _GIVE_UP_S)
    assert done.returncode == 0
    return output.decode()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)
    return str(found)


async def ended(yard: Yard) -> str:
    id = await yard.begun()
    await yard.finish(id)
    return job_id(id)


@pytest.mark.skipif(shutil.which("curl") is None, reason="CURL ABSENT: the documented call was not tried")
async def test_events_are_read_with_curl(yard: Yard) -> None:
    output = await printed(yard, await ended(yard), "sh", "-ec", block("sh"))
    events = [part.splitlines() for part in output.strip().split("\n\n")]
    assert [lines[0] for lines in events] == ["event: next", "event: complete"]
    told = json.loads(events[0][1].removeprefix("data: "))["data"]["jobProgress"]
    assert told == {"state": "done", "progressDone": 1, "progressTotal": 1}


async def test_a_socket_is_read_with_the_package_that_is_named(yard: Yard) -> None:
    file = (await asyncio.to_thread(node_modules)).parent / "documented.mjs"
    file.write_text(block("js"))
    output = await printed(yard, await ended(yard), "node", str(file))
    assert json.loads(output) == {"state": "done", "progressDone": 1, "progressTotal": 1}


async def test_graphiql_follows_a_subscription(yard: Yard) -> None:
    file = await asyncio.to_thread(script, Path(__file__).with_name("graphiql.mjs"))
    output = await printed(yard, "", "node", str(file), yard.house.url, yard.house.token(), await ended(yard))
    assert json.loads(output) == {"jobProgress": {"state": "done"}}
