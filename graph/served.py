"""Root fields that SQL can't produce in one statement: the viewer, the change feed's windows, availability.

This is the whole list; every other field of the catalog is compiled.
"""

import asyncio
import dataclasses
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from domain.access.allowances import tiers_of
from domain.access.scopes import Access, Scope
from domain.access.settings import read_settings
from domain.access.viewer import Viewer
from domain.alerts.edit import read_terms
from domain.feed import read_changes, read_updates
from domain.ids import encode_id
from domain.lanes import lanes_of
from domain.ports import Blobs, Sql
from domain.refusals import ScopeMissing
from graph import availability, erasure, models, near, provenance, retention
from graph.bind import Served
from graph.purse import Purse
from graph.scalars import BigInt


@dataclass(frozen=True)
class Asking:
    """Who asks, the connection to answer from, and what it is paid from.

    turn: the fields of one request take turns on the connection. store: where blobs lie.
    """

    viewer: Viewer
    sql: Sql
    purse: Purse | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    store: Blobs | None = None


@strawberry.type(name="Viewer", description="Who is asking.")
class ViewerNode:
    """Who is asking, as the token says."""

    actor: str
    organization: strawberry.ID
    role: str
    scopes: list[str]
    tier: str


@strawberry.type(name="SystemSettings", description="How the installation is set.")
class SystemSettingsNode:
    """How the installation is set. introspection: signed_in, operator or off."""

    open_registration: bool
    introspection: str


@strawberry.type(
    description="One change of one entity. diff: {field: [old, new]}; for lists [removed, added]."
)
class FeedChange:
    """One change, as the feed tells it."""

    seq: BigInt
    at: datetime
    audit_class: str
    change_set_id: strawberry.ID | None
    kind: str
    entity_id: strawberry.ID
    op: str
    version_before: int | None
    version_after: int | None
    diff: JSON


@strawberry.type(description="Changes in an order that keeps each entity's, without gaps.")
class ChangeFeed:
    """A part of the feed, and where to read on."""

    changes: list[FeedChange]
    next_cursor: str
    has_more: bool


@strawberry.type(description="An entity that changed in the span: insert, update or delete.")
class Update:
    """What became of one entity in the span."""

    kind: str
    id: strawberry.ID
    version: int | None
    updated_at: datetime
    op: str


@strawberry.type(description="Entities that changed in a span, each once.")
class UpdatesPage:
    """A part of the updates, and where to read on."""

    updates: list[Update]
    next_after: BigInt | None
    has_more: bool


@strawberry.type(
    description="The budget of points a minute; cost: what this operation is priced at. "
    "resetAt: when all of it is there again."
)
class RateLimit:
    """How the budget stands."""

    limit: int
    remaining: int
    reset_at: datetime
    cost: int


@strawberry.type(
    name="Tier",
    description="What organizations of a tier may spend in a minute, in points, keep of files, in MiB, and "
    "spend on models in a day, in US cents.",
)
class TierNode:
    """A tier, as its administrators set it."""

    name: str
    points_per_minute: int
    most_file_mb: int
    most_kept_mb: int
    most_upload_s: int
    paid_models: bool
    model_cents_per_day: int


@strawberry.type(
    description="How one lane of jobs stands. later: jobs that wait for their time. "
    "oldestWaitSeconds: since when the oldest might have begun; null where none waits."
)
class JobLane:
    """One lane of jobs."""

    lane: str
    waiting: int
    later: int
    running: int
    dead: int
    oldest_wait_seconds: float | None


async def job_lanes(asking: Asking, everybody: bool = False) -> list[JobLane]:
    """The lanes as they stand."""
    if everybody and not asking.viewer.may(Scope.SYSTEM_ADMIN):
        raise ScopeMissing(f"the lanes of everybody need the scope {Scope.SYSTEM_ADMIN}")
    of = None if everybody else asking.viewer.organization_id
    return [JobLane(**dataclasses.asdict(lane)) for lane in await lanes_of(asking.sql, of)]


@strawberry.type(name="AlertRule", description="When an alert fires, as administrators set it.")
class AlertRuleNode:
    """A rule. figure: what is compared, as Prometheus would ask for it."""

    name: str
    summary: str
    figure: str
    threshold: float
    for_s: float
    severity: str
    disabled: bool


async def viewer(asking: Asking) -> ViewerNode:
    """Who is asking."""
    of = asking.viewer
    return ViewerNode(
        actor=of.actor,
        organization=strawberry.ID(encode_id("organization", of.organization_id)),
        role=of.role.value,
        scopes=list(of.granted),
        tier=of.tier,
    )


