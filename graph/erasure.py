"""What an erasure of a person would change, and the erasures there were, with their proofs."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from domain.access.scopes import Scope
from domain.erasure.erase import plan
from domain.erasure.listed import listed
from graph.bind import Served

SYSTEM = Scope.SYSTEM_ADMIN


@strawberry.type(description="Rows of a table that name a person, by column.")
class ErasureTrace:
    """Where a person is named. content: what organizations wrote, which an erasure does not change."""

    table: str
    columns: JSON
    content: bool


@strawberry.type(description="What an erasure would find. holds: the legal holds that forbid it.")
class ErasurePlan:
    """What would be deleted or renamed."""

    user_id: str
    holds: list[str]
    traces: list[ErasureTrace]


@strawberry.type(
    description="An erasure. state: running, proven, or left where something has to be edited by hand. "
    "pseudonym: what stands in the trail instead of the person."
)
class Erasure:
    """A person who was forgotten, and the proof."""

    id: str
    pseudonym: str
    state: str
    reason: str
    requested_by: str
    result: JSON | None
    proof: JSON | None
    started_at: datetime
    finished_at: datetime | None


async def erasure_plan(asking: Any, person: str) -> ErasurePlan:
    """Where a person is named."""
    found = await plan(asking.sql, person)
    return ErasurePlan(
        user_id=str(found.person.user_id),
        holds=found.holds,
        traces=[
            ErasureTrace(table=trace.table, columns=JSON(trace.columns), content=trace.content)
            for trace in found.traces
        ],
    )


async def erasures(asking: Any) -> list[Erasure]:
    """The latest erasures."""
    return [
        Erasure(
            id=str(one.id),
            pseudonym=str(one.pseudonym),
            state=one.state,
            reason=one.reason,
            requested_by=one.requested_by,
            result=JSON(one.result) if one.result is not None else None,
            proof=JSON(one.proof) if one.proof is not None else None,
            started_at=one.started_at,
            finished_at=one.finished_at,
        )
        for one in await listed(asking.sql)
    ]


TYPES_BY_NAME: dict[str, Any] = {
    "ErasureTrace": ErasureTrace,
    "ErasurePlan": ErasurePlan,
    "Erasure": Erasure,
}
ROOTS: dict[str, tuple[Served, str, str]] = {
    "erasurePlan": (
        Served(erasure_plan, {"person": str}, SYSTEM, points=100),
        "ErasurePlan",
        "Where a person is named, by user id or e-mail address, and what forbids an erasure.",
    ),
    "erasures": (
        Served(erasures, {}, SYSTEM),
        "list[Erasure]",
        "The last hundred erasures of people, with their proofs.",
    ),
}
