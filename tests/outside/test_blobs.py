"""The blob store through the proxy: what it gives is whole and right, or it is away; never a part of it."""

import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable

import pytest

from domain.adapters.s3 import S3Blobs
from domain.adapters.s3_client import Bucket
from domain.ports import OutsideAway
from tests.house.s3 import BUCKET
from tests.outside.proxy import Fault
from tests.outside.town import Town

SMALL, LARGE = b"small", bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def blobs(house: Town) -> S3Blobs:
    """A bucket behind the proxy, with little patience, whose breaker is its own."""
    where = f"http://127.0.0.1:{house.proxies['S3'].port}"
    return S3Blobs(Bucket(BUCKET, where, "us-east-1", f"{uuid.uuid4()}/", 0.4, 0.1))


@pytest.mark.parametrize("fault", [one for one in Fault if one is not Fault.NONE])
async def test_an_answer_is_right_or_there_is_none(house: Town, blobs: S3Blobs, fault: Fault) -> None:
    small, large = await blobs.put(SMALL), await blobs.put(LARGE)

    async def streamed() -> bytes:
        return b"".join([part async for part in blobs.stream(large.sha256)])

    async def opened() -> bytes:
        with blobs.open(large.sha256) as file:
            file.seek(1000)
            return file.read(300_000)

    asked: list[tuple[Callable[[], Awaitable[object]], object]] = [
        (lambda: blobs.read(small.sha256), SMALL),
        (lambda: blobs.read(large.sha256), LARGE),
        (streamed, LARGE),
        (opened, LARGE[1000:301_000]),
        (lambda: blobs.exists(small.sha256), True),
        (lambda: blobs.put(SMALL), small),
    ]
    # Each wait for a silent store takes all its tries.
    for ask, right in asked[::3] if fault is Fault.HANG else asked:
        with house.spoiled("S3", fault):
            try:
                given: object = await ask()
            except OutsideAway:
                given = "away"
        # Of what is cut off after all that counts, nothing is missing.
        assert given == right or (given == "away" and fault is not Fault.SLOW), fault
        assert given == "away" or fault in (Fault.SLOW, Fault.CUT), fault
        give_up_at = time.monotonic() + 20
        while True:
            try:
                assert await ask() == right
                break
            except OutsideAway:
                assert time.monotonic() < give_up_at
                time.sleep(0.05)
    assert hashlib.sha256(await blobs.read(large.sha256)).hexdigest() == large.sha256
