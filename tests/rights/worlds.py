"""Random worlds with many deals, planted by COPY, and the questions asked of them."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.rights.candidates import Licensee
from domain.rights.territory import expand
from tests.rights.reference import ALL_MODELS, ALL_USES, Rows

DAY = timedelta(days=1)
# Instants that deals begin and end at: leap days, turns of years and of the day, and microseconds.
EDGES = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        "2023-12-31T23:59:59.999999",
        "2024-01-01T00:00:00",
        "2024-02-28T00:00:00",
        "2024-02-29T00:00:00",
        "2024-02-29T23:59:59.999999",
        "2024-03-01T00:00:00",
        "2024-06-01T12:00:00",
        "2025-02-28T00:00:00",
        "2025-03-01T00:00:00",
        "2026-01-01T00:00:00",
        "2026-06-30T22:00:00",
        "2028-02-29T00:00:00",
    )
)
INCLUDED = (
    "DE", "FR", "US", "CH", "BQ", "RS", "CZ", "ES-CN", "ES", "AN", "YUCS", "DDDE", "CSHH",
    "Worldwide", "2136", "2124", "2120", "2130", "276", "890", "2134",
)  # fmt: skip
ASKED = ("DE", "FR", "US", "CH", "BQ", "RS", "CZ", "ES-CN", "ES", "XK", "NZ", "JP")
GROUPS = ("Worldwide", "2124", "AN", "YUCS", "2131")
DEAL_COLUMNS = (
    "id", "owner_id", "status", "visibility", "licensee_dpid", "licensee_id", "territories",
    "included_territories", "excluded_territories", "commercial_models", "use_types", "valid_from",
    "valid_until", "pre_order_at", "is_takedown",
)  # fmt: skip


@dataclass
class World:
    """Two owners, two licensees, somebody else, and what they have. everything: the entities, by kind."""

    seed: int
    deals: int = 2_000
    rows: Rows = field(default_factory=Rows)
    everything: list[tuple[str, uuid.UUID]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.owners = (self.id(), self.id())
        self.by_id, self.by_dpid, self.outsider = self.id(), self.id(), self.id()
        self.dpid, self.unproven = (f"PADPIDA{self.chance.randrange(10**10):010}A" for _ in range(2))
        self.rows.proven[self.dpid] = self.by_dpid
        self._catalog()
        for _ in range(self.deals):
            self._deal()
        self.rows.index()

    def id(self) -> uuid.UUID:
        """A new id, the same in every run."""
        return uuid.UUID(int=self.chance.getrandbits(128), version=4)

    def viewer(self, organization: uuid.UUID, territories: tuple[str, ...] | None = None) -> Viewer:
        """Somebody of an organization who may read everything."""
        return Viewer(organization, "user:rights", Role.LABEL_USER, frozenset(Scope), territories=territories)

    def entities(self, kind: str = "") -> list[uuid.UUID]:
        """The ids of a kind, or of all."""
        return [id for of, id in self.everything if kind in ("", of)]

    def _catalog(self) -> None:
        size = max(4, self.deals // 25)
        for kind, count in (("release", size), ("recording", size * 2), ("video", size // 4), ("podcast", 5)):
            for _ in range(count):
                self._entity(kind)
        releases, recordings = self.entities("release"), self.entities("recording")
        videos = self.entities("video")
        for _ in range(size * 4):
            heard = self.chance.random()
            self._entity(
                "track",
                release_id=self.chance.choice(releases),
                recording_id=self.chance.choice(recordings) if heard < 0.8 else None,
                video_id=self.chance.choice(videos) if heard > 0.75 and videos else None,
                position=1,
            )

    def _entity(self, kind: str, **values: Any) -> None:
        states = (("active", 30), ("taken_down", 1), ("draft", 1), ("deleted", 1))
        id = self.id()
        self.rows.entities[id] = {
            "kind": kind,
            "id": id,
            "owner_id": self.chance.choices(self.owners, (6, 1))[0],
            "status": self.chance.choices([s for s, _ in states], [w for _, w in states])[0],
            "visibility": "public",
            "title": f"{kind} {len(self.everything)}",
            **values,
        }
        self.everything.append((kind, id))

    def _deal(self) -> None:
        chance = self.chance
        included = chance.sample(INCLUDED, chance.choice((0, 0, 1, 2, 3, 5)))
        excluded = chance.sample(INCLUDED, chance.choice((1, 2))) if not included else []
        start = chance.choice((None, *EDGES))
        end = chance.choice((None, None, *(edge for edge in EDGES if start is None or edge > start)))
        takedown = chance.random() < 0.06
        whose = chance.random()
        id = self.id()
        self.rows.deals.append(
            {
                "id": id,
                "owner_id": chance.choices(self.owners, (6, 1))[0],
                "status": chance.choices(("active", "draft", "taken_down", "deleted"), (20, 1, 1, 1))[0],
                "visibility": "private",
                "licensee_dpid": (self.dpid if whose < 0.5 else self.unproven) if 0.4 < whose < 0.6 else None,
                "licensee_id": self.by_id if 0.6 < whose < 0.75 else None,
                "territories": list(expand(included, excluded)),
                "included_territories": included,
                "excluded_territories": excluded,
                "commercial_models": chance.sample(ALL_MODELS, chance.choice((0, 1, 2, 2))),
                "use_types": [] if takedown else chance.sample(ALL_USES, chance.choice((0, 1, 2, 3, 5))),
                "valid_from": start,
                "valid_until": end,
                "pre_order_at": start - 30 * DAY if start and chance.random() < 0.3 else None,
                "is_takedown": takedown,
            }
        )
        named = chance.sample(self.everything, chance.choice((1, 1, 2, 3)))
        self.rows.subjects[id] = [subject for _, subject in named]

    def instant(self) -> datetime:
        """One that may be an edge, or just before or after one."""
        edge = self.chance.choice(EDGES)
        return edge + self.chance.choice(
            (timedelta(0), timedelta(0), timedelta(microseconds=-1), timedelta(microseconds=1), 40 * DAY, DAY)
        )

    def licensees(self) -> tuple[Licensee | None, ...]:
        """For whom an owner may ask."""
        return (None, Licensee(self.by_id), Licensee(dpid=self.dpid), Licensee(dpid=self.unproven))

    async def plant(self, connection: Any) -> None:
        """Write the world; the entities in one change set."""
        organizations = (*self.owners, self.by_id, self.by_dpid, self.outsider)
        async with connection.transaction():
            for place, id in enumerate(organizations):
                await connection.execute(
                    "insert into organization (id, name, slug) values ($1, $2, $2)",
                    id,
                    f"{self.seed}-{place}",
                )
            await connection.execute(
                "insert into organization_dpid (id, organization_id, dpid, proven_at) "
                "values ($1, $2, $3, now())",
                self.id(), self.by_dpid, self.dpid,
            )  # fmt: skip
            # Claimed, and proven by nobody.
            await connection.execute(
                "insert into organization_dpid (id, organization_id, dpid) values ($1, $2, $3)",
                self.id(), self.by_dpid, self.unproven,
            )  # fmt: skip
            change_set = self.id()
            await connection.execute(
                "insert into change_set (id, owner_id, actor, door, command) "
                "values ($1, $2, 'user:rights', 'test', 'plant')",
                change_set, self.owners[0],
            )  # fmt: skip
            await connection.execute("select set_config('catalograph.change_set', $1, true)", str(change_set))
            for kind in ("release", "recording", "video", "podcast", "track"):
                rows = [row for row in self.rows.entities.values() if row["kind"] == kind]
                columns = [name for name in rows[0] if name != "kind"] if rows else []
                await _copy(connection, kind, columns, rows)
            await _copy(connection, "deal", DEAL_COLUMNS, self.rows.deals)
            await _copy(
                connection,
                "deal_subject",
                ("deal_id", "position", "subject_id"),
                [
                    {"deal_id": deal, "position": place, "subject_id": subject}
                    for deal, named in self.rows.subjects.items()
                    for place, subject in enumerate(named, 1)
                ],
            )


async def _copy(connection: Any, table: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await connection.copy_records_to_table(
            table, columns=list(columns), records=[tuple(row[name] for name in columns) for row in rows]
        )
