"""How much work something is, told in units of other work on the same machine at the same moment.

Seconds say as much about the machine and who else is on it as about the code; a ratio tells of the code.
"""

import time
from collections.abc import Callable

from graphql import parse

_HONEST = "query ($id: ID!) { release(id: $id) { id title media { tracks { title recording { isrc } } } } }"


def cpu_s(work: Callable[[], object]) -> float:
    """The CPU seconds that one call takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def unit_s() -> float:
    """The CPU seconds that a hundred small queries take graphql-core to parse, just now."""
    return cpu_s(_unit)


def _unit() -> None:
    for _ in range(100):
        parse(_HONEST)
