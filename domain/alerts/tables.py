"""Alerts: what was out of bounds since when, and the bounds that an administrator set otherwise."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from domain.row import instant, key, one_of, refers

STATES = ("pending", "firing", "cleared")


class Alert(SQLModel, table=True):
    """One time that a rule's figure was above its threshold. There is one at a time of each rule.

    owner_id: the operator's organization.
    state: pending (above, but not for long enough), firing, cleared. since: when it went above; calm_since:
    since when it has been low enough to clear. value: the figure when it was last looked at.
    """

    __tablename__: ClassVar[Any] = "alert"
    __table_args__ = (
        one_of("state", STATES),
        Index("uq_alert_open", "owner_id", "rule", unique=True, postgresql_where=text("state <> 'cleared'")),
        Index("ix_alert_owner_id_id", "owner_id", "id"),
    )

    id: uuid.UUID = key()
    owner_id: uuid.UUID = refers("organization.id", nullable=False, index=False)
    rule: str
    state: str
    value: float
    threshold: float
    since: datetime = instant(nullable=False)
    fired_at: datetime | None = instant()
    calm_since: datetime | None = instant()
    cleared_at: datetime | None = instant()


class AlertRuleTerms(SQLModel, table=True):
    """What an administrator set otherwise about a rule; null is as the rule has it."""

    __tablename__: ClassVar[Any] = "alert_rule"

    name: str = Field(primary_key=True)
    threshold: float | None = None
    for_s: float | None = None
    disabled: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    updated_at: datetime = instant(default_now=True, nullable=False)
