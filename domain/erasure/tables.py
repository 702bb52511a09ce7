"""What is kept of an erasure: who asked, under which name the person is remembered, and the proof."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.row import document, instant, key, one_of

STATES = ("running", "proven", "left")


class Erasure(SQLModel, table=True):
    """A person who was forgotten on request. pseudonym: what stands in the trail instead of their id.

    user_id, email, name: whom it is about, only until it is done. person_hash: by which the same request
    is known a second time. state: proven, or left where something was found that is somebody else's to edit.
    """

    __tablename__: ClassVar[Any] = "erasure"
    __table_args__ = (one_of("state", STATES), UniqueConstraint("person_hash"))

    id: uuid.UUID = key()
    person_hash: str
    pseudonym: uuid.UUID = Field(sa_column_kwargs={"server_default": text("gen_random_uuid()")})
    user_id: uuid.UUID | None = Field(default=None)
    email: str | None = None
    name: str | None = None
    state: str = Field(default="running", sa_column_kwargs={"server_default": text("'running'")})
    reason: str
    requested_by: str
    result: dict[str, Any] | None = document()
    proof: dict[str, Any] | None = document()
    started_at: datetime = instant(default_now=True, nullable=False)
    finished_at: datetime | None = instant()
