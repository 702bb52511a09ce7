"""The world that every test of the graph looks at."""

import uuid

import asyncpg

from tests.factories import OURS, PARTNER, PARTNER_DPID, QUOTES, THEIRS, Planter, World, instant
from tests.graph import (
    planted_access,
    planted_callbacks,
    planted_files,
    planted_music,
    planted_notices,
    planted_rest,
    planted_retention,
)

PARTS = (
    planted_music.people,
    planted_music.works,
    planted_music.recordings,
    planted_music.releases,
    planted_music.tracks,
    planted_rest.pictures,
    planted_rest.spoken,
    planted_rest.rights,
    planted_rest.licences,
    planted_rest.many,
)


async def a_world(connection: "asyncpg.Connection[asyncpg.Record]") -> World:
    """Plant everything, each part in a change set of its own."""
    planter = Planter(connection)
    for id, name in ((OURS, "Ours"), (THEIRS, "Theirs"), (PARTNER, "Partner")):
        await planter.row("organization", id=id, name=name, slug=name.lower())
    before: uuid.UUID | None = None
    for part in PARTS:
        for owner, named in ((THEIRS, "their"), (OURS, "our")):
            change_set = await planter.plant(
                "change_set",
                f"{named} change set {part.__name__}",
                owner,
                actor=f"user:{named}",
                door="test",
                command=f"plant_{part.__name__}",
                reason=QUOTES if before else None,
                reverts_id=before,
                state="reverted" if before else "applied",
                correlation_id="c-1" if before else None,
                created_at=instant(1),
            )
        async with connection.transaction():
            await connection.execute("select set_config('catalograph.change_set', $1, true)", str(change_set))
            await part(planter)
        before = change_set
    await planted_rest.measured(planter)
    await planted_rest.heard(planter)
    await planted_rest.deliveries(planter)
    at = instant(1)
    proven = {"dpid": PARTNER_DPID, "claimed_at": at, "proven_at": at}
    await planter.plant("organization_dpid", "partner's DPID", PARTNER, organization_id=PARTNER, **proven)
    await planted_access.access(planter)
    await planted_callbacks.callbacks(planter)
    await planted_files.files(planter)
    await planted_notices.notices(planter)
    await planted_retention.holds(planter)
    await planted_notices.alerts(planter)
    return planter.world
