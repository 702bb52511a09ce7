"""Record what commands change of who may come in, and give each membership an id.

Revision ID: 202611211050
Revises: 202611211045
"""

import sqlalchemy as sa
from alembic import op

from migrations import access_trail, triggers

revision = "202611211050"
down_revision = "202611211045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("member", sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False))
    op.create_unique_constraint(op.f("uq_member_id"), "member", ["id"])
    for statement in triggers.split(access_trail.FUNCTION):
        op.execute(statement)
    for statement in access_trail.attach():
        op.execute(statement)


def downgrade() -> None:
    for table in access_trail.RECORDED:
        op.execute(f"drop trigger record_access on {table}")
    op.execute("drop function catalog_record_access()")
    op.drop_constraint(op.f("uq_member_id"), "member", type_="unique")
    op.drop_column("member", "id")
