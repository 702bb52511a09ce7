"""How files are built, part by part: rare forms that are right, and each way of being wrong with its code."""

import io
import struct
import zipfile
import zlib

import pytest

from domain.adapters.inspecting import inspect
from domain.files.verdict import Verdict
from tests.files import made
from tests.files.made import box, id3_frame, mp3, mp4, png, png_chunk, riff, track, zipped

STORED = zipped(("a.txt", b"words"), ("b.txt", b"other words"), method=zipfile.ZIP_STORED)
PACKED = zipped(("a.txt", b"words and words " * 40))
COVER = made.picture("PNG", 30, 20)
LOCAL, LISTED, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def look(data: bytes, name: str) -> Verdict:
    return inspect(io.BytesIO(data), len(data), name, None)


def patched(data: bytes, sign: bytes, at: int, value: bytes) -> bytes:
    """The file with bytes changed behind the first place of a sign."""
    start = data.index(sign) + at
    return data[:start] + value + data[start + len(value) :]


def long_zip(offset: int = 0, end: int | None = None) -> bytes:
    """A ZIP whose sizes and places stand in the long forms, as they do beyond 4 GB."""
    body, name = b"words", b"a.txt"
    local = struct.pack("<4sHHHHHIIIHH", LOCAL, 45, 0, 0, 0, 0, zlib.crc32(body), 5, 5, 5, 0) + name + body
    extra = struct.pack("<HH", 0x5455, 5) + bytes(5) + struct.pack("<HHQQQ", 1, 24, 5, 5, offset)
    full = 0xFFFFFFFF
    head = struct.pack(
        "<4sHHHHHHIIIHHHHHII", LISTED, 45, 45, 0, 0, 0, 0, 0, full, full, 5, len(extra), 0, 0, 0, 0, full
    )
    listed = head + name + extra
    stop = len(local) + len(listed)
    long = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(listed), len(local))
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, stop if end is None else end, 1)
    return (
        local + listed + long + locator + struct.pack("<4sHHHHIIH", END, 0, 0, 0xFFFF, 0xFFFF, full, full, 0)
    )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (long_zip(), None),
        (long_zip(end=3), "file_broken"),
        (long_zip(offset=9), "archive_unsafe"),
        (patched(STORED, END, 4, b"\1\0"), "archive_unsafe"),
        (STORED + b"more", "archive_unsafe"),
        (patched(STORED, END, 10, b"\3\0"), "archive_unsafe"),
        (patched(STORED, LISTED, 0, b"PK\x01\x09"), "file_broken"),
        (patched(STORED, LISTED, 24, b"\xff\0\0\0"), "archive_unsafe"),
        (patched(STORED, LISTED, 20, struct.pack("<II", 9_000, 9_000)), "archive_bomb"),
        (patched(STORED, LOCAL, 0, b"PK\x03\x09"), "file_type_unknown"),
        (patched(STORED, LOCAL, 30, b"c"), "archive_unsafe"),
        (patched(STORED, LOCAL, 8, b"\x08\0"), "archive_unsafe"),
        (patched(STORED, LOCAL, 28, b"\x09\0"), "archive_bomb"),
        (patched(PACKED, LISTED, 24, struct.pack("<I", 700)), "file_broken"),
        (patched(PACKED, LOCAL, 35, b"\xff\xff\xff\xff"), "file_broken"),
        (patched(PACKED, LOCAL, 28, b"\xff\xff"), "file_cut_short"),
        (zipped(("dir/", b""), ("dir/a.txt", b"words")), None),
        (zipped(), None),
    ],
)
def test_a_zip_is_what_its_directory_says(data: bytes, code: str | None) -> None:
    verdict = look(data, "a.zip")
    assert verdict.code == code, verdict.text


def test_a_gzip_file_that_only_has_a_name_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.files.archives.UNPACKED", 200_000)
    assert look(b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 400_000, "a.gz").code == "file_broken"


CONTROL = png_chunk(b"acTL", struct.pack(">II", 2, 0))


