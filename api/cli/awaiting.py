"""Waits for a job of the running server, with its progress."""

import time
from typing import TYPE_CHECKING, Any

from api.cli.jobs import ENDED
from api.cli.output import Fault, progress

if TYPE_CHECKING:
    from api.cli.sending import Server

_JOB = (
    "query($id: ID!) { job(id: $id) { id state progressDone progressTotal progressText errorText result } }"
)
_POLL_S = 0.25


def ended(server: "Server", job: str) -> dict[str, Any]:
    """The job when it has come to an end. Raises Fault where it is there no more."""
    with progress() as bar:
        task = bar.add_task("waits", total=None)
        while True:
            found: dict[str, Any] | None = server.query(_JOB, id=job)["job"]
            if found is None:
                raise Fault(f"The job {job} is gone.")
            total = found["progressTotal"]
            bar.update(task, description=found["state"], completed=found["progressDone"], total=total)
            if found["state"] in ENDED:
                return found
            time.sleep(_POLL_S)
