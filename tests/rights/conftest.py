"""A small world of an owner, a licensee by DPID and somebody else, and an engine over it."""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from domain.access.scopes import Scope
from domain.access.viewer import Viewer
from domain.adapters.postgres import Pool, open_read_pool
from graph.paging import CursorKey
from graph.run import Engine
from tests.conftest import Databases
from tests.factories import OURS, THEIRS, Planter, World, viewer

PARTNER = uuid.UUID(int=OURS.int + 7)
AT = "2026-03-01T00:00:00Z"
FREE = {"commercial_models": ["SubscriptionModel"], "use_types": ["OnDemandStream"]}


def day(month: int, of: int = 1) -> datetime:
    """A day of 2026."""
    return datetime(2026, month, of, tzinfo=UTC)


@dataclass
class Rights:
    """The world, who looks at it, and how it is asked."""

    world: World
    engine: Engine
    pool: Pool

    @property
    def owner(self) -> Viewer:
        """The owner of what is asked about."""
        return viewer(OURS)

    @property
    def partner(self) -> Viewer:
        """The licensee."""
        return viewer(PARTNER)

    @property
    def stranger(self) -> Viewer:
        """Somebody with nothing."""
        return viewer(THEIRS)

    def without_rights(self, of: Viewer) -> Viewer:
        """The same without the scope that tells of deals."""
        return replace(of, scopes=of.scopes - {Scope.RIGHTS_READ})

    async def ask(self, document: str, of: Viewer, **variables: Any) -> dict[str, Any]:
        """The whole answer."""
        answer = await self.engine.execute(document, variables, of)
        told: dict[str, Any] = json.loads(answer.body)
        return told

    async def availability(self, name: str, of: Viewer, arguments: str = "", fields: str = "") -> Any:
        """The answer about one thing by its name in the world, in DE on the first of March unless said."""
        given = arguments or f'territory: "DE", at: "{AT}"'
        document = (
            f'{{ availability(entity: "{self.world.id(name)}", {given}) '
            f"{{ allowed reason reasons text {fields} }} }}"
        )
        told = await self.ask(document, of)
        return told["data"]["availability"]


Deals = Callable[..., Awaitable[uuid.UUID]]


@pytest.fixture(scope="package")
async def rights(databases: Databases) -> AsyncIterator[Rights]:
    """The small world, planted."""
    url = await databases.clone("rights")
    connection = await asyncpg.connect(url)
    planter = Planter(connection)
    for id, name in ((OURS, "Ours"), (THEIRS, "Theirs"), (PARTNER, "Partner")):
        await planter.row("organization", id=id, name=name, slug=name.lower())
    await planter.row(
        "organization_dpid",
        id=planter.next_id(),
        organization_id=PARTNER,
        dpid="PADPIDA2013021901W",
        proven_at=day(1),
    )
    change_set = await planter.plant(
        "change_set", "planting", OURS, actor="user:our", door="test", command="plant", state="applied"
    )
    async with connection.transaction():
        await connection.execute("select set_config('catalograph.change_set', $1, true)", str(change_set))
        await _plant(planter)
    pool = await open_read_pool(url, max_size=2)
    yield Rights(planter.world, Engine(pool, CursorKey(b"the key of the tests of rights")), pool)
    pool.terminate()
    await connection.close()
    await databases.drop(url)


async def _plant(planter: Planter) -> None:
    ids = planter.world.ids

    async def deal(name: str, *subjects: str, owner: uuid.UUID = OURS, **values: Any) -> None:
        await planter.plant("deal", name, owner, **{"territories": ["CH", "DE"], **FREE, **values})
        for place, subject in enumerate(subjects, 1):
            await planter.row("deal_subject", deal_id=ids[name], position=place, subject_id=ids[subject])

    for name, values in {
        "public release": {"visibility": "public"},
        "private release": {},
        "licensed release": {},
        "unmatched release": {"visibility": "public"},
        "down release": {"visibility": "public", "status": "taken_down"},
        "embargoed release": {"visibility": "public"},
    }.items():
        await planter.plant("release", name, title=name, **values)
    for name in ("recording", "lone recording"):
        await planter.plant("recording", name, title=name, visibility="public")
    await planter.plant("podcast", "podcast", title="podcast", visibility="public")
    for name, release in (("track", "public release"), ("down track", "down release")):
        await planter.plant(
            "track", name, title=name, visibility="public", position=1,
            release_id=ids[release], recording_id=ids["recording"],
        )  # fmt: skip
    await deal("for everyone", "public release", "down release", "private release", "podcast")
    await deal(
        "for the partner",
        "licensed release",
        "public release",
        licensee_dpid="PADPIDA2013021901W",
        territories=["FR"],
    )
    await deal(
        "for nobody known", "unmatched release", licensee_dpid="PADPIDA2007040502I", reference="secret"
    )
    await deal(
        "to come", "embargoed release", valid_from=day(4), pre_order_at=day(2), release_display_at=day(2, 10)
    )
    await deal("another's", "unmatched release", owner=THEIRS)
