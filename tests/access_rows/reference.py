"""What a viewer may see, worked out slowly: plain rows in Python, sets of territories, every path walked.

It shares nothing with the SQL it judges but the names of tables and columns.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from domain.access.viewer import Viewer
from domain.kinds import KINDS
from domain.ports import Sql

Row = Mapping[str, Any]
Path = tuple[uuid.UUID, ...]
BESIDE = ("deal_subject", "artist_credit_name", "recording_work", "organization_dpid")
HANGING = ("image", "credit")


@dataclass
class Rows:
    """Every row of a database that has a say in who sees what, by table."""

    tables: dict[str, list[Row]]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.by_id: dict[uuid.UUID, tuple[str, Row]] = {
            row["id"]: (kind, row) for kind in KINDS for row in self.tables[kind]
        }
        self.named: dict[uuid.UUID, list[Row]] = {}
        for subject in self.tables["deal_subject"]:
            deal = self.by_id[subject["deal_id"]][1]
            self.named.setdefault(subject["subject_id"], []).append(deal)
        self.holders = {
            row["dpid"]: row["organization_id"]
            for row in self.tables["organization_dpid"]
            if row["proven_at"] is not None
        }

    @classmethod
    async def load(cls, sql: Sql) -> "Rows":
        """All of a database."""
        found: dict[str, list[Row]] = {
            table: [dict(row) for row in await sql.fetch(f"select * from {table}")]
            for table in (*KINDS, *BESIDE)
        }
        return cls(found)

    # -- the rule -----------------------------------------------------------------------------------------

    def sees(self, viewer: Viewer, kind: str, row: Row) -> bool:
        """Whether a viewer may see a row of a kind."""
        if row["status"] == "deleted":
            return False
        if row["owner_id"] == viewer.organization_id:
            return True
        if kind == "deal":
            return self._sees_deal(viewer, row)
        public = row["visibility"] == "public"
        if viewer.territories is None and public:
            return True
        if row["status"] == "draft":
            return False
        everyone = viewer.territories is not None and public
        return any(
            self._left(viewer, path, row["owner_id"], everyone=everyone) for path in self._paths(kind, row)
        )

    def _sees_deal(self, viewer: Viewer, deal: Row) -> bool:
        made_with = self._licensee(deal) == viewer.organization_id
        there = viewer.territories is None or bool(set(deal["territories"]) & set(viewer.territories))
        return made_with and deal["status"] == "active" and there

    def _licensee(self, deal: Row) -> uuid.UUID | str | None:
        """An organization, 'everyone', or None for nobody."""
        if deal["licensee_id"] is not None:
            found: uuid.UUID = deal["licensee_id"]
            return found
        return self.holders.get(deal["licensee_dpid"]) if deal["licensee_dpid"] is not None else "everyone"

    def _left(self, viewer: Viewer, path: Path, owner: uuid.UUID, *, everyone: bool) -> set[str]:
        """The territories that deals give along a path, without those that takedowns take."""
        given: set[str] = set()
        taken: set[str] = set()
        for deal in (deal for step in path for deal in self.named.get(step, ())):
            if deal["owner_id"] != owner or not self._in_force(deal):
                continue
            licensee = self._licensee(deal)
            if deal["is_takedown"] and licensee in (viewer.organization_id, "everyone"):
                taken |= set(deal["territories"])
            elif not deal["is_takedown"] and (
                licensee == viewer.organization_id or (everyone and licensee == "everyone")
            ):
                given |= set(deal["territories"])
        left = given - taken
        return left if viewer.territories is None else left & set(viewer.territories)

    def _in_force(self, deal: Row) -> bool:
        begins, ends = deal["valid_from"], deal["valid_until"]
        return (
            deal["status"] == "active"
            and (begins is None or begins <= self.now)
            and (ends is None or self.now < ends)
        )

    # -- what covers what ---------------------------------------------------------------------------------

    def _live(self, id: uuid.UUID | None, owner: uuid.UUID, *kinds: str) -> bool:
        kind, row = self.by_id.get(id, ("", {})) if id else ("", {})
        return kind in kinds and row["owner_id"] == owner and row["status"] not in ("draft", "deleted")

    def _others(self, kind: str, owner: uuid.UUID) -> Iterator[Row]:
        return (row for row in self.tables[kind] if self._live(row["id"], owner, kind))

    def _paths(self, kind: str, row: Row) -> Iterator[Path]:
        """Every way from an entity to what a deal may name for it, itself first."""
        id, owner = row["id"], row["owner_id"]
        if kind == "track":
            yield (id, row["release_id"]) if self._live(row["release_id"], owner, "release") else (id,)
            return
        if kind == "episode":
            yield (id, row["podcast_id"]) if self._live(row["podcast_id"], owner, "podcast") else (id,)
            return
        yield (id,)
        for through, other in self._holders(kind, row):
            for path in self._paths(through, other):
                yield (id, *path)

    def _holders(self, kind: str, row: Row) -> Iterator[tuple[str, Row]]:
        """What an entity is part of, and is covered with."""
        id, owner = row["id"], row["owner_id"]
        if kind == "recording":
            yield from (("track", t) for t in self._others("track", owner) if t["recording_id"] == id)
        elif kind == "work":
            performed = {j["recording_id"] for j in self.tables["recording_work"] if j["work_id"] == id}
            yield from (("recording", x) for x in self._others("recording", owner) if x["id"] in performed)
        elif kind == "artist":
            printed = {
                n["artist_credit_id"] for n in self.tables["artist_credit_name"] if n["artist_id"] == id
            }
            did = {c["subject_id"] for c in self._others("credit", owner) if c["artist_id"] == id}
            for other in ("release", "recording"):
                for x in self._others(other, owner):
                    if x["artist_credit_id"] in printed or x["id"] in did:
                        yield other, x
        elif kind in HANGING and row["subject_id"] is not None:
            of, subject = self.by_id[row["subject_id"]]
            if of not in (*HANGING, "deal") and self._live(subject["id"], owner, of):
                yield of, subject


def visible(rows: Rows, viewer: Viewer, kinds: Sequence[str] = tuple(KINDS)) -> dict[str, set[uuid.UUID]]:
    """By kind: the ids of what a viewer may see."""
    return {kind: {row["id"] for row in rows.tables[kind] if rows.sees(viewer, kind, row)} for kind in kinds}
