"""Keep vectors of any entity where pgvector finds their neighbours.

Revision ID: 202611211630
Revises: 202611211451
"""

import sqlalchemy as sa
from alembic import op

from migrations import triggers, vectors

revision = "202611211630"
down_revision = "202611211451"
branch_labels = None
depends_on = None

_TABLE = """
create table embedding (
  id uuid default uuidv7() not null constraint pk_embedding primary key,
  entity_id uuid not null,
  kind varchar not null,
  made_of varchar not null constraint ck_embedding_made_of check (made_of in ('sound', 'text')),
  model varchar not null,
  model_version varchar not null,
  dimensions integer not null constraint ck_embedding_dimensions check (dimensions between 1 and 4000),
  vector halfvec,
  reason varchar,
  of_sha256 varchar not null constraint ck_embedding_of_sha256 check (of_sha256 ~ '^[0-9a-f]{64}$'),
  made_at timestamptz default clock_timestamp() not null,
  constraint ck_embedding_vector check (vector_dims(vector) = dimensions),
  constraint ck_embedding_reason check ((vector is null) = (reason is not null)),
  constraint uq_embedding_entity_id_model_model_version unique (entity_id, model, model_version),
  constraint fk_embedding_entity_id_kind foreign key (entity_id, kind)
    references entity (id, kind) on delete cascade
)
"""


def upgrade() -> None:
    op.execute(vectors.EXTENSION)
    # Nothing has ever written the table that stood here.
    op.drop_table("embedding")
    op.execute(_TABLE)
    for made_of, dimensions in (("sound", 400), ("text", 256)):
        op.execute(
            f"create index ix_embedding_{made_of}_{dimensions} on embedding "
            f"using hnsw ((vector::halfvec({dimensions})) halfvec_cosine_ops) "
            f"where made_of = '{made_of}' and dimensions = {dimensions} and vector is not null"
        )
    op.execute(vectors.CAMELOT)
    op.execute(triggers.GRANTS)


def downgrade() -> None:
    # The extension stays: it may be a superuser's, and others may use it.
    op.execute("drop function catalog_camelot(text)")
    op.drop_table("embedding")
    op.create_table(
        "embedding",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("vector", sa.ARRAY(sa.REAL()), nullable=False),
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
