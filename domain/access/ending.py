"""The command that ends a session: one's own, or that of a member."""

from dataclasses import dataclass
from typing import Annotated

from domain.access.revocation import Revocable, revoke
from domain.access.scopes import Access, Scope
from domain.audit import Audit
from domain.command import Outcome, command
from domain.refusals import NotFound, ReferenceMissing
from domain.types import Ref
from domain.work import Work, entity_id


@dataclass(frozen=True, kw_only=True)
class EndSession:
    """The session to end."""

    id: Annotated[str, Ref("session")]


@command(
    scope=Access.SIGNED_IN,
    route="DELETE /sessions/{id}",
    returns="session",
    audit=Audit.OPERATIONS,
    refuses=(NotFound, ReferenceMissing),
)
async def end_session(ask: EndSession, work: Work) -> Outcome:
    """End a session of one's own; with the scope members:manage, one of any member of the organization."""
    viewer = work.viewer
    row = await work.connection.fetchrow(
        "update session set ended_at = coalesce(ended_at, clock_timestamp()) where id = $1 "
        "and (user_id = $2 or (organization_id = $3 and $4)) returning id, expires_at",
        entity_id("session", ask.id, ("id",)),
        viewer.user_id,
        viewer.organization_id,
        viewer.may(Scope.MEMBERS_MANAGE),
    )
    if row is None:
        raise NotFound(f"no session {ask.id} that is yours to end", path=("id",))
    await revoke(work.connection, Revocable.SESSION.of(row["id"]), row["expires_at"])
    return Outcome("session", (row["id"],))
