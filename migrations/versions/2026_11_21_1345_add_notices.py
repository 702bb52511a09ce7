"""Add what organizations are told, where they want to be told, and what became of it.

Revision ID: 202611211345
Revises: 202611211340
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import triggers

revision = "202611211345"
down_revision = "202611211340"
branch_labels = None
depends_on = None

_ID = sa.text("uuidv7()")
_NOW = sa.text("clock_timestamp()")
# What the trail records of a channel: neither its secret nor its address, which may be a person's.
_RECORDED = ("kind", "disabled_at")


def _at(name: str, *, now: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), server_default=_NOW if now else None, nullable=not now)


def _text(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _common(table: str) -> tuple[sa.Column[object] | sa.Constraint, ...]:
    return (
        sa.Column("id", sa.Uuid(), server_default=_ID, nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f(f"fk_{table}_owner_id")),
    )


def _one_of(table: str, column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} in ({listed})", name=op.f(f"ck_{table}_{column}"))


def upgrade() -> None:
    channels = ("email", "webhook")
    op.create_table(
        "notice_channel",
        *_common("notice_channel"),
        _text("kind"),
        _text("address"),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        _at("disabled_at"),
        _text("created_by", nullable=True),
        _at("created_at", now=True),
        _one_of("notice_channel", "kind", channels),
        sa.UniqueConstraint(
            "owner_id", "kind", "address", name=op.f("uq_notice_channel_owner_id_kind_address")
        ),
    )
    op.create_table(
        "notice",
        *_common("notice"),
        _text("kind"),
        _text("subject"),
        _text("text"),
        sa.Column("data", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        _text("unique_key"),
        sa.Column("channels", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _at("created_at", now=True),
        sa.UniqueConstraint("owner_id", "unique_key", name=op.f("uq_notice_owner_id_unique_key")),
    )
    op.create_table(
        "notice_delivery",
        *_common("notice_delivery"),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        _text("kind"),
        sa.Column("state", sa.String(), server_default=sa.text("'waiting'"), nullable=False),
        _text("error", nullable=True),
        _at("created_at", now=True),
        _at("sent_at"),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notice.id"], name=op.f("fk_notice_delivery_notice_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["notice_channel.id"],
            name=op.f("fk_notice_delivery_channel_id"),
            ondelete="SET NULL",
        ),
        _one_of("notice_delivery", "kind", channels),
        _one_of("notice_delivery", "state", ("waiting", "sent", "failed", "refused", "unset")),
        sa.UniqueConstraint("notice_id", "channel_id", name=op.f("uq_notice_delivery_notice_id_channel_id")),
    )
    for table in ("notice_channel", "notice", "notice_delivery"):
        op.create_index(f"ix_{table}_owner_id_id", table, ["owner_id", "id"])
    op.create_index("ix_notice_delivery_channel_id", "notice_delivery", ["channel_id"])
    given = ", ".join(f"'{name}'" for name in ("owner_id", *_RECORDED))
    op.execute(
        f"create trigger record_access after insert or delete or update of {', '.join(_RECORDED)} "
        f"on notice_channel for each row execute function catalog_record_access({given})"
    )
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    for table in ("notice_delivery", "notice", "notice_channel"):
        op.drop_table(table)
