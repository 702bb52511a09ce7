"""The base of every table: ids, instants, and what all content rows share."""

import uuid
from datetime import UTC, datetime
from typing import Any, Literal

import uuid_utils
from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, MetaData, Text, literal_column, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata: MetaData = SQLModel.metadata
metadata.naming_convention = NAMING

OnDelete = Literal["CASCADE", "SET NULL", "RESTRICT"]
STATUSES = ("draft", "active", "taken_down", "deleted")
VISIBILITIES = ("public", "private")
PARTIAL_DATE = r"~ '^\d{4}(-\d{2}(-\d{2})?)?$'"


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562 §5.7): ordered by the millisecond it was made in."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def instant(*, default_now: bool = False, nullable: bool = True) -> Any:
    """A `timestamptz` column: an aware instant in UTC."""
    return Field(
        default=None,
        sa_type=DateTime(timezone=True),
        nullable=nullable,
        sa_column_kwargs={"server_default": text("clock_timestamp()")} if default_now else {},
    )


def texts() -> Any:
    """A `text[]` column, empty when nothing is known: a value that may be many."""
    return Field(
        default_factory=list,
        sa_type=ARRAY(Text),
        nullable=False,
        sa_column_kwargs={"server_default": text("'{}'")},
    )


def document(*, nullable: bool = True, default: str | None = None) -> Any:
    """A `jsonb` column, for shapes that belong to somebody else and are kept as they came."""
    return Field(
        default=None,
        sa_type=JSONB,
        nullable=nullable,
        sa_column_kwargs={"server_default": text(f"'{default}'::jsonb")} if default else {},
    )


def refers(
    target: str, *, nullable: bool = True, index: bool = True, on_delete: OnDelete | None = None
) -> Any:
    """A `uuid` column with a foreign key to `table.column`."""
    if on_delete is None:
        return Field(default=None, foreign_key=target, nullable=nullable, index=index)
    return Field(default=None, foreign_key=target, nullable=nullable, index=index, ondelete=on_delete)


def big(*, nullable: bool = True) -> Any:
    """A `bigint` column, for sizes in bytes and feed positions."""
    return Field(default=None, sa_type=BigInteger, nullable=nullable)


def key() -> Any:
    """The primary key: a UUIDv7, made by the database when the caller brings none."""
    return Field(
        default_factory=new_id,
        primary_key=True,
        sa_column_kwargs={"server_default": text("uuidv7()")},
    )


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A check that a text column holds one of the named values (or nothing)."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({listed})", name=column, info={"one_of": (column, values)})


def partial(column: str) -> CheckConstraint:
    """A check for a date whose month or day may be unknown: YYYY, YYYY-MM or YYYY-MM-DD."""
    return CheckConstraint(f"{column} {PARTIAL_DATE}", name=column)


def not_negative(column: str) -> CheckConstraint:
    """A check for counts and durations."""
    return CheckConstraint(f"{column} >= 0", name=column)


def content_args(table: str, *more: Any) -> tuple[Any, ...]:
    """The checks and access paths every content table has, and then its own.

    The page of an organization's rows is read newest first or in id order, so (owner_id, id) leads;
    public rows of all owners are read by a partial index.
    """
    return (
        one_of("status", STATUSES),
        one_of("visibility", VISIBILITIES),
        CheckConstraint("version > 0", name="version"),
        Index(f"ix_{table}_owner_id_id", "owner_id", "id", postgresql_where=text("status <> 'deleted'")),
        *(
            Index(f"ix_{table}_{at}", "owner_id", at, "id", postgresql_where=text("status <> 'deleted'"))
            for at in ("created_at", "updated_at")
        ),
        Index(
            f"ix_{table}_public",
            "id",
            postgresql_where=text("visibility = 'public' and status <> 'deleted'"),
        ),
        *more,
    )


def trigram(table: str, column: str) -> Index:
    """A trigram index for `ILIKE '%…%'` and similarity over the unaccented, lower-cased column."""
    return Index(
        f"ix_{table}_{column}_trgm",
        literal_column(f"catalog_fold({column})").label("folded"),
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )


def words(table: str, column: str) -> Index:
    """A full-text index over the words of the column, unaccented and lower-cased, in no language."""
    return Index(
        f"ix_{table}_{column}_words",
        literal_column(f"to_tsvector('simple'::regconfig, catalog_fold({column}))").label("words"),
        postgresql_using="gin",
    )


def folded(table: str, column: str) -> Index:
    """An index for exact and prefix look-ups of the unaccented, lower-cased column, in id order."""
    return Index(
        f"ix_{table}_{column}",
        literal_column(f"catalog_fold({column})").label("folded"),
        "id",
        postgresql_ops={"folded": "text_pattern_ops"},
    )


class Content(SQLModel):
    """What every catalog entity has: whose it is, its version, its status, who may see it, since when."""

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    version: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    status: str = Field(default="active", sa_column_kwargs={"server_default": text("'active'")})
    visibility: str = Field(default="private", sa_column_kwargs={"server_default": text("'private'")})
    created_at: datetime = instant(default_now=True, nullable=False)
    updated_at: datetime = instant(default_now=True, nullable=False)
