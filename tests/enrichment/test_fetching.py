"""Sound that lies elsewhere: fetched from public addresses alone, whole or not at all, and then analysed."""

import dataclasses
import functools
import gzip
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from domain.adapters import fetching
from domain.adapters.fetching import SoundFetcher
from domain.features.fetch import NotFetched
from domain.kinds import KINDS
from domain.ports import OutsideAway
from domain.refusals import InputInvalid, NotFound, ReferenceMissing
from tests.audio.made import encoded, tone
from tests.enrichment.conftest import Studio

SOUND = encoded(tone(1.0, 411.0), "flac", "flac")
# Ten mebibytes of nothing, packed.
BOMB = gzip.compress(bytes(10 << 20))


class Shelf(BaseHTTPRequestHandler):
    """Answers by what the path asks for."""

    def do_GET(self) -> None:
        kind, _, rest = self.path.removeprefix("/").partition("/")
        if kind == "to":
            self.send_response(302)
            self.send_header("Location", rest)
            self.end_headers()
        elif kind == "status":
            self.send_response(int(rest))
            self.end_headers()
        elif kind == "slow":
            time.sleep(1)
        elif kind == "garbage":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n")
        elif kind == "drips":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                for _ in range(40):
                    self.wfile.write(b"x")
                    time.sleep(0.05)
        elif kind == "short":
            self.send_response(200)
            self.send_header("Content-Length", str(len(SOUND) + 1))
            self.end_headers()
            self.wfile.write(SOUND)
        else:
            body = {"sound": SOUND, "page": b"<html><script>alert(1)</script></html>", "bomb": BOMB}[kind]
            self.send_response(200)
            self.send_header("Content-Type", "audio/flac")
            if rest == "packed":
                self.send_header("Content-Encoding", "gzip")
            if rest != "unsaid":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def shelf() -> Iterator[str]:
    """The address of a server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    threading.Thread(target=functools.partial(server.serve_forever, 0.05), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


OPEN = SoundFetcher(schemes=("http",), private=True, patience_s=30)
HASTY = SoundFetcher(schemes=("http",), private=True, patience_s=0.5)


async def fetched(fetcher: SoundFetcher, url: str, largest: int = 10 << 20) -> bytes:
    """All that comes."""
    async with fetcher.open(url, largest) as found:
        return b"".join([part async for part in found.stream])


def fetching_by(studio: Studio, fetcher: SoundFetcher) -> Studio:
    """The studio with another fetcher."""
    house = dataclasses.replace(studio.yard.house, fetcher=fetcher)
    return dataclasses.replace(studio, yard=dataclasses.replace(studio.yard, house=house))


async def asked_for(studio: Studio, recording: str, url: str) -> uuid.UUID:
    """The job that fetches from a server of this machine: the command takes https alone, it speaks http."""
    given = {"entityType": "recording", "entityId": recording, "audioUri": "https://sound.example/a.flac"}
    job = (await studio.do("extract_audio_features", **given)).ids[0]
    await studio.yard.pool.execute(
        "update job set payload = payload || jsonb_build_object('uri', $2::text) where id = $1", job, url
    )
    return job


async def test_bytes_come_whole_and_after_a_few_redirects(shelf: str) -> None:
    assert await fetched(OPEN, f"{shelf}/sound/a.flac") == SOUND
    assert await fetched(OPEN, f"{shelf}/sound/unsaid") == SOUND
    assert await fetched(OPEN, f"{shelf}/to//to//sound/a.flac") == SOUND


@pytest.mark.parametrize(
    ("path", "code", "again"),
    [
        ("to//to//to//to//sound/a", "fetch_refused", False),
        ("to/file:///etc/passwd", "fetch_refused", False),
        ("to/http://user:secret@127.0.0.1/", "fetch_refused", False),
        ("sound/packed", "fetch_refused", False),
        ("status/404", "fetch_failed", False),
        ("status/503", "fetch_failed", True),
        ("slow", "fetch_failed", True),
        ("garbage", "fetch_failed", True),
        ("short", "fetch_failed", True),
        ("to/http://m%C3%BCnchen.example:bad/", "fetch_refused", False),
        ("to/http://[bad", "fetch_refused", False),
    ],
)
async def test_what_is_no_plain_file_is_refused(shelf: str, path: str, code: str, again: bool) -> None:
    with pytest.raises(NotFetched) as refused:
        await fetched(HASTY if path == "slow" else OPEN, f"{shelf}/{path}")
    assert (refused.value.code, refused.value.again) == (code, again)


async def test_whoever_drips_is_not_waited_for_for_ever(shelf: str) -> None:
    patient = SoundFetcher(schemes=("http",), private=True, patience_s=30, longest_s=0.3)
    with pytest.raises(NotFetched) as refused:
        await fetched(patient, f"{shelf}/drips")
    assert (refused.value.code, refused.value.again) == ("fetch_too_slow", True)


async def test_what_fails_where_the_bytes_are_taken_to_is_not_blamed_on_where_they_come_from(
    shelf: str,
) -> None:
    for fault in (
        OutsideAway("the store", "no connection to 10.0.0.5:9000", 1),
        TimeoutError("of the store"),
    ):
        with pytest.raises(type(fault)):
            async with OPEN.open(f"{shelf}/sound/a", 10 << 20):
                raise fault


@pytest.mark.parametrize("path", ["sound/a", "sound/unsaid"])
async def test_no_more_is_read_than_is_taken(shelf: str, path: str) -> None:
    with pytest.raises(NotFetched) as refused:
        await fetched(OPEN, f"{shelf}/{path}", largest=100)
    assert refused.value.code == "fetch_too_large"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.flac",
        "ftp://example.com/a.flac",
        "file:///etc/passwd",
        "https://127.0.0.1/a.flac",
        "https://localhost/a.flac",
        "https://[::1]/a.flac",
        "https://[::ffff:127.0.0.1]/a.flac",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/a.flac",
        "https://0.0.0.0/a.flac",
        "https://2130706433/a.flac",
        "https://0x7f000001/a.flac",
        "https://0177.0.0.1/a.flac",
        "https://127.1/a.flac",
        "https://localhost./a.flac",
        "https://[::ffff:7f00:1]/a.flac",
        "https://[64:ff9b::7f00:1]/a.flac",
        "https://[fec0::1]/a.flac",
        "https://[fd00:ec2::254]/a.flac",
        "https://192.0.0.192/opc/v2",
        "https://168.63.129.16/machine",
        "https://100.64.0.1/a.flac",
        "https://user@127.0.0.1/a.flac",
        "https:///a.flac",
        "https://127.0.0.1:0/a.flac",
    ],
)
async def test_nothing_is_fetched_from_our_own_network(url: str) -> None:
    with pytest.raises(NotFetched) as refused:
        await fetched(SoundFetcher(), url)
    assert (refused.value.code, refused.value.again) == ("fetch_refused", False)


@pytest.mark.parametrize("errno", [socket.EAI_NONAME, None])
async def test_names_of_our_own_network_are_told_as_if_there_were_none(
    errno: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolved(host: str, port: int, *_: object, **__: object) -> list[object]:
        if errno is not None:
            raise socket.gaierror(errno, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, port)) for at in ("8.8.8.8", "10.1.2.3")]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with pytest.raises(NotFetched) as refused:
        await fetched(SoundFetcher(), "https://db.inside.example/a.flac")
    told = "db.inside.example leads nowhere, or to an address that is not public"
    assert (refused.value.code, refused.value.again, refused.value.text) == ("fetch_refused", False, told)


async def test_whether_a_port_of_ours_is_open_is_not_told(studio: Studio) -> None:
    """Of an open port and a closed one the job says the same, and nobody knocks at either."""
    studio = fetching_by(studio, SoundFetcher())
    recording = await studio.recording()
    results = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        for port in (listening.getsockname()[1], 1):
            uri = f"https://localhost:{port}/a.flac"
            given = {"entityType": "recording", "entityId": recording, "audioUri": uri}
            job = (await studio.do("extract_audio_features", **given)).ids[0]
            assert await studio.work() == ["done"]
            results.append(await studio.result(job))
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert results[0] == results[1]
    assert (results[0]["state"], results[0]["code"]) == ("refused", "fetch_refused")


async def test_what_passes_is_tried_again_and_told_by_its_code(studio: Studio, shelf: str) -> None:
    studio = fetching_by(studio, OPEN)
    recording = await studio.recording()
    job = await asked_for(studio, recording, f"{shelf}/status/503")
    assert await studio.work() == ["queued"]
    (row,) = await studio.yard.fetch("select error_code, error_text from job where id = $1", job)
    assert row == {"error_code": "fetch_failed", "error_text": "127.0.0.1 answered 503"}


async def test_a_redirect_is_judged_like_an_address_that_was_named(
    shelf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "is_public", lambda address: str(address) == "127.0.0.1")
    guarded = SoundFetcher(schemes=("http",))
    assert await fetched(guarded, f"{shelf}/sound/a") == SOUND
    with pytest.raises(NotFetched, match="not public"):
        await fetched(guarded, f"{shelf}/to/{shelf.replace('127.0.0.1', '127.0.0.2')}/sound/a")


async def test_what_was_fetched_is_analysed_and_kept_for_a_day(studio: Studio, shelf: str) -> None:
    studio = fetching_by(studio, OPEN)
    recording = await studio.recording()
    job = await asked_for(studio, recording, f"{shelf}/sound/a.flac")
    assert await studio.work() == ["done"]
    assert (await studio.result(job))["state"] == "done"
    assert (await studio.figures(recording))["loudness_lufs"]["source"] == "analysis"
    (file,) = await studio.yard.fetch("select * from file where owner_id = $1", studio.owner)
    assert (file["state"], file["temporary"], str(file["subject_id"])) == ("ready", True, recording)
    await studio.do("revert_change_set", id=(await studio.result(job))["change_set_id"])
    assert await studio.figures(recording) == {}


async def test_what_is_no_sound_is_a_finding(studio: Studio, shelf: str) -> None:
    studio = fetching_by(studio, OPEN)
    recording = await studio.recording()
    for path, code in (
        ("page/a.flac", "file_refused"),
        ("bomb/a.flac", "file_type_mismatch"),
        ("status/404", "fetch_failed"),
    ):
        job = await asked_for(studio, recording, f"{shelf}/{path}")
        assert await studio.work() == ["done"]
        result = await studio.result(job)
        assert (result["state"], result["code"]) == ("refused", code)
    assert await studio.figures(recording) == {}


async def test_only_the_own_recordings_and_tracks_of_https_addresses(studio: Studio) -> None:
    recording = await studio.recording()
    good = {"entityType": "recording", "entityId": recording, "audioUri": "https://sound.example/a.flac"}
    others = [{"entityType": kind} for kind in (*KINDS, "file", "") if kind not in ("recording", "track")]
    for change, refusal in (
        *((other, InputInvalid) for other in others),
        ({"entityType": "track"}, NotFound),
        ({"audioUri": "http://sound.example/a.flac"}, InputInvalid),
        ({"audioUri": "https://" + "a" * 2_000}, InputInvalid),
        ({"audioUri": "https://user:secret@sound.example/a"}, InputInvalid),
        ({"audioUri": "https://münchen.example/a"}, InputInvalid),
        ({"audioUri": "https://169.254.169.254/latest/meta-data"}, InputInvalid),
        ({"audioUri": "https://[::1]/a"}, InputInvalid),
        ({"audioUri": "https://sound.example:99999/a"}, InputInvalid),
        ({"audioUri": "ftp://sound.example/a"}, InputInvalid),
        ({"audioUri": "file:///etc/passwd"}, InputInvalid),
        ({"entityId": "01a1ff16-0000-7000-8000-000000000000"}, NotFound),
        ({"entityId": "nothing"}, ReferenceMissing),
    ):
        with pytest.raises(refusal):
            await studio.do("extract_audio_features", **{**good, **change})
    assert await studio.jobs() == []
