"""Keep with each job where the trace stood that asked for it.

Revision ID: 202611211451
Revises: 202611211450
"""

import sqlalchemy as sa
from alembic import op

revision = "202611211451"
down_revision = "202611211450"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("traceparent", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("job", "traceparent")
