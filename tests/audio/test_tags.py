"""Tags of every usual format come out under one name for one thing, whoever wrote them and however badly."""

import io

import pytest

from domain.adapters.audio.decode import decode
from domain.audio.analysis import Sound
from tests.audio.made import encoded, tone
from tests.files.made import synchsafe

SAID = {"title": "Ночь №5", "artist": "Björk & 久石譲", "album": "Żółć 😀", "genre": "Électro"}


def tags_of(data: bytes) -> dict[str, tuple[str, ...]]:
    found = decode(io.BytesIO(data))
    assert isinstance(found, Sound), found
    return dict(found.tags)


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("mp3", "libmp3lame"),
        ("flac", "flac"),
        ("ogg", "libopus"),
        ("ipod", "aac"),
        ("matroska", "flac"),
        ("asf", "wmav2"),
        ("wv", "wavpack"),
        ("aiff", "pcm_s16be"),
    ],
)
def test_tags_of_a_container_have_our_names(container: str, codec: str) -> None:
    # AIFF has no tags of its own that FFmpeg writes without ID3; ASCII is what its chunks hold.
    said = {"title": "Night"} if container == "aiff" else SAID
    data = encoded(tone(seconds=0.5, rate_hz=48_000), container, codec, rate_hz=48_000, tags=said)
    found = tags_of(data)
    assert {name: found.get(name) for name in said} == {name: (value,) for name, value in said.items()}


def id3(*frames: bytes, size: int | None = None, version: int = 4) -> bytes:
    body = b"".join(frames)
    return b"ID3" + bytes([version, 0, 0]) + synchsafe(len(body) if size is None else size) + body


def text(name: bytes, value: str) -> bytes:
    body = b"\x03" + value.encode()
    return name + synchsafe(len(body)) + b"\0\0" + body


@pytest.fixture(scope="module")
def bare_mp3() -> bytes:
    data = encoded(tone(seconds=0.5), "mp3", "libmp3lame")
    return data[data.index(b"\xff\xfb") :]


def test_what_dj_programs_write_is_a_claim_by_its_name(bare_mp3: bytes) -> None:
    tag = id3(text(b"TBPM", "128"), text(b"TKEY", "F#m"), text(b"TSRC", "QZTST2600001"))
    found = tags_of(tag + bare_mp3)
    assert (found["bpm"], found["key"], found["isrc"]) == (("128",), ("F#m",), ("QZTST2600001",))


def test_a_tag_that_lies_about_its_size_is_read_and_passed_over(bare_mp3: bytes) -> None:
    tag = id3(text(b"TIT2", "Liar"), size=(1 << 28) - 1)
    found = decode(io.BytesIO(tag + bare_mp3))
    assert isinstance(found, Sound)
    assert found.duration_s == pytest.approx(0.5, abs=0.1)
    assert found.tags["title"] == ("Liar",)


def test_an_old_tag_in_latin_1_is_read(bare_mp3: bytes) -> None:
    old = b"TAG" + "Café del Mar".encode("latin-1").ljust(30, b"\0") + bytes(90) + b"    " + b"\x34"
    found = tags_of(bare_mp3 + old)
    assert (found["title"], found["genre"]) == (("Café del Mar",), ("Electronic",))


def test_a_flood_of_tags_is_bounded(bare_mp3: bytes) -> None:
    many = [text(b"TXXX", f"name {at}\0" + "x" * 40) for at in range(3_000)]
    found = tags_of(id3(*many, text(b"TIT2", "y" * 50_000)) + bare_mp3)
    assert len(found) <= 200
    assert max(len(value) for values in found.values() for value in values) <= 10_000
