"""What decides how long things are kept: policies, extensions, legal holds, and notices that were given."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.row import instant, key, new_id, one_of, refers

HELD = ("organization", "entity", "file", "person")


class RetentionPolicy(SQLModel, table=True):
    """How long an enterprise organization keeps one class of things; calendar months and days, in UTC."""

    __tablename__: ClassVar[Any] = "retention_policy"
    __table_args__ = (
        CheckConstraint("months >= 0 and days >= 0 and months + days > 0", name="time"),
        UniqueConstraint("id"),
    )

    id: uuid.UUID = Field(
        default_factory=new_id, nullable=False, sa_column_kwargs={"server_default": text("uuidv7()")}
    )
    owner_id: uuid.UUID = Field(foreign_key="organization.id", primary_key=True)
    rule: str = Field(primary_key=True)
    months: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    days: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    set_by: str
    set_at: datetime = instant(default_now=True, nullable=False)


class RetentionExtension(SQLModel, table=True):
    """That one thing, or all of a class (subject_id null), stays until an instant though its time is over."""

    __tablename__: ClassVar[Any] = "retention_extension"
    __table_args__ = (Index("ix_retention_extension_owner_id_rule", "owner_id", "rule", "subject_id"),)

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    rule: str
    subject_id: uuid.UUID | None = Field(default=None)
    until: datetime = instant(nullable=False)
    reason: str
    made_by: str
    made_at: datetime = instant(default_now=True, nullable=False)


class LegalHold(SQLModel, table=True):
    """That something may not be deleted, whatever else says that it should, until somebody releases it.

    subject_id: of the organization, entity, file or person that is held; owner_id: whose data it is.
    """

    __tablename__: ClassVar[Any] = "legal_hold"
    __table_args__ = (
        one_of("subject_type", HELD),
        Index("ix_legal_hold_owner_id_id", "owner_id", "id"),
        Index("ix_legal_hold_subject_id", "subject_id", postgresql_where=text("released_at is null")),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    subject_type: str
    subject_id: uuid.UUID = Field()
    reason: str
    placed_by: str
    placed_at: datetime = instant(default_now=True, nullable=False)
    released_by: str | None = None
    release_reason: str | None = None
    released_at: datetime | None = instant()


class RetentionNotice(SQLModel, table=True):
    """That the owner was told that something goes. It counts for the deadline that it named, and no other."""

    __tablename__: ClassVar[Any] = "retention_notice"
    __table_args__ = (
        PrimaryKeyConstraint("rule", "subject_id"),
        Index("ix_retention_notice_owner_id", "owner_id"),
    )

    rule: str
    subject_id: uuid.UUID = Field()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False, on_delete="CASCADE")
    due_at: datetime = instant(nullable=False)
    told_at: datetime = instant(nullable=False)
