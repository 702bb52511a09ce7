"""The worker processes of `bench jobs`: the product's, with jobs that do nothing, and bare ARQ's."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from api.logs import configure_logs
from jobs.job import Tools, job

PAUSE_S = 0.05
# ARQ as it comes, and looking for work fifty times as often: which is faster depends on the machine.
POLL_S = {"bare": 0.5, "tuned": 0.01}


@job()
async def do_nothing(tools: Tools) -> None:
    """End at once."""


@job()
async def pause(tools: Tools) -> None:
    """Take a moment."""
    await asyncio.sleep(PAUSE_S)


async def nothing(_ctx: dict[Any, Any]) -> None:
    """End at once, for bare ARQ."""


def dump(value: Any) -> bytes:
    """JSON, as the product's messages are."""
    return json.dumps(value, default=repr).encode()


def queue_of(what: str) -> str:
    """Where bare ARQ finds its jobs."""
    return f"bench:{what}"


async def bare(what: str, redis_url: str) -> None:
    """ARQ's own worker; it keeps no results, as the product's keeps none."""
    from arq.worker import Worker, func

    from jobs.worker import open_queue

    run: Any = nothing
    worker = Worker(
        functions=[func(run, name="nothing", keep_result=0)],
        queue_name=queue_of(what),
        redis_pool=open_queue(redis_url),
        poll_delay=POLL_S[what],
        job_serializer=dump,
        job_deserializer=json.loads,
        log_results=False,
    )
    await worker.async_run()


def main(what: str, database_url: str, redis_url: str, folder: str) -> None:
    """Serve until told to stop."""
    import uvloop

    from jobs.worker import run

    configure_logs("warning", "json")
    if what == "product":
        run(database_url, redis_url, folder)
    else:
        with suppress(asyncio.CancelledError):
            uvloop.run(bare(what, redis_url))
