"""Fills the catalog of an organization with made-up content, for the `demo` verb and the benches."""

import uuid
from collections.abc import Sequence

from api.compose import load_made_up, work_pool
from api.settings import Settings
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.claims import Draft
from domain.demo.fill import Filled, Report, fill
from domain.row import new_id


async def organization(settings: Settings, slug: str) -> uuid.UUID:
    """The id of the organization with this slug, made when there is none."""
    async with work_pool(settings) as pool, pool.acquire() as sql:
        await sql.execute(
            "insert into organization (name, slug) values ($1, $2) on conflict (slug) do nothing",
            slug.replace("-", " ").title(),
            slug,
        )
        found: uuid.UUID = await sql.fetchval("select id from organization where slug = $1", slug)
        return found


async def fill_catalog(
    settings: Settings, owner: uuid.UUID, tracks: int, seed: int, filled: Filled, report: Report
) -> uuid.UUID:
    """Load a made-up catalog of at least so many tracks; gives the change set of what was new.

    Each batch is in whole or not at all, also when this is cancelled; `filled` says how far it came.
    """
    viewer = Viewer(owner, "demo", Role.ADMIN, frozenset(Scope), "enterprise")
    change_set = new_id()
    async with work_pool(settings) as pool:

        async def load(drafts: Sequence[Draft]) -> list[Draft]:
            return await load_made_up(pool, viewer, drafts, seed, change_set)

        await fill(load, tracks, seed, filled, report)
    return change_set
