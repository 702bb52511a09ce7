"""Give each class of changes its own leaf of each month, and let leaves and deleted entities go in time.

Revision ID: 202611211425
Revises: 202611211410
"""

import sqlalchemy as sa
from alembic import op

from migrations import log_partitions, triggers

revision = "202611211425"
down_revision = "202611211410"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "change_dropped",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("rows", "last_xid", "last_seq", "dropped_xid")
        ),
        sa.Column(
            "dropped_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_change_dropped")),
    )
    for script in (
        log_partitions.MAKE_MONTH,
        log_partitions.ENSURE,
        log_partitions.DROP,
        log_partitions.PURGE,
        log_partitions.CONVERT,
        triggers.GRANTS,
    ):
        for statement in triggers.split(script):
            op.execute(statement)


def downgrade() -> None:
    op.execute("drop function catalog_purge(text, uuid[])")
    op.execute("drop function catalog_drop_changes(timestamptz)")
    for statement in triggers.split(triggers.PARTITIONS):
        op.execute(statement)
    op.execute("drop function catalog_make_month(timestamptz)")
    op.drop_table("change_dropped")
