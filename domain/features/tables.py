"""What was found in bytes, kept by their sha256, and what was made of which file, and when."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.row import document, instant, key, one_of, refers

# running: a job is at it; done: its figures are in the catalog; refused: the bytes gave nothing, and `code`
# says why; failed: we could not.
ENRICHMENT_STATES = ("running", "done", "refused", "failed")


class SoundPart(SQLModel, table=True):
    """One part of what was found in bytes, by the version that found it. Nobody owns it: it is about bytes.

    Whoever has the same bytes is given the same answer without another analysis, and no door tells that
    somebody had them before. It goes with the bytes (`domain.retention.blobs`). part: of an analysis, `facts`
    for what the container says, `refused` for why there is nothing, `lease` while somebody is at it.
    """

    __tablename__: ClassVar[Any] = "sound_part"
    __table_args__ = (CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),)

    sha256: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    version: str
    document: dict[str, Any] = document(nullable=False)
    made_at: datetime = instant(default_now=True, nullable=False)


class Enrichment(SQLModel, table=True):
    """What was made of one file of an organization: by which models, in which state, with what result.

    models: which version made each part. result: what was found, in short, as long as it counts; updated_at:
    then, when that was. code and text: why there is nothing (new).
    """

    __tablename__: ClassVar[Any] = "enrichment"
    __table_args__ = (
        one_of("state", ENRICHMENT_STATES),
        UniqueConstraint("file_id", "recording_id"),
        Index("ix_enrichment_owner_id_id", "owner_id", "id"),
        Index("ix_enrichment_recording_id", "recording_id"),
        Index("ix_enrichment_job_id", "job_id", postgresql_where=text("state = 'running'")),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    file_id: uuid.UUID = refers("file.id", nullable=False, index=False, on_delete="CASCADE")
    recording_id: uuid.UUID | None = refers("recording.id", index=False, on_delete="SET NULL")
    job_id: uuid.UUID | None = Field(default=None)
    sha256: str
    state: str
    models: dict[str, Any] = document(nullable=False, default="{}")
    result: dict[str, Any] | None = document()
    code: str | None = None
    text: str | None = None
    created_at: datetime = instant(default_now=True, nullable=False)
    updated_at: datetime = instant(default_now=True, nullable=False)
