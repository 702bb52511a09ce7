"""The type of alerts: what was out of bounds, since when, and whether it still is."""

from datetime import datetime

import strawberry

from domain.access.scopes import Scope
from domain.alerts.tables import Alert
from graph.bind import column, graph_type
from graph.filters import natural, plain_orders


@graph_type(
    of=Alert,
    scope=Scope.NOTICES_READ,
    plural="alerts",
    filters=natural("rule", "state"),
    orders=plain_orders("since"),
)
class AlertNode:
    """One time that a rule's figure was above its threshold; the operator's organization has them.

    state: pending (not for long enough yet), firing or cleared. value: the figure when it was last looked at.
    """

    id: strawberry.ID = column()
    rule: str = column()
    state: str = column()
    value: float = column()
    threshold: float = column()
    since: datetime = column()
    fired_at: datetime | None = column()
    calm_since: datetime | None = column()
    cleared_at: datetime | None = column()
