"""A small world of two organizations, the same in every run: ids, instants and texts are fixed.

Each kind has a row with every column filled and one with every column empty; texts hold what breaks
carelessly written JSON, LIKE patterns and orderings; rows of both organizations refer to each other.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy.dialects.postgresql import JSONB

from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.ids import encode_id
from domain.tables import metadata

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
FIRST_ID = 0x0195E3A0_0000_7000_8000_000000000000
OURS = uuid.UUID(int=FIRST_ID + 1)
THEIRS = uuid.UUID(int=FIRST_ID + 2)
# Owns nothing; deals of both others open something to it.
PARTNER = uuid.UUID(int=FIRST_ID + 3)
PARTNER_DPID = "PADPIDA2014120301P"

QUOTES = "He said \"no\" \\ it's 'fine' /* -- */ $1 {t} %s"
LINES = "one\ntwo\r\nthree\ttab\x08\x0c\x1f\x7f end"
EMOJI = "Ünïcödé 🎧👩‍🎤 e\u0301 \u2028 ﬁn"
RTL = "\u202bأغنية\u202c שיר"
WILD = "100%_sure\\maybe"
TEXTS = (QUOTES, LINES, EMOJI, RTL, WILD)


def instant(days: float = 0, microseconds: int = 0) -> datetime:
    """An instant some days after the first one."""
    return BEGIN + timedelta(days=days, microseconds=microseconds)


@dataclass
class World:
    """The rows by the names they were planted under, and who may look at them."""

    ids: dict[str, uuid.UUID] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    owners: dict[str, uuid.UUID] = field(default_factory=dict)

    def id(self, name: str) -> str:
        """The global id of a row."""
        return encode_id(self.kinds[name], self.ids[name])

    def named(self, kind: str, *, owner: uuid.UUID | None = None) -> list[str]:
        """The names of the planted rows of a kind."""
        return [n for n, k in self.kinds.items() if k == kind and owner in (None, self.owners.get(n))]


def viewer(
    organization: uuid.UUID = OURS,
    scopes: Sequence[Scope] = tuple(Scope),
    role: Role = Role.LABEL_USER,
    territories: tuple[str, ...] | None = None,
) -> Viewer:
    """Somebody of an organization, limited to territories where some are given."""
    return Viewer(organization, "user:tests", role, frozenset(scopes), territories=territories)


def administrator(organization: uuid.UUID = OURS, *, system: bool = False) -> Viewer:
    """Who administers an organization, or with it the whole installation."""
    scopes = tuple(Scope) if system else tuple(scope for scope in Scope if scope is not Scope.SYSTEM_ADMIN)
    return viewer(organization, scopes, Role.ADMIN)


class Planter:
    """Inserts rows with ids counted up, and remembers them by name."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection
        self.world = World()
        self._counted = 0x100

    def next_id(self) -> uuid.UUID:
        """The next id."""
        self._counted += 1
        return uuid.UUID(int=FIRST_ID + self._counted)

    async def row(self, table: str, /, **values: Any) -> None:
        """Insert one row."""
        columns = metadata.tables[table].columns
        given = [
            json.dumps(value) if isinstance(columns[name].type, JSONB) and value is not None else value
            for name, value in values.items()
        ]
        places = ", ".join(f"${place + 1}" for place in range(len(given)))
        await self.connection.execute(f"insert into {table} ({', '.join(values)}) values ({places})", *given)

    async def plant(self, kind: str, name: str, owner: uuid.UUID = OURS, /, **values: Any) -> uuid.UUID:
        """Insert one row that has an id, under a name."""
        id = self.next_id()
        if "status" in metadata.tables[kind].columns:
            made = instant(self._counted % 7, self._counted)
            values = {"created_at": made, "updated_at": instant(40 - self._counted % 11, 5), **values}
        owned = {"owner_id": owner} if "owner_id" in metadata.tables[kind].columns else {}
        await self.row(kind, id=id, **owned, **values)
        self.world.ids[name], self.world.kinds[name], self.world.owners[name] = id, kind, owner
        return id

    async def credit(self, text: str, *names: tuple[str, uuid.UUID | None, str, str | None]) -> uuid.UUID:
        """Insert an artist credit."""
        id = self.next_id()
        await self.row("artist_credit", id=id, name=text)
        for place, (name, artist_id, join_phrase, role) in enumerate(names):
            await self.row(
                "artist_credit_name",
                artist_credit_id=id,
                position=place + 1,
                name=name,
                artist_id=artist_id,
                join_phrase=join_phrase,
                role=role,
            )
        return id

    async def values(self, name: str) -> None:
        """Several titles, identifiers and annotations of a row, full and bare."""
        of = {"entity_id": self.world.ids[name], "kind": self.world.kinds[name]}
        await self.row(
            "title",
            **of,
            position=1,
            text=f"Other {QUOTES}",
            subtitle=LINES,
            language="de-CH",
            script="Latn",
            type="translated",
            territories=["DE", "CH"],
            is_default=True,
        )
        await self.row("title", **of, position=2, text=RTL, type="display")
        await self.row("identifier", **of, position=1, scheme="proprietary", value=WILD, namespace="PADPIDA1")
        await self.row("identifier", **of, position=2, scheme="proprietary", value=f"{name}-2")
        await self.row("identifier", **of, position=3, scheme="spotify", value=EMOJI)
        await self.row("annotation", **of, position=1, key="mood", value=LINES)
        await self.row("annotation", **of, position=2, key=QUOTES, value="")
