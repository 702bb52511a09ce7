"""Requests as all API processes counted them, so that whoever evaluates alerts knows them too.

Each process adds what it counted to a row of its own for the minute; rows live for a day.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from domain.figures.registry import Family, Sample, measures
from domain.ports import Sql
from domain.row import big

WINDOW = timedelta(minutes=5)
KEPT = timedelta(days=1)
# Of fewer requests, one that failed would be an alarming share.
ENOUGH = 20

REQUESTS = Family("catalograph_requests_recent", "Requests to all API processes in the last 5 minutes.")
FAILED = Family("catalograph_request_failures_recent", "Those that were answered with 5xx.")
RATIO = Family("catalograph_error_ratio", "Their share, from twenty requests on; 0 to 1.")


class RequestTally(SQLModel, table=True):
    """What one API process counted in one minute, which is numbered from 1970 on."""

    __tablename__: ClassVar[Any] = "request_tally"

    minute: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    process: uuid.UUID = Field(primary_key=True)
    requests: int = big(nullable=False)
    failures: int = big(nullable=False)


@dataclass(frozen=True)
class Counted:
    """How many requests there were since the last time, and how many of them failed."""

    requests: int
    failures: int


async def add(sql: Sql, process: uuid.UUID, now: datetime, counted: Counted) -> None:
    """Add what a process counted to its row of this minute."""
    await sql.execute(
        "insert into request_tally as t (minute, process, requests, failures) values ($1, $2, $3, $4) "
        "on conflict (minute, process) do update set requests = t.requests + excluded.requests, "
        "failures = t.failures + excluded.failures",
        _minute(now),
        process,
        counted.requests,
        counted.failures,
    )


async def forget(sql: Sql, now: datetime) -> None:
    """Delete rows that nobody asks for any more."""
    await sql.execute("delete from request_tally where minute < $1", _minute(now - KEPT))


@measures(REQUESTS, FAILED, RATIO)
async def requests_recent(sql: Sql, now: datetime) -> Iterable[Sample]:
    """What all processes counted lately."""
    row = await sql.fetchrow(
        "select coalesce(sum(requests), 0)::float8 as n, coalesce(sum(failures), 0)::float8 as bad "
        "from request_tally where minute > $1",
        _minute(now - WINDOW),
    )
    ratio = row["bad"] / row["n"] if row["n"] >= ENOUGH else 0.0
    return [(REQUESTS, (), row["n"]), (FAILED, (), row["bad"]), (RATIO, (), ratio)]


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // 60
