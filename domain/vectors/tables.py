"""The table of vectors."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, literal_column, text
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from domain.catalog.tables import of_entity
from domain.row import instant, key, one_of

# What a vector is made of, and how long those are whose neighbours an index finds.
MADE_OF = ("sound", "text")
SOUND_DIMENSIONS = 400
TEXT_DIMENSIONS = 256


class Halfvec(UserDefinedType[str]):
    """pgvector's vector of half-precision numbers, of any length: half the room, and as good a neighbour."""

    cache_ok = True

    def get_col_spec(self, **_kw: Any) -> str:
        return "halfvec"


def nearness(made_of: str, dimensions: int) -> Index:
    """The index that finds neighbours by angle, among vectors of one length and making.

    Vectors of several models and versions may stand in it; a search goes on past those of others.
    """
    return Index(
        f"ix_embedding_{made_of}_{dimensions}",
        literal_column(f"(vector::halfvec({dimensions}))").label("near"),
        postgresql_using="hnsw",
        postgresql_ops={"near": "halfvec_cosine_ops"},
        postgresql_where=text(f"made_of = '{made_of}' and dimensions = {dimensions} and vector is not null"),
    )


class Embedding(SQLModel, table=True):
    """A vector of an entity in one model's space, or why the model has none for it.

    of_sha256: of the bytes or the text that it was made of, so that the same is never made twice.
    reason: in a word, where there is no vector: `silence` …
    """

    __tablename__: ClassVar[Any] = "embedding"
    __table_args__ = (
        of_entity(),
        UniqueConstraint("entity_id", "model", "model_version"),
        one_of("made_of", MADE_OF),
        CheckConstraint("dimensions between 1 and 4000", name="dimensions"),
        CheckConstraint("vector_dims(vector) = dimensions", name="vector"),
        CheckConstraint("(vector is null) = (reason is not null)", name="reason"),
        CheckConstraint("of_sha256 ~ '^[0-9a-f]{64}$'", name="of_sha256"),
        nearness("sound", SOUND_DIMENSIONS),
        nearness("text", TEXT_DIMENSIONS),
    )

    id: uuid.UUID = key()
    entity_id: uuid.UUID = Field(nullable=False)
    kind: str
    made_of: str
    model: str
    model_version: str
    dimensions: int
    vector: str | None = Field(default=None, sa_type=Halfvec)
    reason: str | None = None
    of_sha256: str
    made_at: datetime = instant(default_now=True, nullable=False)
