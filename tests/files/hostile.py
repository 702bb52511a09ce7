"""Files that mean harm, made byte by byte: each with its name and the verdict that it must get.

Nothing here is stored: large ones are promised by their lengths or repeated from a small block.
"""

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass

from tests.files import made
from tests.files.made import (
    XML,
    box,
    flac,
    id3,
    id3_frame,
    jpeg,
    mp3,
    mp4,
    png,
    riff,
    track,
    wave,
    zipped,
)

AUDIO, IMAGE = "audio/mpeg", "image/png"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\nendobj\n%%EOF\n"
PAGE = b"<!DOCTYPE html><html><script>fetch('/v1/tokens')</script></html>"
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
SOUND = track(b"soun", b"mp4a")


@dataclass(frozen=True)
class Hostile:
    """A file, what it is called, and the code and media type of its verdict; code None: it is taken."""

    name: str
    file_name: str
    build: Callable[[], bytes]
    code: str | None
    media_type: str
    declared: str | None = None


def deep(levels: int) -> bytes:
    inner = box(b"stsd", bytes(28))
    for _ in range(levels):
        inner = box(b"trak", inner)
    return box(b"ftyp", b"M4A ", bytes(4)) + box(b"moov", inner)


def noise(length: int) -> bytes:
    return random.Random(7).randbytes(length)


