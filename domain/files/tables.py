"""Files: bytes that an organization keeps, what they were found to be, and what they hang on."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from domain.row import big, instant, key, not_negative, one_of, refers

FILE_KINDS = ("audio", "video", "image", "message", "archive", "other")
# uploading: bytes are awaited; checking: they are here and are looked at by a job.
FILE_STATES = ("uploading", "checking", "ready", "quarantined", "deleted")
SUBJECT_TYPES = ("recording", "video", "image", "release", "delivery")
# The states in which an owner has the bytes; there is one file of the same bytes in them.
KEPT = ("checking", "ready", "quarantined")

_KEPT = text("state in ('checking', 'ready', 'quarantined')")


class File(SQLModel, table=True):
    """Bytes of one owner, kept once in the blob store under their sha256.

    size_bytes, sha256: what was promised while it is uploading, then what came. declared_type: what the
    uploader said it is; media_type: what the content is. reason: the code of why it was quarantined or
    deleted; reason_text says it. subject: what it hangs on. cover_id: the picture that was found inside.
    upload_until: when the bytes must have come. keep_until: not purged before, whatever the tier's time.
    """

    __tablename__: ClassVar[Any] = "file"
    __table_args__ = (
        one_of("kind", FILE_KINDS),
        one_of("state", FILE_STATES),
        one_of("subject_type", SUBJECT_TYPES),
        not_negative("size_bytes"),
        Index("ix_file_owner_id_id", "owner_id", "id"),
        Index("ix_file_subject_id", "subject_id"),
        Index("ix_file_sha256", "sha256"),
        Index("uq_file_kept", "owner_id", "sha256", unique=True, postgresql_where=_KEPT),
        Index("ix_file_uploading", "created_at", postgresql_where=text("state = 'uploading'")),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    sha256: str | None = None
    xxh128: str | None = None
    size_bytes: int = big(nullable=False)
    media_type: str | None = None
    declared_type: str | None = None
    kind: str = Field(default="other", sa_column_kwargs={"server_default": text("'other'")})
    file_name: str
    state: str = Field(default="uploading", sa_column_kwargs={"server_default": text("'uploading'")})
    reason: str | None = None
    reason_text: str | None = None
    width: int | None = None
    height: int | None = None
    subject_type: str | None = None
    subject_id: uuid.UUID | None = Field(default=None)
    cover_id: uuid.UUID | None = refers("file.id", on_delete="SET NULL")
    duplicate_of_id: uuid.UUID | None = refers("file.id", on_delete="SET NULL")
    temporary: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    keep_until: datetime | None = instant()
    upload_until: datetime | None = instant()
    created_by: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)
    updated_at: datetime = instant(default_now=True, nullable=False)
    deleted_at: datetime | None = instant()
