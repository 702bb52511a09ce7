"""License rows: what a deal opens to its licensee, and the indexes that find it from either side.

Revision ID: 202611211045
Revises: 202611211015
"""

import sqlalchemy as sa
from alembic import op

from migrations import licences, triggers

revision = "202611211045"
down_revision = "202611211015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With the owner beside the licensee, the owners are found without reading each deal.
    op.drop_index("ix_deal_licensee_id", table_name="deal")
    op.create_index("ix_deal_licensee_id", "deal", ["licensee_id", "owner_id", "id"])
    op.drop_index("ix_deal_licensee_dpid", table_name="deal")
    op.create_index("ix_deal_licensee_dpid", "deal", ["licensee_dpid", "owner_id", "id"])
    op.create_index(
        "ix_deal_everyone",
        "deal",
        ["owner_id", "id"],
        postgresql_where=sa.text("licensee_id is null and licensee_dpid is null"),
    )
    for script in licences.FUNCTIONS:
        for statement in triggers.split(script):
            op.execute(statement)


def downgrade() -> None:
    for signature in licences.SIGNATURES:
        op.execute(f"drop function {signature}")
    op.drop_index("ix_deal_everyone", table_name="deal")
    for name in ("licensee_id", "licensee_dpid"):
        op.drop_index(f"ix_deal_{name}", table_name="deal")
        op.create_index(f"ix_deal_{name}", "deal", [name])
