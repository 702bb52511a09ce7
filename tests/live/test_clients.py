"""The clients that others wrote: npm's graphql-ws and graphql-sse."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import THEIRS
from tests.live.conftest import Yard, job_id
from tests.node import script

_GIVE_UP_S = 60


class Client:
    """A script that follows a job under node."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self) -> Any:
        """What it heard next; None when it has ended."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_GIVE_UP_S):
            line = await self._process.stdout.readline()
        return json.loads(line) if line else None

    async def status(self) -> int:
        """Its exit status."""
        async with asyncio.timeout(_GIVE_UP_S):
            return await self._process.wait()


async def following(way: str, yard: Yard, token: str, id: str) -> Client:
    path = await asyncio.to_thread(script, Path(__file__).with_name("watch.mjs"))
    return Client(
        await asyncio.create_subprocess_exec(
            "node", str(path), way, f"{yard.house.url}/graphql", token, id, stdout=asyncio.subprocess.PIPE
        )
    )


@pytest.mark.parametrize("way", ["ws", "sse"])
async def test_a_job_is_followed_to_its_end(yard: Yard, way: str) -> None:
    id = await yard.job()
    client = await following(way, yard, yard.house.token(), job_id(id))
    if way == "ws":
        assert await client.says() == {"heard": "connected"}
    assert await client.says() == {"jobProgress": {"state": "queued", "progressDone": 0}}
    await yard.claim(id)
    assert await client.says() == {"jobProgress": {"state": "running", "progressDone": 0}}
    await yard.progress(id, 7)
    assert await client.says() == {"jobProgress": {"state": "running", "progressDone": 7}}
    await yard.finish(id)
    assert await client.says() == {"jobProgress": {"state": "done", "progressDone": 10}}
    assert await client.says() == {"heard": "complete"}
    assert await client.says() == ({"heard": "closed", "code": 1000} if way == "ws" else None)
    assert await client.status() == 0


@pytest.mark.parametrize("way", ["ws", "sse"])
async def test_anothers_job_is_told_of_as_none(yard: Yard, way: str) -> None:
    id = await yard.job(THEIRS)
    client = await following(way, yard, yard.house.token(), job_id(id))
    if way == "ws":
        assert await client.says() == {"heard": "connected"}
        assert await client.says() == {"heard": "error", "codes": ["NOT_FOUND"]}
    else:
        assert await client.says() == {"errors": ["NOT_FOUND"]}
        assert await client.says() == {"heard": "complete"}
    assert await client.status() == 0
