"""One house for all of these tests, everything it depends on behind proxies."""

import asyncio
from collections.abc import Iterator

import pytest

from api.embedded import Servers
from tests.conftest import Databases
from tests.house.s3 import S3Server
from tests.limits.conftest import a_database
from tests.outside.town import Town, town

_PLENTY = {"free": 1_000_000, "pro": 1_000_000, "enterprise": 1_000_000}


@pytest.fixture(scope="package")
def house(
    databases: Databases, servers: Servers, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """A house with a worker."""
    url = asyncio.run(a_database(databases, "outside", _PLENTY))
    with town(url, servers, s3, tmp_path_factory.mktemp("outside")) as made:
        yield made
