"""What `jobs watch` shows: the lanes, what runs with its progress, and what ended last."""

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Group

_SHOWN = 20
_ENDED_SHOWN = 8


class Board:
    """How jobs stand as far as was told. Told by one thread, shown by another."""

    def __init__(self) -> None:
        self.lanes: list[dict[str, Any]] = []
        self._running: dict[str, dict[str, Any]] = {}
        self._ended: deque[dict[str, Any]] = deque(maxlen=_ENDED_SHOWN)
        self._lock = threading.Lock()

    def changed(self, job: dict[str, Any]) -> None:
        """Take in one job as it stands now."""
        with self._lock:
            if job["state"] == "running":
                self._running[job["id"]] = job
                return
            self._running.pop(job["id"], None)
            if job["state"] != "queued":
                others = [one for one in self._ended if one["id"] != job["id"]]
                self._ended = deque([*others, job], maxlen=_ENDED_SHOWN)

    def running(self, jobs: list[dict[str, Any]]) -> None:
        """Take in what runs: all of it, as somebody just read it."""
        with self._lock:
            self._running = {job["id"]: job for job in jobs}

    def drawn(self) -> "Group":
        """The board for a terminal."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        lanes = Table("lane", "waiting", "oldest wait", "later", "running", "dead", title="Lanes")
        for lane in self.lanes:
            lanes.add_row(*(str(cell) for cell in row_of(lane)))
        with self._lock:
            running, ended = list(self._running.values()), list(self._ended)
        jobs = Table("job", "kind", "lane", "progress", "", title=f"Running ({len(running)})")
        for job in running[:_SHOWN]:
            total = job["progressTotal"]
            bar = ProgressBar(total=total, completed=job["progressDone"], width=24, pulse=total is None)
            jobs.add_row(job["id"], job["kind"], job["lane"], bar, Text(said(job)))
        past = Table("job", "kind", "state", "what happened", title="Ended")
        for job in reversed(ended):
            past.add_row(job["id"], job["kind"], job["state"], Text(job.get("errorText") or said(job)))
        return Group(lanes, jobs, past)


def row_of(lane: dict[str, Any]) -> tuple[Any, ...]:
    """A lane's figures."""
    oldest = lane["oldestWaitSeconds"]
    wait = "" if oldest is None else f"{oldest:.1f} s"
    return lane["lane"], lane["waiting"], wait, lane["later"], lane["running"], lane["dead"]


def said(job: dict[str, Any]) -> str:
    """How far a job is."""
    total = job["progressTotal"]
    counted = f"{job['progressDone']}/{total}" if total else ""
    return " ".join(part for part in (counted, job["progressText"] or "") if part)


def line_of(job: dict[str, Any]) -> str:
    """One change of a job as a line, where there is no terminal to draw on."""
    at = time.strftime("%H:%M:%S")
    parts = (at, job["id"], job["kind"], job["lane"], job["state"], said(job), job.get("errorText") or "")
    return " ".join(part for part in parts if part)
