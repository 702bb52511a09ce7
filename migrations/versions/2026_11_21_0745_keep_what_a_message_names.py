"""Keep what each message names, so that a newer one can take back; index the feed by owner.

Revision ID: 202611210745
Revises: 202611210700
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611210745"
down_revision = "202611210700"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "release_message",
        sa.Column("names", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.create_index("ix_release_message_names", "release_message", ["names"], postgresql_using="gin")
    op.create_index("ix_change_owner_id_seq", "change", ["owner_id", "seq"])


def downgrade() -> None:
    op.drop_index("ix_change_owner_id_seq", table_name="change")
    op.drop_index("ix_release_message_names", table_name="release_message", postgresql_using="gin")
    op.drop_column("release_message", "names")
