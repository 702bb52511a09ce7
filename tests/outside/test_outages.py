"""docs/outside.md, line for line: what callers are told while a dependency is spoiled, and that it heals."""

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import pytest

from tests.outside.asks import ASKS, Asked, told_in, works_again
from tests.outside.proxy import Fault
from tests.outside.town import Town, until
from tests.shared import CHECKOUT

FAULTS = [fault for fault in Fault if fault is not Fault.NONE]
SERVED = ("PostgreSQL", "Valkey", "S3", "OpenID provider")


def table() -> dict[tuple[str, str], dict[str, str]]:
    """The rows of the document: by dependency and what is asked, what is told under each fault."""
    text = (CHECKOUT / "docs" / "outside.md").read_text()
    lines = [re.split(r"\s*\|\s*", line.strip("| \n")) for line in text.splitlines() if line.startswith("| ")]
    head = next(line for line in lines if line[0] == "Dependency")
    assert head[2:] == [str(fault) for fault in FAULTS]
    rows = [line for line in lines if len(line) == len(head) and line is not head]
    found = {(row[0], row[1]): dict(zip(head[2:], row[2:], strict=True)) for row in rows}
    assert len(found) == len(rows), "a row stands there twice"
    return found


def play(house: Town, dependency: str, fault: Fault, *, whole: bool) -> None:
    """Ask everything at once while a dependency is spoiled, compare, and wait until all works again.

    whole: /readyz, whose answers are kept for a second, is asked under every fault.
    """
    rows = {what: cells[fault] for (name, what), cells in table().items() if name == dependency}
    if not whole and fault not in (Fault.REFUSE, Fault.HANG):
        rows.pop("`/readyz`", None)
    asked = {what: ASKS[what](house) for what in rows}
    with ThreadPoolExecutor(len(asked)) as callers, house.spoiled(dependency, fault):
        answers = {what: callers.submit(one.during) for what, one in asked.items()}
        found = {what: answer.result() for what, answer in answers.items()}
    wrong = {
        what: f"{found[what]!r} and not {cell!r}"
        for what, cell in rows.items()
        if found[what] not in told_in(cell)
    }
    assert not wrong
    works_again(asked)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("dependency", SERVED)
def test_each_outage_is_told_as_it_is_written(
    house: Town, dependency: str, fault: Fault, request: pytest.FixtureRequest
) -> None:
    play(house, dependency, fault, whole=request.config.getoption("--long"))


def test_no_work_was_lost(house: Town) -> None:
    """What was taken before, in and after the outages is done in the end."""
    works_again({"a delivery": ASKS["a delivery and its job"](house)})
    with house.caller() as caller:

        def is_done(job: str) -> bool:
            return bool(caller.get(f"/v1/jobs/{job}").json()["state"] == "done")

        for job in house.jobs:
            until(partial(is_done, job), f"job {job} is not done")


class Left(NamedTuple):
    """What a process holds. lines: connections that dependencies are held by."""

    threads: int
    tasks: int
    files: int
    lines: int


def left(house: Town) -> Left:
    """What is there now, without the threads that asyncio and the blob store keep a fixed number of."""
    kept = ("asyncio_", "blob store")
    threads = [one for one in threading.enumerate() if not one.name.startswith(kept)]
    files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    return Left(len(threads), house.tasks(), files, sum(one.open for one in house.proxies.values()))


def cycle(house: Town, *faults: Fault) -> None:
    """Each dependency in each of these ways once, quickly."""
    quick = {"PostgreSQL": "a read by REST", "Valkey": "a command", "S3": "a delivery and its job"}
    for dependency in SERVED:
        for fault in faults:
            asked: Asked = ASKS[quick.get(dependency, "the way to the provider")](house)
            with house.spoiled(dependency, fault):
                asked.during()
            works_again({dependency: asked})


@pytest.mark.parametrize("times", [1, pytest.param(100, marks=pytest.mark.long)])
def test_no_thread_task_file_or_connection_stays(house: Town, times: int) -> None:
    faults = (Fault.CUT,) if times == 1 else (Fault.REFUSE, Fault.CUT, Fault.GARBAGE)
    cycle(house, *faults)
    # Pools fill up as they are needed: what comes on top of that may come once, and not in each cycle.
    most, room = left(house)._replace(lines=40), Left(2, 8, 40, 0)
    for _ in range(times):
        cycle(house, *faults)
    until(
        lambda: all(now <= was + more for now, was, more in zip(left(house), most, room, strict=True)),
        f"there was {most} at first, and there is {left(house)}",
    )


def test_every_served_row_has_its_question() -> None:
    asked = {what for name, what in table() if name in SERVED}
    assert asked == set(ASKS)
