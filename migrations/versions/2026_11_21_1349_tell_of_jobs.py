"""Tell whoever watches an organization's jobs as soon as one of them changes.

A process that watches holds a shared advisory lock for the organization on the connection it listens on,
so who watches is known without a table that somebody has to tidy. Where nobody watches nothing is told:
transactions that notify commit one after the other, and that is too dear for a flood of jobs.

Revision ID: 202611211349
Revises: 202611211345
"""

from alembic import op

from migrations import triggers

revision = "202611211349"
down_revision = "202611211345"
branch_labels = None
depends_on = None

# What a caller sees of a job. A lease that is kept is no news.
_SEEN = (
    *("lane", "state", "attempts", "history", "progress_done", "progress_total", "progress_text"),
    *("result", "error_code", "error_text", "cancel_asked_at", "run_at", "started_at", "finished_at"),
)
# 20015 is the class of these locks (domain/watching.py); two at once may tell for nothing, which is harmless.
_FUNCTION = """
create or replace function catalog_tell_job() returns trigger language plpgsql as $$
begin
  if pg_try_advisory_lock(20015, hashtext(new.owner_id::text)) then
    perform pg_advisory_unlock(20015, hashtext(new.owner_id::text));
  else
    perform pg_notify('catalograph_job', new.owner_id || ' ' || new.id);
  end if;
  return null;
end $$;
"""


def upgrade() -> None:
    for statement in triggers.split(_FUNCTION):
        op.execute(statement)
    before, after = (", ".join(f"{row}.{name}" for name in _SEEN) for row in ("old", "new"))
    op.execute(
        "create trigger tell_of_new after insert on job for each row execute function catalog_tell_job()"
    )
    op.execute(
        f"create trigger tell_of_change after update of {', '.join(_SEEN)} on job for each row "
        f"when (({before}) is distinct from ({after})) execute function catalog_tell_job()"
    )
    for statement in triggers.split(triggers.GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop trigger tell_of_change on job")
    op.execute("drop trigger tell_of_new on job")
    op.execute("drop function catalog_tell_job()")
