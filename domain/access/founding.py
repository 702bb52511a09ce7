"""Who runs this installation: named on its own machine, because nobody can be asked before there is one."""

import uuid

from domain.access.giving import name_of
from domain.access.organizations import SLUG, SlugTaken
from domain.access.revocation import LONGEST_CREDENTIAL, Revocable, revoke
from domain.ports import Sql
from domain.refusals import InputInvalid
from domain.row import utc_now


async def found(sql: Sql, slug: str, name: str) -> uuid.UUID:
    """Make an organization on an enterprise's terms. Raises InputInvalid, SlugTaken."""
    if not SLUG.fullmatch(slug):
        raise InputInvalid(f"slug {slug[:60]!r} can't be one; a to z, 0 to 9 and - between them will do")
    id: uuid.UUID | None = await sql.fetchval(
        "insert into organization (name, slug, tier) values ($1, $2, 'enterprise') "
        "on conflict (slug) do nothing returning id",
        name_of(name),
        slug,
    )
    if id is None:
        raise SlugTaken(f"the slug {slug!r} is taken; give another")
    return id


async def name_operator(sql: Sql, id: uuid.UUID) -> str:
    """Make an organization the one operator; gives its slug. Tokens of both, the old one's too, end."""
    before = await sql.fetch("select id from organization where is_operator and id <> $1 for update", id)
    await sql.execute("update organization set is_operator = false where is_operator and id <> $1", id)
    slug: str = await sql.fetchval(
        "update organization set is_operator = true where id = $1 returning slug", id
    )
    for one in (*(row["id"] for row in before), id):
        await revoke(sql, Revocable.ORGANIZATION.of(one), utc_now() + LONGEST_CREDENTIAL)
    return slug
