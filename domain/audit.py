"""How the catalog came to be what it says: sources, claims, change sets and single changes."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, PrimaryKeyConstraint, Text, UniqueConstraint, text
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from domain.row import document, instant, key, one_of, refers, texts


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_kw: Any) -> str:
        return "xid8"


CHANGE_SET_STATES = ("planned", "applied", "reverted", "failed")


class Audit(StrEnum):
    """Audit classes; each has a clock of its own: 7 years, 3 years, 6 months."""

    CATALOG = "catalog"
    AI = "ai"
    OPERATIONS = "operations"


class ChangeSet(SQLModel, table=True):
    """One write, from one title to ten thousand rows: who, why, through which door, and its fate."""

    __tablename__: ClassVar[Any] = "change_set"
    __table_args__ = (
        one_of("state", CHANGE_SET_STATES),
        Index("ix_change_set_owner_id_id", "owner_id", "id"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    actor: str
    door: str
    command: str
    reason: str | None = None
    state: str = Field(default="applied", sa_column_kwargs={"server_default": text("'applied'")})
    reverts_id: uuid.UUID | None = refers("change_set.id")
    correlation_id: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)


class Change(SQLModel, table=True):
    """One entity changed by one statement; written by the triggers, never by hand.

    diff: {field: [old, new]}; for a list of values [removed, added]. Partitioned by month.
    """

    __tablename__: ClassVar[Any] = "change"
    __table_args__ = (
        PrimaryKeyConstraint("class", "at", "seq"),
        Index("ix_change_entity_id", "entity_id", "seq"),
        Index("ix_change_change_set_id", "change_set_id"),
        Index("ix_change_xid_seq", "xid", "seq"),
        Index("ix_change_owner_id_seq", "owner_id", "seq"),
        one_of("op", ("insert", "update", "delete")),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    audit_class: str = Field(
        sa_column_kwargs={"name": "class", "server_default": text("'catalog'")}, sa_type=Text
    )
    at: datetime = instant(default_now=True, nullable=False)
    seq: int = Field(sa_column_kwargs={"server_default": text("nextval('change_seq')")}, sa_type=BigInteger)
    xid: str = Field(sa_type=Xid8, sa_column_kwargs={"server_default": text("pg_current_xact_id()")})
    change_set_id: uuid.UUID | None = Field(default=None)
    owner_id: uuid.UUID = Field()
    kind: str
    entity_id: uuid.UUID = Field()
    op: str
    version_before: int | None = None
    version_after: int | None = None
    diff: dict[str, Any] = document(nullable=False)


class SourceRecord(SQLModel, table=True):
    """What one source said of one thing, one version at a time; staged as it came and never edited.

    claims: {"kind", "fields": {field: value}, "locks": [field]} as the source's mapping made them.
    """

    __tablename__: ClassVar[Any] = "source_record"
    __table_args__ = (
        UniqueConstraint("owner_id", "source", "external_id", "version"),
        Index("ix_source_record_change_set_id", "change_set_id"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    source: str
    external_id: str
    version: int
    checksum: str
    payload_key: str | None = None
    delivery_id: uuid.UUID | None = refers("delivery.id")
    claims: dict[str, Any] = document(nullable=False)
    confidence: float | None = None
    change_set_id: uuid.UUID | None = Field(default=None)
    recorded_at: datetime = instant(default_now=True, nullable=False)


class SourceMapping(SQLModel, table=True):
    """Which entity a source's thing is."""

    __tablename__: ClassVar[Any] = "source_mapping"
    __table_args__ = (UniqueConstraint("owner_id", "source", "external_id"),)

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    source: str
    external_id: str
    entity_id: uuid.UUID = refers("entity.id", nullable=False)


class SourcePolicy(SQLModel, table=True):
    """Which sources an owner believes first for a field ('*' for every field), most trusted first."""

    __tablename__: ClassVar[Any] = "source_policy"

    owner_id: uuid.UUID = Field(foreign_key="organization.id", primary_key=True)
    kind: str = Field(primary_key=True)
    field: str = Field(primary_key=True)
    sources: list[str] = texts()


class IdempotencyKey(SQLModel, table=True):
    """The first response to a keyed write, replayed byte for byte for seven days."""

    __tablename__: ClassVar[Any] = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_expires_at", "expires_at"),)

    owner_id: uuid.UUID = Field(foreign_key="organization.id", primary_key=True)
    actor: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    status: int | None = None
    response: bytes | None = None
    change_set_id: uuid.UUID | None = Field(default=None)
    created_at: datetime = instant(default_now=True, nullable=False)
    expires_at: datetime = instant(nullable=False)


class Outbox(SQLModel, table=True):
    """What the world must hear about once the transaction holds; told by the relay afterwards."""

    __tablename__: ClassVar[Any] = "outbox"
    __table_args__ = (Index("ix_outbox_waiting", "id", postgresql_where=text("told_at is null")),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    topic: str
    key: str | None = None
    payload: dict[str, Any] = document(nullable=False)
    correlation_id: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)
    told_at: datetime | None = instant()


class Job(SQLModel, table=True):
    """Work that happens later. The row is the truth; the queue only carries its id."""

    __tablename__: ClassVar[Any] = "job"
    __table_args__ = (
        one_of("state", ("queued", "running", "done", "failed", "dead", "cancelled")),
        one_of("lane", ("high", "low")),
        Index("ix_job_owner_id_id", "owner_id", "id"),
        Index("ix_job_due", "lane", "run_at", postgresql_where=text("state in ('queued', 'running')")),
        Index(
            "uq_job_unique_key",
            "kind",
            "unique_key",
            unique=True,
            postgresql_where=text("state in ('queued', 'running')"),
        ),
        Index("ix_job_subject_id", "subject_id"),
        Index("ix_job_dead", "owner_id", "lane", postgresql_where=text("state = 'dead'")),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    kind: str
    unique_key: str | None = None
    subject_id: uuid.UUID | None = Field(default=None)
    lane: str = Field(default="low", sa_column_kwargs={"server_default": text("'low'")})
    state: str = Field(default="queued", sa_column_kwargs={"server_default": text("'queued'")})
    payload: dict[str, Any] = document(nullable=False, default="{}")
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    history: list[Any] = document(nullable=False, default="[]")
    progress_done: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    progress_total: int | None = None
    progress_text: str | None = None
    result: dict[str, Any] | None = document()
    error_code: str | None = None
    error_text: str | None = None
    fence: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    leased_until: datetime | None = instant()
    cancel_asked_at: datetime | None = instant()
    correlation_id: str | None = None
    traceparent: str | None = None
    run_at: datetime = instant(default_now=True, nullable=False)
    created_at: datetime = instant(default_now=True, nullable=False)
    started_at: datetime | None = instant()
    finished_at: datetime | None = instant()
