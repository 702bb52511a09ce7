"""Open registration: a person makes an account and an organization of their own, where that is allowed."""

import json
import re
import secrets
import unicodedata
import uuid

from domain.access.invitations import make_account
from domain.ports import Sql

OPEN_REGISTRATION = "open_registration"
_SLUG_LENGTH = 40


async def registration_is_open(sql: Sql) -> bool:
    """Whether anybody may register; not unless an administrator of the system said so."""
    value = await sql.fetchval("select value from system_setting where name = $1", OPEN_REGISTRATION)
    return value is not None and json.loads(value) is True


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
    slug = slug_of(name)
    made: uuid.UUID | None = None
    while made is None:
        made = await sql.fetchval(
            "insert into organization (name, slug) values ($1, $2) on conflict (slug) do nothing "
            "returning id",
            name,
            slug,
        )
        slug = f"{slug_of(name)}-{secrets.token_hex(4)}"
    return made


def slug_of(name: str) -> str:
    """A name in the letters of an address: 'Björk & Söhne' is bjork-sohne."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters)[:_SLUG_LENGTH].strip("-") or "organization"
