"""Organizations: made by the operator, named by their administrators, on terms that the operator sets."""

import re
import unicodedata
import uuid
from dataclasses import dataclass
from typing import Annotated

from domain.access.giving import name_of
from domain.access.invitations import invite
from domain.access.people import normal_email
from domain.access.revocation import LONGEST_CREDENTIAL, Revocable, revoke
from domain.access.scopes import Role, Scope
from domain.access.tables import TIERS
from domain.audit import Audit
from domain.command import Outcome, command
from domain.refusals import InputInvalid, NotFound, ReferenceMissing, Refusal
from domain.rights.territory import TerritoryUnknown, expand
from domain.types import UNSET, Ref, Unset
from domain.work import Work, entity_id

OrganizationId = Annotated[str, Ref("organization")]
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
REFUSES = (NotFound, ReferenceMissing)


class SlugTaken(Refusal):
    """Another organization has this slug."""

    code = "slug_taken"
    status = 409


@dataclass(frozen=True, kw_only=True)
class CreateOrganization:
    """A tenant to be.

    slug: its name in addresses, made of the name unless said. tier: free, pro or enterprise. territories:
    what a licensee is limited to, by ISO 3166-1 alpha-2 or TIS; no limit unless said. admin_email: whom to
    invite as its first administrator.
    """

    name: str
    slug: str | None = None
    tier: str = "free"
    territories: list[str] | None = None
    admin_email: str | None = None


@dataclass(frozen=True, kw_only=True)
class EditOrganization:
    """The own organization, and what is to be different; what is left out stays.

    enrich_uploads: whether sound that is hung on a recording is analysed by itself.
    """

    id: OrganizationId
    name: str | Unset = UNSET
    enrich_uploads: bool | Unset = UNSET


@dataclass(frozen=True, kw_only=True)
class EditOrganizationTerms:
    """The terms an organization is to be on; what is left out stays, and null territories are no limit."""

    id: OrganizationId
    tier: str | Unset = UNSET
    territories: list[str] | Unset | None = UNSET


@dataclass(frozen=True, kw_only=True)
class FirstInvitation:
    """What opens the first administrator's invitation, told this once."""

    invitation_token: str | None


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="POST /organizations",
    returns="organization",
    audit=Audit.OPERATIONS,
    refuses=(SlugTaken,),
    value=FirstInvitation,
    discloses=True,
)
async def create_organization(ask: CreateOrganization, work: Work) -> Outcome:
    """Make an organization, and invite its first administrator; the token is told once."""
    name = name_of(ask.name)
    slug = slug_of(name) if ask.slug is None else ask.slug
    if not SLUG.fullmatch(slug):
        raise InputInvalid(
            f"slug {slug[:60]!r} can't be one; a to z, 0 to 9 and - between them will do, 63 at most",
            path=("slug",),
        )
    id = await work.connection.fetchval(
        "insert into organization (name, slug, tier, territories) values ($1, $2, $3, $4) "
        "on conflict (slug) do nothing returning id",
        name,
        slug,
        _tier(ask.tier),
        _territories(ask.territories),
    )
    if id is None:
        raise SlugTaken(f"the slug {slug!r} is taken; give another", path=("slug",))
    token = None
    if ask.admin_email is not None:
        email = normal_email(ask.admin_email, path=("admin_email",))
        _, token = await invite(work.connection, id, email, Role.ADMIN, invited_by=work.viewer.actor)
    return Outcome("organization", (id,), value=FirstInvitation(invitation_token=token))


@command(
    scope=Scope.MEMBERS_MANAGE,
    route="PATCH /organizations/{id}",
    returns="organization",
    audit=Audit.OPERATIONS,
    refuses=REFUSES,
)
async def edit_organization(ask: EditOrganization, work: Work) -> Outcome:
    """Rename the own organization, or say whether its uploads are analysed by themselves."""
    id = entity_id("organization", ask.id, ("id",))
    if id != work.viewer.organization_id:
        raise _none(ask.id)
    await work.connection.execute(
        "update organization set name = coalesce($2, name), enrich_uploads = coalesce($3, enrich_uploads) "
        "where id = $1",
        id,
        None if isinstance(ask.name, Unset) else name_of(ask.name),
        None if isinstance(ask.enrich_uploads, Unset) else ask.enrich_uploads,
    )
    return Outcome("organization", (id,))


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="PATCH /organizations/{id}/terms",
    returns="organization",
    audit=Audit.OPERATIONS,
    refuses=REFUSES,
)
async def edit_organization_terms(ask: EditOrganizationTerms, work: Work) -> Outcome:
    """Set any organization's tier and territories; its tokens end, and new ones are on the new terms."""
    id = entity_id("organization", ask.id, ("id",))
    tier = None if isinstance(ask.tier, Unset) else _tier(ask.tier)
    territories = None if isinstance(ask.territories, Unset) else _territories(ask.territories)
    found: uuid.UUID | None = await work.connection.fetchval(
        "update organization set tier = coalesce($2, tier), "
        "territories = case when $3 then $4 else territories end where id = $1 returning id",
        id,
        tier,
        not isinstance(ask.territories, Unset),
        territories,
    )
    if found is None:
        raise _none(ask.id)
    await revoke(work.connection, Revocable.ORGANIZATION.of(id), work.now + LONGEST_CREDENTIAL)
    return Outcome("organization", (id,))


def slug_of(name: str, longest: int = 63) -> str:
    """A slug made of a name, in plain letters and digits: "Björk & Söhne" is bjork-sohne. May be empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:longest].rstrip("-")


def _none(given: str) -> NotFound:
    return NotFound(f"no organization {given}, or it is not for you to change", path=("id",))


def _tier(given: str) -> str:
    if given not in TIERS:
        raise InputInvalid(f"tier {given[:60]!r} is unknown; there are {', '.join(TIERS)}", path=("tier",))
    return given


def _territories(given: list[str] | None) -> list[str] | None:
    """The countries that are meant, sorted; None for no limit. Raises InputInvalid."""
    if given is None:
        return None
    if not given:
        raise InputInvalid("no territory is given; null stands for no limit", path=("territories",))
    for place, code in enumerate(given):
        try:
            expand([code])
        except TerritoryUnknown as error:
            raise InputInvalid(str(error), path=("territories", place)) from None
    return list(expand(given))
