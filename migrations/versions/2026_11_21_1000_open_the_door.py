"""Open the door: what OAuth 2, log-ins, keys, tiers and proven DPIDs stand on.

Revision ID: 202611211000
Revises: 202611210700
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import triggers

revision = "202611211000"
down_revision = "202611210700"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "revocation",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "revoked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_revocation")),
    )
    op.create_index("ix_revocation_revoked_at", "revocation", ["revoked_at"], unique=False)
    op.create_table(
        "system_setting",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_system_setting")),
    )
    op.create_table(
        "tier",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("points_per_minute", sa.Integer(), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("name in ('free', 'pro', 'enterprise')", name=op.f("ck_tier_name")),
        sa.CheckConstraint("points_per_minute > 0", name=op.f("ck_tier_points_per_minute")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tier")),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("invited_by", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role in ('admin', 'label_user', 'api_user', 'service')", name=op.f("ck_invitation_role")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_invitation_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    op.create_index(op.f("ix_invitation_organization_id"), "invitation", ["organization_id"], unique=False)
    op.create_table(
        "organization_dpid",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("dpid", sa.String(), nullable=False),
        sa.Column(
            "claimed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proof", sa.String(), nullable=True),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_organization_dpid_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization_dpid")),
        sa.UniqueConstraint(
            "organization_id", "dpid", name=op.f("uq_organization_dpid_organization_id_dpid")
        ),
    )
    op.create_index(
        op.f("ix_organization_dpid_organization_id"), "organization_dpid", ["organization_id"], unique=False
    )
    op.create_index(
        "uq_organization_dpid_proven",
        "organization_dpid",
        ["dpid"],
        unique=True,
        postgresql_where=sa.text("proven_at is not null"),
    )
    op.create_table(
        "outside_identity",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_outside_identity_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_outside_identity")),
    )
    op.create_index(op.f("ix_outside_identity_user_id"), "outside_identity", ["user_id"], unique=False)
    op.create_table(
        "grant_family",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_grant_family_client_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_grant_family_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_grant_family_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_family")),
    )
    op.create_index(op.f("ix_grant_family_client_id"), "grant_family", ["client_id"], unique=False)
    op.create_index(
        op.f("ix_grant_family_organization_id"), "grant_family", ["organization_id"], unique=False
    )
    op.create_index(op.f("ix_grant_family_user_id"), "grant_family", ["user_id"], unique=False)
    op.create_table(
        "used_assertion",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("jti", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_used_assertion_client_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client_id", "jti", name=op.f("pk_used_assertion")),
    )
    op.create_table(
        "authorization_code",
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("redirect_uri", sa.String(), nullable=False),
        sa.Column("code_challenge", sa.String(), nullable=False),
        sa.Column("nonce", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["family_id"],
            ["grant_family.id"],
            name=op.f("fk_authorization_code_family_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_authorization_code")),
    )
    op.create_index(
        op.f("ix_authorization_code_family_id"), "authorization_code", ["family_id"], unique=False
    )
    op.create_table(
        "refresh_token",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["family_id"], ["grant_family.id"], name=op.f("fk_refresh_token_family_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_token")),
    )
    op.create_index(op.f("ix_refresh_token_family_id"), "refresh_token", ["family_id"], unique=False)
    op.add_column("api_key", sa.Column("name", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("api_key", sa.Column("created_by", sa.String(), nullable=True))
    op.add_column(
        "client",
        sa.Column("auth_method", sa.String(), server_default=sa.text("'client_secret'"), nullable=False),
    )
    op.add_column("client", sa.Column("jwks", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("client", sa.Column("previous_secret_hash", sa.String(), nullable=True))
    op.add_column("client", sa.Column("previous_secret_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("client", sa.Column("points_per_minute", sa.Integer(), nullable=True))
    op.add_column("client", sa.Column("created_by", sa.String(), nullable=True))
    op.drop_column("client", "public_key")
    op.create_check_constraint(
        op.f("ck_client_auth_method"), "client", "auth_method in ('none', 'client_secret', 'private_key_jwt')"
    )
    op.create_check_constraint(op.f("ck_client_points_per_minute"), "client", "points_per_minute > 0")
    op.add_column("organization", sa.Column("territories", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column(
        "organization",
        sa.Column("is_operator", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "uq_organization_operator",
        "organization",
        ["is_operator"],
        unique=True,
        postgresql_where=sa.text("is_operator"),
    )
    op.execute(
        "insert into organization_dpid (organization_id, dpid) select o.id, d from organization o, unnest(o.dpids) d"
    )
    op.drop_column("organization", "dpids")
    op.add_column("session", sa.Column("organization_id", sa.Uuid(), nullable=True))
    op.add_column("session", sa.Column("address", sa.String(), nullable=True))
    op.add_column("session", sa.Column("user_agent", sa.String(), nullable=True))
    op.add_column(
        "session",
        sa.Column(
            "authenticated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
    )
    op.add_column(
        "session",
        sa.Column(
            "last_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
    )
    op.create_index(op.f("ix_session_organization_id"), "session", ["organization_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_session_organization_id"), "session", "organization", ["organization_id"], ["id"]
    )
    op.add_column("user_account", sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "user_account", sa.Column("failed_logins", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("user_account", sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("user_account", sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "insert into tier (name, points_per_minute) values ('free', 1000), ('pro', 10000), ('enterprise', 60000)"
    )
    # The organization that a first run made is the one that runs the installation.
    op.execute("update organization set is_operator = true where slug = 'development'")
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_column("user_account", "disabled_at")
    op.drop_column("user_account", "locked_until")
    op.drop_column("user_account", "failed_logins")
    op.drop_column("user_account", "password_changed_at")
    op.drop_constraint(op.f("fk_session_organization_id"), "session", type_="foreignkey")
    op.drop_index(op.f("ix_session_organization_id"), table_name="session")
    op.drop_column("session", "last_seen_at")
    op.drop_column("session", "authenticated_at")
    op.drop_column("session", "user_agent")
    op.drop_column("session", "address")
    op.drop_column("session", "organization_id")
    op.add_column(
        "organization",
        sa.Column(
            "dpids",
            postgresql.ARRAY(sa.TEXT()),
            server_default=sa.text("'{}'::text[]"),
            autoincrement=False,
            nullable=False,
        ),
    )
    op.execute(
        "update organization o set dpids = coalesce((select array_agg(d.dpid) from organization_dpid d where d.organization_id = o.id), '{}')"
    )
    op.drop_index(
        "uq_organization_operator", table_name="organization", postgresql_where=sa.text("is_operator")
    )
    op.drop_column("organization", "is_operator")
    op.drop_column("organization", "territories")
    op.add_column(
        "client",
        sa.Column("public_key", postgresql.JSONB(astext_type=sa.Text()), autoincrement=False, nullable=True),
    )
    op.drop_column("client", "created_by")
    op.drop_constraint(op.f("ck_client_points_per_minute"), "client", type_="check")
    op.drop_column("client", "points_per_minute")
    op.drop_column("client", "previous_secret_until")
    op.drop_column("client", "previous_secret_hash")
    op.drop_column("client", "jwks")
    op.drop_constraint(op.f("ck_client_auth_method"), "client", type_="check")
    op.drop_column("client", "auth_method")
    op.drop_column("api_key", "created_by")
    op.drop_column("api_key", "name")
    op.drop_index(op.f("ix_refresh_token_family_id"), table_name="refresh_token")
    op.drop_table("refresh_token")
    op.drop_index(op.f("ix_authorization_code_family_id"), table_name="authorization_code")
    op.drop_table("authorization_code")
    op.drop_table("used_assertion")
    op.drop_index(op.f("ix_grant_family_user_id"), table_name="grant_family")
    op.drop_index(op.f("ix_grant_family_organization_id"), table_name="grant_family")
    op.drop_index(op.f("ix_grant_family_client_id"), table_name="grant_family")
    op.drop_table("grant_family")
    op.drop_index(op.f("ix_outside_identity_user_id"), table_name="outside_identity")
    op.drop_table("outside_identity")
    op.drop_index(
        "uq_organization_dpid_proven",
        table_name="organization_dpid",
        postgresql_where=sa.text("proven_at is not null"),
    )
    op.drop_index(op.f("ix_organization_dpid_organization_id"), table_name="organization_dpid")
    op.drop_table("organization_dpid")
    op.drop_index(op.f("ix_invitation_organization_id"), table_name="invitation")
    op.drop_table("invitation")
    op.drop_table("tier")
    op.drop_table("system_setting")
    op.drop_index("ix_revocation_revoked_at", table_name="revocation")
    op.drop_table("revocation")
