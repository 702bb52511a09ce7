"""The type of legal holds, and the plan of what retention would do."""

from datetime import datetime
from typing import Any

import strawberry

from domain.access.scopes import Scope
from domain.ids import encode_id
from domain.refusals import ScopeMissing
from domain.retention.plan import plan
from domain.retention.rules import NOTICE
from domain.retention.tables import LegalHold
from domain.row import utc_now
from graph.bind import Served, column, graph_type
from graph.filters import natural, plain_orders
from graph.scalars import BigInt

MANAGE = Scope.RETENTION_MANAGE


@graph_type(
    of=LegalHold,
    scope=MANAGE,
    plural="legalHolds",
    filters=natural("subject_type"),
    orders=plain_orders("placed_at"),
)
class LegalHoldNode:
    """That something may not be deleted until the hold is released, whatever else says that it should."""

    id: strawberry.ID = column()
    subject_type: str = column()
    subject_id: str = column()
    reason: str = column()
    placed_by: str = column()
    placed_at: datetime = column()
    released_by: str | None = column()
    release_reason: str | None = column()
    released_at: datetime | None = column()


@strawberry.type(
    description="Things of one class in one state. state: due goes with the next run, told waits for seven "
    "days after its notice, to_tell gets it with the next run, coming is not due yet, held stays. "
    "goesAt: when the first of them goes; null where a hold keeps them."
)
class RetentionLine:
    """A line of the plan."""

    rule: str
    about: str
    organization: strawberry.ID | None
    state: str
    why: str
    count: int
    size_bytes: BigInt
    oldest_at: datetime
    due_at: datetime
    goes_at: datetime | None
    examples: list[str]


async def retention_plan(
    asking: Any, days: int = NOTICE.days, everybody: bool = False
) -> list[RetentionLine]:
    """What goes now or within so many days, and what is kept though its time is over."""
    viewer = asking.viewer
    if everybody and not viewer.may(Scope.SYSTEM_ADMIN):
        raise ScopeMissing(f"the plan for everybody needs the scope {Scope.SYSTEM_ADMIN}")
    whose = None if everybody else viewer.organization_id
    store = asking.store if everybody else None
    lines = await plan(asking.sql, utc_now(), days=days, owner_id=whose, store=store)
    return [
        RetentionLine(
            rule=line.rule,
            about=line.about,
            organization=strawberry.ID(encode_id("organization", line.owner_id)) if line.owner_id else None,
            state=line.state,
            why=line.why,
            count=line.count,
            size_bytes=BigInt(line.size_bytes),
            oldest_at=line.oldest_at,
            due_at=line.due_at,
            goes_at=line.goes_at,
            examples=list(line.examples),
        )
        for line in lines
    ]


TYPES_BY_NAME: dict[str, Any] = {"RetentionLine": RetentionLine}
ROOTS: dict[str, tuple[Served, str, str]] = {
    "retentionPlan": (
        Served(retention_plan, {"days": int | None, "everybody": bool | None}, MANAGE, points=50),
        "list[RetentionLine]",
        "What retention deletes now or within so many days (7 unless said), and what is held.",
    ),
}
