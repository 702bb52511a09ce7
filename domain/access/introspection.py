"""Who is told the schema by introspection. As a file it is open to all: /schema.graphql."""

import json
from enum import StrEnum

from domain.access.scopes import Scope
from domain.access.viewer import Viewer
from domain.ports import Sql

NAME = "introspection"


class Introspection(StrEnum):
    """Everybody who is signed in, administrators of the installation alone, or nobody."""

    SIGNED_IN = "signed_in"
    OPERATOR = "operator"
    OFF = "off"

    def lets(self, viewer: Viewer) -> bool:
        """Whether this caller is told."""
        return self is self.SIGNED_IN or (self is self.OPERATOR and viewer.may(Scope.SYSTEM_ADMIN))


async def read_introspection(sql: Sql) -> Introspection | None:
    """What the system setting says; None where it says nothing that is known here."""
    value = await sql.fetchval("select value::text from system_setting where name = $1", NAME)
    said = json.loads(value) if value is not None else None
    return next((one for one in Introspection if one == said), None)
