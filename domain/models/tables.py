"""Models: which there are, every call, every answer, what was decided about them, and what was spent."""

import uuid
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Float, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.row import big, document, instant, key, not_negative, one_of, refers

PROVIDERS = ("qwen", "openai", "embedded")
ROLES = ("champion", "challenger", "fallback", "embedded", "retired")
STATES = ("asked", "answered", "failed")
DECISIONS = ("proposed", "promoted", "rolled_back")
AGAINST = ("person", "embedded")


class Model(SQLModel, table=True):
    """One version of one model: another prompt or other code of ours makes another.

    role: champion answers first; challenger answers a tenth first, and the champion beside it; fallback is
    asked when those fail or are unsure; embedded are our own taggers; retired is asked no more. prices:
    US dollars for a million tokens (text_in, audio_in, out); null where nobody has said: then it is not
    asked.
    """

    __tablename__: ClassVar[Any] = "model"
    __table_args__ = (
        one_of("provider", PROVIDERS),
        one_of("role", ROLES),
        UniqueConstraint("provider", "model", "prompt_version", "code_version", name="uq_model_version"),
        Index(
            "uq_model_role",
            "role",
            unique=True,
            postgresql_where=text("role in ('champion', 'challenger')"),
        ),
    )

    id: uuid.UUID = key()
    provider: str
    model: str
    prompt_version: str
    code_version: str
    role: str
    prices: dict[str, Any] | None = document()
    created_at: datetime = instant(default_now=True, nullable=False)
    role_since: datetime = instant(default_now=True, nullable=False)


class ModelCall(SQLModel, table=True):
    """One request to one model about one window. Its row is there before it is sent.

    reason: why this model was asked. error: a word of `domain.models.ports.Failure`. confidence: the mean
    probability of the values' tokens. reserved_micros, cost_micros: millionths of a US dollar; what was
    reserved is given back when the call is settled.
    """

    __tablename__: ClassVar[Any] = "model_call"
    __table_args__ = (
        one_of("state", STATES),
        CheckConstraint("confidence >= 0 and confidence <= 1", name="confidence"),
        not_negative("cost_micros"),
        Index("ix_model_call_owner_id_id", "owner_id", "id"),
        Index("ix_model_call_model_id_id", "model_id", "id"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    model_id: uuid.UUID = refers("model.id", nullable=False, index=False)
    subject_id: uuid.UUID
    sha256: str
    place: int
    state: str = Field(default="asked", sa_column_kwargs={"server_default": text("'asked'")})
    reason: str
    error: str | None = None
    error_text: str | None = None
    latency_ms: int | None = None
    confidence: float | None = Field(default=None, sa_type=Float(53))
    text_tokens: int | None = None
    audio_tokens: int | None = None
    out_tokens: int | None = None
    reserved_micros: int = Field(
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")}
    )
    cost_micros: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    day: date
    asked_at: datetime = instant(default_now=True, nullable=False)
    ended_at: datetime | None = instant()


class ModelAnswer(SQLModel, table=True):
    """What one model answered about one recording, of all its windows. Two of one recording are a pair.

    served: whether it is what the catalog was given. agreement: how far it agrees with what a person said,
    or else with the embedded taggers; against says which.
    """

    __tablename__: ClassVar[Any] = "model_answer"
    __table_args__ = (
        one_of("against", AGAINST),
        CheckConstraint("confidence >= 0 and confidence <= 1", name="confidence"),
        CheckConstraint("agreement >= 0 and agreement <= 1", name="agreement"),
        UniqueConstraint("owner_id", "sha256", "model_id"),
        Index("ix_model_answer_subject_id", "subject_id"),
        Index("ix_model_answer_model_id_id", "model_id", "id"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    model_id: uuid.UUID = refers("model.id", nullable=False, index=False)
    subject_id: uuid.UUID
    sha256: str
    labels: dict[str, Any] = document(nullable=False)
    confidence: float = Field(sa_type=Float(53))
    windows: int
    served: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    reason: str
    agreement: float | None = Field(default=None, sa_type=Float(53))
    against: str | None = None
    latency_ms: int
    cost_micros: int = big(nullable=False)
    answered_at: datetime = instant(default_now=True, nullable=False)


class ModelDecision(SQLModel, table=True):
    """What was decided about who is champion, by whom, and on what evidence."""

    __tablename__: ClassVar[Any] = "model_decision"
    __table_args__ = (one_of("kind", DECISIONS),)

    id: uuid.UUID = key()
    kind: str
    from_id: uuid.UUID | None = refers("model.id", index=False)
    to_id: uuid.UUID = refers("model.id", nullable=False, index=False)
    why: str
    evidence: dict[str, Any] | None = document()
    made_by: str
    made_at: datetime = instant(default_now=True, nullable=False)


class ModelSpend(SQLModel, table=True):
    """What an organization's calls of one day (UTC) cost, and what calls under way may cost yet."""

    __tablename__: ClassVar[Any] = "model_spend"
    __table_args__ = (not_negative("reserved_micros"), not_negative("spent_micros"))

    owner_id: uuid.UUID = Field(foreign_key="organization.id", primary_key=True)
    day: date = Field(primary_key=True)
    reserved_micros: int = Field(
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")}
    )
    spent_micros: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})


class ModelPermission(SQLModel, table=True):
    """What an organization allows to be sent to models outside of the house; without a row, nothing.

    outside: public recordings; private_too: also those that nobody else may see.
    """

    __tablename__: ClassVar[Any] = "model_permission"
    __table_args__ = (UniqueConstraint("owner_id"),)

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    outside: bool = Field(default=False, sa_type=Boolean, sa_column_kwargs={"server_default": text("false")})
    private_too: bool = Field(
        default=False, sa_type=Boolean, sa_column_kwargs={"server_default": text("false")}
    )
    updated_at: datetime = instant(default_now=True, nullable=False)
