"""Add who calls an organization back, what they said, and where releases stand with them.

Revision ID: 202611211155
Revises: 202611211050
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import triggers

revision = "202611211155"
down_revision = "202611211050"
branch_labels = None
depends_on = None

_ID = sa.text("uuidv7()")
_NOW = sa.text("clock_timestamp()")
# What the trail records of a partner; its secrets are not among it.
_RECORDED = ("name", "mapping", "previous_secret_until", "disabled_at")


def _at(name: str, *, nullable: bool = True, now: bool = False) -> "sa.Column[object]":
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=_NOW if now else None, nullable=nullable
    )


def _text(name: str, *, nullable: bool = True) -> "sa.Column[str]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _common(table: str) -> tuple[Any, ...]:
    return (
        sa.Column("id", sa.Uuid(), server_default=_ID, nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f(f"fk_{table}_owner_id")),
    )


def _partner(table: str) -> tuple[Any, ...]:
    return (
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["callback_partner.id"], name=op.f(f"fk_{table}_partner_id"), ondelete="CASCADE"
        ),
    )


def _one_of(table: str, column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} in ({listed})", name=op.f(f"ck_{table}_{column}"))


def upgrade() -> None:
    meanings = ("delivered", "failed", "reviewed", "taken_down", "statement_ready")
    op.create_table(
        "callback_partner",
        *_common("callback_partner"),
        _text("name", nullable=False),
        _text("slug", nullable=False),
        sa.Column("mapping", postgresql.JSONB(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret_sealed", sa.LargeBinary(), nullable=True),
        _at("previous_secret_until"),
        sa.Column("refused", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _text("last_refusal"),
        _at("last_refused_at"),
        _at("disabled_at"),
        _text("created_by"),
        _at("created_at", nullable=False, now=True),
        sa.UniqueConstraint("slug", name=op.f("uq_callback_partner_slug")),
    )
    op.create_table(
        "distribution",
        *_common("distribution"),
        *_partner("distribution"),
        _text("subject", nullable=False),
        sa.Column("release_id", sa.Uuid(), nullable=True),
        _text("reference_scheme", nullable=False),
        _text("reference", nullable=False),
        _text("state", nullable=False),
        _at("state_at", nullable=False),
        _at("created_at", nullable=False, now=True),
        _at("updated_at", nullable=False, now=True),
        _one_of("distribution", "state", meanings),
        sa.UniqueConstraint("partner_id", "subject", name=op.f("uq_distribution_partner_id_subject")),
    )
    op.create_table(
        "callback_event",
        *_common("callback_event"),
        *_partner("callback_event"),
        sa.Column("distribution_id", sa.Uuid(), nullable=True),
        _text("event_id", nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        _text("body_sha256", nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("is_test", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'received'"), nullable=False),
        _text("word"),
        _text("meaning"),
        _text("error"),
        _at("sent_at", nullable=False),
        _at("occurred_at"),
        _at("received_at", nullable=False, now=True),
        _at("settled_at"),
        sa.ForeignKeyConstraint(
            ["distribution_id"],
            ["distribution.id"],
            name=op.f("fk_callback_event_distribution_id"),
            ondelete="SET NULL",
        ),
        _one_of("callback_event", "state", ("received", "applied", "ignored", "unreadable", "tested")),
        _one_of("callback_event", "meaning", meanings),
        sa.CheckConstraint("octet_length(body) <= 262144", name=op.f("ck_callback_event_body")),
        sa.UniqueConstraint("partner_id", "event_id", name=op.f("uq_callback_event_partner_id_event_id")),
    )
    for table in ("callback_partner", "distribution", "callback_event"):
        op.create_index(f"ix_{table}_owner_id_id", table, ["owner_id", "id"])
    op.create_index("ix_distribution_release_id", "distribution", ["release_id"])
    op.create_index("ix_callback_event_distribution_id", "callback_event", ["distribution_id", "occurred_at"])
    given = ", ".join(f"'{name}'" for name in ("owner_id", *_RECORDED))
    op.execute(
        f"create trigger record_access after insert or delete or update of {', '.join(_RECORDED)} "
        f"on callback_partner for each row execute function catalog_record_access({given})"
    )
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    for table in ("callback_event", "distribution", "callback_partner"):
        op.drop_table(table)
