"""Small random worlds: two licensors, a licensee with a proven DPID, an outsider, and deals among them."""

import json
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.ports import Sql

PLACES = ("DE", "FR", "US")
NOW = datetime.now(UTC)
# A table comes after those it refers to.
ORDER = (
    "organization",
    "organization_dpid",
    "artist",
    "artist_credit",
    "artist_credit_name",
    "work",
    "recording",
    "recording_work",
    "video",
    "release",
    "medium",
    "track",
    "podcast",
    "episode",
    "book",
    "audiobook",
    "image",
    "credit",
    "audio_feature",
    "deal",
    "deal_subject",
)


@dataclass
class RandomWorld:
    """Rows by table, not planted yet, and who looks at them."""

    seed: int
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.licensor, self.rival, self.licensee, self.outsider = (self._id() for _ in range(4))
        self.proven = f"PADPIDA{self.chance.randrange(10**10):010}A"

    def _id(self) -> uuid.UUID:
        return uuid.UUID(int=self.chance.getrandbits(128), version=4)

    def add(self, table: str, **values: Any) -> uuid.UUID:
        """One more row; gives its id."""
        id = self._id()
        keyless = ("artist_credit_name", "recording_work", "medium", "deal_subject", "audio_feature")
        self.rows.setdefault(table, []).append(values if table in keyless else {"id": id, **values})
        return id

    def content(self, kind: str, **values: Any) -> uuid.UUID:
        """One more entity, of somebody, in some state."""
        owner = self.chance.choices((self.licensor, self.rival, self.licensee), (6, 2, 1))[0]
        shared = {
            "owner_id": owner,
            "status": self.chance.choices(("active", "taken_down", "draft", "deleted"), (8, 1, 1, 1))[0],
            "visibility": self.chance.choices(("private", "public"), (3, 1))[0],
        }
        label = {"artist": "name", "image": "title", "credit": "name", "deal": "reference"}.get(kind, "title")
        return self.add(kind, **(shared | {label: f"Some {kind} {self.chance.randrange(100)}"} | values))

    def viewers(self) -> dict[str, Viewer]:
        """Everybody who looks: unlimited and bound, licensee, licensor and outsider."""

        def one(organization: uuid.UUID, *territories: str, bound: bool = False) -> Viewer:
            limits = tuple(sorted(territories)) if territories or bound else None
            return Viewer(
                organization, "user:rows", Role.LABEL_USER, frozenset(Scope), "free", territories=limits
            )

        return {
            "licensor": one(self.licensor),
            "licensee": one(self.licensee),
            "licensee in DE": one(self.licensee, "DE"),
            "licensee in FR and US": one(self.licensee, "FR", "US"),
            "licensee nowhere": one(self.licensee, bound=True),
            "outsider": one(self.outsider),
            "outsider in DE": one(self.outsider, "DE"),
        }


def a_world(seed: int) -> RandomWorld:
    """The world of a seed: the same rows in every run."""
    world = RandomWorld(seed)
    chance = world.chance
    for id, name in (
        (world.licensor, "licensor"),
        (world.rival, "rival"),
        (world.licensee, "licensee"),
        (world.outsider, "outsider"),
    ):
        world.rows.setdefault("organization", []).append(
            {"id": id, "name": name, "slug": f"{name}-{seed}", "tier": "free", "is_operator": False}
        )
    at = NOW - timedelta(days=1)
    world.add(
        "organization_dpid", organization_id=world.licensee, dpid=world.proven, claimed_at=at, proven_at=at
    )
    # Claimed by both, proven by nobody.
    for organization in (world.licensee, world.outsider):
        world.add("organization_dpid", organization_id=organization, dpid="PADPIDA0000000000C", claimed_at=at)
    _catalog(world)
    subjects = [row["id"] for kind in SUBJECTS for row in world.rows.get(kind, [])]
    for _ in range(chance.randrange(1, 9)):
        _deal(world, subjects)
    return world


SUBJECTS = (
    "artist",
    "work",
    "recording",
    "video",
    "release",
    "track",
    "podcast",
    "episode",
    "book",
    "audiobook",
    "image",
    "credit",
)


