"""`demo`: fills a catalog with made-up music, to try things on."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import AsJson, Refused, print_json, print_rows, progress, say

if TYPE_CHECKING:
    from api.settings import Settings
    from domain.demo.fill import Filled

_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def register(app: typer.Typer) -> None:
    """Hang `demo` off the command line."""
    app.command()(demo)


def demo(
    tracks: Annotated[
        int,
        typer.Option(help="At least so many tracks; the last release stays whole.", min=1, max=50_000_000),
    ] = 1_000,
    seed: Annotated[
        int, typer.Option(help="Equal seeds give equal catalogs; a larger one continues it.", min=0, max=999)
    ] = 1,
    org: Annotated[
        str, typer.Option(help="Slug of the organization that owns it; made when there is none.")
    ] = "development",
    as_json: AsJson = False,
) -> None:
    """Make up a catalog: artists, releases, tracks, works, credits, deals, podcasts, audiobooks.

    It is one change set, with sources and history like any other. Ctrl-C keeps what is whole; the same
    call again goes on from there.
    """
    import asyncio

    from api.cli.client import settings_here
    from api.embedded import Embedded

    if not _SLUG.fullmatch(org):
        raise Refused(f"org {org!r} is no slug: a to z, 0 to 9 and hyphens, at most 63, will do")
    settings = settings_here()
    if settings.database_url:
        asyncio.run(_refuse_old(settings))
        _fill(settings, org, tracks, seed, as_json)
        return
    with Embedded(settings.state_folder, valkey=False) as servers:
        settings = settings.using(database_url=servers.database_url)
        from api.migrated import bring_up_to_date

        asyncio.run(bring_up_to_date(settings))
        _fill(settings, org, tracks, seed, as_json)


async def _refuse_old(settings: "Settings") -> None:
    from api.migrated import current_revision, newest_revision

    current = await current_revision(settings)
    if current != newest_revision():
        raise Refused(
            f"The database is at {current or 'no revision'}, not at {newest_revision()}. "
            "Bring it there with: python3 -m api migrate"
        )


def _fill(settings: "Settings", org: str, tracks: int, seed: int, as_json: bool) -> None:
    import asyncio
    import uuid

    from api.demo import fill_catalog, organization
    from domain.demo.fill import Filled

    filled = Filled()

    async def run() -> uuid.UUID:
        owner = await organization(settings, org)
        with progress() as bar:
            task = bar.add_task("tracks", total=tracks)
            return await fill_catalog(
                settings,
                owner,
                tracks,
                seed,
                filled,
                lambda done: bar.update(task, completed=min(done, tracks)),
            )

    try:
        change_set = asyncio.run(run())
    except KeyboardInterrupt:
        say(f"Stopped: {filled.tracks} tracks are in, whole. The same call again goes on from there.")
        raise
    _tell(filled, change_set if filled.made else None, as_json)


def _tell(filled: "Filled", change_set: Any, as_json: bool) -> None:
    rate = round(filled.entities / filled.seconds) if filled.seconds else 0
    if as_json:
        print_json(
            {
                "tracks": filled.tracks,
                "made": dict(sorted(filled.made.items())),
                "present": filled.present,
                "change_set": change_set,
                "seconds": round(filled.seconds, 2),
                "entities_per_second": rate,
            }
        )
        return
    print_rows(("kind", "made"), sorted(filled.made.items()))
    if filled.present:
        say(f"{filled.present} things were there before and stay as they are.")
    say(f"{filled.entities} things in {filled.seconds:.1f} s, {rate} a second, history and sources included.")
