"""Add language models: which there are, their calls and answers, what was decided and what was spent.

Revision ID: 202611211641
Revises: 202611211630
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import triggers

revision = "202611211641"
down_revision = "202611211630"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")
# What the trail records of a tier, before and after.
_BEFORE = ("name", "points_per_minute", "most_file_bytes", "most_kept_bytes", "most_upload_s")
_NEW = ("paid_models", "model_cents_per_day")
_TABLES = ("model_permission", "model_spend", "model_decision", "model_answer", "model_call", "model")


def _id(table: str) -> tuple[Any, ...]:
    return (
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _refers(table: str, column: str, target: str, *, nullable: bool = False) -> tuple[Any, ...]:
    return (
        sa.Column(column, sa.Uuid(), nullable=nullable),
        sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}")),
    )


def _at(name: str, *, nullable: bool = False, now: bool = True) -> "sa.Column[object]":
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=_NOW if now else None, nullable=nullable
    )


def _text(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _micros(name: str, *, default: bool = True) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0") if default else None, nullable=False)


def _flag(name: str) -> "sa.Column[bool]":
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _one_of(table: str, column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return _check(table, column, f"{column} in ({listed})")


def _record(table: str, owner: str, columns: tuple[str, ...]) -> None:
    given = ", ".join(f"'{name}'" for name in (owner, *columns))
    op.execute(
        f"create trigger record_access after insert or delete or update of {', '.join(columns)} "
        f"on {table} for each row execute function catalog_record_access({given})"
    )


def upgrade() -> None:
    op.create_table(
        "model",
        *_id("model"),
        *(_text(name) for name in ("provider", "model", "prompt_version", "code_version", "role")),
        sa.Column("prices", postgresql.JSONB(), nullable=True),
        _at("created_at"),
        _at("role_since"),
        _one_of("model", "provider", ("qwen", "openai", "embedded")),
        _one_of("model", "role", ("champion", "challenger", "fallback", "embedded", "retired")),
        sa.UniqueConstraint(
            "provider", "model", "prompt_version", "code_version", name=op.f("uq_model_version")
        ),
    )
    op.create_index(
        "uq_model_role",
        "model",
        ["role"],
        unique=True,
        postgresql_where=sa.text("role in ('champion', 'challenger')"),
    )
    op.create_table(
        "model_call",
        *_id("model_call"),
        *_refers("model_call", "owner_id", "organization"),
        *_refers("model_call", "model_id", "model"),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        _text("sha256"),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'asked'"), nullable=False),
        _text("reason"),
        _text("error", nullable=True),
        _text("error_text", nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("confidence", sa.Float(53), nullable=True),
        *(
            sa.Column(name, sa.Integer(), nullable=True)
            for name in ("text_tokens", "audio_tokens", "out_tokens")
        ),
        _micros("reserved_micros"),
        _micros("cost_micros"),
        sa.Column("day", sa.Date(), nullable=False),
        _at("asked_at"),
        _at("ended_at", nullable=True, now=False),
        _one_of("model_call", "state", ("asked", "answered", "failed")),
        _check("model_call", "confidence", "confidence >= 0 and confidence <= 1"),
        _check("model_call", "cost_micros", "cost_micros >= 0"),
    )
    op.create_table(
        "model_answer",
        *_id("model_answer"),
        *_refers("model_answer", "owner_id", "organization"),
        *_refers("model_answer", "model_id", "model"),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        _text("sha256"),
        sa.Column("labels", postgresql.JSONB(), nullable=False),
        sa.Column("confidence", sa.Float(53), nullable=False),
        sa.Column("windows", sa.Integer(), nullable=False),
        _flag("served"),
        _text("reason"),
        sa.Column("agreement", sa.Float(53), nullable=True),
        _text("against", nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=False),
        _micros("cost_micros", default=False),
        _at("answered_at"),
        _one_of("model_answer", "against", ("person", "embedded")),
        _check("model_answer", "confidence", "confidence >= 0 and confidence <= 1"),
        _check("model_answer", "agreement", "agreement >= 0 and agreement <= 1"),
        sa.UniqueConstraint(
            "owner_id", "sha256", "model_id", name=op.f("uq_model_answer_owner_id_sha256_model_id")
        ),
    )
    op.create_index("ix_model_answer_subject_id", "model_answer", ["subject_id"])
    op.create_index("ix_model_call_owner_id_id", "model_call", ["owner_id", "id"])
    for table in ("model_call", "model_answer"):
        op.create_index(f"ix_{table}_model_id_id", table, ["model_id", "id"])
    op.create_table(
        "model_decision",
        *_id("model_decision"),
        _text("kind"),
        *_refers("model_decision", "from_id", "model", nullable=True),
        *_refers("model_decision", "to_id", "model"),
        _text("why"),
        sa.Column("evidence", postgresql.JSONB(), nullable=True),
        _text("made_by"),
        _at("made_at"),
        _one_of("model_decision", "kind", ("proposed", "promoted", "rolled_back")),
    )
    op.create_table(
        "model_spend",
        *_refers("model_spend", "owner_id", "organization"),
        sa.Column("day", sa.Date(), nullable=False),
        _micros("reserved_micros"),
        _micros("spent_micros"),
        sa.PrimaryKeyConstraint("owner_id", "day", name=op.f("pk_model_spend")),
        _check("model_spend", "reserved_micros", "reserved_micros >= 0"),
        _check("model_spend", "spent_micros", "spent_micros >= 0"),
    )
    op.create_table(
        "model_permission",
        *_id("model_permission"),
        *_refers("model_permission", "owner_id", "organization"),
        _flag("outside"),
        _flag("private_too"),
        _at("updated_at"),
        sa.UniqueConstraint("owner_id", name=op.f("uq_model_permission_owner_id")),
    )
    _record("model", "", ("provider", "model", "role", "prices"))
    _record("model_permission", "owner_id", ("outside", "private_too"))
    op.add_column("tier", _flag("paid_models"))
    op.add_column(
        "tier",
        sa.Column("model_cents_per_day", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_check_constraint(op.f("ck_tier_model_cents_per_day"), "tier", "model_cents_per_day >= 0")
    op.execute("update tier set paid_models = true, model_cents_per_day = 200 where name = 'pro'")
    op.execute("update tier set paid_models = true, model_cents_per_day = 5000 where name = 'enterprise'")
    op.execute("drop trigger record_access on tier")
    _record("tier", "", (*_BEFORE, *_NEW))
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop trigger record_access on tier")
    for name in _NEW:
        op.drop_column("tier", name)
    _record("tier", "", _BEFORE)
    for table in _TABLES:
        op.drop_table(table)
