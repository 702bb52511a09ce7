"""Which revision the code is at and which the database; alembic is only loaded when they differ."""

import ast
from functools import cache

from api.compose import connect
from api.settings import CHECKOUT, Settings

_VERSIONS = CHECKOUT / "migrations" / "versions"


@cache
def newest_revision() -> str:
    """The revision no other builds upon, read from the files themselves (alembic takes a second to load)."""
    revisions: dict[str, str | None] = {}
    for file in _VERSIONS.glob("2*.py"):
        named = {
            target.id: ast.literal_eval(line.value)
            for line in ast.parse(file.read_text()).body
            if isinstance(line, ast.Assign | ast.AnnAssign) and isinstance(line.value, ast.Constant)
            for target in (line.targets if isinstance(line, ast.Assign) else [line.target])
            if isinstance(target, ast.Name)
        }
        revisions[named["revision"]] = named.get("down_revision")
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
