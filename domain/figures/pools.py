"""What a pool of connections counts about itself."""

from dataclasses import dataclass


@dataclass(slots=True)
class PoolFigures:
    """Numbers of one pool since the process began; lent and waiting are of now.

    waits: acquisitions that found no free connection, and waited_s how long they took together. statements:
    how many were run, how many of them failed, and how long they took together.
    """

    size: int = 0
    lent: int = 0
    waiting: int = 0
    waits: int = 0
    waited_s: float = 0.0
    statements: int = 0
    failed: int = 0
    seconds: float = 0.0
