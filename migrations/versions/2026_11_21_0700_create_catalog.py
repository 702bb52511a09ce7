"""Create the catalog: every table, its checks and access paths, and the change triggers.

Revision ID: 202611210700
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from domain.audit import Xid8
from migrations import triggers

revision = "202611210700"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for script in (triggers.UUIDV7, triggers.FOLD):
        for statement in triggers.split(script):
            op.execute(statement)
    op.execute("create sequence change_seq")
    op.create_table(
        "artist_credit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artist_credit")),
    )
    op.create_table(
        "change",
        sa.Column("class", sa.Text(), server_default=sa.text("'catalog'"), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("nextval('change_seq')"), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("change_set_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("version_before", sa.Integer(), nullable=True),
        sa.Column("version_after", sa.Integer(), nullable=True),
        sa.Column("diff", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("op in ('insert', 'update', 'delete')", name=op.f("ck_change_op")),
        sa.PrimaryKeyConstraint("class", "at", "seq", name=op.f("pk_change")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_change_change_set_id", "change", ["change_set_id"], unique=False)
    op.create_index("ix_change_entity_id", "change", ["entity_id", "seq"], unique=False)
    op.create_index("ix_change_owner_id_seq", "change", ["owner_id", "seq"], unique=False)
    op.create_index("ix_change_xid_seq", "change", ["xid", "seq"], unique=False)
    op.create_table(
        "organization",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), server_default=sa.text("'free'"), nullable=False),
        sa.Column("dpids", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("tier in ('free', 'pro', 'enterprise')", name=op.f("ck_organization_tier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
        sa.UniqueConstraint("slug", name=op.f("uq_organization_slug")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("correlation_id", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_waiting", "outbox", ["id"], unique=False, postgresql_where=sa.text("told_at is null")
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
    )
    op.create_index("uq_user_account_email", "user_account", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "artist",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sort_name", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("disambiguation", sa.String(), nullable=True),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("begin_date", sa.String(), nullable=True),
        sa.Column("end_date", sa.String(), nullable=True),
        sa.Column("isni", sa.String(), nullable=True),
        sa.Column("ipi", sa.String(), nullable=True),
        sa.Column("mbid", sa.String(), nullable=True),
        sa.CheckConstraint("begin_date ~ '^\\d{4}(-\\d{2}(-\\d{2})?)?$'", name=op.f("ck_artist_begin_date")),
        sa.CheckConstraint("end_date ~ '^\\d{4}(-\\d{2}(-\\d{2})?)?$'", name=op.f("ck_artist_end_date")),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_artist_status")
        ),
        sa.CheckConstraint(
            "type in ('person', 'group', 'orchestra', 'choir', 'character', 'other')",
            name=op.f("ck_artist_type"),
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_artist_visibility")),
        sa.CheckConstraint("version > 0", name=op.f("ck_artist_version")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_artist_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artist")),
    )
    op.create_index(
        "ix_artist_created_at",
        "artist",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index("ix_artist_ipi", "artist", ["ipi"], unique=False)
    op.create_index("ix_artist_isni", "artist", ["isni"], unique=False)
    op.create_index("ix_artist_mbid", "artist", ["mbid"], unique=False)
    op.create_index(
        "ix_artist_name",
        "artist",
        [sa.literal_column("catalog_fold(name)").label("folded"), "id"],
        unique=False,
        postgresql_ops={"folded": "text_pattern_ops"},
    )
    op.create_index(
        "ix_artist_name_trgm",
        "artist",
        [sa.literal_column("catalog_fold(name)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_artist_name_words",
        "artist",
        [sa.literal_column("to_tsvector('simple'::regconfig, catalog_fold(name))").label("words")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_artist_owner_id_id",
        "artist",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_artist_public",
        "artist",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index(
        "ix_artist_updated_at",
        "artist",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "book",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("isbn", sa.String(), nullable=True),
        sa.Column("artist_credit_id", sa.Uuid(), nullable=True),
        sa.Column("published", sa.String(), nullable=True),
        sa.Column("publisher", sa.String(), nullable=True),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint("published ~ '^\\d{4}(-\\d{2}(-\\d{2})?)?$'", name=op.f("ck_book_published")),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_book_status")
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_book_visibility")),
        sa.CheckConstraint("version > 0", name=op.f("ck_book_version")),
        sa.ForeignKeyConstraint(
            ["artist_credit_id"], ["artist_credit.id"], name=op.f("fk_book_artist_credit_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_book_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_book")),
    )
    op.create_index(op.f("ix_book_artist_credit_id"), "book", ["artist_credit_id"], unique=False)
    op.create_index(
        "ix_book_created_at",
        "book",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index("ix_book_isbn", "book", ["isbn"], unique=False)
    op.create_index(
        "ix_book_owner_id_id",
        "book",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_book_public",
        "book",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index(
        "ix_book_title",
        "book",
        [sa.literal_column("catalog_fold(title)").label("folded"), "id"],
        unique=False,
        postgresql_ops={"folded": "text_pattern_ops"},
    )
    op.create_index(
        "ix_book_title_trgm",
        "book",
        [sa.literal_column("catalog_fold(title)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_book_title_words",
        "book",
        [sa.literal_column("to_tsvector('simple'::regconfig, catalog_fold(title))").label("words")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_book_updated_at",
        "book",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "change_set",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("state", sa.String(), server_default=sa.text("'applied'"), nullable=False),
        sa.Column("reverts_id", sa.Uuid(), nullable=True),
        sa.Column("correlation_id", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state in ('planned', 'applied', 'reverted', 'failed')", name=op.f("ck_change_set_state")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_change_set_owner_id")),
        sa.ForeignKeyConstraint(["reverts_id"], ["change_set.id"], name=op.f("fk_change_set_reverts_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_set")),
    )
    op.create_index("ix_change_set_owner_id_id", "change_set", ["owner_id", "id"], unique=False)
    op.create_index(op.f("ix_change_set_reverts_id"), "change_set", ["reverts_id"], unique=False)
    op.create_table(
        "client",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "redirect_uris", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("public_key", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("secret_hash", sa.String(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "role in ('admin', 'label_user', 'api_user', 'service')", name=op.f("ck_client_role")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_client_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    op.create_index(op.f("ix_client_organization_id"), "client", ["organization_id"], unique=False)
    op.create_table(
        "deal",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("licensor_dpid", sa.String(), nullable=True),
        sa.Column("licensee_dpid", sa.String(), nullable=True),
        sa.Column("licensee_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("territories", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "included_territories",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "excluded_territories",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "commercial_models", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("use_types", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "distribution_channels",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pre_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_display_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("track_listing_display_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cover_art_display_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clip_preview_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("price_type", sa.String(), nullable=True),
        sa.Column("price_amount", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("price_currency", sa.String(), nullable=True),
        sa.Column("is_takedown", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_deal_status")
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_deal_visibility")),
        sa.CheckConstraint("valid_until is null or valid_until > valid_from", name=op.f("ck_deal_period")),
        sa.CheckConstraint("version > 0", name=op.f("ck_deal_version")),
        sa.ForeignKeyConstraint(["licensee_id"], ["organization.id"], name=op.f("fk_deal_licensee_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_deal_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal")),
    )
    op.create_index(
        "ix_deal_created_at",
        "deal",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index("ix_deal_licensee_dpid", "deal", ["licensee_dpid"], unique=False)
    op.create_index(op.f("ix_deal_licensee_id"), "deal", ["licensee_id"], unique=False)
    op.create_index(
        "ix_deal_owner_id_id",
        "deal",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_deal_public",
        "deal",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index("ix_deal_territories", "deal", ["territories"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_deal_updated_at",
        "deal",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_deal_valid",
        "deal",
        ["valid_from", "valid_until"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table(
        "entity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("merged_into_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind in ('artist', 'release', 'track', 'recording', 'work', 'video', 'podcast', 'episode', 'book', 'audiobook', 'deal', 'image', 'credit')",
            name=op.f("ck_entity_kind"),
        ),
        sa.ForeignKeyConstraint(["merged_into_id"], ["entity.id"], name=op.f("fk_entity_merged_into_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_entity_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entity")),
        sa.UniqueConstraint("id", "kind", name=op.f("uq_entity_id_kind")),
    )
    op.create_index(
        "ix_entity_merged_into_id",
        "entity",
        ["merged_into_id"],
        unique=False,
        postgresql_where=sa.text("merged_into_id is not null"),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("response", sa.LargeBinary(), nullable=True),
        sa.Column("change_set_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_idempotency_key_owner_id")),
        sa.PrimaryKeyConstraint("owner_id", "actor", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index("ix_idempotency_key_expires_at", "idempotency_key", ["expires_at"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("unique_key", sa.String(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("lane", sa.String(), server_default=sa.text("'low'"), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column(
            "payload",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "history",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("progress_done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("progress_total", sa.Integer(), nullable=True),
        sa.Column("progress_text", sa.String(), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_text", sa.String(), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("correlation_id", sa.String(), nullable=True),
        sa.Column(
            "run_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("lane in ('high', 'low')", name=op.f("ck_job_lane")),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'failed', 'dead', 'cancelled')", name=op.f("ck_job_state")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_job_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index(
        "ix_job_due",
        "job",
        ["lane", "run_at"],
        unique=False,
        postgresql_where=sa.text("state in ('queued', 'running')"),
    )
    op.create_index("ix_job_owner_id_id", "job", ["owner_id", "id"], unique=False)
    op.create_index("ix_job_subject_id", "job", ["subject_id"], unique=False)
    op.create_index(
        "uq_job_unique_key",
        "job",
        ["kind", "unique_key"],
        unique=True,
        postgresql_where=sa.text("state in ('queued', 'running')"),
    )
    op.create_table(
        "member",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "role in ('admin', 'label_user', 'api_user', 'service')", name=op.f("ck_member_role")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_member_organization_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_member_user_id")),
        sa.PrimaryKeyConstraint("organization_id", "user_id", name=op.f("pk_member")),
    )
    op.create_index(op.f("ix_member_user_id"), "member", ["user_id"], unique=False)
    op.create_table(
        "podcast",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("guid", sa.String(), nullable=True),
        sa.Column("feed_url", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("genres", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("is_explicit", sa.Boolean(), nullable=True),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_podcast_status")
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_podcast_visibility")),
        sa.CheckConstraint("version > 0", name=op.f("ck_podcast_version")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_podcast_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_podcast")),
    )
    op.create_index(
        "ix_podcast_created_at",
        "podcast",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index("ix_podcast_feed_url", "podcast", ["feed_url"], unique=False)
    op.create_index("ix_podcast_guid", "podcast", ["guid"], unique=False)
    op.create_index(
        "ix_podcast_owner_id_id",
        "podcast",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_podcast_public",
        "podcast",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index(
        "ix_podcast_title",
        "podcast",
        [sa.literal_column("catalog_fold(title)").label("folded"), "id"],
        unique=False,
        postgresql_ops={"folded": "text_pattern_ops"},
    )
    op.create_index(
        "ix_podcast_title_trgm",
        "podcast",
        [sa.literal_column("catalog_fold(title)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_podcast_title_words",
        "podcast",
        [sa.literal_column("to_tsvector('simple'::regconfig, catalog_fold(title))").label("words")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_podcast_updated_at",
        "podcast",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "recording",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("version_title", sa.String(), nullable=True),
        sa.Column("artist_credit_id", sa.Uuid(), nullable=True),
        sa.Column("type", sa.String(), server_default=sa.text("'audio'"), nullable=False),
        sa.Column("isrc", sa.String(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("genres", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("recording_date", sa.String(), nullable=True),
        sa.Column("parental_warning", sa.String(), nullable=True),
        sa.Column("p_line_year", sa.Integer(), nullable=True),
        sa.Column("p_line", sa.String(), nullable=True),
        sa.Column("mbid", sa.String(), nullable=True),
        sa.CheckConstraint(
            "parental_warning in ('explicit', 'explicit_content_edited', 'not_explicit', 'no_advice_available', 'unknown')",
            name=op.f("ck_recording_parental_warning"),
        ),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_recording_status")
        ),
        sa.CheckConstraint("type in ('audio', 'live_set', 'dj_mix')", name=op.f("ck_recording_type")),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_recording_visibility")),
        sa.CheckConstraint("duration_ms >= 0", name=op.f("ck_recording_duration_ms")),
        sa.CheckConstraint("version > 0", name=op.f("ck_recording_version")),
        sa.ForeignKeyConstraint(
            ["artist_credit_id"], ["artist_credit.id"], name=op.f("fk_recording_artist_credit_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_recording_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording")),
    )
    op.create_index(op.f("ix_recording_artist_credit_id"), "recording", ["artist_credit_id"], unique=False)
    op.create_index(
        "ix_recording_created_at",
        "recording",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index("ix_recording_genres", "recording", ["genres"], unique=False, postgresql_using="gin")
    op.create_index("ix_recording_isrc", "recording", ["isrc"], unique=False)
    op.create_index(
        "ix_recording_owner_id_id",
        "recording",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_recording_public",
        "recording",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index(
        "ix_recording_title",
        "recording",
        [sa.literal_column("catalog_fold(title)").label("folded"), "id"],
        unique=False,
        postgresql_ops={"folded": "text_pattern_ops"},
    )
    op.create_index(
        "ix_recording_title_trgm",
        "recording",
        [sa.literal_column("catalog_fold(title)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_recording_title_words",
        "recording",
        [sa.literal_column("to_tsvector('simple'::regconfig, catalog_fold(title))").label("words")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_recording_updated_at",
        "recording",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "release",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("version_title", sa.String(), nullable=True),
        sa.Column("artist_credit_id", sa.Uuid(), nullable=True),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("upc", sa.String(), nullable=True),
        sa.Column("grid", sa.String(), nullable=True),
        sa.Column("catalog_number", sa.String(), nullable=True),
        sa.Column("labels", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("genres", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("release_date", sa.String(), nullable=True),
        sa.Column("original_release_date", sa.String(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("parental_warning", sa.String(), nullable=True),
        sa.Column("p_line_year", sa.Integer(), nullable=True),
        sa.Column("p_line", sa.String(), nullable=True),
        sa.Column("c_line_year", sa.Integer(), nullable=True),
        sa.Column("c_line", sa.String(), nullable=True),
        sa.Column("mbid", sa.String(), nullable=True),
        sa.CheckConstraint(
            "original_release_date ~ '^\\d{4}(-\\d{2}(-\\d{2})?)?$'",
            name=op.f("ck_release_original_release_date"),
        ),
        sa.CheckConstraint(
            "parental_warning in ('explicit', 'explicit_content_edited', 'not_explicit', 'no_advice_available', 'unknown')",
            name=op.f("ck_release_parental_warning"),
        ),
        sa.CheckConstraint(
            "release_date ~ '^\\d{4}(-\\d{2}(-\\d{2})?)?$'", name=op.f("ck_release_release_date")
        ),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_release_status")
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_release_visibility")),
        sa.CheckConstraint("version > 0", name=op.f("ck_release_version")),
        sa.ForeignKeyConstraint(
            ["artist_credit_id"], ["artist_credit.id"], name=op.f("fk_release_artist_credit_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_release_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
    )
    op.create_index(op.f("ix_release_artist_credit_id"), "release", ["artist_credit_id"], unique=False)
    op.create_index("ix_release_catalog_number", "release", ["catalog_number"], unique=False)
    op.create_index(
        "ix_release_created_at",
        "release",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index("ix_release_genres", "release", ["genres"], unique=False, postgresql_using="gin")
    op.create_index("ix_release_grid", "release", ["grid"], unique=False)
    op.create_index(
        "ix_release_owner_id_id",
        "release",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_release_public",
        "release",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index(
        "ix_release_release_date",
        "release",
        ["owner_id", sa.literal_column("coalesce(release_date, '')"), "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_release_title",
        "release",
        [sa.literal_column("catalog_fold(title)").label("folded"), "id"],
        unique=False,
        postgresql_ops={"folded": "text_pattern_ops"},
    )
    op.create_index(
        "ix_release_title_trgm",
        "release",
        [sa.literal_column("catalog_fold(title)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_release_title_words",
        "release",
        [sa.literal_column("to_tsvector('simple'::regconfig, catalog_fold(title))").label("words")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index("ix_release_upc", "release", ["upc"], unique=False)
    op.create_index(
        "ix_release_updated_at",
        "release",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_session_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_session_token_hash")),
    )
    op.create_index(op.f("ix_session_user_id"), "session", ["user_id"], unique=False)
    op.create_table(
        "source_policy",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_source_policy_owner_id")),
        sa.PrimaryKeyConstraint("owner_id", "kind", "field", name=op.f("pk_source_policy")),
    )
    op.create_table(
        "video",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("version_title", sa.String(), nullable=True),
        sa.Column("artist_credit_id", sa.Uuid(), nullable=True),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("isrc", sa.String(), nullable=True),
        sa.Column("isan", sa.String(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("genres", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("parental_warning", sa.String(), nullable=True),
        sa.Column("p_line_year", sa.Integer(), nullable=True),
        sa.Column("p_line", sa.String(), nullable=True),
        sa.CheckConstraint(
            "parental_warning in ('explicit', 'explicit_content_edited', 'not_explicit', 'no_advice_available', 'unknown')",
            name=op.f("ck_video_parental_warning"),
        ),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_video_status")
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_video_visibility")),
        sa.CheckConstraint("duration_ms >= 0", name=op.f("ck_video_duration_ms")),
        sa.CheckConstraint("version > 0", name=op.f("ck_video_version")),
        sa.ForeignKeyConstraint(
            ["artist_credit_id"], ["artist_credit.id"], name=op.f("fk_video_artist_credit_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_video_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video")),
    )
    op.create_index(op.f("ix_video_artist_credit_id"), "video", ["artist_credit_id"], unique=False)
    op.create_index(
        "ix_video_created_at",
        "video",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index("ix_video_isan", "video", ["isan"], unique=False)
    op.create_index("ix_video_isrc", "video", ["isrc"], unique=False)
    op.create_index(
        "ix_video_owner_id_id",
        "video",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_video_public",
        "video",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index(
        "ix_video_title",
        "video",
        [sa.literal_column("catalog_fold(title)").label("folded"), "id"],
        unique=False,
        postgresql_ops={"folded": "text_pattern_ops"},
    )
    op.create_index(
        "ix_video_title_trgm",
        "video",
        [sa.literal_column("catalog_fold(title)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_video_title_words",
        "video",
        [sa.literal_column("to_tsvector('simple'::regconfig, catalog_fold(title))").label("words")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_video_updated_at",
        "video",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "work",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("iswc", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("mbid", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_work_status")
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_work_visibility")),
        sa.CheckConstraint("version > 0", name=op.f("ck_work_version")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_work_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work")),
    )
    op.create_index(
        "ix_work_created_at",
        "work",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index("ix_work_iswc", "work", ["iswc"], unique=False)
    op.create_index(
        "ix_work_owner_id_id",
        "work",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_work_public",
        "work",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index(
        "ix_work_title",
        "work",
        [sa.literal_column("catalog_fold(title)").label("folded"), "id"],
        unique=False,
        postgresql_ops={"folded": "text_pattern_ops"},
    )
    op.create_index(
        "ix_work_title_trgm",
        "work",
        [sa.literal_column("catalog_fold(title)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_work_title_words",
        "work",
        [sa.literal_column("to_tsvector('simple'::regconfig, catalog_fold(title))").label("words")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_work_updated_at",
        "work",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "annotation",
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id", "kind"],
            ["entity.id", "entity.kind"],
            name=op.f("fk_annotation_entity_id_kind"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("entity_id", "position", name=op.f("pk_annotation")),
    )
    op.create_index("ix_annotation_key", "annotation", ["key"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "allowed_addresses", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("length(hash) = 64", name=op.f("ck_api_key_hash")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_api_key_client_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_key_prefix")),
    )
    op.create_index(op.f("ix_api_key_client_id"), "api_key", ["client_id"], unique=False)
    op.create_table(
        "artist_credit_name",
        sa.Column("artist_credit_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("artist_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("join_phrase", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("role", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["artist_credit_id"],
            ["artist_credit.id"],
            name=op.f("fk_artist_credit_name_artist_credit_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["artist_id"], ["artist.id"], name=op.f("fk_artist_credit_name_artist_id")),
        sa.PrimaryKeyConstraint("artist_credit_id", "position", name=op.f("pk_artist_credit_name")),
    )
    op.create_index(
        op.f("ix_artist_credit_name_artist_id"), "artist_credit_name", ["artist_id"], unique=False
    )
    op.create_table(
        "audio_feature",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Float(precision=53), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("rivals", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column(
            "measured_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "number is null or (number > '-infinity'::float8 and number < 'infinity'::float8)",
            name=op.f("ck_audio_feature_number"),
        ),
        sa.CheckConstraint("confidence >= 0 and confidence <= 1", name=op.f("ck_audio_feature_confidence")),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_audio_feature_recording_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audio_feature")),
        sa.UniqueConstraint(
            "recording_id",
            "name",
            "model",
            "model_version",
            name=op.f("uq_audio_feature_recording_id_name_model_model_version"),
        ),
    )
    op.create_index("ix_audio_feature_name_number", "audio_feature", ["name", "number"], unique=False)
    op.create_table(
        "audio_file",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=True),
        sa.Column("file_name", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("xxh128", sa.String(), nullable=True),
        sa.Column("codec", sa.String(), nullable=True),
        sa.Column("header_duration_ms", sa.Integer(), nullable=True),
        sa.Column("decoded_duration_ms", sa.Integer(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_audio_file_sha256")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_audio_file_owner_id")),
        sa.ForeignKeyConstraint(["recording_id"], ["recording.id"], name=op.f("fk_audio_file_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audio_file")),
        sa.UniqueConstraint("owner_id", "sha256", name=op.f("uq_audio_file_owner_id_sha256")),
    )
    op.create_index(op.f("ix_audio_file_recording_id"), "audio_file", ["recording_id"], unique=False)
    op.create_table(
        "audiobook",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("isbn", sa.String(), nullable=True),
        sa.Column("book_id", sa.Uuid(), nullable=True),
        sa.Column("artist_credit_id", sa.Uuid(), nullable=True),
        sa.Column("published", sa.String(), nullable=True),
        sa.Column("publisher", sa.String(), nullable=True),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.CheckConstraint("published ~ '^\\d{4}(-\\d{2}(-\\d{2})?)?$'", name=op.f("ck_audiobook_published")),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_audiobook_status")
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_audiobook_visibility")),
        sa.CheckConstraint("duration_ms >= 0", name=op.f("ck_audiobook_duration_ms")),
        sa.CheckConstraint("version > 0", name=op.f("ck_audiobook_version")),
        sa.ForeignKeyConstraint(
            ["artist_credit_id"], ["artist_credit.id"], name=op.f("fk_audiobook_artist_credit_id")
        ),
        sa.ForeignKeyConstraint(["book_id"], ["book.id"], name=op.f("fk_audiobook_book_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_audiobook_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audiobook")),
    )
    op.create_index(op.f("ix_audiobook_artist_credit_id"), "audiobook", ["artist_credit_id"], unique=False)
    op.create_index(op.f("ix_audiobook_book_id"), "audiobook", ["book_id"], unique=False)
    op.create_index(
        "ix_audiobook_created_at",
        "audiobook",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index("ix_audiobook_isbn", "audiobook", ["isbn"], unique=False)
    op.create_index(
        "ix_audiobook_owner_id_id",
        "audiobook",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_audiobook_public",
        "audiobook",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index(
        "ix_audiobook_title",
        "audiobook",
        [sa.literal_column("catalog_fold(title)").label("folded"), "id"],
        unique=False,
        postgresql_ops={"folded": "text_pattern_ops"},
    )
    op.create_index(
        "ix_audiobook_title_trgm",
        "audiobook",
        [sa.literal_column("catalog_fold(title)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_audiobook_title_words",
        "audiobook",
        [sa.literal_column("to_tsvector('simple'::regconfig, catalog_fold(title))").label("words")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_audiobook_updated_at",
        "audiobook",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "credit",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("artist_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("instruments", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_credit_status")
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_credit_visibility")),
        sa.CheckConstraint("version > 0", name=op.f("ck_credit_version")),
        sa.ForeignKeyConstraint(["artist_id"], ["artist.id"], name=op.f("fk_credit_artist_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_credit_owner_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["entity.id"], name=op.f("fk_credit_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit")),
    )
    op.create_index(op.f("ix_credit_artist_id"), "credit", ["artist_id"], unique=False)
    op.create_index(
        "ix_credit_created_at",
        "credit",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_credit_owner_id_id",
        "credit",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_credit_public",
        "credit",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index("ix_credit_subject_id", "credit", ["subject_id", "position", "id"], unique=False)
    op.create_index(
        "ix_credit_updated_at",
        "credit",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "deal_subject",
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deal_id"], ["deal.id"], name=op.f("fk_deal_subject_deal_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["subject_id"], ["entity.id"], name=op.f("fk_deal_subject_subject_id")),
        sa.PrimaryKeyConstraint("deal_id", "position", name=op.f("pk_deal_subject")),
    )
    op.create_index(op.f("ix_deal_subject_subject_id"), "deal_subject", ["subject_id"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'received'"), nullable=False),
        sa.Column("purpose", sa.String(), server_default=sa.text("'apply'"), nullable=False),
        sa.Column("format", sa.String(), nullable=True),
        sa.Column("namespace", sa.String(), nullable=True),
        sa.Column("schema_checked", sa.String(), nullable=True),
        sa.Column("file_name", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sender_dpid", sa.String(), nullable=True),
        sa.Column("recipient_dpid", sa.String(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("message_thread_id", sa.String(), nullable=True),
        sa.Column("message_created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("releases", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("change_set_id", sa.Uuid(), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose in ('apply', 'validate')", name=op.f("ck_delivery_purpose")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_delivery_sha256")),
        sa.CheckConstraint(
            "state in ('received', 'checking', 'applied', 'refused', 'superseded', 'failed', 'checked')",
            name=op.f("ck_delivery_state"),
        ),
        sa.ForeignKeyConstraint(["change_set_id"], ["change_set.id"], name=op.f("fk_delivery_change_set_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_delivery_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_change_set_id"), "delivery", ["change_set_id"], unique=False)
    op.create_index(
        "ix_delivery_message", "delivery", ["owner_id", "sender_dpid", "message_id"], unique=False
    )
    op.create_index("ix_delivery_owner_id_id", "delivery", ["owner_id", "id"], unique=False)
    op.create_index("ix_delivery_owner_id_sha256", "delivery", ["owner_id", "sha256"], unique=False)
    op.create_table(
        "embedding",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("vector", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column(
            "measured_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_embedding_recording_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_embedding")),
        sa.UniqueConstraint(
            "recording_id",
            "model",
            "model_version",
            name=op.f("uq_embedding_recording_id_model_model_version"),
        ),
    )
    op.create_table(
        "episode",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("podcast_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("guid", sa.String(), nullable=True),
        sa.Column("season", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("is_explicit", sa.Boolean(), nullable=True),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_episode_status")
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_episode_visibility")),
        sa.CheckConstraint("duration_ms >= 0", name=op.f("ck_episode_duration_ms")),
        sa.CheckConstraint("version > 0", name=op.f("ck_episode_version")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_episode_owner_id")),
        sa.ForeignKeyConstraint(["podcast_id"], ["podcast.id"], name=op.f("fk_episode_podcast_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_episode")),
    )
    op.create_index(
        "ix_episode_created_at",
        "episode",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index("ix_episode_guid", "episode", ["guid"], unique=False)
    op.create_index(
        "ix_episode_owner_id_id",
        "episode",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index("ix_episode_podcast_id", "episode", ["podcast_id", "id"], unique=False)
    op.create_index(
        "ix_episode_public",
        "episode",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index(
        "ix_episode_title",
        "episode",
        [sa.literal_column("catalog_fold(title)").label("folded"), "id"],
        unique=False,
        postgresql_ops={"folded": "text_pattern_ops"},
    )
    op.create_index(
        "ix_episode_title_trgm",
        "episode",
        [sa.literal_column("catalog_fold(title)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_episode_title_words",
        "episode",
        [sa.literal_column("to_tsvector('simple'::regconfig, catalog_fold(title))").label("words")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_episode_updated_at",
        "episode",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "identifier",
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("namespace", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["entity_id", "kind"],
            ["entity.id", "entity.kind"],
            name=op.f("fk_identifier_entity_id_kind"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("entity_id", "position", name=op.f("pk_identifier")),
    )
    op.create_index("ix_identifier_scheme_value", "identifier", ["scheme", "value", "kind"], unique=False)
    op.create_table(
        "image",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("type", sa.String(), server_default=sa.text("'front_cover'"), nullable=False),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("file_name", sa.String(), nullable=True),
        sa.Column("media_type", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("xxh128", sa.String(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("parental_warning", sa.String(), nullable=True),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_image_sha256")),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_image_status")
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_image_visibility")),
        sa.CheckConstraint("version > 0", name=op.f("ck_image_version")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_image_owner_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["entity.id"], name=op.f("fk_image_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image")),
    )
    op.create_index(
        "ix_image_created_at",
        "image",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_image_owner_id_id",
        "image",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_image_public",
        "image",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index("ix_image_sha256", "image", ["sha256"], unique=False)
    op.create_index(op.f("ix_image_subject_id"), "image", ["subject_id"], unique=False)
    op.create_index(
        "ix_image_updated_at",
        "image",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "medium",
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.CheckConstraint("position > 0", name=op.f("ck_medium_position")),
        sa.ForeignKeyConstraint(
            ["release_id"], ["release.id"], name=op.f("fk_medium_release_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("release_id", "position", name=op.f("pk_medium")),
    )
    op.create_table(
        "recording_work",
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("work_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"],
            ["recording.id"],
            name=op.f("fk_recording_work_recording_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_recording_work_work_id")),
        sa.PrimaryKeyConstraint("recording_id", "position", name=op.f("pk_recording_work")),
    )
    op.create_index(op.f("ix_recording_work_work_id"), "recording_work", ["work_id"], unique=False)
    op.create_table(
        "source_mapping",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entity.id"], name=op.f("fk_source_mapping_entity_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_source_mapping_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_mapping")),
        sa.UniqueConstraint(
            "owner_id", "source", "external_id", name=op.f("uq_source_mapping_owner_id_source_external_id")
        ),
    )
    op.create_index(op.f("ix_source_mapping_entity_id"), "source_mapping", ["entity_id"], unique=False)
    op.create_table(
        "title",
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("subtitle", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("script", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("territories", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "type in ('display', 'formal', 'transliterated', 'translated', 'abbreviated', 'grouping', 'search', 'alias')",
            name=op.f("ck_title_type"),
        ),
        sa.ForeignKeyConstraint(
            ["entity_id", "kind"],
            ["entity.id", "entity.kind"],
            name=op.f("fk_title_entity_id_kind"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("entity_id", "position", name=op.f("pk_title")),
    )
    op.create_index(
        "ix_title_text_trgm",
        "title",
        [sa.literal_column("catalog_fold(text)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_table(
        "video_recording",
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_video_recording_recording_id")
        ),
        sa.ForeignKeyConstraint(
            ["video_id"], ["video.id"], name=op.f("fk_video_recording_video_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("video_id", "position", name=op.f("pk_video_recording")),
    )
    op.create_index(
        op.f("ix_video_recording_recording_id"), "video_recording", ["recording_id"], unique=False
    )
    op.create_table(
        "work_writer",
        sa.Column("work_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("artist_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("ipi", sa.String(), nullable=True),
        sa.Column("share", sa.Float(), nullable=True),
        sa.CheckConstraint("share >= 0 and share <= 100", name=op.f("ck_work_writer_share")),
        sa.ForeignKeyConstraint(["artist_id"], ["artist.id"], name=op.f("fk_work_writer_artist_id")),
        sa.ForeignKeyConstraint(
            ["work_id"], ["work.id"], name=op.f("fk_work_writer_work_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("work_id", "position", name=op.f("pk_work_writer")),
    )
    op.create_index(op.f("ix_work_writer_artist_id"), "work_writer", ["artist_id"], unique=False)
    op.create_table(
        "chapter",
        sa.Column("audiobook_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("start_ms", sa.Integer(), nullable=False),
        sa.Column("end_ms", sa.Integer(), nullable=True),
        sa.CheckConstraint("end_ms is null or end_ms > start_ms", name=op.f("ck_chapter_times")),
        sa.CheckConstraint("start_ms >= 0", name=op.f("ck_chapter_start_ms")),
        sa.ForeignKeyConstraint(
            ["audiobook_id"], ["audiobook.id"], name=op.f("fk_chapter_audiobook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("audiobook_id", "position", name=op.f("pk_chapter")),
    )
    op.create_table(
        "finding",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("fix", sa.String(), nullable=True),
        sa.CheckConstraint(
            "severity in ('fatal', 'error', 'warning', 'info')", name=op.f("ck_finding_severity")
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_finding_delivery_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("delivery_id", "position", name=op.f("pk_finding")),
    )
    op.create_table(
        "release_message",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("release_key", sa.String(), nullable=False),
        sa.Column("message_created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("names", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_release_message_delivery_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_release_message_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_message")),
        sa.UniqueConstraint(
            "owner_id", "sender", "release_key", name=op.f("uq_release_message_owner_id_sender_release_key")
        ),
    )
    op.create_index(op.f("ix_release_message_delivery_id"), "release_message", ["delivery_id"], unique=False)
    op.create_index(
        "ix_release_message_names", "release_message", ["names"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "source_record",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("checksum", sa.String(), nullable=False),
        sa.Column("payload_key", sa.String(), nullable=True),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.Column("claims", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("change_set_id", sa.Uuid(), nullable=True),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_source_record_delivery_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_source_record_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_record")),
        sa.UniqueConstraint(
            "owner_id",
            "source",
            "external_id",
            "version",
            name=op.f("uq_source_record_owner_id_source_external_id_version"),
        ),
    )
    op.create_index("ix_source_record_change_set_id", "source_record", ["change_set_id"], unique=False)
    op.create_index(op.f("ix_source_record_delivery_id"), "source_record", ["delivery_id"], unique=False)
    op.create_table(
        "track",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("medium_position", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("version_title", sa.String(), nullable=True),
        sa.Column("artist_credit_id", sa.Uuid(), nullable=True),
        sa.Column("recording_id", sa.Uuid(), nullable=True),
        sa.Column("video_id", sa.Uuid(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("is_bonus", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_hidden", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "status in ('draft', 'active', 'taken_down', 'deleted')", name=op.f("ck_track_status")
        ),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_track_visibility")),
        sa.CheckConstraint("duration_ms >= 0", name=op.f("ck_track_duration_ms")),
        sa.CheckConstraint("position > 0", name=op.f("ck_track_position")),
        sa.CheckConstraint("version > 0", name=op.f("ck_track_version")),
        sa.ForeignKeyConstraint(
            ["artist_credit_id"], ["artist_credit.id"], name=op.f("fk_track_artist_credit_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_track_owner_id")),
        sa.ForeignKeyConstraint(["recording_id"], ["recording.id"], name=op.f("fk_track_recording_id")),
        sa.ForeignKeyConstraint(
            ["release_id", "medium_position"],
            ["medium.release_id", "medium.position"],
            name=op.f("fk_track_release_id_medium_position"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_track_release_id")),
        sa.ForeignKeyConstraint(["video_id"], ["video.id"], name=op.f("fk_track_video_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_track")),
    )
    op.create_index(op.f("ix_track_artist_credit_id"), "track", ["artist_credit_id"], unique=False)
    op.create_index(
        "ix_track_created_at",
        "track",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_track_owner_id_id",
        "track",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_track_place", "track", ["release_id", "medium_position", "position", "id"], unique=False
    )
    op.create_index(
        "ix_track_public",
        "track",
        ["id"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.create_index(op.f("ix_track_recording_id"), "track", ["recording_id"], unique=False)
    op.create_index(
        "ix_track_title",
        "track",
        [sa.literal_column("catalog_fold(title)").label("folded"), "id"],
        unique=False,
        postgresql_ops={"folded": "text_pattern_ops"},
    )
    op.create_index(
        "ix_track_title_trgm",
        "track",
        [sa.literal_column("catalog_fold(title)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_track_title_words",
        "track",
        [sa.literal_column("to_tsvector('simple'::regconfig, catalog_fold(title))").label("words")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_track_updated_at",
        "track",
        ["owner_id", "updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(op.f("ix_track_video_id"), "track", ["video_id"], unique=False)
    for script in (triggers.CHANGE_FUNCTIONS, triggers.VALUE_FUNCTIONS, triggers.PARTITIONS):
        for statement in triggers.split(script):
            op.execute(statement)
    op.execute("create table change_prest partition of change default")
    op.execute("select catalog_ensure_partitions()")
    for statement in triggers.attach():
        op.execute(statement)
    for script in (triggers.ROLE, triggers.GRANTS):
        for statement in triggers.split(script):
            op.execute(statement)


def downgrade() -> None:
    op.drop_index(op.f("ix_track_video_id"), table_name="track")
    op.drop_index("ix_track_updated_at", table_name="track", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index("ix_track_title_words", table_name="track", postgresql_using="gin")
    op.drop_index(
        "ix_track_title_trgm",
        table_name="track",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_index("ix_track_title", table_name="track", postgresql_ops={"folded": "text_pattern_ops"})
    op.drop_index(op.f("ix_track_recording_id"), table_name="track")
    op.drop_index(
        "ix_track_public",
        table_name="track",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index("ix_track_place", table_name="track")
    op.drop_index("ix_track_owner_id_id", table_name="track", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index("ix_track_created_at", table_name="track", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index(op.f("ix_track_artist_credit_id"), table_name="track")
    op.drop_table("track")
    op.drop_index(op.f("ix_source_record_delivery_id"), table_name="source_record")
    op.drop_index("ix_source_record_change_set_id", table_name="source_record")
    op.drop_table("source_record")
    op.drop_index("ix_release_message_names", table_name="release_message", postgresql_using="gin")
    op.drop_index(op.f("ix_release_message_delivery_id"), table_name="release_message")
    op.drop_table("release_message")
    op.drop_table("finding")
    op.drop_table("chapter")
    op.drop_index(op.f("ix_work_writer_artist_id"), table_name="work_writer")
    op.drop_table("work_writer")
    op.drop_index(op.f("ix_video_recording_recording_id"), table_name="video_recording")
    op.drop_table("video_recording")
    op.drop_index(
        "ix_title_text_trgm",
        table_name="title",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_table("title")
    op.drop_index(op.f("ix_source_mapping_entity_id"), table_name="source_mapping")
    op.drop_table("source_mapping")
    op.drop_index(op.f("ix_recording_work_work_id"), table_name="recording_work")
    op.drop_table("recording_work")
    op.drop_table("medium")
    op.drop_index("ix_image_updated_at", table_name="image", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index(op.f("ix_image_subject_id"), table_name="image")
    op.drop_index("ix_image_sha256", table_name="image")
    op.drop_index(
        "ix_image_public",
        table_name="image",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index("ix_image_owner_id_id", table_name="image", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index("ix_image_created_at", table_name="image", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_table("image")
    op.drop_index("ix_identifier_scheme_value", table_name="identifier")
    op.drop_table("identifier")
    op.drop_index(
        "ix_episode_updated_at", table_name="episode", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_episode_title_words", table_name="episode", postgresql_using="gin")
    op.drop_index(
        "ix_episode_title_trgm",
        table_name="episode",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_index("ix_episode_title", table_name="episode", postgresql_ops={"folded": "text_pattern_ops"})
    op.drop_index(
        "ix_episode_public",
        table_name="episode",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index("ix_episode_podcast_id", table_name="episode")
    op.drop_index(
        "ix_episode_owner_id_id", table_name="episode", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_episode_guid", table_name="episode")
    op.drop_index(
        "ix_episode_created_at", table_name="episode", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_table("episode")
    op.drop_table("embedding")
    op.drop_index("ix_delivery_owner_id_sha256", table_name="delivery")
    op.drop_index("ix_delivery_owner_id_id", table_name="delivery")
    op.drop_index("ix_delivery_message", table_name="delivery")
    op.drop_index(op.f("ix_delivery_change_set_id"), table_name="delivery")
    op.drop_table("delivery")
    op.drop_index(op.f("ix_deal_subject_subject_id"), table_name="deal_subject")
    op.drop_table("deal_subject")
    op.drop_index(
        "ix_credit_updated_at", table_name="credit", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_credit_subject_id", table_name="credit")
    op.drop_index(
        "ix_credit_public",
        table_name="credit",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index(
        "ix_credit_owner_id_id", table_name="credit", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index(
        "ix_credit_created_at", table_name="credit", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index(op.f("ix_credit_artist_id"), table_name="credit")
    op.drop_table("credit")
    op.drop_index(
        "ix_audiobook_updated_at", table_name="audiobook", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_audiobook_title_words", table_name="audiobook", postgresql_using="gin")
    op.drop_index(
        "ix_audiobook_title_trgm",
        table_name="audiobook",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_index("ix_audiobook_title", table_name="audiobook", postgresql_ops={"folded": "text_pattern_ops"})
    op.drop_index(
        "ix_audiobook_public",
        table_name="audiobook",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index(
        "ix_audiobook_owner_id_id", table_name="audiobook", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_audiobook_isbn", table_name="audiobook")
    op.drop_index(
        "ix_audiobook_created_at", table_name="audiobook", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index(op.f("ix_audiobook_book_id"), table_name="audiobook")
    op.drop_index(op.f("ix_audiobook_artist_credit_id"), table_name="audiobook")
    op.drop_table("audiobook")
    op.drop_index(op.f("ix_audio_file_recording_id"), table_name="audio_file")
    op.drop_table("audio_file")
    op.drop_index("ix_audio_feature_name_number", table_name="audio_feature")
    op.drop_table("audio_feature")
    op.drop_index(op.f("ix_artist_credit_name_artist_id"), table_name="artist_credit_name")
    op.drop_table("artist_credit_name")
    op.drop_index(op.f("ix_api_key_client_id"), table_name="api_key")
    op.drop_table("api_key")
    op.drop_index("ix_annotation_key", table_name="annotation")
    op.drop_table("annotation")
    op.drop_index("ix_work_updated_at", table_name="work", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index("ix_work_title_words", table_name="work", postgresql_using="gin")
    op.drop_index(
        "ix_work_title_trgm",
        table_name="work",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_index("ix_work_title", table_name="work", postgresql_ops={"folded": "text_pattern_ops"})
    op.drop_index(
        "ix_work_public",
        table_name="work",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index("ix_work_owner_id_id", table_name="work", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index("ix_work_iswc", table_name="work")
    op.drop_index("ix_work_created_at", table_name="work", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_table("work")
    op.drop_index("ix_video_updated_at", table_name="video", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index("ix_video_title_words", table_name="video", postgresql_using="gin")
    op.drop_index(
        "ix_video_title_trgm",
        table_name="video",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_index("ix_video_title", table_name="video", postgresql_ops={"folded": "text_pattern_ops"})
    op.drop_index(
        "ix_video_public",
        table_name="video",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index("ix_video_owner_id_id", table_name="video", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index("ix_video_isrc", table_name="video")
    op.drop_index("ix_video_isan", table_name="video")
    op.drop_index("ix_video_created_at", table_name="video", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index(op.f("ix_video_artist_credit_id"), table_name="video")
    op.drop_table("video")
    op.drop_table("source_policy")
    op.drop_index(op.f("ix_session_user_id"), table_name="session")
    op.drop_table("session")
    op.drop_index(
        "ix_release_updated_at", table_name="release", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_release_upc", table_name="release")
    op.drop_index("ix_release_title_words", table_name="release", postgresql_using="gin")
    op.drop_index(
        "ix_release_title_trgm",
        table_name="release",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_index("ix_release_title", table_name="release", postgresql_ops={"folded": "text_pattern_ops"})
    op.drop_index(
        "ix_release_release_date", table_name="release", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index(
        "ix_release_public",
        table_name="release",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index(
        "ix_release_owner_id_id", table_name="release", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_release_grid", table_name="release")
    op.drop_index("ix_release_genres", table_name="release", postgresql_using="gin")
    op.drop_index(
        "ix_release_created_at", table_name="release", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_release_catalog_number", table_name="release")
    op.drop_index(op.f("ix_release_artist_credit_id"), table_name="release")
    op.drop_table("release")
    op.drop_index(
        "ix_recording_updated_at", table_name="recording", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_recording_title_words", table_name="recording", postgresql_using="gin")
    op.drop_index(
        "ix_recording_title_trgm",
        table_name="recording",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_index("ix_recording_title", table_name="recording", postgresql_ops={"folded": "text_pattern_ops"})
    op.drop_index(
        "ix_recording_public",
        table_name="recording",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index(
        "ix_recording_owner_id_id", table_name="recording", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_recording_isrc", table_name="recording")
    op.drop_index("ix_recording_genres", table_name="recording", postgresql_using="gin")
    op.drop_index(
        "ix_recording_created_at", table_name="recording", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index(op.f("ix_recording_artist_credit_id"), table_name="recording")
    op.drop_table("recording")
    op.drop_index(
        "ix_podcast_updated_at", table_name="podcast", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_podcast_title_words", table_name="podcast", postgresql_using="gin")
    op.drop_index(
        "ix_podcast_title_trgm",
        table_name="podcast",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_index("ix_podcast_title", table_name="podcast", postgresql_ops={"folded": "text_pattern_ops"})
    op.drop_index(
        "ix_podcast_public",
        table_name="podcast",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index(
        "ix_podcast_owner_id_id", table_name="podcast", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_podcast_guid", table_name="podcast")
    op.drop_index("ix_podcast_feed_url", table_name="podcast")
    op.drop_index(
        "ix_podcast_created_at", table_name="podcast", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_table("podcast")
    op.drop_index(op.f("ix_member_user_id"), table_name="member")
    op.drop_table("member")
    op.drop_index(
        "uq_job_unique_key", table_name="job", postgresql_where=sa.text("state in ('queued', 'running')")
    )
    op.drop_index("ix_job_subject_id", table_name="job")
    op.drop_index("ix_job_owner_id_id", table_name="job")
    op.drop_index("ix_job_due", table_name="job", postgresql_where=sa.text("state in ('queued', 'running')"))
    op.drop_table("job")
    op.drop_index("ix_idempotency_key_expires_at", table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index(
        "ix_entity_merged_into_id",
        table_name="entity",
        postgresql_where=sa.text("merged_into_id is not null"),
    )
    op.drop_table("entity")
    op.drop_index("ix_deal_valid", table_name="deal", postgresql_where=sa.text("status = 'active'"))
    op.drop_index("ix_deal_updated_at", table_name="deal", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index("ix_deal_territories", table_name="deal", postgresql_using="gin")
    op.drop_index(
        "ix_deal_public",
        table_name="deal",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index("ix_deal_owner_id_id", table_name="deal", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index(op.f("ix_deal_licensee_id"), table_name="deal")
    op.drop_index("ix_deal_licensee_dpid", table_name="deal")
    op.drop_index("ix_deal_created_at", table_name="deal", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_table("deal")
    op.drop_index(op.f("ix_client_organization_id"), table_name="client")
    op.drop_table("client")
    op.drop_index(op.f("ix_change_set_reverts_id"), table_name="change_set")
    op.drop_index("ix_change_set_owner_id_id", table_name="change_set")
    op.drop_table("change_set")
    op.drop_index("ix_book_updated_at", table_name="book", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index("ix_book_title_words", table_name="book", postgresql_using="gin")
    op.drop_index(
        "ix_book_title_trgm",
        table_name="book",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_index("ix_book_title", table_name="book", postgresql_ops={"folded": "text_pattern_ops"})
    op.drop_index(
        "ix_book_public",
        table_name="book",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index("ix_book_owner_id_id", table_name="book", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index("ix_book_isbn", table_name="book")
    op.drop_index("ix_book_created_at", table_name="book", postgresql_where=sa.text("status <> 'deleted'"))
    op.drop_index(op.f("ix_book_artist_credit_id"), table_name="book")
    op.drop_table("book")
    op.drop_index(
        "ix_artist_updated_at", table_name="artist", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index(
        "ix_artist_public",
        table_name="artist",
        postgresql_where=sa.text("visibility = 'public' and status <> 'deleted'"),
    )
    op.drop_index(
        "ix_artist_owner_id_id", table_name="artist", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_index("ix_artist_name_words", table_name="artist", postgresql_using="gin")
    op.drop_index(
        "ix_artist_name_trgm",
        table_name="artist",
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_index("ix_artist_name", table_name="artist", postgresql_ops={"folded": "text_pattern_ops"})
    op.drop_index("ix_artist_mbid", table_name="artist")
    op.drop_index("ix_artist_isni", table_name="artist")
    op.drop_index("ix_artist_ipi", table_name="artist")
    op.drop_index(
        "ix_artist_created_at", table_name="artist", postgresql_where=sa.text("status <> 'deleted'")
    )
    op.drop_table("artist")
    op.drop_index("uq_user_account_email", table_name="user_account")
    op.drop_table("user_account")
    op.drop_index("ix_outbox_waiting", table_name="outbox", postgresql_where=sa.text("told_at is null"))
    op.drop_table("outbox")
    op.drop_table("organization")
    op.drop_index("ix_change_xid_seq", table_name="change")
    op.drop_index("ix_change_owner_id_seq", table_name="change")
    op.drop_index("ix_change_entity_id", table_name="change")
    op.drop_index("ix_change_change_set_id", table_name="change")
    op.drop_table("change")
    op.drop_table("artist_credit")
    op.execute("drop sequence change_seq")
    for signature in (
        "catalog_record_insert()",
        "catalog_record_update()",
        "catalog_record_delete()",
        *(f"catalog_record_{table}()" for table in triggers.VALUE_TABLES),
        "catalog_ensure_partitions(int)",
        "catalog_change_set()",
        "catalog_audit_class()",
        "catalog_fold(text)",
    ):
        op.execute(f"drop function {signature}")
    op.execute("alter default privileges in schema public revoke select on tables from catalograph_app")
