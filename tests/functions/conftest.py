"""An organization, a bucket and the environment that a function is given."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.adapters.postgres import Pool
from tests.functions.runtime import Function, function
from tests.house.s3 import KEY, SECRET, S3Server
from tests.jobs.yard import Yard, new_yard
from tests.nursery import forked

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Start = Callable[[str], AbstractContextManager[Function]]
DROP = "drop"


@dataclass(frozen=True)
class Town:
    """A yard whose servers the functions are given. start: runs a function by name until its block ends."""

    yard: Yard
    slug: str
    s3: "S3Client"
    environment: dict[str, str]
    start: Start

    def put(self, key: str, content: bytes) -> tuple[str, str, int]:
        """Store an object; gives what its notice says."""
        self.s3.put_object(Bucket=DROP, Key=key, Body=content)
        return DROP, key, len(content)


@pytest.fixture(scope="session")
def drop(s3: S3Server) -> S3Server:
    """An S3 server with a bucket that objects are dropped into."""
    s3.client().create_bucket(Bucket=DROP)
    return s3


@pytest.fixture
async def town(fresh_pool: Pool, fresh_database: str, redis_url: str, drop: S3Server, tmp_path: Path) -> Town:
    """Servers of its own for each test but the bucket."""
    yard = await new_yard(fresh_pool, tmp_path)
    slug = await fresh_pool.fetchval(
        "select slug from organization where id = $1", yard.viewer.organization_id
    )
    environment = {
        "DATABASE_URL": fresh_database,
        "REDIS_URL": redis_url,
        "CATALOGRAPH_STATE_FOLDER": str(tmp_path),
        "CATALOGRAPH_POOL_SIZE": "2",
        "AWS_ENDPOINT_URL_S3": drop.endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def start(name: str) -> AbstractContextManager[Function]:
        return function(f"api.hooks.{name}", environment, tmp_path, forked("-m", "awslambdaric"))

    return Town(yard, str(slug), drop.client(), environment, start)
