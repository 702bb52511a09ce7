"""Scopes: what a token may do. Roles are bundles of them."""

from enum import StrEnum


class Scope(StrEnum):
    """One permission, as it stands in a token's `scope` claim (RFC 6749 §3.3)."""

    CATALOG_READ = "catalog:read"
    CATALOG_WRITE = "catalog:write"
    RIGHTS_READ = "rights:read"
    RIGHTS_WRITE = "rights:write"
    DELIVERIES_READ = "deliveries:read"
    DELIVERIES_WRITE = "deliveries:write"
    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    EXPORTS_RUN = "exports:run"
    ENRICHMENT_RUN = "enrichment:run"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    AUDIT_READ = "audit:read"
    MEMBERS_MANAGE = "members:manage"
    CLIENTS_MANAGE = "clients:manage"
    WEBHOOKS_MANAGE = "webhooks:manage"
    NOTICES_READ = "notices:read"
    RETENTION_MANAGE = "retention:manage"
    SYSTEM_ADMIN = "system:admin"
    SYSTEM_METRICS = "system:metrics"


class Access(StrEnum):
    """What is declared where no scope is needed, so that nothing is open by omission."""

    SIGNED_IN = "signed in"
    PUBLIC = "public"


def needs(scope: Scope | Access) -> str:
    """What a caller must bring, as a sentence for descriptions."""
    if isinstance(scope, Scope):
        return f"Needs the scope {scope}."
    return "Needs no scope, only to be signed in." if scope is Access.SIGNED_IN else "Open to everybody."


class Role(StrEnum):
    """Who somebody is in an organization."""

    ADMIN = "admin"
    LABEL_USER = "label_user"
    API_USER = "api_user"
    SERVICE = "service"


_READ = frozenset(
    {
        Scope.CATALOG_READ,
        Scope.RIGHTS_READ,
        Scope.DELIVERIES_READ,
        Scope.FILES_READ,
        Scope.JOBS_READ,
        Scope.AUDIT_READ,
        Scope.NOTICES_READ,
    }
)
_WRITE = frozenset(
    {
        Scope.CATALOG_WRITE,
        Scope.RIGHTS_WRITE,
        Scope.DELIVERIES_WRITE,
        Scope.FILES_WRITE,
        Scope.EXPORTS_RUN,
        Scope.ENRICHMENT_RUN,
        Scope.JOBS_WRITE,
    }
)

# What concerns the installation, and so only its operator.
OF_THE_OPERATOR = frozenset({Scope.SYSTEM_ADMIN, Scope.SYSTEM_METRICS})

# The most a role may hold; a token may carry fewer.
ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    Role.ADMIN: frozenset(Scope),
    Role.LABEL_USER: _READ | _WRITE | {Scope.WEBHOOKS_MANAGE},
    Role.API_USER: _READ | _WRITE,
    Role.SERVICE: _READ | _WRITE,
}


def role_scopes(role: Role, *, operator: bool = False) -> frozenset[Scope]:
    """The most a role may hold in an organization.

    operator: whether it is the organization that runs this installation. Only its administrators have
    the whole system; another organization's administrator has all of that organization.
    """
    return ROLE_SCOPES[role] if operator else ROLE_SCOPES[role] - OF_THE_OPERATOR
