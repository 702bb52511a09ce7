"""Databases for the benches, on the server that is there or on the embedded one started for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from api.cli.client import settings_here
from api.embedded import Embedded
from api.settings import Settings


@contextmanager
def server() -> Iterator[Settings]:
    """Settings with servers: those of the environment, the running ones, or embedded ones started now."""
    settings = settings_here()
    postgres, valkey = not settings.database_url, not settings.redis_url
    if not postgres and not valkey:
        yield settings
        return
    with Embedded(settings.state_folder, postgres=postgres, valkey=valkey) as servers:
        yield settings.using(
            database_url=settings.database_url or servers.database_url,
            redis_url=settings.redis_url or servers.redis_url,
        )


def named(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def create(url: str, name: str) -> str:
    """An empty database of that name; what was there under it goes."""
    await drop(url, name)
    await _run(url, f'create database "{name}"')
    return named(url, name)


async def drop(url: str, name: str) -> None:
    """Drop a database, whoever is connected."""
    await _run(url, f'drop database if exists "{name}" with (force)')


async def note(url: str, name: str, text: str) -> None:
    """Leave a note on a database."""
    await _run(url, f"comment on database \"{name}\" is '{text}'")


async def noted(url: str, name: str) -> str | None:
    """The note on a database; None when there is no such database or note."""
    connection = await asyncpg.connect(named(url, "postgres"))
    try:
        found: str | None = await connection.fetchval(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = $1", name
        )
        return found
    finally:
        await connection.close()


async def _run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(named(url, "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
