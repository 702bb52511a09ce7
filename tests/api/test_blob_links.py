"""Files by signed link over HTTP: whole, in ranges, and not otherwise."""

import base64
import hashlib
import uuid
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest

from api.compose import blob_links, blob_store
from api.embedded import Servers
from api.settings import Settings
from domain.adapters.postgres import open_pool
from domain.files.ask import ticket_of
from domain.ports import BlobNotFound, BlobRef, Blobs
from tests.api.conftest import serving, settings_for

MINUTE = timedelta(minutes=1)
DATA = bytes(range(256)) * 4_000


@pytest.fixture(scope="module")
def settings(house_database: str, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_for(house_database, servers.redis_url or "", tmp_path_factory.mktemp("blobs"))


@pytest.fixture(scope="module")
def caller(settings: Settings) -> Iterator[httpx2.Client]:
    """Somebody without a token."""
    with serving(settings) as url, httpx2.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    return blob_store(settings)


def path_of(settings: Settings, url: str) -> str:
    """The link without the address, since the test's server listens on a free port."""
    assert url.startswith(settings.issuer)
    return url.removeprefix(settings.issuer)


@pytest.fixture
async def link(settings: Settings, blobs: Blobs) -> str:
    ref = await blobs.put(DATA)
    url = blobs.download_url(ref.sha256, lives=MINUTE, file_name="../Ä.wav", media_type="audio/wav")
    return path_of(settings, url)


def test_a_link_gives_the_file_with_its_digest(caller: httpx2.Client, link: str) -> None:
    answer = caller.get(link)
    assert (answer.status_code, answer.content) == (200, DATA)
    digest = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    assert answer.headers["content-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%84.wav"
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = caller.head(link)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(DATA))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-", 10, len(DATA)),
        ("bytes=-7", len(DATA) - 7, len(DATA)),
        ("bytes=5-99999999999", 5, len(DATA)),
        ("bytes=100-1099", 100, 1100),
    ],
)
def test_a_range_of_it(caller: httpx2.Client, link: str, asked: str, start: int, end: int) -> None:
    answer = caller.get(link, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, DATA[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert "content-digest" not in answer.headers
    assert answer.headers["repr-digest"].startswith("sha-256=:")


@pytest.mark.parametrize("asked", ["bytes=9-5", "lines=1-2", "bytes=0-1,5-6", "bytes=-", "bytes=x-"])
def test_what_is_no_range_of_ours_gives_all(caller: httpx2.Client, link: str, asked: str) -> None:
    assert caller.get(link, headers={"Range": asked}).status_code == 200


def test_a_range_outside_is_refused_and_another_version_gives_all(caller: httpx2.Client, link: str) -> None:
    answer = caller.get(link, headers={"Range": f"bytes={len(DATA)}-"})
    assert (answer.status_code, answer.json()["code"]) == (416, "RANGE_NOT_SATISFIABLE")
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"
    other = caller.get(link, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert other.status_code == 200
    same = caller.get(link, headers={"Range": "bytes=0-1", "If-Range": other.headers["etag"]})
    assert same.status_code == 206


def test_a_changed_link_is_refused(caller: httpx2.Client, link: str) -> None:
    for spoiled in (link[:-1], link.replace("audio", "text"), link.partition("?")[0]):
        answer = caller.get(spoiled)
        assert (answer.status_code, answer.json()["code"]) == (403, "LINK_REFUSED")


async def _awaited(settings: Settings) -> uuid.UUID:
    """A file whose bytes are waited for."""
    async with await open_pool(settings.database_url, max_size=1) as pool:
        id: uuid.UUID = await pool.fetchval(
            "with made as (insert into organization (name, slug) values ($1, $1) returning id) "
            "insert into file (owner_id, file_name, size_bytes) select id, 'a.wav', $2 from made "
            "returning id",
            uuid.uuid4().hex,
            len(DATA),
        )
        return id


async def test_an_upload_is_kept_whole_or_not_at_all(
    caller: httpx2.Client, settings: Settings, blobs: Blobs
) -> None:
    ticket = ticket_of(await _awaited(settings))
    url = path_of(settings, blobs.upload_url(ticket, lives=MINUTE, largest=len(DATA)))
    too_large = caller.put(url, content=DATA + b"x")
    assert (too_large.status_code, too_large.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")

    def unsaid() -> Iterator[bytes]:
        yield DATA
        yield b"x"

    assert caller.put(url, content=unsaid()).status_code == 413
    with pytest.raises(BlobNotFound):
        await blobs.take_in(ticket, 1 << 30)
    assert caller.put(url, content=DATA).status_code == 204
    assert await blobs.take_in(ticket, len(DATA)) == BlobRef(hashlib.sha256(DATA).hexdigest(), len(DATA))
    assert caller.get(url).status_code == 404


def test_an_expired_link_says_so(caller: httpx2.Client, settings: Settings) -> None:
    url = blob_links(settings).download(
        "a" * 64, lives=timedelta(seconds=-1), file_name="a", media_type="audio/wav"
    )
    answer = caller.get(path_of(settings, url))
    assert answer.json()["detail"] == "the link has expired; ask for a new one"


def test_a_file_that_is_gone_is_not_found(caller: httpx2.Client, settings: Settings) -> None:
    url = blob_links(settings).download("b" * 64, lives=MINUTE, file_name="a", media_type="audio/wav")
    assert caller.get(path_of(settings, url)).status_code == 404
