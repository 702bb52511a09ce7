"""Keep each figure of a recording as a field of its own, and record its changes by its name.

Revision ID: 202611211645
Revises: 202611211641
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import triggers

revision = "202611211645"
down_revision = "202611211641"
branch_labels = None
depends_on = None

# A change of a figure is one of its recording, in the field `features.<name>`: [old, new], so that figures have
# histories of their own and one can be taken back while another has changed since.
RECORD = """
create or replace function catalog_record_audio_feature() returns trigger
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into change (class, change_set_id, owner_id, kind, entity_id, op, version_before, version_after, diff)
    select catalog_audit_class(), catalog_change_set(), r.owner_id, 'recording', r.id, 'update',
           r.version, r.version,
           jsonb_object_agg('features.' || n.name,
                            jsonb_build_array(null, to_jsonb(n) - '{recording_id,name,measured_at}'::text[]))
      from new_rows n join recording r on r.id = n.recording_id group by r.id;
  elsif tg_op = 'DELETE' then
    insert into change (class, change_set_id, owner_id, kind, entity_id, op, version_before, version_after, diff)
    select catalog_audit_class(), catalog_change_set(), r.owner_id, 'recording', r.id, 'update',
           r.version, r.version,
           jsonb_object_agg('features.' || o.name,
                            jsonb_build_array(to_jsonb(o) - '{recording_id,name,measured_at}'::text[], null))
      from old_rows o join recording r on r.id = o.recording_id group by r.id;
  else
    insert into change (class, change_set_id, owner_id, kind, entity_id, op, version_before, version_after, diff)
    select catalog_audit_class(), catalog_change_set(), r.owner_id, 'recording', r.id, 'update',
           r.version, r.version,
           jsonb_object_agg('features.' || n.name,
                            jsonb_build_array(to_jsonb(o) - '{recording_id,name,measured_at}'::text[],
                                              to_jsonb(n) - '{recording_id,name,measured_at}'::text[]))
      from new_rows n join old_rows o using (recording_id, name) join recording r on r.id = n.recording_id
     where to_jsonb(o) - 'measured_at' is distinct from to_jsonb(n) - 'measured_at' group by r.id;
  end if;
  return null;
end $$;
"""
_ROWS = {
    "insert": "referencing new table as new_rows",
    "update": "referencing old table as old_rows new table as new_rows",
    "delete": "referencing old table as old_rows",
}


def upgrade() -> None:
    # Of several models' values for one figure the newest stays.
    op.execute(
        "delete from audio_feature a using audio_feature b "
        "where a.recording_id = b.recording_id and a.name = b.name and a.id < b.id"
    )
    op.drop_constraint("uq_audio_feature_recording_id_name_model_model_version", "audio_feature")
    op.drop_constraint("pk_audio_feature", "audio_feature")
    op.drop_column("audio_feature", "id")
    op.create_primary_key("pk_audio_feature", "audio_feature", ["recording_id", "name"])
    for column in (
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("basis", sa.String(), server_default="measured", nullable=False),
        sa.Column("source", sa.String(), server_default="analysis", nullable=False),
        sa.Column("locked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    ):
        op.add_column("audio_feature", column)
    for name in ("basis", "source"):
        op.alter_column("audio_feature", name, server_default=None)
    op.create_check_constraint(
        op.f("ck_audio_feature_basis"),
        "audio_feature",
        "basis in ('measured', 'heuristic', 'judged', 'said')",
    )
    op.create_index(
        "ix_audio_feature_name_text",
        "audio_feature",
        ["name", "text"],
        postgresql_where=sa.text("text is not null"),
    )
    for statement in triggers.split(RECORD):
        op.execute(statement)
    for event, rows in _ROWS.items():
        op.execute(
            f"create trigger record_{event} after {event} on audio_feature {rows} "
            "for each statement execute function catalog_record_audio_feature()"
        )
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    for event in _ROWS:
        op.execute(f"drop trigger record_{event} on audio_feature")
    op.execute("drop function catalog_record_audio_feature()")
    op.drop_index("ix_audio_feature_name_text", "audio_feature")
    op.drop_constraint("ck_audio_feature_basis", "audio_feature")
    for name in ("locked", "source", "basis", "detail", "reason"):
        op.drop_column("audio_feature", name)
    op.drop_constraint("pk_audio_feature", "audio_feature")
    op.add_column(
        "audio_feature", sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False)
    )
    op.create_primary_key("pk_audio_feature", "audio_feature", ["id"])
    op.create_unique_constraint(
        "uq_audio_feature_recording_id_name_model_model_version",
        "audio_feature",
        ["recording_id", "name", "model", "model_version"],
    )
