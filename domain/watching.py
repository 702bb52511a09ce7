"""What has become of watched jobs: marks that differ when a caller would see something else.

A notification says only which job changed, and may be lost; marks find what was missed.
"""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from domain.ports import Sql, text_of

CHANNEL = "catalograph_job"
# The class of the advisory locks by which a listener says whose jobs it wants to hear of; the trigger on
# `job` asks for them (migrations/versions/2026_11_21_1349_tell_of_jobs.py).
LOCK_CLASS = 20015
LIVE = ("queued", "running")
# A job's id is made a moment before its row is there for others to see.
_MARGIN_S = 60.0
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Mark:
    """How a job stands: its row's mark, and what it may be chosen by."""

    id: uuid.UUID
    owner_id: uuid.UUID
    kind: str
    lane: str
    state: str
    mark: int

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state not in LIVE


class Ear(Protocol):
    """Hears of the jobs of the organizations it was asked to hold. Not to be used by two tasks at once."""

    @property
    def hears(self) -> bool:
        """Whether the connection is there, as far as this side knows."""
        ...

    async def open(self, heard: Callable[[str], None], lost: Callable[[], None]) -> None:
        """Connect and listen; whatever was held before is not held any more."""
        ...

    async def hold(self, organization_ids: set[uuid.UUID]) -> None:
        """Hear of exactly these organizations' jobs from now on; also finds out whether it still hears."""
        ...

    async def close(self) -> None:
        """Hear nothing any more."""
        ...


def told(payload: str) -> tuple[uuid.UUID, uuid.UUID]:
    """Organization and job of a notification. Raises ValueError for what is none."""
    organization, _, job = payload.partition(" ")
    return uuid.UUID(organization), uuid.UUID(job)


async def marks_of(sql: Sql, ids: Collection[uuid.UUID]) -> list[Mark]:
    """How these jobs stand; one that is gone is left out."""
    return await _read(sql, f"{_MARKS} where id = any($1)", list(ids))


async def live_marks(sql: Sql, organization_ids: Collection[uuid.UUID]) -> list[Mark]:
    """How the jobs of organizations stand that wait or run."""
    return await _read(
        sql,
        f"{_MARKS} where owner_id = any($1) and state in ('queued', 'running') limit {_MOST}",
        list(organization_ids),
    )


async def marks_since(sql: Sql, organization_ids: Collection[uuid.UUID], at: float) -> list[Mark]:
    """How the jobs stand that were asked for since an instant (seconds since 1970), or put back to begin."""
    since = at - _MARGIN_S
    return await _read(
        sql,
        f"{_MARKS} where owner_id = any($1) and (id >= $2 or state in ('queued', 'running') "
        f"and lane in ('high', 'low') and run_at >= to_timestamp($3)) order by id desc limit {_MOST}",
        list(organization_ids),
        first_id(since),
        since,
    )


def first_id(at: float) -> uuid.UUID:
    """The least UUIDv7 of an instant (RFC 9562 §5.7)."""
    return uuid.UUID(int=(int(at * 1000) << 80) | (7 << 76) | (2 << 62))


async def _read(sql: Sql, query: str, *args: object) -> list[Mark]:
    return [
        Mark(
            row["id"],
            row["owner_id"],
            text_of(row["kind"]),
            text_of(row["lane"]),
            text_of(row["state"]),
            row["mark"],
        )
        for row in await sql.fetch(query, *args)
    ]


_MARKS = """
select id, owner_id, kind, lane, state, hashtextextended(concat_ws('|', lane, state, attempts, fence,
  progress_done, progress_total, progress_text, error_text, cancel_asked_at, run_at, finished_at), 0) as mark
  from job"""