def _catalog(world: RandomWorld) -> None:
    chance = world.chance

    def some(*names: str) -> uuid.UUID:
        found: uuid.UUID = chance.choice([row["id"] for name in names for row in world.rows[name]])
        return found

    for _ in range(4):
        world.content("artist")
    for place in range(3):
        credit = world.add("artist_credit", name=f"Credit {place}")
        named = {"position": 1, "name": "A", "artist_id": some("artist")}
        world.add("artist_credit_name", artist_credit_id=credit, **named)
    for _ in range(3):
        world.content("work")
    for _ in range(5):
        world.content("recording", type="audio", artist_credit_id=some("artist_credit"))
    for place in range(4):
        world.add("recording_work", recording_id=some("recording"), position=place + 1, work_id=some("work"))
    world.content("video")
    for _ in range(4):
        release = world.content("release", artist_credit_id=some("artist_credit"))
        world.add("medium", release_id=release, position=1)
    for place in range(7):
        recording = some("recording") if chance.random() < 0.8 else None
        world.content(
            "track",
            release_id=some("release"),
            medium_position=1,
            position=place + 1,
            recording_id=recording,
            is_bonus=False,
            is_hidden=False,
        )
    for _ in range(2):
        world.content("podcast")
    for _ in range(3):
        world.content("episode", podcast_id=some("podcast"))
    book = world.content("book")
    world.content("audiobook", book_id=book)
    for _ in range(4):
        world.content("image", type="front_cover", subject_id=some(*SUBJECTS[:10]))
    for _ in range(4):
        subject = some("release", "recording", "track")
        world.content("credit", role="Producer", position=0, subject_id=subject, artist_id=some("artist"))
    measured: dict[str, Any] = {"name": "tempo", "model": "m", "model_version": "1", "measured_at": NOW}
    measured |= {"basis": "measured", "source": "analysis", "locked": False}
    for row in world.rows["recording"]:
        world.add("audio_feature", recording_id=row["id"], **measured)


def _deal(world: RandomWorld, subjects: list[uuid.UUID]) -> None:
    chance = world.chance
    begins, ends = chance.choices(
        ((None, None), (-2, None), (-2, 2), (None, 2), (-3, -1), (1, 3), (None, -1)), (4, 2, 2, 1, 1, 1, 1)
    )[0]
    licensee: dict[str, Any] = chance.choices(
        (
            {"licensee_id": world.licensee},
            {"licensee_dpid": world.proven},
            {"licensee_dpid": "PADPIDA0000000000C"},
            {"licensee_dpid": world.proven, "licensee_id": world.outsider},
            {},
        ),
        (4, 4, 1, 1, 3),
    )[0]
    deal = world.content(
        "deal",
        owner_id=chance.choices((world.licensor, world.rival, world.licensee), (6, 2, 1))[0],
        status=chance.choices(("active", "draft", "deleted", "taken_down"), (9, 1, 1, 1))[0],
        is_takedown=chance.random() < 0.2,
        territories=sorted(chance.sample(PLACES, chance.choice((0, 1, 1, 2, 3)))),
        valid_from=NOW + timedelta(days=begins) if begins is not None else None,
        valid_until=NOW + timedelta(days=ends) if ends is not None else None,
        **licensee,
    )
    for place, subject in enumerate(chance.sample(subjects, chance.randrange(1, 4))):
        world.add("deal_subject", deal_id=deal, position=place + 1, subject_id=subject)


async def plant(sql: Sql, world: RandomWorld) -> None:
    """Insert a world's rows, one statement a table."""
    for table in ORDER:
        if rows := world.rows.get(table, []):
            columns = sorted({name for row in rows for name in row})
            await sql.execute(_insert(table, columns), json.dumps(rows, default=_plain))


def _insert(table: str, columns: Sequence[str]) -> str:
    listed = ", ".join(columns)
    return (
        f"insert into {table} ({listed}) select {listed} "
        f"from jsonb_populate_recordset(null::{table}, $1::jsonb)"
    )


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def owners(world: RandomWorld) -> Mapping[uuid.UUID, uuid.UUID]:
    """Who owns each entity."""
    return {row["id"]: row["owner_id"] for kind in (*SUBJECTS, "deal") for row in world.rows.get(kind, [])}
