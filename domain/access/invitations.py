"""Places in organizations: kept for whoever has the token, taken once, by the person they are meant for."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.access.credentials import INVITATION_MARK, hash_of, new_secret
from domain.ports import Sql
from domain.refusals import InputInvalid, NotFound
from domain.row import utc_now

LIVES = timedelta(days=7)


@dataclass(frozen=True)
class Invited:
    """An invitation that can be accepted. account_id: whose it is, if somebody has that address already."""

    id: uuid.UUID
    organization_id: uuid.UUID
    organization_name: str
    email: str
    role: str
    expires_at: datetime
    account_id: uuid.UUID | None


async def invite(
    sql: Sql, organization_id: uuid.UUID, email: str, role: str, *, invited_by: str
) -> tuple[uuid.UUID, str]:
    """A new invitation in the place of an earlier one, in the caller's transaction.

    Gives its id, and its token, which is kept nowhere.
    """
    await sql.execute(
        "update invitation set revoked_at = clock_timestamp() where organization_id = $1 "
        "and lower(email) = lower($2) and accepted_at is null and revoked_at is null",
        organization_id,
        email,
    )
    token = new_secret(INVITATION_MARK)
    id = await sql.fetchval(
        "insert into invitation (organization_id, email, role, token_hash, invited_by, expires_at) "
        "values ($1, $2, $3, $4, $5, $6) returning id",
        organization_id,
        email,
        role,
        hash_of(token),
        invited_by,
        utc_now() + LIVES,
    )
    return id, token


async def organization_named(sql: Sql, given: str) -> uuid.UUID | None:
    """The organization with that slug or id."""
    found: uuid.UUID | None = await sql.fetchval(
        "select id from organization where slug = $1 or id::text = lower($1)", given
    )
    return found


async def find_invitation(sql: Sql, token: str) -> Invited:
    """The invitation of a token. Raises NotFound, saying why it can't be accepted."""
    row = await sql.fetchrow(
        "select i.id, i.organization_id, o.name, i.email, i.role, i.expires_at, u.id as account_id, "
        "i.accepted_at, i.revoked_at, i.expires_at <= clock_timestamp() as is_over "
        "from invitation i join organization o on o.id = i.organization_id "
        "left join user_account u on lower(u.email) = lower(i.email) where i.token_hash = $1",
        hash_of(token),
    )
    if row is None or row["revoked_at"] is not None:
        raise NotFound(
            "there is no such invitation, or it was taken back; ask for a new one", path=("token",)
        )
    if row["accepted_at"] is not None:
        raise NotFound("the invitation was accepted already; log in", path=("token",))
    if row["is_over"]:
        raise NotFound(
            f"the invitation was good until {row['expires_at']:%Y-%m-%d %H:%M} UTC; ask for a new one",
            path=("token",),
        )
    return Invited(
        row["id"],
        row["organization_id"],
        row["name"],
        row["email"],
        row["role"],
        row["expires_at"],
        row["account_id"],
    )


async def accept(sql: Sql, invitation: Invited, user_id: uuid.UUID) -> None:
    """Take the place, inside the caller's transaction. Raises NotFound when somebody was quicker.

    Whoever is a member already stays what they are.
    """
    taken = await sql.fetchval(
        "update invitation set accepted_at = clock_timestamp() where id = $1 and accepted_at is null "
        "and revoked_at is null and expires_at > clock_timestamp() returning id",
        invitation.id,
    )
    if taken is None:
        raise NotFound("the invitation can't be accepted any more; ask for a new one", path=("token",))
    await sql.execute(
        "insert into member (organization_id, user_id, role) values ($1, $2, $3) on conflict do nothing",
        invitation.organization_id,
        user_id,
        invitation.role,
    )


async def make_account(sql: Sql, email: str, display_name: str, password_hash: str | None) -> uuid.UUID:
    """A new person. Raises InputInvalid when the address is taken."""
    made: uuid.UUID | None = await sql.fetchval(
        "insert into user_account (email, display_name, password_hash, password_changed_at) "
        "values ($1, $2, $3, case when $3::varchar is not null then clock_timestamp() end) "
        "on conflict ((lower(email))) do nothing returning id",
        email,
        display_name,
        password_hash,
    )
    if made is None:
        raise InputInvalid(
            "this e-mail address can't be registered; if it is yours, log in with it", path=("email",)
        )
    return made
