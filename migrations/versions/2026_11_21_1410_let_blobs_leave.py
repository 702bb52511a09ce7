"""Remember which blobs are being deleted, so that nobody names one in a row meanwhile.

Revision ID: 202611211410
Revises: 202611211403
"""

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "202611211410"
down_revision = "202611211403"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blob_leaving",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob_leaving")),
    )
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("blob_leaving")
