"""Legal holds against what people delete themselves; `due` holds them against what the clock deletes."""

import uuid

from domain.ports import Sql
from domain.refusals import Refusal
from domain.retention import due


class HeldByLaw(Refusal):
    """A legal hold keeps it; the hold has to be released first."""

    code = "legal_hold"
    status = 409


async def no_new_holds(sql: Sql) -> None:
    """Until the transaction ends no hold is placed. Call it before rows are locked, as retention does."""
    await sql.execute(f"select pg_advisory_xact_lock_shared({due.LOCK})")


def organization_held(owner: str) -> str:
    """SQL: whether a hold is on a whole organization. owner: SQL for its id."""
    return (
        "exists (select from legal_hold h where h.released_at is null "
        f"and h.owner_id = {owner} and h.subject_type = 'organization')"
    )


async def expect_free(sql: Sql, owner_id: uuid.UUID, what: str, subjects: str, *values: object) -> None:
    """Raise HeldByLaw where a hold is on the organization, or on an id that `subjects` selects.

    subjects: SQL that gives ids; its values are $2 and on.
    """
    held = await sql.fetchval(
        "select exists (select from legal_hold h where h.released_at is null and h.owner_id = $1 "
        f"and (h.subject_type = 'organization' or h.subject_id in ({subjects})))",
        owner_id,
        *values,
    )
    if held:
        raise HeldByLaw(f"a legal hold keeps {what}; it has to be released first")
