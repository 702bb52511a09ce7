"""What a member or a client may at most, as the rows have it now: the ground of tokens, sessions and keys."""

import uuid
from dataclasses import dataclass
from typing import Any

from domain.access.scopes import Role, Scope, role_scopes
from domain.ports import Sql, text_of


@dataclass(frozen=True)
class Standing:
    """Where somebody stands in an organization.

    scopes: the most that may be granted. territories: ISO codes the organization is limited to; None is
    no limit. operator: whether the organization runs this installation.
    """

    organization_id: uuid.UUID
    role: Role
    scopes: frozenset[Scope]
    tier: str
    territories: tuple[str, ...] | None
    operator: bool


_ORGANIZATION = "o.id as organization_id, o.tier, o.territories, o.is_operator"


async def standing_of_member(sql: Sql, organization_id: uuid.UUID, user_id: uuid.UUID) -> Standing | None:
    """A person's standing in an organization; None where they are no member or may not log in."""
    row = await sql.fetchrow(
        f"select {_ORGANIZATION}, m.role from member m join organization o on o.id = m.organization_id "
        "join user_account u on u.id = m.user_id "
        "where m.organization_id = $1 and m.user_id = $2 and u.disabled_at is null",
        organization_id,
        user_id,
    )
    return _standing(row) if row else None


async def standing_of_client(sql: Sql, client_id: uuid.UUID) -> Standing | None:
    """A client's own standing, its scopes cut to what its role may; None when it is revoked or absent."""
    row = await sql.fetchrow(
        f"select {_ORGANIZATION}, c.role, c.scopes from client c "
        "join organization o on o.id = c.organization_id where c.id = $1 and c.revoked_at is null",
        client_id,
    )
    return _standing(row, [text_of(scope) for scope in row["scopes"]]) if row else None


def _standing(row: Any, scopes: list[str] | None = None) -> Standing:
    role = Role(text_of(row["role"]))
    most = role_scopes(role, operator=row["is_operator"])
    given = row["territories"]
    return Standing(
        organization_id=row["organization_id"],
        role=role,
        scopes=most if scopes is None else frozenset(scope for scope in most if scope.value in scopes),
        tier=text_of(row["tier"]),
        territories=None if given is None else tuple(sorted(map(text_of, given))),
        operator=row["is_operator"],
    )
