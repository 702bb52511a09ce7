"""The types of notices: what an organization was told, where it is told, and what became of it."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from domain.access.scopes import Scope
from domain.notices.tables import Notice, NoticeChannel, NoticeDelivery
from graph.bind import Page, column, expression, graph_type, many, one
from graph.filters import natural, plain_orders
from graph.globalid import global_id_by


@graph_type(
    of=NoticeChannel,
    scope=Scope.WEBHOOKS_MANAGE,
    plural="noticeChannels",
    filters=natural("kind"),
    orders=plain_orders("created_at"),
)
class NoticeChannelNode:
    """Where notices go. kind: email or webhook; address: the e-mail address or the URL."""

    id: strawberry.ID = column()
    kind: str = column()
    address: str = column()
    disabled_at: datetime | None = column()
    created_by: str | None = column()
    created_at: datetime = column()


@graph_type(
    of=Notice,
    scope=Scope.NOTICES_READ,
    plural="notices",
    filters=natural("kind"),
    orders=plain_orders("created_at"),
)
class NoticeNode:
    """One thing that the organization was told. channels: how many it went to, 0 where none is set up."""

    id: strawberry.ID = column()
    kind: str = column()
    subject: str = column()
    text: str = column()
    data: JSON = column()
    channels: int = column()
    created_at: datetime = column()
    outcomes: Page["NoticeDeliveryNode"] = many(
        "NoticeDelivery", "{t}.notice_id = {p}.id", "{t}.id", paged=True
    )


@graph_type(
    of=NoticeDelivery,
    scope=Scope.NOTICES_READ,
    plural="noticeDeliveries",
    filters=natural("state", "kind"),
    orders=plain_orders("created_at"),
)
class NoticeDeliveryNode:
    """What became of a notice at one channel.

    state: waiting, sent, failed (as often tried as may be), refused (the other side won't have it) or unset
    (the installation has no way to send it). error: what was said last; channelId: null
    where the channel is gone.
    """

    id: strawberry.ID = column()
    kind: str = column()
    state: str = column()
    error: str | None = column()
    created_at: datetime = column()
    sent_at: datetime | None = column()
    notice: NoticeNode | None = one("Notice", "notice_id")
    channel_id: strawberry.ID | None = expression(global_id_by("'notice_channel'", "{p}.channel_id"))