SOUNDS = (
    # Not what they are called.
    Hostile("a page called a song", "song.wav", lambda: PAGE, "file_refused", "text/html"),
    Hostile(
        "a page with a mark and comments",
        "a.txt",
        lambda: b"\xef\xbb\xbf \n<!-- x --><HTML>",
        "file_refused",
        "text/html",
    ),
    Hostile("a page in UTF-16", "a.txt", lambda: PAGE.decode().encode("utf-16"), "file_refused", "text/html"),
    Hostile(
        "a page as XML",
        "a.xml",
        lambda: XML + b'<x:html xmlns:x="http://www.w3.org/1999/xhtml"/>',
        "file_refused",
        "application/xml",
    ),
    Hostile("a program called a song", "song.mp3", lambda: ELF, "file_refused", "application/x-executable"),
    Hostile(
        "a Windows program",
        "cover.png",
        lambda: b"MZ\x90\0" + bytes(60) + b"PE\0\0",
        "file_refused",
        "application/x-executable",
    ),
    Hostile(
        "a Java class",
        "a.flac",
        lambda: b"\xca\xfe\xba\xbe\0\0\x004" + bytes(9),
        "file_refused",
        "application/x-executable",
    ),
    Hostile("a shell script", "notes.txt", lambda: b"#!/bin/sh\nrm -rf /\n", "file_refused", "text/x-script"),
    Hostile(
        "PHP called a picture", "a.jpg", lambda: b"<?php system($_GET['c']);", "file_refused", "text/x-script"
    ),
    Hostile("a song called a program", "song.mp3.exe", mp3, "file_refused", AUDIO),
    Hostile("a song declared as a page", "song.mp3", mp3, "file_refused", AUDIO, "text/html; charset=x"),
    Hostile("a name written backwards", "song\u202e3pm.exe", mp3, "file_refused", AUDIO),
    Hostile(
        "an old Office document",
        "a.txt",
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
        "file_refused",
        "application/x-ole-storage",
    ),
    Hostile(
        "a 7z archive",
        "a.zip",
        lambda: b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24),
        "file_refused",
        "application/x-compressed",
    ),
    Hostile(
        "a tar archive",
        "a.zip",
        lambda: b"x" + bytes(256) + b"ustar\x0000" + bytes(250),
        "file_refused",
        "application/x-compressed",
    ),
    Hostile("a picture called a song", "song.wav", made.picture, "file_type_mismatch", IMAGE),
    Hostile("a song called another", "song.flac", mp3, "file_type_mismatch", AUDIO),
    Hostile(
        "film called a song",
        "a.m4a",
        lambda: mp4(SOUND, track(b"vide", b"avc1")),
        "file_type_mismatch",
        "video/mp4",
    ),
    Hostile("text called a song", "song.mp3", lambda: b"only words\n", "file_type_mismatch", "text/plain"),
    Hostile("declared as another", "a.png", made.picture, "file_type_mismatch", IMAGE, "image/jpeg"),
    Hostile("noise", "a.m4a", lambda: noise(4_096), "file_type_unknown", "application/octet-stream"),
    Hostile("nothing", "a.mp3", lambda: b"", "file_empty", "application/octet-stream"),
    Hostile(
        "nothing but zeros", "a.wav", lambda: bytes(100_000), "file_type_unknown", "application/octet-stream"
    ),
    # Two things at once.
    Hostile(
        "GIF and ZIP",
        "a.gif",
        lambda: made.picture("GIF") + zipped(("x.class", b"1")),
        "file_polyglot",
        "image/gif",
    ),
    Hostile(
        "PNG and page",
        "a.png",
        lambda: png(8, 8, made.png_chunk(b"tEXt", b"a\0" + PAGE)),
        "file_polyglot",
        IMAGE,
    ),
    Hostile(
        "JPEG and PHP",
        "a.jpg",
        lambda: b"\xff\xd8\xff\xfe\0\x20<?php eval($_POST['x']); ?>___" + jpeg(8, 8)[2:],
        "file_polyglot",
        "image/jpeg",
    ),
    Hostile(
        "MP3 and PDF", "a.mp3", lambda: mp3(id3_frame(b"PRIV", b"%PDF-1.4\n%%EOF")), "file_polyglot", AUDIO
    ),
    Hostile("WAVE and ZIP", "a.wav", lambda: wave() + zipped(("a.js", b"1")), "file_polyglot", "audio/wav"),
    Hostile(
        "GIF and script, all text",
        "a.gif",
        lambda: b"GIF89a=1;/*aaaaaaaa*/alert(1)//",
        "file_type_mismatch",
        "text/plain",
    ),
    Hostile("PDF and ZIP", "a.pdf", lambda: PDF + zipped(("a.js", b"1")), "file_polyglot", "application/pdf"),
    Hostile(
        "words and data", "a.txt", lambda: b"words\n" * 20_000 + noise(9_000), "file_polyglot", "text/plain"
    ),
    # Lengths that lie.
    Hostile(
        "a WAVE that says 4 GB",
        "a.wav",
        lambda: wave()[:-68] + struct.pack("<I", 0xF0000000) + bytes(64),
        "file_cut_short",
        "audio/wav",
    ),
    Hostile("a WAVE of its first twelve bytes", "a.wav", lambda: wave()[:12], "file_cut_short", "audio/wav"),
    Hostile(
        "a WAVE without a format",
        "a.wav",
        lambda: riff(b"WAVE", (b"data", bytes(8))),
        "file_broken",
        "audio/wav",
    ),
    Hostile(
        "a WAVE of a million chunks",
        "a.wav",
        lambda: riff(b"WAVE", *([(b"junk", b"")] * 50_000)),
        "file_too_complex",
        "audio/wav",
    ),
    Hostile(
        "an RF64 that says exabytes",
        "a.wav",
        lambda: made.rf64().replace(struct.pack("<QQ", 0, 16), b"\xff" * 15 + b"\x7f"),
        "file_cut_short",
        "audio/wav",
    ),
    Hostile(
        "a FLAC block of 16 MB",
        "a.flac",
        lambda: b"fLaC" + made.flac_block(0, made.STREAM_INFO) + b"\x04\xff\xff\xff",
        "file_cut_short",
        "audio/flac",
    ),
    Hostile("a FLAC cut in its header", "a.flac", lambda: flac()[:20], "file_cut_short", "audio/flac"),
    Hostile(
        "a FLAC of endless metadata",
        "a.flac",
        lambda: flac(*([made.flac_block(1, b"")] * 40_000)),
        "file_too_complex",
        "audio/flac",
    ),
    Hostile(
        "a FLAC that holds no sound", "a.flac", lambda: flac()[:-44] + noise(44), "file_broken", "audio/flac"
    ),
    Hostile(
        "a tag of 268 MB before sound",
        "a.mp3",
        lambda: id3(b"TIT2", 0xFFFFFFF) + made.MP3_FRAME * 6,
        None,
        AUDIO,
    ),
    Hostile(
        "a tag of 268 MB before nothing",
        "a.mp3",
        lambda: id3(noise(40_000), 0xFFFFFFF),
        "file_type_unknown",
        "application/octet-stream",
    ),
    Hostile(
        "a tag of sync bytes",
        "a.mp3",
        lambda: id3(b"\xff\xfb\x90\x64" * 200_000, 0xFFFFFFF),
        "file_type_unknown",
        "application/octet-stream",
    ),
    Hostile(
        "tags in tags", "a.mp3", lambda: id3(b"") * 30_000, "file_type_unknown", "application/octet-stream"
    ),
    Hostile(
        "a picture frame of 200 MB",
        "a.mp3",
        lambda: mp3(id3_frame(b"APIC", b"\0image/png\0\3\0", 0xBEBC200)),
        None,
        AUDIO,
    ),
    Hostile(
        "a million empty tag frames", "a.mp3", lambda: mp3(id3_frame(b"TXXX", b"") * 50_000), None, AUDIO
    ),
    Hostile(
        "a tag of one frame of many values",
        "a.mp3",
        lambda: mp3(id3_frame(b"TPE1", b"\3" + b"\0".join(b"%x" % n for n in range(50_000)))),
        None,
        AUDIO,
    ),
    Hostile(
        "a MP4 box of exabytes",
        "a.m4a",
        lambda: mp4(SOUND) + b"\0\0\0\1free" + b"\x7f" + bytes(7),
        "file_cut_short",
        "audio/mp4",
    ),
    Hostile(
        "a MP4 box smaller than its head",
        "a.m4a",
        lambda: mp4(SOUND)[:20] + box(b"moov", size=3),
        "file_broken",
        "audio/mp4",
    ),
    Hostile(
        "a MP4 box larger than its parent",
        "a.m4a",
        lambda: mp4(track(b"soun", b"mp4a")[:8] + box(b"mdia", size=0x7FFFFFFF)),
        "file_broken",
        "audio/mp4",
    ),
    Hostile("deep boxes", "a.m4a", lambda: deep(500), "file_too_complex", "audio/mp4"),
    Hostile("wide boxes", "a.m4a", lambda: mp4(box(b"free") * 60_000), "file_too_complex", "audio/mp4"),
    Hostile(
        "a film without a header",
        "a.mp4",
        lambda: mp4()[:20] + box(b"mdat", bytes(64)),
        "file_cut_short",
        "audio/mp4",
    ),
    Hostile(
        "an AIFF that says 2 GB",
        "a.aiff",
        lambda: made.aiff()[:-44] + b"\x7f\xff\xff\xff" + bytes(40),
        "file_cut_short",
        "audio/aiff",
    ),
    Hostile(
        "an Ogg of one page",
        "a.ogg",
        lambda: made.ogg_page(b"\x01vorbis" + bytes(23), 2, 0),
        "file_cut_short",
        "audio/ogg",
    ),
    Hostile(
        "an Ogg of nothing known", "a.ogg", lambda: made.ogg(b"unheard"), "file_type_unknown", "audio/ogg"
    ),
    Hostile(
        "a Matroska of endless length",
        "a.mkv",
        lambda: made.matroska("matroska")[:16] + b"\x18\x53\x80\x67\x01" + b"\xff" * 7,
        "file_broken",
        "video/x-matroska",
    ),
    Hostile(
        "an ASF of empty objects",
        "a.wma",
        lambda: made.asf(made.ASF_SOUND)[:30] + bytes(80),
        "file_broken",
        "audio/x-ms-wma",
    ),
)
