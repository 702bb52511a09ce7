"""Count wrong passwords by e-mail address, so that a lock-out does not tell whether there is an account.

Revision ID: 202611211015
Revises: 202611211000
"""

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "202611211015"
down_revision = "202611211000"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "login_failure",
        sa.Column("email_hash", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column(
            "last_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "locked_until",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("email_hash", name=op.f("pk_login_failure")),
    )
    op.create_index("ix_login_failure_last_at", "login_failure", ["last_at"], unique=False)
    op.drop_column("user_account", "failed_logins")
    op.drop_column("user_account", "locked_until")
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.add_column("user_account", sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "user_account", sa.Column("failed_logins", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.drop_index("ix_login_failure_last_at", table_name="login_failure")
    op.drop_table("login_failure")
