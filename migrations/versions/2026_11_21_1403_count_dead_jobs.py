"""Count dead jobs without reading all that ever ran.

Revision ID: 202611211403
Revises: 202611211349
"""

import sqlalchemy as sa
from alembic import op

revision = "202611211403"
down_revision = "202611211349"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_job_dead", "job", ["owner_id", "lane"], postgresql_where=sa.text("state = 'dead'"))


def downgrade() -> None:
    op.drop_index("ix_job_dead", table_name="job")
