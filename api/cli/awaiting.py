"""Waits for a job of the running server, with its progress."""

import time
from typing import TYPE_CHECKING, Any

from api.cli.jobs import ENDED
from api.cli.output import Fault, progress, say

if TYPE_CHECKING:
    from api.cli.sending import Server

_JOB = (
    "query($id: ID!) { job(id: $id) { id state progressDone progressTotal progressText errorText result } }"
)
_POLL_S = 0.25
# After so long in line, whoever waits is told why that may be.
_UNTAKEN_S = 10.0


def ended(server: "Server", job: str) -> dict[str, Any]:
    """The job when it has come to an end. Raises Fault where it is there no more."""
    with progress() as bar:
        task, began, told = bar.add_task("waits", total=None), time.monotonic(), False
        while True:
            found: dict[str, Any] | None = server.query(_JOB, id=job)["job"]
            if found is None:
                raise Fault(f"The job {job} is gone.")
            total = found["progressTotal"]
            bar.update(task, description=found["state"], completed=found["progressDone"], total=total)
            if found["state"] in ENDED:
                return found
            if found["state"] == "queued" and not told and time.monotonic() - began > _UNTAKEN_S:
                told = True
                say(
                    f"Nobody works on job {job} yet: workers are busy, or none is running "
                    "(`python3 -m api worker` starts one). Still waiting; Ctrl-C stops that, not the job."
                )
            time.sleep(_POLL_S)
