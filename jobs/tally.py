"""What this process runs, and how the turns of its jobs have ended, for whoever watches one worker."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Turn:
    """A turn while it lasts. state: how it ends; given back, unless somebody says otherwise."""

    state: str = "given back"


@dataclass
class Tally:
    """Turns by kind: those that run, and those that have ended in each state since the process began."""

    running: Counter[str] = field(default_factory=Counter)
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)

    @contextmanager
    def turn(self, kind: str) -> Iterator[Turn]:
        """Count a turn for the length of the block."""
        turn = Turn()
        self.running[kind] += 1
        try:
            yield turn
        finally:
            self.running[kind] -= 1
            self.ended[kind, turn.state] += 1


HERE = Tally()
