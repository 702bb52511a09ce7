"""What was measured or judged of a recording, by which model, and how sure it was."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Float, Index, false, text
from sqlmodel import Field, SQLModel

from domain.row import document, instant, one_of

# What a figure rests on: measured of the sound by a norm or a calibrated method; a formula of the house after
# no norm; judged by ear, a tagger's or a model's; or said, by a file or by a person.
BASES = ("measured", "heuristic", "judged", "said")


class AudioFeature(SQLModel, table=True):
    """One figure of a recording as it counts: `resolve` of all claims about it. NaN and infinities are none.

    number, text: what it is; both null where nothing can be said, and `reason` says why. rivals: other values
    that the same source holds possible, surest first. detail: what belongs to it (segments, names of a key).
    source: who said it; model and model_version: by what. locked: a person has fixed it. measured_at: since
    when it counts.
    """

    __tablename__: ClassVar[Any] = "audio_feature"
    __table_args__ = (
        CheckConstraint("confidence >= 0 and confidence <= 1", name="confidence"),
        CheckConstraint(
            "number is null or (number > '-infinity'::float8 and number < 'infinity'::float8)", name="number"
        ),
        one_of("basis", BASES),
        Index("ix_audio_feature_name_number", "name", "number"),
        Index("ix_audio_feature_name_text", "name", "text", postgresql_where=text("text is not null")),
    )

    recording_id: uuid.UUID = Field(foreign_key="recording.id", primary_key=True, ondelete="CASCADE")
    name: str = Field(primary_key=True)
    number: float | None = Field(default=None, sa_type=Float(53))
    text: str | None = None
    reason: str | None = None
    rivals: list[Any] | None = document()
    detail: dict[str, Any] | None = document()
    basis: str
    source: str
    model: str
    model_version: str
    confidence: float | None = None
    locked: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    measured_at: datetime = instant(default_now=True, nullable=False)
