"""Add files, and how much of them each tier may keep.

Revision ID: 202611211326
Revises: 202611211325
"""

import sqlalchemy as sa
from alembic import op

from migrations import triggers

revision = "202611211326"
down_revision = "202611211325"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")
_KEPT = sa.text("state in ('checking', 'ready', 'quarantined')")
_WORDS = {
    "kind": ("audio", "video", "image", "message", "archive", "other"),
    "state": ("uploading", "checking", "ready", "quarantined", "deleted"),
    "subject_type": ("recording", "video", "image", "release", "delivery"),
}
# What the trail records of a file; when it was touched last is not among it.
_RECORDED = (
    "file_name",
    "state",
    "reason",
    "sha256",
    "size_bytes",
    "media_type",
    "kind",
    "subject_type",
    "subject_id",
    "cover_id",
    "temporary",
    "keep_until",
)
_TIER = ("name", "points_per_minute")
_LIMITS = ("most_file_bytes", "most_kept_bytes", "most_upload_s")


def _at(name: str, *, nullable: bool = True, now: bool = False) -> "sa.Column[object]":
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=_NOW if now else None, nullable=nullable
    )


def _text(name: str, *, nullable: bool = True, default: str | None = None) -> "sa.Column[str]":
    return sa.Column(
        name, sa.String(), server_default=sa.text(f"'{default}'") if default else None, nullable=nullable
    )


def _record(table: str, owner: str, columns: tuple[str, ...]) -> None:
    given = ", ".join(f"'{name}'" for name in (owner, *columns))
    op.execute(
        f"create trigger record_access after insert or delete or update of {', '.join(columns)} "
        f"on {table} for each row execute function catalog_record_access({given})"
    )


def upgrade() -> None:
    op.create_table(
        "file",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        _text("sha256"),
        _text("xxh128"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        _text("media_type"),
        _text("declared_type"),
        _text("kind", nullable=False, default="other"),
        _text("file_name", nullable=False),
        _text("state", nullable=False, default="uploading"),
        _text("reason"),
        _text("reason_text"),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        _text("subject_type"),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("cover_id", sa.Uuid(), nullable=True),
        sa.Column("duplicate_of_id", sa.Uuid(), nullable=True),
        sa.Column("temporary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _at("keep_until"),
        _at("upload_until"),
        _text("created_by"),
        _at("created_at", nullable=False, now=True),
        _at("updated_at", nullable=False, now=True),
        _at("deleted_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.ForeignKeyConstraint(["owner_id"], ["organization.id"], name=op.f("fk_file_owner_id")),
        *(
            sa.ForeignKeyConstraint([name], ["file.id"], name=op.f(f"fk_file_{name}"), ondelete="SET NULL")
            for name in ("cover_id", "duplicate_of_id")
        ),
        *(
            sa.CheckConstraint(f"{name} in {words}", name=op.f(f"ck_file_{name}"))
            for name, words in _WORDS.items()
        ),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_file_size_bytes")),
    )
    op.create_index("ix_file_owner_id_id", "file", ["owner_id", "id"])
    for name in ("subject_id", "sha256", "cover_id", "duplicate_of_id"):
        op.create_index(f"ix_file_{name}", "file", [name])
    op.create_index("uq_file_kept", "file", ["owner_id", "sha256"], unique=True, postgresql_where=_KEPT)
    op.create_index(
        "ix_file_uploading", "file", ["created_at"], postgresql_where=sa.text("state = 'uploading'")
    )
    _record("file", "owner_id", _RECORDED)
    # Whoever still runs the code before this one inserts tiers without these.
    op.add_column(
        "tier",
        sa.Column("most_file_bytes", sa.BigInteger(), server_default=sa.text("536870912"), nullable=False),
    )
    op.add_column(
        "tier",
        sa.Column("most_kept_bytes", sa.BigInteger(), server_default=sa.text("5368709120"), nullable=False),
    )
    op.add_column(
        "tier", sa.Column("most_upload_s", sa.Integer(), server_default=sa.text("3600"), nullable=False)
    )
    op.execute(
        "update tier set most_file_bytes = 4294967296, most_kept_bytes = 107374182400, most_upload_s = 14400 "
        "where name = 'pro'"
    )
    op.execute(
        "update tier set most_file_bytes = 68719476736, most_kept_bytes = 10995116277760, "
        "most_upload_s = 86400 where name = 'enterprise'"
    )
    for name in _LIMITS:
        op.create_check_constraint(op.f(f"ck_tier_{name}"), "tier", f"{name} > 0")
    op.execute("drop trigger record_access on tier")
    _record("tier", "", (*_TIER, *_LIMITS))
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop trigger record_access on tier")
    for name in _LIMITS:
        op.drop_column("tier", name)
    _record("tier", "", _TIER)
    op.drop_table("file")
