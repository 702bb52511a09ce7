"""Who asked for an export, kept with the job and judged again when it runs.

What was granted then is the most it gets; what the rows of the member, the client and the organization say
now may be less. Who has lost their standing gets nothing.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from domain.access.revocation import is_revoked
from domain.access.scopes import ROLE_SCOPES, Role, Scope
from domain.access.standing import Standing, standing_of_client, standing_of_member
from domain.access.viewer import Viewer
from domain.ports import Sql
from domain.refusals import ScopeMissing

# What ends by itself with the visit that asked, and takes no export with it.
_PASSING = ("token:", "session:")


def kept(viewer: Viewer, at: float) -> dict[str, Any]:
    """The asker as the job keeps it. at: seconds since 1970, by the database's clock."""
    return {
        "actor": viewer.actor,
        "role": viewer.role.value,
        "scopes": list(viewer.granted),
        "tier": viewer.tier,
        "client_id": str(viewer.client_id) if viewer.client_id else None,
        "territories": None if viewer.territories is None else list(viewer.territories),
        "names": sorted(name for name in viewer.names if not name.startswith(_PASSING)),
        "at": at,
    }


async def judged(sql: Sql, organization_id: uuid.UUID, asker: Mapping[str, Any]) -> Viewer:
    """The asker as they stand now. Raises ScopeMissing for whom there is no standing any more."""
    actor, names = str(asker["actor"]), list(asker["names"])
    client_id = uuid.UUID(asker["client_id"]) if asker["client_id"] else None
    user_id = _uuid(actor)
    standings: list[Standing | None] = []
    if client_id is not None:
        standing = await standing_of_client(sql, client_id)
        if standing is None and client_id == user_id:
            # A client that acts for itself names itself twice; so does a person's token of the command line.
            standing = await standing_of_member(sql, organization_id, client_id)
        standings.append(standing)
    if user_id is not None and user_id != client_id:
        standings.append(await standing_of_member(sql, organization_id, user_id))
    if not standings:
        # A token of the operator's own making names nobody who has a row; what is revoked by name counts.
        ended = await is_revoked(sql, [name for name in names if name.startswith("member:")], asker["at"])
        standings = [None] if ended else []
    lost = await is_revoked(sql, [name for name in names if name.startswith(("key:", "grant:"))], asker["at"])
    place = await sql.fetchrow("select territories from organization where id = $1", organization_id)
    if lost or place is None or None in standings:
        raise ScopeMissing("who asked for the export may no longer read for this organization")
    role, granted = Role(asker["role"]), {Scope(name) for name in asker["scopes"]}
    scopes = granted & ROLE_SCOPES[role]
    for standing in standings:
        assert standing is not None
        scopes &= standing.scopes
    return Viewer(
        organization_id,
        actor,
        role,
        frozenset(scopes),
        str(asker["tier"]),
        client_id,
        _narrower(asker["territories"], place["territories"]),
    )


def _narrower(then: list[str] | None, now: list[str] | None) -> tuple[str, ...] | None:
    """The territories that both allow; None is no limit."""
    if then is None or now is None:
        limits = then if now is None else now
        return None if limits is None else tuple(sorted(limits))
    return tuple(sorted(set(then) & set(now)))


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
