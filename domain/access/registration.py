"""Open registration: a person makes an account and an organization of their own, where that is allowed."""

import secrets
import uuid

from domain.access.invitations import make_account
from domain.access.organizations import slug_of
from domain.access.settings import read_settings
from domain.ports import Sql


async def registration_is_open(sql: Sql) -> bool:
    """Whether anybody may register; not unless an administrator of the system said so."""
    return (await read_settings(sql)).open_registration is True


async def register(
    sql: Sql, *, email: str, display_name: str, organization_name: str, password_hash: str
) -> uuid.UUID:
    """A new person who administers a new organization; gives the person's id. Raises InputInvalid.

    The organization is an ordinary one of the free tier: administering it is not administering the system.
    """
    async with sql.transaction():
        user_id = await make_account(sql, email, display_name, password_hash)
        organization_id = await _make_organization(sql, organization_name)
        await sql.execute(
            "insert into member (organization_id, user_id, role) values ($1, $2, 'admin')",
            organization_id,
            user_id,
        )
    return user_id


async def _make_organization(sql: Sql, name: str) -> uuid.UUID:
    base = slug_of(name, 40) or "organization"
    slug = base
    made: uuid.UUID | None = None
    while made is None:
        made = await sql.fetchval(
            "insert into organization (name, slug) values ($1, $2) on conflict (slug) do nothing "
            "returning id",
            name,
            slug,
        )
        slug = f"{base}-{secrets.token_hex(4)}"
    return made
