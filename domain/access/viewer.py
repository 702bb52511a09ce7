"""Who is asking: frozen, made from a verified credential, handed to every read and command."""

import math
import uuid
from dataclasses import dataclass
from functools import cached_property

from domain.access.revocation import Revocable
from domain.access.scopes import ROLE_SCOPES, Access, Role, Scope


@dataclass(frozen=True)
class Sight:
    """What about a viewer decides how row rules are written. bound: to the territories it is limited to."""

    bound: bool = False


ANYWHERE = Sight()
BOUND = Sight(bound=True)


@dataclass(frozen=True)
class Viewer:
    """The caller of one request.

    organization_id: whose rows are 'own'. actor: the subject of the token, as the audit trail names it.
    client_id: the program it came through. territories: the ISO codes a licensee is limited to, sorted;
    None is no limit. names: what of the credential may be revoked, as `token:…` or `client:…`.
    issued_at, expires_at: seconds since 1970 (UTC).
    """

    organization_id: uuid.UUID
    actor: str
    role: Role
    scopes: frozenset[Scope]
    tier: str = "free"
    client_id: uuid.UUID | None = None
    territories: tuple[str, ...] | None = None
    names: frozenset[str] = frozenset()
    issued_at: float = 0.0
    expires_at: float = math.inf

    def may(self, scope: Scope | Access) -> bool:
        """Whether the token carries the scope and the role allows it; whoever is here is signed in."""
        return isinstance(scope, Access) or (scope in self.scopes and scope in ROLE_SCOPES[self.role])

    @cached_property
    def user_id(self) -> uuid.UUID | None:
        """The account the actor names; None for a program that acts for a person by their consent."""
        if any(name.startswith(Revocable.GRANT.of("")) for name in self.names):
            return None
        try:
            return uuid.UUID(self.actor)
        except ValueError:
            return None

    @property
    def is_bound(self) -> bool:
        """Whether the viewer is limited to territories."""
        return self.territories is not None

    @property
    def sight(self) -> Sight:
        """How row rules are written for this viewer."""
        return BOUND if self.is_bound else ANYWHERE

    @cached_property
    def granted(self) -> tuple[str, ...]:
        """The scopes that count, sorted."""
        return tuple(sorted(scope for scope in self.scopes if self.may(scope)))

    @cached_property
    def shape(self) -> tuple[str, ...]:
        """What of the viewer changes the text of a compiled statement (for plan caches)."""
        return (*self.granted, "bound") if self.is_bound else self.granted
