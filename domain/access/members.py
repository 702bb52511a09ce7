"""Members of an organization: invited, given a role, and let go."""

from dataclasses import dataclass
from typing import Annotated, Any

from domain.access.giving import BeyondOwn, expect_own_role, is_operator, role_of
from domain.access.invitations import invite
from domain.access.people import normal_email
from domain.access.revocation import LONGEST_CREDENTIAL, Revocable, revoke
from domain.access.scopes import Role, Scope
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.refusals import NotFound, ReferenceMissing, Refusal
from domain.types import Ref
from domain.work import Work, entity_id

MemberId = Annotated[str, Ref("member")]
REFUSES = (NotFound, ReferenceMissing, BeyondOwn)


class LastAdmin(Refusal):
    """An organization keeps at least one administrator who can log in."""

    code = "last_admin"
    status = 409


class AlreadyMember(Refusal):
    """The person belongs to the organization already."""

    code = "already_member"
    status = 409


class InvitationOver(Refusal):
    """The invitation was accepted already."""

    code = "invitation_accepted"
    status = 409


@dataclass(frozen=True, kw_only=True)
class InviteMember:
    """Whom to invite, and as what."""

    email: str
    role: str = "label_user"


@dataclass(frozen=True, kw_only=True)
class RevokeInvitation:
    """The invitation that is to be good for nothing."""

    id: Annotated[str, Ref("invitation")]


@dataclass(frozen=True, kw_only=True)
class EditMember:
    """A member and the role they are to have."""

    id: MemberId
    role: str


@dataclass(frozen=True, kw_only=True)
class RemoveMember:
    """The member to let go."""

    id: MemberId


@dataclass(frozen=True, kw_only=True)
class InvitationToken:
    """What opens the invitation, told this once: it is to be sent to the person invited."""

    token: str


@command(
    scope=Scope.MEMBERS_MANAGE,
    route="POST /invitations",
    returns="invitation",
    audit=Audit.OPERATIONS,
    refuses=(*REFUSES, AlreadyMember),
    value=InvitationToken,
    discloses=True,
)
async def invite_member(ask: InviteMember, work: Work) -> Outcome:
    """Invite a person; the token is told once and good for 7 days. It takes the place of an earlier one."""
    email, role = normal_email(ask.email), role_of(ask.role)
    own = work.viewer.organization_id
    expect_own_role(work, role, operator=await is_operator(work.connection, own))
    is_member = await work.connection.fetchval(
        "select exists (select from member m join user_account u on u.id = m.user_id "
        "where m.organization_id = $1 and lower(u.email) = lower($2))",
        own,
        email,
    )
    if is_member:
        raise AlreadyMember("the person with this address is a member already", path=("email",))
    id, token = await invite(work.connection, own, email, role, invited_by=work.viewer.actor)
    return Outcome("invitation", (id,), value=InvitationToken(token=token))


@command(
    scope=Scope.MEMBERS_MANAGE,
    route="POST /invitations/{id}/revoke",
    returns="invitation",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(*REFUSES, InvitationOver),
)
async def revoke_invitation(ask: RevokeInvitation, work: Work) -> Outcome:
    """Take an invitation back."""
    row = await work.connection.fetchrow(
        "select id, accepted_at from invitation where id = $1 and organization_id = $2 for update",
        entity_id("invitation", ask.id, ("id",)),
        work.viewer.organization_id,
    )
    if row is None:
        raise NotFound(f"no invitation {ask.id} in your organization", path=("id",))
    if row["accepted_at"] is not None:
        raise InvitationOver("the invitation was accepted; remove the member instead", path=("id",))
    await work.connection.execute(
        "update invitation set revoked_at = coalesce(revoked_at, clock_timestamp()) where id = $1", row["id"]
    )
    return Outcome("invitation", (row["id"],))


@command(
    scope=Scope.MEMBERS_MANAGE,
    route="PATCH /members/{id}",
    returns="member",
    audit=Audit.OPERATIONS,
    refuses=(*REFUSES, LastAdmin),
)
async def edit_member(ask: EditMember, work: Work) -> Outcome:
    """Give a member another role; their tokens end, and new ones carry it."""
    role = role_of(ask.role)
    member = await _hold(work, ask.id)
    if member["role"] == role:
        return Outcome("member", (member["id"],))
    expect_own_role(work, role, operator=await is_operator(work.connection, work.viewer.organization_id))
    await _expect_another_admin(work, member)
    await work.connection.execute("update member set role = $2 where id = $1", member["id"], role)
    await _end_tokens(work, member)
    return Outcome("member", (member["id"],))


@command(
    scope=Scope.MEMBERS_MANAGE,
    route="DELETE /members/{id}",
    returns="member",
    audit=Audit.OPERATIONS,
    refuses=(*REFUSES, LastAdmin),
)
async def remove_member(ask: RemoveMember, work: Work) -> Outcome:
    """Let a member go, with their sessions and tokens for this organization; the account stays theirs."""
    member = await _hold(work, ask.id)
    await _expect_another_admin(work, member)
    await work.connection.execute("delete from member where id = $1", member["id"])
    for table, column in (("session", "ended_at"), ("grant_family", "revoked_at")):
        await work.connection.execute(
            f"update {table} set {column} = clock_timestamp() "
            f"where user_id = $1 and organization_id = $2 and {column} is null",
            member["user_id"],
            member["organization_id"],
        )
    await _end_tokens(work, member)
    return Outcome("member", (member["id"],))


async def _hold(work: Work, given: str) -> Any:
    """A member of the own organization, locked. Raises NotFound.

    The organization is locked first, so that of two last administrators not both can go at once.
    """
    id, own = entity_id("member", given, ("id",)), work.viewer.organization_id
    await work.connection.execute("select from organization where id = $1 for no key update", own)
    row = await work.connection.fetchrow(
        "select id, organization_id, user_id, role from member "
        "where id = $1 and organization_id = $2 for update",
        id,
        own,
    )
    if row is None:
        raise NotFound(f"no member {given} in your organization", path=("id",))
    return row


async def _expect_another_admin(work: Work, member: Any) -> None:
    """Raise LastAdmin where nobody would be left to administer the organization."""
    if member["role"] != Role.ADMIN:
        return
    others = await work.connection.fetchval(
        "select exists (select from member m join user_account u on u.id = m.user_id "
        "where m.organization_id = $1 and m.role = $2 and m.id <> $3 and u.disabled_at is null)",
        member["organization_id"],
        Role.ADMIN,
        member["id"],
    )
    if not others:
        raise LastAdmin(
            "this is the organization's last administrator; make somebody else one first", path=("id",)
        )


async def _end_tokens(work: Work, member: Any) -> None:
    name = Revocable.MEMBER.of(member["organization_id"], member["user_id"])
    await revoke(work.connection, name, work.now + LONGEST_CREDENTIAL)
