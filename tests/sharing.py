"""How test processes share the files: those of a folder stay together, and the longest go first.

A folder's files use the same servers, databases and worlds, which are made once in a process and kept. A
process that has nothing left of its own helps another with the longest file that has not begun.
"""

from collections import defaultdict

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

# Seconds of the files that take long, on two quiet processors; of others, their tests tell enough.
SECONDS = {
    "tests/access_rows/test_leaks.py": 12,
    "tests/access_rows/test_random_worlds.py": 20,
    "tests/api/test_fuzz.py": 15,
    "tests/audio/test_edge.py": 8,
    "tests/audio/test_fingerprint.py": 8,
    "tests/audio/test_loudness.py": 8,
    "tests/audio/test_pool.py": 8,
    "tests/audio/test_tempo.py": 8,
    "tests/audio/test_verb.py": 9,
    "tests/bench/test_benches.py": 15,
    "tests/deliveries/test_apply_samples.py": 15,
    "tests/deliveries/test_samples.py": 8,
    "tests/exports/test_formats.py": 14,
    "tests/exports/test_rows.py": 8,
    "tests/exports/test_served.py": 9,
    "tests/functions/test_functions.py": 15,
    "tests/graph/test_differential.py": 25,
    "tests/graph/test_schema.py": 8,
    "tests/house/test_embedded.py": 12,
    "tests/house/test_up.py": 18,
    "tests/http/test_pages.py": 9,
    "tests/jobs/test_cli.py": 9,
    "tests/jobs/test_feed.py": 10,
    "tests/jobs/test_killed.py": 8,
    "tests/jobs/test_simulation.py": 12,
    "tests/jobs/test_storm.py": 30,
    "tests/limits/test_budget.py": 8,
    "tests/limits/test_exact.py": 8,
    "tests/live/test_feed.py": 9,
    "tests/matrix/test_fields.py": 30,
    "tests/matrix/test_routes.py": 14,
    "tests/matrix/test_storm.py": 10,
    "tests/matrix/test_writes.py": 18,
    "tests/migrations/test_migrations.py": 9,
    "tests/outside/test_outages.py": 25,
    "tests/people/test_secrets.py": 8,
    "tests/retention/test_deadlines.py": 13,
    "tests/rights/test_agreement.py": 25,
    "tests/rights/test_streamable.py": 8,
    "tests/tracing/test_one_trace.py": 9,
    "tests/uploads/test_memory.py": 12,
    "tests/uploads/test_uploads.py": 9,
}  # fmt: skip
_SECONDS_OF_A_TEST = 0.05


class ByFolder(LoadFileScheduling):  # type: ignore[misc]
    """Gives each process whole folders, as long as there are any."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(self._next(node), last=False)
        super()._assign_work_unit(node)

    def _next(self, node: WorkerController) -> str:
        """The longest file of the folder that the process is in, else of the longest that nobody is in."""
        waiting: dict[str, list[str]] = defaultdict(list)
        for file in self.workqueue:
            waiting[_folder(file)].append(file)
        folder = self._folder_of(node)
        if folder not in waiting:
            taken = {self._folder_of(other) for other in self.nodes}
            free = [one for one in waiting if one not in taken] or list(waiting)
            folder = max(free, key=lambda one: sum(map(self._seconds, waiting[one])))
        return max(waiting[folder], key=self._seconds)

    def _folder_of(self, node: WorkerController) -> str:
        return _folder(next(reversed(self.assigned_work[node]), ""))

    def _seconds(self, file: str) -> float:
        return SECONDS.get(file, len(self.workqueue[file]) * _SECONDS_OF_A_TEST)


def _folder(file: str) -> str:
    return file.rpartition("/")[0]
