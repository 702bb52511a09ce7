"""Add what decides how long things are kept: policies, extensions, legal holds and notices.

Revision ID: 202611211340
Revises: 202611211326
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "202611211340"
down_revision = "202611211326"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")
# What the trail records of each.
RECORDED = {
    "retention_policy": ("rule", "months", "days"),
    "retention_extension": ("rule", "subject_id", "until", "reason"),
    "legal_hold": ("subject_type", "subject_id", "reason", "release_reason", "released_at"),
}


def _id(table: str) -> tuple[Any, ...]:
    return (
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _owner(table: str, *, cascade: bool = False) -> tuple[Any, ...]:
    return (
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["organization.id"],
            name=op.f(f"fk_{table}_owner_id"),
            ondelete="CASCADE" if cascade else None,
        ),
    )


def _text(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _at(name: str, *, nullable: bool = False, now: bool = False) -> "sa.Column[object]":
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=_NOW if now else None, nullable=nullable
    )


def upgrade() -> None:
    op.add_column("delivery", _at("raw_deleted_at", nullable=True))
    op.create_table(
        "retention_policy",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        *_owner("retention_policy"),
        _text("rule"),
        sa.Column("months", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("days", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _text("set_by"),
        _at("set_at", now=True),
        sa.PrimaryKeyConstraint("owner_id", "rule", name=op.f("pk_retention_policy")),
        sa.UniqueConstraint("id", name=op.f("uq_retention_policy_id")),
        sa.CheckConstraint(
            "months >= 0 and days >= 0 and months + days > 0", name=op.f("ck_retention_policy_time")
        ),
    )
    op.create_table(
        "retention_extension",
        *_id("retention_extension"),
        *_owner("retention_extension"),
        _text("rule"),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        _at("until"),
        _text("reason"),
        _text("made_by"),
        _at("made_at", now=True),
    )
    op.create_index(
        "ix_retention_extension_owner_id_rule", "retention_extension", ["owner_id", "rule", "subject_id"]
    )
    op.create_table(
        "legal_hold",
        *_id("legal_hold"),
        *_owner("legal_hold"),
        _text("subject_type"),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        _text("reason"),
        _text("placed_by"),
        _at("placed_at", now=True),
        _text("released_by", nullable=True),
        _text("release_reason", nullable=True),
        _at("released_at", nullable=True),
        sa.CheckConstraint(
            "subject_type in ('organization', 'entity', 'file', 'person')",
            name=op.f("ck_legal_hold_subject_type"),
        ),
    )
    op.create_index("ix_legal_hold_owner_id_id", "legal_hold", ["owner_id", "id"])
    op.create_index(
        "ix_legal_hold_subject_id",
        "legal_hold",
        ["subject_id"],
        postgresql_where=sa.text("released_at is null"),
    )
    op.create_table(
        "retention_notice",
        _text("rule"),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        *_owner("retention_notice", cascade=True),
        _at("due_at"),
        _at("told_at"),
        sa.PrimaryKeyConstraint("rule", "subject_id", name=op.f("pk_retention_notice")),
    )
    op.create_index("ix_retention_notice_owner_id", "retention_notice", ["owner_id"])
    for table, columns in RECORDED.items():
        given = ", ".join(f"'{name}'" for name in ("owner_id", *columns))
        op.execute(
            f"create trigger record_access after insert or delete or update of {', '.join(columns)} "
            f"on {table} for each row execute function catalog_record_access({given})"
        )
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    for table in ("retention_notice", "legal_hold", "retention_extension", "retention_policy"):
        op.drop_table(table)
    op.drop_column("delivery", "raw_deleted_at")
