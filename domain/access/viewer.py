"""Who is asking: frozen, made from a verified token, handed to every read and command."""

import uuid
from dataclasses import dataclass
from functools import cached_property

from domain.access.scopes import ROLE_SCOPES, Role, Scope


@dataclass(frozen=True)
class Viewer:
    """The caller of one request.

    organization_id: whose rows are 'own'. actor: the subject of the token, as the audit trail names it.
    """

    organization_id: uuid.UUID
    actor: str
    role: Role
    scopes: frozenset[Scope]
    tier: str = "free"

    def may(self, scope: Scope) -> bool:
        """Whether the token carries the scope and the role allows it."""
        return scope in self.scopes and scope in ROLE_SCOPES[self.role]

    @cached_property
    def shape(self) -> tuple[str, ...]:
        """What of the viewer changes the text of a compiled statement (for plan caches): the scopes."""
        return tuple(sorted(scope for scope in self.scopes if self.may(scope)))
