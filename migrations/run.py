"""Runs the migrations from code: the front door, the tests and the `migrate` verb all come here."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def configuration(database_url: str) -> Config:
    """Alembic's configuration for a PostgreSQL URL as asyncpg takes it (`postgresql://…`)."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option(
        "file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d_%%(slug)s"
    )
    config.attributes["url"] = "postgresql+asyncpg://" + database_url.partition("://")[2]
    return config


async def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database to a revision; does nothing when it is there."""
    await asyncio.to_thread(command.upgrade, configuration(database_url), revision)


async def downgrade(database_url: str, revision: str) -> None:
    """Take the database back to an earlier revision, or to 'base'."""
    await asyncio.to_thread(command.downgrade, configuration(database_url), revision)


async def check(database_url: str) -> None:
    """Raise alembic's CommandError when tables and migrations have drifted apart."""
    await asyncio.to_thread(command.check, configuration(database_url))


def head() -> str:
    """The newest revision in the tree."""
    found = ScriptDirectory.from_config(configuration("postgresql://none")).get_current_head()
    assert found is not None
    return found
