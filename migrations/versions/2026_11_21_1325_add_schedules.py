"""Add when each job of the house is due again.

Revision ID: 202611211325
Revises: 202611211155
"""

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "202611211325"
down_revision = "202611211155"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedule")),
    )
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("schedule")
