"""Figures: numbers about the house that PostgreSQL knows, so that any process can tell them.

Every reader declares its families before it is asked, with labels that are few by their nature: states,
kinds, lanes, and never an id or a text that somebody wrote. What watches the house (`/metrics`, alerts)
reads them all, and each figure is there for both.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.ports import Sql

# More than there are kinds of jobs times states; what is beyond it is told as `other`.
MOST_LABELS = 500
OTHER = "other"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Family:
    """A figure's name as Prometheus has it, what it is in one sentence, and what tells its samples apart."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


Values = dict[tuple[str, ...], float]
Sample = tuple[Family, tuple[str, ...], float]
Reader = Callable[[Sql, datetime], Awaitable[Iterable[Sample]]]

READERS: dict[str, tuple[tuple[Family, ...], Reader]] = {}


def measures(*families: Family) -> Callable[[Reader], Reader]:
    """Register a reader under its name; it gives samples of these families and of no others.

    It reads with indexes alone: it is asked every few seconds, whatever the house holds.
    """

    def declare(reader: Reader) -> Reader:
        taken = {family.name for known, _ in READERS.values() for family in known}
        assert reader.__name__ not in READERS, f"figures {reader.__name__} are registered twice"
        assert not taken & {family.name for family in families}, f"a family of {reader.__name__} is taken"
        READERS[reader.__name__] = (families, reader)
        return reader

    return declare


async def read_figures(sql: Sql, now: datetime) -> Mapping[Family, Values]:
    """All figures. A family whose reader failed is absent; one without a sample is empty."""
    found: dict[Family, Values] = {}
    for name, (families, reader) in READERS.items():
        try:
            async with sql.transaction():
                samples = list(await reader(sql, now))
        except Exception as error:
            if isinstance(error, OSError) or str(getattr(error, "sqlstate", None))[:2] in ("08", "57"):
                raise  # the database is away: nobody else will be answered either
            log.warning("figures can't be read", reader=name, error=repr(error))
            continue
        for family in families:
            found[family] = {}
        for family, labels, value in samples:
            assert family in families, f"{name} gave {family.name} undeclared"
            values = found[family]
            if labels not in values and len(values) >= MOST_LABELS:
                labels = (OTHER,) * len(family.labels)
            values[labels] = values.get(labels, 0.0) + value
    return found