def frame(number: int, width: int, height: int) -> bytes:
    return png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, 0, 0, 1, 10, 0, 0))


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.png", png(8, 8, CONTROL, frame(0, 8, 8), frame(1, 8, 8)), None),
        ("a.png", png(8, 8, CONTROL, frame(0, 30_000, 30_000)), "image_too_large"),
        ("a.png", png(8, 8)[:8] + CONTROL + png(8, 8)[8:], "image_broken"),
        ("a.png", png(8, 8)[:33] + png_chunk(b"IEND", b""), "image_broken"),
        ("a.png", png(8, 8, png_chunk(b"tEXt", b"a\0b") * 20_001), "image_too_large"),
        ("a.jpg", made.jpeg(8, 8)[:2] + b"\xff\xff" + made.jpeg(8, 8)[3:], None),
        ("a.jpg", made.jpeg(8, 8)[:2] + b"\xff\x01" + made.jpeg(8, 8)[2:], "image_broken"),
        ("a.jpg", made.jpeg(8, 8)[:2] + made.jpeg(8, 8)[2:15] + made.jpeg(8, 8)[2:], "image_broken"),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\4abxx" + made.jpeg(8, 8)[2:], "image_broken"),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\4ab\xff\xd9", "image_broken"),
        ("a.gif", patched(made.gif(8, 8), b",\0", 0, b"!\xff\x01x\0"), "image_broken"),
        ("a.gif", made.gif(8, 8)[:19] + b"!\xf9\4" + bytes(5) + made.gif(8, 8)[19:], None),
        ("a.gif", made.gif(8, 8, 0), "image_broken"),
        ("a.webp", riff(b"WEBP", (b"VP8X", bytes(10))), "image_broken"),
        ("a.webp", riff(b"WEBP", (b"VP8L", b"\x2e" + bytes(9))), "image_broken"),
        ("a.webp", riff(b"WEBP", (b"VP8 ", bytes(10))), "image_broken"),
        ("a.webp", made.webp(8, 8, 1)[:-4], "image_broken"),
        ("a.bmp", patched(made.bmp(8, 8), b"BM", 14, struct.pack("<IHHHH", 12, 8, 8, 1, 24)), None),
        ("a.bmp", patched(made.bmp(8, 8), b"BM", 14, b"\x29"), "image_broken"),
        ("a.bmp", made.bmp(8, 8)[:50], "image_broken"),
        ("a.wav", riff(b"WAVE", (b"fmt ", bytes(16)), (b"data", b"")), "file_broken"),
        ("a.aiff", patched(made.aiff(), b"COMM", 10, bytes(4)), None),
        ("a.aiff", made.aiff()[:12] + made.aiff()[38:] + made.aiff()[12:38], None),
        ("a.aiff", made.aiff()[:12] + made.aiff()[38:], "file_broken"),
        ("a.aiff", made.aiff()[:12] + b"NAME\0\0\0\0" * 1_001, "file_too_complex"),
        ("a.flac", b"fLaC" + made.flac_block(1, made.STREAM_INFO, last=True), "file_broken"),
        ("a.flac", made.flac(made.flac_block(127, b"")), "file_broken"),
        ("a.flac", b"fLaC" + made.flac_block(0, made.STREAM_INFO, last=True), "file_cut_short"),
        ("a.mov", mp4(track(b"soun", b"lpcm"), brand=b"qt  "), None),
        ("a.mp4", mp4(track(b"meta", b"mett"), brand=b"isom"), "file_broken"),
        (
            "a.mkv",
            made.element("1a45dfa3", made.element("4282", b"matroska")) + b"\x81" + bytes(9),
            "file_broken",
        ),
        ("a.mkv", made.matroska("matroska", 17), "file_broken"),
    ],
)
def test_a_file_is_built_as_its_type_is(name: str, data: bytes, code: str | None) -> None:
    verdict = look(data, name)
    assert verdict.code == code, verdict.text


def extended(body: bytes) -> bytes:
    """A tag of ID3v2.4 with an extended header, and one of its frames made safe with a length before it."""
    safe = body.replace(b"\xff", b"\xff\x00")
    head = b"APIC" + made.synchsafe(len(safe) + 4) + b"\0\x03"
    held = made.synchsafe(6) + b"\x01\0" + head + made.synchsafe(len(body)) + safe
    return b"ID3\x04\0\x40" + made.synchsafe(len(held)) + held


def second(body: bytes) -> bytes:
    held = b"PIC" + struct.pack(">I", len(body))[1:] + body
    return b"ID3\x02\0\0" + made.synchsafe(len(held)) + held


FRONT = b"\0image/png\0\3\0"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (extended(FRONT + COVER) + made.MP3_FRAME * 6, True),
        (second(b"\0PNG\3\0" + COVER) + made.MP3_FRAME * 6, True),
        (mp3(id3_frame(b"APIC", b"\0image/png")), False),
        (mp3(id3_frame(b"APIC", b"\0image/png\0\3no end")), False),
        (mp3(id3_frame(b"APIC", b"\1image/png\0\3\xff\xfea")), False),
        (mp3(id3_frame(b"TIT2", b"\3Song", size=4_000), made.apic(COVER)), False),
        (mp3(bytes(20), made.apic(COVER)), False),
    ],
)
def test_the_picture_of_a_tag(data: bytes, found: bool) -> None:
    verdict = look(data, "a.mp3")
    assert verdict.ok, verdict.text
    assert (verdict.cover is not None) == found
    assert verdict.cover is None or verdict.cover.data == COVER


@pytest.mark.parametrize(
    "lines",
    [
        [b"METADATA_BLOCK_PICTURE=%%%"],
        [b"METADATA_BLOCK_PICTURE=AAAA"],
        [b"no sign"],
        [b"=" * 400],
        [],
    ],
)
def test_comments_without_a_picture(lines: list[bytes]) -> None:
    listed = b"".join(struct.pack("<I", len(line)) + line for line in lines)
    packet = b"\x03vorbis" + struct.pack("<I", 0) + struct.pack("<I", 9) + listed
    verdict = look(made.ogg(b"\x01vorbis", packet), "a.ogg")
    assert (verdict.ok, verdict.cover) == (True, None), verdict.text


def test_tags_of_an_mp4_in_the_manner_of_quicktime() -> None:
    listed = box(b"ilst", box(b"covr", box(b"data", bytes(8), COVER)))
    old = box(b"udta", box(b"meta", box(b"hdlr", bytes(8), b"mdir", bytes(13)), listed))

    def cover(tags: bytes) -> object:
        return look(mp4(track(b"soun", b"mp4a"), tags=tags), "a.m4a").cover

    assert cover(old) == cover(made.mp4_cover(COVER))
    assert cover(old) is not None
    assert cover(box(b"udta", b"\0\0\0\x09what?")) is None
