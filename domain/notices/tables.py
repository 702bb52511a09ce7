"""Notices: what an organization is told, where it wants to be told, and what became of each telling."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.row import document, instant, key, one_of, refers

CHANNELS = ("email", "webhook")
# failed: tried as often as may be; refused: the other side won't have it; unset: the installation can't send.
DELIVERY_STATES = ("waiting", "sent", "failed", "refused", "unset")


class NoticeChannel(SQLModel, table=True):
    """Where an organization is told things: an e-mail address, or a URL with the secret that signs.

    The secret is sealed under the key of the installation.
    """

    __tablename__: ClassVar[Any] = "notice_channel"
    __table_args__ = (
        one_of("kind", CHANNELS),
        UniqueConstraint("owner_id", "kind", "address"),
        Index("ix_notice_channel_owner_id_id", "owner_id", "id"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    kind: str
    address: str
    secret_sealed: bytes | None = None
    disabled_at: datetime | None = instant()
    created_by: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)


class Notice(SQLModel, table=True):
    """One thing that an organization is told, once for each unique key.

    channels: how many it was addressed to when it was written; none where the organization has named none.
    """

    __tablename__: ClassVar[Any] = "notice"
    __table_args__ = (
        UniqueConstraint("owner_id", "unique_key"),
        Index("ix_notice_owner_id_id", "owner_id", "id"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    kind: str
    subject: str
    text: str
    data: dict[str, Any] = document(nullable=False, default="{}")
    unique_key: str
    channels: int = Field(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    created_at: datetime = instant(default_now=True, nullable=False)


class NoticeDelivery(SQLModel, table=True):
    """What became of one notice at one channel; its job tries again where that helps."""

    __tablename__: ClassVar[Any] = "notice_delivery"
    __table_args__ = (
        one_of("kind", CHANNELS),
        one_of("state", DELIVERY_STATES),
        UniqueConstraint("notice_id", "channel_id"),
        Index("ix_notice_delivery_owner_id_id", "owner_id", "id"),
        Index("ix_notice_delivery_channel_id", "channel_id"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    notice_id: uuid.UUID = refers("notice.id", nullable=False, index=False, on_delete="CASCADE")
    channel_id: uuid.UUID | None = refers("notice_channel.id", index=False, on_delete="SET NULL")
    kind: str
    state: str = Field(default="waiting", sa_column_kwargs={"server_default": sa.text("'waiting'")})
    error: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)
    sent_at: datetime | None = instant()
