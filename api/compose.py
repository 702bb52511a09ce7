"""Makes adapters for the command line, so that its verbs need not know them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from api.settings import Settings
from domain.adapters.blobs import LocalBlobs
from domain.adapters.ern.reader import ErnReader
from domain.adapters.postgres import Connection
from domain.adapters.schemas import SchemaStore
from domain.ports import Blobs


def schema_store(state_folder: Path) -> SchemaStore:
    """The XSDs installed in the state folder."""
    return SchemaStore(state_folder / "schemas")


def ern_reader(state_folder: Path) -> ErnReader:
    """The reader of ERN deliveries, judging by the installed XSDs."""
    return ErnReader(schema_store(state_folder))


def local_blobs(settings: Settings) -> Blobs:
    """The blob store of the state folder."""
    return LocalBlobs(settings.state_folder / "blobs")


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[Connection]:
    """One database connection as the role of the URL, for what is asked once."""
    connection: Connection = await asyncpg.connect(settings.database_url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()
