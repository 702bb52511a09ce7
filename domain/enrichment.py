"""What was measured or judged of a recording, by which model, and how sure it was."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Float, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.row import document, instant, key, refers


class AudioFeature(SQLModel, table=True):
    """One measured value with the model that gave it. NaN and infinities are no values."""

    __tablename__: ClassVar[Any] = "audio_feature"
    __table_args__ = (
        UniqueConstraint("recording_id", "name", "model", "model_version"),
        CheckConstraint("confidence >= 0 and confidence <= 1", name="confidence"),
        CheckConstraint(
            "number is null or (number > '-infinity'::float8 and number < 'infinity'::float8)", name="number"
        ),
        Index("ix_audio_feature_name_number", "name", "number"),
    )

    id: uuid.UUID = key()
    recording_id: uuid.UUID = refers("recording.id", nullable=False, index=False, on_delete="CASCADE")
    name: str
    number: float | None = Field(default=None, sa_type=Float(53))
    text: str | None = None
    rivals: list[Any] | None = document()
    model: str
    model_version: str
    confidence: float | None = None
    measured_at: datetime = instant(default_now=True, nullable=False)
