"""What `up` does once beside serving: it fetches the taggers' weights where they are not there yet."""

import os
import subprocess
import sys

import structlog

from api.compose import tagger_weights
from api.processes import last_lines, spawn, stop
from api.settings import CHECKOUT, Settings

log = structlog.get_logger("api.house")


class WeightsFetch:
    """`weights install` as a child process: a start waits for no download, and a failed one stops nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = settings.state_folder / "logs" / "weights.log"
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, where the weights are wanted and not there."""
        if not self._settings.weights_fetch or not tagger_weights(self._settings).absent():
            return
        log.info("fetching the weights that genre and mood are heard by, once, 30 MB")
        env = {
            **os.environ,
            "CATALOGRAPH_STATE_FOLDER": str(self._settings.state_folder),
            "CATALOGRAPH_WEIGHTS_FOLDER": str(self._settings.weights),
            "CATALOGRAPH_BOOTSTRAP": "skip",
        }
        command = [sys.executable, "-m", "api", "weights", "install", "--quietly"]
        self.child = spawn(command, log=self._log, env=env, folder=CHECKOUT)

    def keep(self) -> None:
        """Tell how it ended, once it has."""
        if self.child is None or self.child.poll() is None:
            return
        if self.child.returncode:
            log.warning("the weights could not be fetched", said=last_lines(self._log, 1))
        else:
            log.info("the weights are installed")
        self.child = None

    def stop(self) -> None:
        """End it with the house; the next start begins anew."""
        if self.child:
            stop(self.child, timeout_s=5)
