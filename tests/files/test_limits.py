"""What holds for every file: limits of single parts, covers, and that no bytes whatever raise anything."""

import io
import random
import struct
import zipfile
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tinytag import TinyTag

from domain.adapters.ern.guard import Caps
from domain.adapters.inspecting import inspect
from domain.adapters.xml_roots import root_of
from domain.files import images
from domain.files.types import TYPES, declared_as, extension_of, named
from domain.files.verdict import CODES, Unfit, Verdict
from domain.files.window import Window
from tests.files import made
from tests.files.made import valid

VALID = valid()
# Pillow says so of what is damaged; the product keeps it quiet, and pytest asks for every warning.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
NAMES = st.sampled_from([name for name, _, _, _ in VALID]) | st.text(max_size=12)


def look(data: bytes, name: str, declared: str | None = None) -> Verdict:
    return inspect(io.BytesIO(data), len(data), name, declared)


def is_verdict(verdict: Verdict) -> bool:
    known = verdict.media_type in {one.media_type for one in TYPES.values()} | {"application/octet-stream"}
    fits = (verdict.code is None) if verdict.ok else (verdict.code in CODES)
    return known and fits and bool(verdict.text) and (verdict.ok or verdict.cover is None)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=3_000), NAMES, st.none() | st.text(max_size=20))
def test_no_bytes_raise_anything(data: bytes, name: str, declared: str | None) -> None:
    assert is_verdict(look(data, name, declared))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(VALID), st.integers(0, 2**32), st.integers(1, 12))
def test_no_damaged_file_raises_anything(file: tuple[str, bytes, str, str], seed: int, wounds: int) -> None:
    name, data, _, _ = file
    assert is_verdict(look(damaged(data, seed, wounds), name))


@pytest.mark.long
@pytest.mark.timeout(1_200)
@settings(max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(VALID), st.integers(0, 2**32), st.integers(1, 30))
def test_no_damaged_file_raises_anything_for_long(
    file: tuple[str, bytes, str, str], seed: int, wounds: int
) -> None:
    assert is_verdict(look(damaged(file[1], seed, wounds), file[0]))


