"""A client of one S3 store: where it is, how long it is waited for, and what its errors mean."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# As many at once as threads wait for it.
THREADS = 16
_TRIES = 3


@dataclass(frozen=True)
class Bucket:
    """Where blobs lie. endpoint: the store's address, empty for AWS. prefix ends with a slash or is empty.

    timeout_s: how long the store may be silent. rest_s: how long it is left alone when it failed repeatedly.
    """

    name: str
    endpoint: str = ""
    region: str = ""
    prefix: str = ""
    timeout_s: float = 10.0
    rest_s: float = 30.0


def connect_s3(bucket: Bucket) -> "S3Client":
    """A client with timeouts and a few tries of each request, for one store."""
    import boto3
    from botocore.config import Config
    from botocore.handlers import add_expect_header

    client: S3Client = boto3.client(
        "s3",
        endpoint_url=bucket.endpoint or None,
        region_name=bucket.region or None,
        config=Config(
            connect_timeout=min(5.0, bucket.timeout_s),
            read_timeout=bucket.timeout_s,
            max_pool_connections=THREADS,
            retries={"total_max_attempts": _TRIES, "mode": "standard"},
            s3={"addressing_style": "path"} if bucket.endpoint else {},
            signature_version="s3v4",
        ),
    )
    # Where an answer is cut off in "100 Continue", botocore reads what should follow for ever, at full speed.
    client.meta.events.unregister("before-call.s3", add_expect_header)
    return client


def code_of(error: BaseException) -> str:
    """The store's word for an error; empty where it said none."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def faults() -> tuple[type[Exception], ...]:
    """What boto3 raises where no store answered, or none that speaks S3."""
    from botocore import exceptions as told
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    return (
        told.HTTPClientError,
        told.ConnectionError,
        told.IncompleteReadError,
        told.ChecksumError,
        ResponseParserError,
        HTTPError,
    )


def is_overloaded(error: Exception) -> bool:
    """Whether the store answered that it can't answer, after all tries."""
    return status_of(error) == 429 or status_of(error) >= 500


def status_of(error: Exception) -> int:
    """The HTTP status of an error that the store told; 0 where it told none."""
    response = getattr(error, "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