async def changes(asking: Asking, since: str | None = None, first: int = 100) -> ChangeFeed:
    """The feed from a cursor on; from its beginning without one."""
    page = await read_changes(asking.sql, asking.viewer.organization_id, since, first)
    return ChangeFeed(
        changes=[
            FeedChange(
                seq=BigInt(change.seq),
                at=change.at,
                audit_class=change.audit_class,
                change_set_id=strawberry.ID(encode_id("change_set", change.change_set_id))
                if change.change_set_id
                else None,
                kind=change.kind,
                entity_id=strawberry.ID(encode_id(change.kind, change.entity_id)),
                op=change.op,
                version_before=change.version_before,
                version_after=change.version_after,
                diff=JSON(change.diff),
            )
            for change in page.changes
        ],
        next_cursor=page.next_cursor,
        has_more=page.has_more,
    )


async def updates(
    asking: Asking, since: datetime, until: datetime | None = None, limit: int = 100, after: int | None = None
) -> UpdatesPage:
    """What changed between two instants, each entity once."""
    page = await read_updates(asking.sql, asking.viewer.organization_id, since, until, limit, after)
    return UpdatesPage(
        updates=[
            Update(
                kind=update.kind,
                id=strawberry.ID(encode_id(update.kind, update.id)),
                version=update.version,
                updated_at=update.updated_at,
                op=update.op,
            )
            for update in page.updates
        ],
        next_after=BigInt(page.next_after) if page.next_after is not None else None,
        has_more=page.has_more,
    )


async def system_settings(asking: Asking) -> SystemSettingsNode:
    """How the installation is set, with what nobody has changed yet."""
    return SystemSettingsNode(**dataclasses.asdict(await read_settings(asking.sql)))


async def rate_limit(asking: Asking) -> RateLimit | None:
    """How the budget stands; null where nothing is charged."""
    if asking.purse is None:
        return None
    spent = asking.purse.state()
    return RateLimit(limit=spent.limit, remaining=spent.remaining, reset_at=spent.reset_at, cost=spent.cost)


async def tiers(asking: Asking) -> list[TierNode]:
    """All tiers."""
    found = await tiers_of(asking.sql)
    return [TierNode(**dataclasses.asdict(tier)) for tier in found]


async def alert_rules(asking: Asking) -> list[AlertRuleNode]:
    """Every rule, also those that are switched off."""
    return [AlertRuleNode(**dataclasses.asdict(terms)) for terms in await read_terms(asking.sql)]


TYPES_BY_NAME: dict[str, Any] = {
    "SystemSettings": SystemSettingsNode,
    "ViewerNode": ViewerNode,
    "ChangeFeed": ChangeFeed,
    "UpdatesPage": UpdatesPage,
    "JobLane": JobLane,
    "RateLimit": RateLimit,
    "Tier": TierNode,
    "AlertRule": AlertRuleNode,
    **availability.TYPES_BY_NAME,
    **provenance.TYPES_BY_NAME,
    **retention.TYPES_BY_NAME,
    **erasure.TYPES_BY_NAME,
    **models.TYPES_BY_NAME,
    **near.TYPES_BY_NAME,
}
# name → how it is served, its type, what it is
ROOTS: dict[str, tuple[Served, str, str]] = {
    "systemSettings": (
        Served(system_settings, scope=Scope.SYSTEM_ADMIN),
        "SystemSettings",
        "How the installation is set.",
    ),
    "viewer": (Served(viewer, scope=Access.SIGNED_IN), "ViewerNode", "Who is asking."),
    "changes": (
        Served(changes, {"since": str | None, "first": int | None}, Scope.AUDIT_READ),
        "ChangeFeed",
        "The change feed, gap-free: read on from nextCursor.",
    ),
    "updates": (
        Served(
            updates,
            {"since": datetime, "until": datetime | None, "limit": int | None, "after": BigInt | None},
            Scope.AUDIT_READ,
        ),
        "UpdatesPage",
        "What changed between two instants, each entity once.",
    ),
    "rateLimit": (
        Served(rate_limit, scope=Access.SIGNED_IN, points=0),
        "RateLimit | None",
        "The caller's budget, and what this operation costs of it.",
    ),
    "jobLanes": (
        Served(job_lanes, {"everybody": bool | None}, Scope.JOBS_READ, points=4),
        "list[JobLane]",
        "How the lanes of jobs stand for the own organization. everybody: for all together, which needs the "
        "scope system:admin.",
    ),
    "tiers": (
        Served(tiers, scope=Access.SIGNED_IN, points=3),
        "list[Tier]",
        "What the tiers may spend in a minute and keep.",
    ),
    "alertRules": (
        Served(alert_rules, scope=Scope.SYSTEM_ADMIN, points=3),
        "list[AlertRule]",
        "When alerts fire.",
    ),
    **availability.ROOTS,
    **provenance.ROOTS,
    **retention.ROOTS,
    **erasure.ROOTS,
    **models.ROOTS,
    **near.ROOTS,
}
