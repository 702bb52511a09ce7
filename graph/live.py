"""The fields of Subscription: what is told again whenever a row of it changes.

A field says the type it tells of and what a caller needs; what is told of a row is read by a compiled
statement like any other, so that nobody is told what they could not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry

from domain.access.scopes import Access, Scope


@dataclass(frozen=True)
class Live:
    """One subscription.

    type: what it tells of. arguments: `id` for a single row, else columns to choose by.
    """

    type: str
    scope: Scope | Access | None
    arguments: Mapping[str, tuple[Any, str]]
    about: str


_SEVERAL = list[str] | None

ROOTS: dict[str, Live] = {
    "jobProgress": Live(
        "Job",
        Scope.JOBS_READ,
        {"id": (strawberry.ID, "A job of the own organization.")},
        "One job: how it stands now, then each change that can be seen, up to its end.",
    ),
    "jobsChanged": Live(
        "Job",
        Scope.JOBS_READ,
        {
            "lane": (_SEVERAL, "high or low; both unless said."),
            "state": (_SEVERAL, "Jobs that come into one of these states, or change in it."),
            "kind": (_SEVERAL, "Such as ingest_delivery; all kinds unless said."),
        },
        "Every job of the own organization that is new or changes from now on.",
    ),
}
