"""Rights: a deal is one row of permission (ERN DealTerms)."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, Numeric, text
from sqlmodel import Field, SQLModel

from domain.row import Content, content_args, instant, refers, texts


class Deal(Content, table=True):
    """Who may use what, where, how and when.

    territories: ISO 3166-1 alpha-2, expanded when written; the included and excluded codes stand beside.
    The validity is half-open: from `valid_from` up to but not including `valid_until`; null is unbounded.
    """

    __tablename__: ClassVar[Any] = "deal"
    __table_args__ = content_args(
        "deal",
        CheckConstraint("valid_until is null or valid_until > valid_from", name="period"),
        Index("ix_deal_territories", "territories", postgresql_using="gin"),
        Index("ix_deal_valid", "valid_from", "valid_until", postgresql_where=text("status = 'active'")),
        Index("ix_deal_licensee_id", "licensee_id", "owner_id", "id"),
        Index("ix_deal_licensee_dpid", "licensee_dpid", "owner_id", "id"),
        Index(
            "ix_deal_everyone",
            "owner_id",
            "id",
            postgresql_where=text("licensee_id is null and licensee_dpid is null"),
        ),
    )

    licensor_dpid: str | None = None
    licensee_dpid: str | None = None
    licensee_id: uuid.UUID | None = refers("organization.id", index=False)
    reference: str | None = None
    territories: list[str] = texts()
    included_territories: list[str] = texts()
    excluded_territories: list[str] = texts()
    commercial_models: list[str] = texts()
    use_types: list[str] = texts()
    distribution_channels: list[str] = texts()
    valid_from: datetime | None = instant()
    valid_until: datetime | None = instant()
    pre_order_at: datetime | None = instant()
    release_display_at: datetime | None = instant()
    track_listing_display_at: datetime | None = instant()
    cover_art_display_at: datetime | None = instant()
    clip_preview_at: datetime | None = instant()
    price_type: str | None = None
    price_amount: Decimal | None = Field(default=None, sa_type=Numeric(18, 6))
    price_currency: str | None = None
    is_takedown: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class DealSubject(SQLModel, table=True):
    """What a deal covers: releases, tracks or recordings, in the order named."""

    __tablename__: ClassVar[Any] = "deal_subject"

    deal_id: uuid.UUID = Field(foreign_key="deal.id", primary_key=True, ondelete="CASCADE")
    position: int = Field(primary_key=True)
    subject_id: uuid.UUID = refers("entity.id", nullable=False)
