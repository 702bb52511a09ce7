"""Merge vectors: what a merged recording sounded like goes to the other, and comes back with it.

Revision ID: 202611211700
Revises: 202611211650
"""

from alembic import op

from migrations import vectors

revision = "202611211700"
down_revision = "202611211650"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(vectors.MERGE)
    op.execute(vectors.MERGE_TRIGGER)


def downgrade() -> None:
    op.execute("drop trigger follow_merge on entity")
    op.execute("drop function catalog_follow_merge()")
