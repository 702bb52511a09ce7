"""The types of callbacks: who calls, what was said, and where releases stand. No secret is bound."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from domain.access.scopes import Scope
from domain.callbacks.tables import CallbackEvent, CallbackPartner, Distribution
from graph.bind import Page, column, expression, graph_type, many, one
from graph.filters import natural, plain_orders
from graph.globalid import global_id_by
from graph.scalars import BigInt

MANAGE = Scope.WEBHOOKS_MANAGE


@graph_type(
    of=CallbackPartner,
    scope=MANAGE,
    plural="callbackPartners",
    filters=natural("name"),
    orders=plain_orders("created_at"),
)
class CallbackPartnerNode:
    """A distributor that calls back. path: where it posts to; refused: how many calls were turned away."""

    id: strawberry.ID = column()
    name: str = column()
    path: str = expression("'/v1/callbacks/' || {p}.slug")
    mapping: JSON = column()
    previous_secret_until: datetime | None = column()
    refused: int = column()
    last_refusal: str | None = column()
    last_refused_at: datetime | None = column()
    disabled_at: datetime | None = column()
    created_by: str | None = column()
    created_at: datetime = column()
    events: Page["CallbackEventNode"] = many("CallbackEvent", "{t}.partner_id = {p}.id", "{t}.id", paged=True)


@graph_type(
    of=CallbackEvent,
    scope=MANAGE,
    plural="callbackEvents",
    filters=natural("state", "meaning", "event_id"),
    orders=plain_orders("received_at"),
)
class CallbackEventNode:
    """One call of a partner. body: as it came; word: its type of event, and meaning what that means to us.

    state: received, then applied, ignored (a word without a meaning), unreadable (error says why) or tested.
    """

    id: strawberry.ID = column()
    event_id: str = column()
    state: str = column()
    word: str | None = column()
    meaning: str | None = column()
    error: str | None = column()
    is_test: bool = column()
    body: str = expression("convert_from({p}.body, 'UTF8')")
    body_sha256: str = column()
    size_bytes: BigInt = column()
    sent_at: datetime = column()
    occurred_at: datetime | None = column()
    received_at: datetime = column()
    settled_at: datetime | None = column()
    partner: CallbackPartnerNode | None = one("CallbackPartner", "partner_id")
    distribution: "DistributionNode | None" = one("Distribution", "distribution_id")


@graph_type(
    of=Distribution,
    scope=MANAGE,
    plural="distributions",
    filters=natural("state", "reference"),
    orders=plain_orders("updated_at"),
)
class DistributionNode:
    """Where a release stands with a partner: delivered, failed, reviewed, taken_down or statement_ready.

    releaseId: null where the partner named one that the catalog does not have. history: what the partner
    said, the latest by its own instants last.
    """

    id: strawberry.ID = column()
    state: str = column()
    state_at: datetime = column()
    reference_scheme: str = column()
    reference: str = column()
    created_at: datetime = column()
    updated_at: datetime = column()
    release_id: strawberry.ID | None = expression(global_id_by("'release'", "{p}.release_id"))
    partner: CallbackPartnerNode | None = one("CallbackPartner", "partner_id")
    history: Page[CallbackEventNode] = many(
        "CallbackEvent", "{t}.distribution_id = {p}.id", "{t}.occurred_at", "{t}.id", paged=True
    )
