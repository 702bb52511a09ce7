"""The types of the audit trail: change sets and the single changes in them."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from domain.access.scopes import Scope
from domain.audit import Change, ChangeSet
from graph.bind import Page, column, expression, graph_type, many, one
from graph.filters import natural, plain_orders
from graph.globalid import global_id_by
from graph.scalars import BigInt

READ = Scope.AUDIT_READ


@graph_type(
    of=ChangeSet,
    scope=READ,
    plural="changeSets",
    filters=natural("state", "actor", "door", "command"),
    orders=plain_orders("created_at"),
)
class ChangeSetNode:
    """One write, from one title to ten thousand rows: who, why, through which door, and its fate."""

    id: strawberry.ID = column()
    actor: str = column()
    door: str = column()
    command: str = column()
    reason: str | None = column()
    state: str = column()
    correlation_id: str | None = column()
    created_at: datetime = column()
    reverts: "ChangeSetNode | None" = one("ChangeSet", "reverts_id")
    changes: Page["ChangeNode"] = many("Change", "{t}.change_set_id = {p}.id", "{t}.seq", paged=True)


@graph_type(of=Change, scope=READ, name="Change")
class ChangeNode:
    """One entity changed by one statement. diff: {field: [old, new]}; for lists [removed, added]."""

    seq: BigInt = column()
    at: datetime = column()
    kind: str = column()
    entity_id: strawberry.ID = expression(global_id_by("{p}.kind", "{p}.entity_id"))
    op: str = column()
    version_before: int | None = column()
    version_after: int | None = column()
    diff: JSON = column()
    change_set: "ChangeSetNode | None" = one("ChangeSet", "change_set_id")
