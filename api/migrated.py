"""Which revision the code is at and which the database; alembic is only loaded when they differ."""

import re
from functools import cache

from api.compose import connect
from api.settings import CHECKOUT, Settings

_VERSIONS = CHECKOUT / "migrations" / "versions"
_NAMED = re.compile(r'^(revision|down_revision)\b[^=\n]*= *(?:"([^"\n]*)"|None)', re.MULTILINE)


@cache
def newest_revision() -> str:
    """The revision no other builds upon, read from the lines of the files.

    Alembic takes a second to load, and to parse the files a quarter of one: a server that is asked for the
    first time whether it is ready would do nothing else meanwhile.
    """
    revisions: dict[str, str | None] = {}
    for file in _VERSIONS.glob("2*.py"):
        named = dict(_NAMED.findall(file.read_text()))
        revisions[named["revision"]] = named["down_revision"] or None
    (newest,) = set(revisions) - set(revisions.values())
    return newest


async def current_revision(settings: Settings) -> str | None:
    """The revision of the database; None when it has no tables of ours."""
    async with connect(settings) as connection:
        if await connection.fetchval("select to_regclass('alembic_version')") is None:
            return None
        found: str | None = await connection.fetchval("select version_num from alembic_version")
        return found


async def bring_up_to_date(settings: Settings) -> tuple[str | None, str]:
    """Migrate when needed; gives the revision before and after."""
    before, newest = await current_revision(settings), newest_revision()
    if before != newest:
        from migrations.run import upgrade

        await upgrade(settings.database_url)
    return before, newest
