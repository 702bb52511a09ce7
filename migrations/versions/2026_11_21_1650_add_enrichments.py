"""Keep what was found in bytes, and what was made of each file; say who wants it made by itself.

Revision ID: 202611211650
Revises: 202611211645
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import triggers

revision = "202611211650"
down_revision = "202611211645"
branch_labels = None
depends_on = None


def _document(name: str, *, nullable: bool = True, default: str | None = None) -> "sa.Column[object]":
    server_default = sa.text(f"'{default}'::jsonb") if default else None
    return sa.Column(
        name, postgresql.JSONB(astext_type=sa.Text()), nullable=nullable, server_default=server_default
    )


def _now(name: str) -> "sa.Column[object]":
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
    )


def upgrade() -> None:
    op.add_column(
        "organization",
        sa.Column("enrich_uploads", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.create_table(
        "sound_part",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        _document("document", nullable=False),
        _now("made_at"),
        sa.PrimaryKeyConstraint("sha256", "part", name=op.f("pk_sound_part")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_sound_part_sha256")),
    )
    op.create_table(
        "enrichment",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        _document("models", nullable=False, default="{}"),
        _document("result"),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        _now("created_at"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrichment")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_enrichment_owner_id")),
        sa.ForeignKeyConstraint(
            ["file_id"], ["file.id"], name=op.f("fk_enrichment_file_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["recording_id"],
            ["recording.id"],
            name=op.f("fk_enrichment_recording_id"),
            ondelete="SET NULL",
        ),
        sa.UniqueConstraint("file_id", "recording_id", name=op.f("uq_enrichment_file_id_recording_id")),
        sa.CheckConstraint(
            "state in ('running', 'done', 'refused', 'failed')", name=op.f("ck_enrichment_state")
        ),
    )
    op.create_index("ix_enrichment_owner_id_id", "enrichment", ["owner_id", "id"])
    op.create_index("ix_enrichment_recording_id", "enrichment", ["recording_id"])
    op.create_index(
        "ix_enrichment_job_id",
        "enrichment",
        ["job_id"],
        postgresql_where=sa.text("state = 'running'"),
    )
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("enrichment")
    op.drop_table("sound_part")
    op.drop_column("organization", "enrich_uploads")
