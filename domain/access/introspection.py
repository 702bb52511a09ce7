"""Who is told the schema by introspection. As a file it is open to all: /schema.graphql."""

from enum import StrEnum

from domain.access.scopes import Scope
from domain.access.viewer import Viewer


class Introspection(StrEnum):
    """Everybody who is signed in, administrators of the installation alone, or nobody."""

    SIGNED_IN = "signed_in"
    OPERATOR = "operator"
    OFF = "off"

    @classmethod
    def named(cls, text: object) -> "Introspection":
        """The one of that name; signed_in where another version wrote a name that is unknown here."""
        return next((one for one in cls if one == text), cls.SIGNED_IN)

    def lets(self, viewer: Viewer) -> bool:
        """Whether this caller is told."""
        return self is self.SIGNED_IN or (self is self.OPERATOR and viewer.may(Scope.SYSTEM_ADMIN))
