"""A process that decodes has no life of its own: whoever started it may be killed in the middle of a file."""

import os
import signal
import threading
import time


def end_with_parent(every_s: float = 0.5) -> None:
    """End this process, and the programs of its session, soon after the process that started it.

    Without this it would compute on for minutes when its parent was killed, and so could not end it.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(every_s)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="parent", daemon=True).start()
