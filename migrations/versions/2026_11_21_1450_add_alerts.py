"""Add alerts, their bounds, and the requests that API processes count.

Revision ID: 202611211450
Revises: 202611211435
"""

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "202611211450"
down_revision = "202611211435"
branch_labels = None
depends_on = None

_RECORDED = ("name", "threshold", "for_s", "disabled")


def _at(name: str, *, nullable: bool = True) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        _at("since", nullable=False),
        _at("fired_at"),
        _at("calm_since"),
        _at("cleared_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_alert_owner_id")),
        sa.CheckConstraint("state in ('pending', 'firing', 'cleared')", name=op.f("ck_alert_state")),
    )
    op.create_index(
        "uq_alert_open",
        "alert",
        ["owner_id", "rule"],
        unique=True,
        postgresql_where=sa.text("state <> 'cleared'"),
    )
    op.create_index("ix_alert_owner_id_id", "alert", ["owner_id", "id"])
    op.create_table(
        "alert_rule",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("for_s", sa.Float(), nullable=True),
        sa.Column("disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alert_rule")),
    )
    op.create_table(
        "request_tally",
        sa.Column("minute", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("process", sa.Uuid(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "process", name=op.f("pk_request_tally")),
    )
    given = ", ".join(f"'{name}'" for name in ("", *_RECORDED))
    op.execute(
        f"create trigger record_access after insert or delete or update of {', '.join(_RECORDED)} "
        f"on alert_rule for each row execute function catalog_record_access({given})"
    )
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    for table in ("request_tally", "alert_rule", "alert"):
        op.drop_table(table)
