"""Who is who at an outside OpenID provider: the issuer's own name for a person, never an address alone."""

import uuid

from domain.ports import Sql
from domain.refusals import Refusal


class IdentityTaken(Refusal):
    """That identity belongs to another account already."""

    code = "identity_taken"
    status = 409


async def account_of_identity(sql: Sql, issuer: str, subject: str) -> uuid.UUID | None:
    """The account that an outside identity logs in to, unless it is disabled."""
    found: uuid.UUID | None = await sql.fetchval(
        "select u.id from outside_identity i join user_account u on u.id = i.user_id "
        "where i.issuer = $1 and i.subject = $2 and u.disabled_at is null",
        issuer,
        subject,
    )
    return found


async def connect_identity(
    sql: Sql, user_id: uuid.UUID, issuer: str, subject: str, email: str | None
) -> None:
    """Let an outside identity log in to an account. Raises IdentityTaken."""
    holder = await sql.fetchval(
        "insert into outside_identity (issuer, subject, user_id, email) values ($1, $2, $3, $4) "
        "on conflict (issuer, subject) do update set user_id = outside_identity.user_id returning user_id",
        issuer,
        subject,
        user_id,
        email,
    )
    if holder != user_id:
        raise IdentityTaken("that identity logs in to another account already")


async def is_connected(sql: Sql, user_id: uuid.UUID, issuer: str) -> bool:
    """Whether an account can be logged in to through a provider."""
    found: bool = await sql.fetchval(
        "select exists (select from outside_identity where user_id = $1 and issuer = $2)", user_id, issuer
    )
    return found


async def disconnect_identity(sql: Sql, user_id: uuid.UUID, issuer: str) -> int:
    """Let nobody at a provider log in to an account any more; gives how many identities that were."""
    rows = await sql.fetch(
        "delete from outside_identity where user_id = $1 and issuer = $2 returning 1", user_id, issuer
    )
    return len(rows)