def damaged(data: bytes, seed: int, wounds: int) -> bytes:
    """A file with bytes changed, mostly near its beginning, cut out, doubled or cut off."""
    chance, body = random.Random(seed), bytearray(data)
    for _ in range(wounds):
        at = int(len(body) * chance.random() ** 3)
        match chance.randrange(6):
            case 0:
                del body[at : at + chance.randrange(1, 9)]
            case 1:
                body[at:at] = body[at : at + chance.randrange(1, 99)]
            case 2:
                del body[max(at, 12) :]
            case 3:
                body[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff"))
            case _:
                body[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(body)


@pytest.mark.parametrize("name", [name for name, _, _, _ in VALID])
def test_a_file_that_ends_anywhere_gets_a_verdict(name: str) -> None:
    data = next(data for one, data, _, _ in VALID if one == name)
    for end in {*range(0, min(len(data), 80), 3), *range(80, len(data), max(len(data) // 12, 1))}:
        assert is_verdict(look(data[:end], name))


def test_a_size_that_is_no_longer_true_gets_a_verdict() -> None:
    song = made.mp3()
    assert inspect(io.BytesIO(song), len(song) * 9, "a.mp3", None).media_type == "audio/mpeg"
    assert inspect(io.BytesIO(b""), 99, "a.mp3", None).code == "file_empty"
    assert inspect(io.BytesIO(song), 0, "a.mp3", None).code == "file_empty"


def test_what_breaks_in_the_store_is_no_verdict() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        inspect(Broken(b"x"), 1, "a.mp3", None)


COVER = made.picture("JPEG", 30, 20)
PNG_COVER = made.picture("PNG", 30, 20)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.mp3", made.mp3(made.id3_frame(b"TIT2", b"\x03Song"), made.apic(PNG_COVER))),
        ("wide.mp3", made.mp3(made.id3_frame(b"APIC", b"\1image/png\0\3\xff\xfea\0\0\0" + PNG_COVER))),
        ("a.flac", made.flac(made.flac_picture(PNG_COVER))),
        ("a.m4a", made.mp4(made.track(b"soun", b"mp4a"), tags=made.mp4_cover(PNG_COVER))),
        ("a.ogg", made.ogg(b"\x01vorbis", b"\x03vorbis" + made.comments(PNG_COVER))),
        ("a.opus", made.ogg(b"OpusHead", b"OpusTags" + made.comments(PNG_COVER))),
        ("a.oga", made.ogg(b"\x7fFLAC", b"\x84\0\0\0" + made.comments(PNG_COVER))),
    ],
)
def test_the_cover_of_a_song_is_found(name: str, data: bytes) -> None:
    cover = look(data, name).cover
    assert cover is not None
    assert (cover.media_type, cover.width, cover.height, cover.data) == ("image/png", 30, 20, PNG_COVER)


def test_a_tag_library_finds_the_same_cover() -> None:
    for name, data in (
        ("a.mp3", made.mp3(made.apic(PNG_COVER))),
        ("a.flac", made.flac(made.flac_picture(PNG_COVER))),
        ("a.ogg", made.ogg(b"\x01vorbis", b"\x03vorbis" + made.comments(PNG_COVER))),
    ):
        image = TinyTag.get(file_obj=io.BytesIO(data), image=True, duration=False).images.any
        cover = look(data, name).cover
        assert image is not None
        assert cover is not None
        assert cover.data == image.data


def test_the_front_cover_comes_before_other_pictures() -> None:
    back = made.id3_frame(b"APIC", b"\0image/jpeg\0\4\0" + COVER)
    cover = look(made.mp3(back, made.apic(PNG_COVER)), "a.mp3").cover
    assert cover is not None
    assert cover.media_type == "image/png"


@pytest.mark.parametrize("data", [b"not a picture", PNG_COVER[:-9], b""])
def test_what_is_no_picture_is_no_cover_and_no_fault_of_the_song(data: bytes) -> None:
    verdict = look(made.mp3(made.apic(data)), "a.mp3")
    assert (verdict.ok, verdict.cover) == (True, None)


def test_the_limits_of_xml_are_those_of_messages() -> None:
    def code(data: bytes, caps: Caps) -> str | None:
        try:
            root_of(io.BytesIO(data), caps)
        except Unfit as unfit:
            return unfit.code
        return None

    few = b"<a>" + b"<b/>" * 10 + b"</a>"
    assert code(few, Caps(elements=11)) is None
    assert code(few, Caps(elements=10)) == "xml_unsafe"
    assert code(b"<a><b><c/></b></a>", Caps(depth=3)) is None
    assert code(b"<a><b><c/></b></a>", Caps(depth=2)) == "xml_unsafe"
    assert code(b"<a b='' c=''/>", Caps(attributes=2)) is None
    assert code(b"<a b='' c=''/>", Caps(attributes=1)) == "xml_unsafe"
    assert code(few, Caps(size_bytes=len(few))) is None
    assert code(few, Caps(size_bytes=len(few) - 1)) == "xml_unsafe"


def test_a_long_document_is_read_in_flat_memory() -> None:
    class Endless(io.RawIOBase):
        """Forty megabytes of XML that are nowhere."""

        def __init__(self) -> None:
            self.left = 600

        def read(self, size: int = -1, /) -> bytes:
            self.left -= 1
            if self.left == 599:
                return b'<m xmlns="http://ddex.net/xml/ern/43">'
            return b"</m>" if self.left == 0 else b"" if self.left < 0 else b"x" * size

    source: BinaryIO = Endless()  # type: ignore[assignment]
    assert root_of(source).namespace == "http://ddex.net/xml/ern/43"


def test_a_window_gives_no_more_than_it_may() -> None:
    window = Window(io.BytesIO(bytes(100_000)), 100_000, most_bytes=40_000)
    assert len(window.at(99_990, 50)) == 10
    with pytest.raises(Unfit, match="ends"):
        window.take(1)
    with pytest.raises(Unfit, match="more than 40000 bytes"):
        window.at(0, 40_000)
    window.allow(100_000)
    assert len(window.at(0, 40_000)) == 40_000
    with pytest.raises(Unfit, match="at most"):
        Window(io.BytesIO(), 1 << 40).read(1 << 39)


@pytest.mark.parametrize(
    ("width", "height", "code"),
    [
        (16_384, 3_051, None),
        (16_385, 1, "image_too_large"),
        (1, 16_384, None),
        (10_000, 5_000, None),
        (10_000, 5_001, "image_too_large"),
    ],
)
def test_the_largest_picture(width: int, height: int, code: str | None) -> None:
    verdict = look(made.png(width, height), "a.png")
    assert (verdict.code, verdict.ok) == (code, code is None)
    assert (verdict.width, verdict.height) == ((width, height) if code is None else (None, None))


@pytest.mark.parametrize(("frames", "code"), [(500, None), (501, "image_too_large")])
def test_the_longest_animation(frames: int, code: str | None) -> None:
    assert look(made.gif(8, 8, frames), "a.gif").code == code


@pytest.mark.parametrize(("count", "code"), [(10_000, None), (10_001, "archive_bomb")])
def test_the_fullest_archive(count: int, code: str | None) -> None:
    data = made.zipped(*((f"{n}.txt", b"words") for n in range(count)), method=zipfile.ZIP_STORED)
    assert look(data, "a.zip").code == code


@pytest.mark.parametrize("ratio", [80, 130])
def test_how_far_an_archive_may_unpack(ratio: int) -> None:
    packed = random.Random(3).randbytes(20_000)
    data = packed + bytes(len(packed) * ratio - len(packed))
    verdict = look(made.zipped(("a.txt", data)), "a.zip")
    assert verdict.code == (None if ratio < 100 else "archive_bomb")
    assert look(made.gzipped(data), "a.gz").code == verdict.code


def test_a_tiff_is_read_in_both_orders_and_both_sizes() -> None:
    def tags(sign: str) -> bytes:
        return struct.pack(f"{sign}HHIHH", 256, 3, 1, 30, 0) + struct.pack(f"{sign}HHII", 257, 4, 1, 20)

    first = b"MM\0*" + struct.pack(">IH", 8, 2) + tags(">") + bytes(4)
    assert images.look(Window(io.BytesIO(first), len(first)), "tiff") == (30, 20)
    long = struct.pack("<HHQHHHH", 256, 3, 1, 30, 0, 0, 0) + struct.pack("<HHQQ", 257, 4, 1, 20)
    second = b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, 2) + long + bytes(8)
    assert images.look(Window(io.BytesIO(second), len(second)), "tiff") == (30, 20)


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("a.MP3", "mp3"),
        ("a.tar.GZ", "gz"),
        ("a.exe. . ", "exe"),
        ("a.exe\0", "exe"),
        ("C:\\x.y\\a", ""),
        (".mp3", ""),
        ("", ""),
        ("名前 – naïve.flac", "flac"),
    ],
)
def test_the_extension_of_a_name(name: str, extension: str) -> None:
    assert extension_of(name) == extension


def test_the_table_of_types_is_whole() -> None:
    for key, one in TYPES.items():
        assert one.extensions
        assert key in named(f"a.{one.extensions[0]}"), key
        assert key in declared_as(one.media_type), key
    taken = {name for one in TYPES.values() if not one.refused for name in one.extensions}
    assert taken.isdisjoint(name for one in TYPES.values() if one.refused for name in one.extensions)
