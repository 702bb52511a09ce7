"""The types of who may come in: organizations, members, clients and keys. No secret and no hash is bound."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from domain.access.scopes import Access, Scope
from domain.access.tables import ApiKey, Client, Invitation, Member, Organization, OrganizationDpid, Session
from graph.bind import Page, column, expression, graph_type, many, one
from graph.filters import natural, plain_orders

MEMBERS, CLIENTS = Scope.MEMBERS_MANAGE, Scope.CLIENTS_MANAGE


@graph_type(
    of=Organization,
    scope=Access.SIGNED_IN,
    plural="organizations",
    filters=natural("slug", "tier"),
    orders=plain_orders("created_at"),
)
class OrganizationNode:
    """A tenant: it owns content, carries a tier, and is known to partners by its DPIDs.

    One's own; administrators of the system see all. territories: what a licensee is limited to; null is no
    limit. isOperator: whether it runs this installation. enrichUploads: whether sound that is hung on a
    recording is analysed by itself.
    """

    id: strawberry.ID = column()
    name: str = column()
    slug: str = column()
    tier: str = column()
    territories: list[str] | None = column()
    is_operator: bool = column()
    enrich_uploads: bool = column()
    created_at: datetime = column()
    dpids: list["DpidNode"] = many("Dpid", "{t}.organization_id = {p}.id", "{t}.dpid")
    members: Page["MemberNode"] = many(
        "Member", "{t}.organization_id = {p}.id", "{t}.created_at", paged=True, scope=MEMBERS
    )
    clients: Page["ClientNode"] = many(
        "Client", "{t}.organization_id = {p}.id", "{t}.created_at", paged=True, scope=CLIENTS
    )


@graph_type(
    of=OrganizationDpid,
    name="Dpid",
    scope=Access.SIGNED_IN,
    plural="dpids",
    filters=natural("dpid"),
    orders=plain_orders("claimed_at"),
)
class DpidNode:
    """A DDEX party id that an organization claims. It counts from provenAt on, for one organization alone."""

    id: strawberry.ID = column()
    dpid: str = column()
    claimed_at: datetime = column()
    proven_at: datetime | None = column()
    proof: str | None = column()
    confirmed_by: str | None = column()
    organization: "OrganizationNode | None" = one("Organization", "organization_id")


@graph_type(
    of=Member,
    scope=MEMBERS,
    plural="members",
    filters=natural("role"),
    orders=plain_orders("created_at"),
)
class MemberNode:
    """One person's role in the organization. userId: by which the audit trail names them."""

    id: strawberry.ID = column()
    role: str = column()
    user_id: str = column()
    email: str | None = expression("(select u.email from user_account u where u.id = {p}.user_id)")
    display_name: str | None = expression(
        "(select u.display_name from user_account u where u.id = {p}.user_id)"
    )
    is_disabled: bool | None = expression(
        "(select u.disabled_at is not null from user_account u where u.id = {p}.user_id)"
    )
    created_at: datetime = column()
    sessions: list["SessionNode"] = many(
        "Session",
        "{t}.user_id = {p}.user_id and {t}.organization_id = {p}.organization_id "
        "and {t}.ended_at is null and {t}.expires_at > clock_timestamp()",
        "{t}.id",
    )


@graph_type(
    of=Invitation,
    scope=MEMBERS,
    plural="invitations",
    filters=natural("email", "role"),
    orders=plain_orders("created_at", "expires_at"),
)
class InvitationNode:
    """A place in the organization, kept for whoever has the token and the address."""

    id: strawberry.ID = column()
    email: str = column()
    role: str = column()
    invited_by: str = column()
    created_at: datetime = column()
    expires_at: datetime = column()
    accepted_at: datetime | None = column()
    revoked_at: datetime | None = column()


@graph_type(
    of=Client,
    scope=CLIENTS,
    plural="clients",
    filters=natural("name", "role", "auth_method"),
    orders=plain_orders("created_at"),
)
class ClientNode:
    """A program registered with the organization (an OAuth 2 client).

    clientId: what it calls itself at the authorization server (RFC 6749 §2.2). jwks: its public keys.
    previousSecretUntil: how long the secret before the present one is good. pointsPerMinute: its own
    share of the organization's budget, where it has one.
    """

    id: strawberry.ID = column()
    client_id: str = expression("{p}.id::text")
    name: str = column()
    role: str = column()
    scopes: list[str] = column()
    auth_method: str = column()
    redirect_uris: list[str] = column()
    jwks: JSON | None = column()
    points_per_minute: int | None = column()
    previous_secret_until: datetime | None = column()
    created_by: str | None = column()
    created_at: datetime = column()
    revoked_at: datetime | None = column()
    api_keys: list["ApiKeyNode"] = many("ApiKey", "{t}.client_id = {p}.id", "{t}.id")


@graph_type(
    of=ApiKey,
    scope=CLIENTS,
    plural="apiKeys",
    filters=natural("prefix"),
    orders=plain_orders("created_at"),
)
class ApiKeyNode:
    """A long-lived credential of a client. prefix: its public part, by which people tell keys apart."""

    id: strawberry.ID = column()
    name: str = column()
    prefix: str = column()
    scopes: list[str] = column()
    allowed_addresses: list[str] = column()
    expires_at: datetime | None = column()
    last_used_at: datetime | None = column()
    revoked_at: datetime | None = column()
    created_by: str | None = column()
    created_at: datetime = column()
    client: "ClientNode | None" = one("Client", "client_id")


@graph_type(
    of=Session,
    scope=Access.SIGNED_IN,
    plural="sessions",
    orders=plain_orders("created_at", "last_seen_at"),
)
class SessionNode:
    """One log-in of a person: one's own, and with the scope members:manage those of the organization."""

    id: strawberry.ID = column()
    user_id: str = column()
    address: str | None = column()
    user_agent: str | None = column()
    created_at: datetime = column()
    authenticated_at: datetime = column()
    last_seen_at: datetime = column()
    expires_at: datetime = column()
    ended_at: datetime | None = column()
    organization: "OrganizationNode | None" = one("Organization", "organization_id")
