"""Callbacks: which partners call us, what they said, and where each release stands with them."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.row import big, document, instant, key, one_of, refers

# What a partner's word may mean; the last one told is where a release stands.
MEANINGS = ("delivered", "failed", "reviewed", "taken_down", "statement_ready")
EVENT_STATES = ("received", "applied", "ignored", "unreadable", "tested")
SCHEMES = ("icpn", "grid", "id", "partner")


class CallbackPartner(SQLModel, table=True):
    """A distributor that calls an organization back, at a path that nobody can guess.

    mapping: how its events are read (see `domain.callbacks.mapping`). The secrets are sealed under the key of
    the installation; the previous one is good until its instant. refused: how many calls were turned away,
    and the last one's code and instant.
    """

    __tablename__: ClassVar[Any] = "callback_partner"
    __table_args__ = (
        UniqueConstraint("slug"),
        Index("ix_callback_partner_owner_id_id", "owner_id", "id"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    name: str
    slug: str
    mapping: dict[str, Any] = document(nullable=False)
    secret_sealed: bytes
    previous_secret_sealed: bytes | None = None
    previous_secret_until: datetime | None = instant()
    refused: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    last_refusal: str | None = None
    last_refused_at: datetime | None = instant()
    disabled_at: datetime | None = instant()
    created_by: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)


class Distribution(SQLModel, table=True):
    """Where a release stands with a partner; the events that say so are its history.

    subject: what the partner named, as `scheme:value`, and `release:uuid` where it is in the catalog.
    """

    __tablename__: ClassVar[Any] = "distribution"
    __table_args__ = (
        one_of("state", MEANINGS),
        UniqueConstraint("partner_id", "subject"),
        Index("ix_distribution_owner_id_id", "owner_id", "id"),
        Index("ix_distribution_release_id", "release_id"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    partner_id: uuid.UUID = refers("callback_partner.id", nullable=False, index=False, on_delete="CASCADE")
    subject: str
    release_id: uuid.UUID | None = Field(default=None)
    reference_scheme: str
    reference: str
    state: str
    state_at: datetime = instant(nullable=False)
    created_at: datetime = instant(default_now=True, nullable=False)
    updated_at: datetime = instant(default_now=True, nullable=False)


class CallbackEvent(SQLModel, table=True):
    """One call of a partner, its body kept as it came, and what was read out of it.

    event_id: the partner's own name of the event. sent_at: when it signed this call; occurred_at: the
    instant that the body tells.
    """

    __tablename__: ClassVar[Any] = "callback_event"
    __table_args__ = (
        one_of("state", EVENT_STATES),
        one_of("meaning", MEANINGS),
        CheckConstraint("octet_length(body) <= 262144", name="body"),
        UniqueConstraint("partner_id", "event_id"),
        Index("ix_callback_event_owner_id_id", "owner_id", "id"),
        Index("ix_callback_event_distribution_id", "distribution_id", "occurred_at"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    partner_id: uuid.UUID = refers("callback_partner.id", nullable=False, index=False, on_delete="CASCADE")
    distribution_id: uuid.UUID | None = refers("distribution.id", index=False, on_delete="SET NULL")
    event_id: str
    body: bytes
    body_sha256: str
    size_bytes: int = big(nullable=False)
    is_test: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    state: str = Field(default="received", sa_column_kwargs={"server_default": text("'received'")})
    word: str | None = None
    meaning: str | None = None
    error: str | None = None
    sent_at: datetime = instant(nullable=False)
    occurred_at: datetime | None = instant()
    received_at: datetime = instant(default_now=True, nullable=False)
    settled_at: datetime | None = instant()
