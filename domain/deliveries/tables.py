"""Deliveries: what came, from whom, what was found wrong with it, and what became of it."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.deliveries.findings import SEVERITIES
from domain.row import big, document, instant, key, one_of, refers, texts

DELIVERY_STATES = ("received", "checking", "applied", "refused", "superseded", "failed", "checked")


class Delivery(SQLModel, table=True):
    """One message or file from a sender: its bytes are kept unchanged under sha256.

    `purpose` is apply, or validate: judged and reported, never applied. A delivery that a newer message
    of the same sender and release had overtaken is kept as superseded. raw_deleted_at: since when its
    bytes are no longer kept; what was applied of them is.
    """

    __tablename__: ClassVar[Any] = "delivery"
    __table_args__ = (
        one_of("state", DELIVERY_STATES),
        one_of("purpose", ("apply", "validate")),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        Index("ix_delivery_owner_id_id", "owner_id", "id"),
        Index("ix_delivery_owner_id_sha256", "owner_id", "sha256"),
        Index("ix_delivery_message", "owner_id", "sender_dpid", "message_id"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    state: str = Field(default="received", sa_column_kwargs={"server_default": text("'received'")})
    purpose: str = Field(default="apply", sa_column_kwargs={"server_default": text("'apply'")})
    format: str | None = None
    namespace: str | None = None
    schema_checked: str | None = None
    file_name: str | None = None
    sha256: str
    size_bytes: int = big(nullable=False)
    sender_dpid: str | None = None
    recipient_dpid: str | None = None
    message_id: str | None = None
    message_thread_id: str | None = None
    message_created_at: datetime | None = instant()
    releases: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    summary: dict[str, Any] | None = document()
    change_set_id: uuid.UUID | None = refers("change_set.id")
    received_at: datetime = instant(default_now=True, nullable=False)
    finished_at: datetime | None = instant()
    raw_deleted_at: datetime | None = instant()


class Finding(SQLModel, table=True):
    """One thing found in a delivery, with the line and path where it stands."""

    __tablename__: ClassVar[Any] = "finding"
    __table_args__ = (one_of("severity", SEVERITIES),)

    delivery_id: uuid.UUID = Field(foreign_key="delivery.id", primary_key=True, ondelete="CASCADE")
    position: int = Field(primary_key=True)
    code: str
    rule: str
    severity: str
    line: int | None = None
    path: str | None = None
    text: str
    fix: str | None = None


class ReleaseMessage(SQLModel, table=True):
    """The newest message applied for a sender's release: what decides that another one is older.

    names: everything that message said something of, as `kind:key`; what a newer one leaves out, and no
    other release of the sender names, is withdrawn.
    """

    __tablename__: ClassVar[Any] = "release_message"
    __table_args__ = (
        UniqueConstraint("owner_id", "sender", "release_key"),
        Index("ix_release_message_names", "names", postgresql_using="gin"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    sender: str
    release_key: str
    message_created_at: datetime = instant(nullable=False)
    delivery_id: uuid.UUID = refers("delivery.id", nullable=False)
    names: list[str] = texts()
