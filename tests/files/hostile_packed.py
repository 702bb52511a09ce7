"""Archives and XML that mean harm."""

import io
import stat
import struct
import zipfile

from tests.files.hostile import ELF, Hostile
from tests.files.made import DDEX, XML, gzipped, zipped

LAUGHS = (
    XML
    + b'<!DOCTYPE l [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><l>&j;</l>"
)
ZIP, GZIP, DOCUMENT = "application/zip", "application/gzip", "application/xml"


def entry(name: str, data: bytes = b"x", *, mode: int = 0, flags: int = 0, size: int | None = None) -> bytes:
    """A ZIP of one entry whose directory says what it is told to."""
    out = io.BytesIO()
    info = zipfile.ZipInfo("n" * len(name.encode()))
    info.external_attr = mode << 16
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(info, data, compress_type=zipfile.ZIP_DEFLATED)
    raw = bytearray(out.getvalue().replace(info.filename.encode(), name.encode()))
    listed = raw.index(b"PK\x01\x02")
    raw[listed + 8 : listed + 10] = struct.pack("<H", flags | (0x800 if not name.isascii() else 0))
    if size is not None:
        raw[listed + 24 : listed + 28] = struct.pack("<I", size)
    return bytes(raw)


def overlapping() -> bytes:
    """Two entries of one name length that both point at the bytes of the first."""
    raw = bytearray(zipped(("a", b"1" * 50), ("b", b"1" * 50), method=zipfile.ZIP_STORED))
    second = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 4)
    raw[second + 42 : second + 47] = b"\0\0\0\0a"
    return bytes(raw)


def quoted_overlap() -> bytes:
    """An entry whose bytes hold the next entry, header and all: each byte is unpacked many times."""
    inner = zipped(("b", b"2" * 40), method=zipfile.ZIP_STORED)
    local = inner[: inner.index(b"PK\x01\x02")]
    raw = zipped(("a", local), method=zipfile.ZIP_STORED)
    listed = raw.index(b"PK\x01\x02")
    at = raw.index(local)
    second = bytearray(inner[inner.index(b"PK\x01\x02") : inner.index(b"PK\x05\x06")])
    second[42:46] = struct.pack("<I", at)
    directory = raw[listed : raw.index(b"PK\x05\x06")] + bytes(second)
    return (
        raw[:listed]
        + directory
        + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), listed, 0)
    )


def many_entries(count: int) -> bytes:
    one = b"PK\x01\x02" + bytes(24) + b"\1" + bytes(17)
    local = b"PK\x03\x04" + bytes(26)
    listed = (one + b"a") * count
    end = struct.pack(
        "<4sHHHHIIH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, len(listed), len(local), 0
    )
    return local + listed + end


def huge_zip() -> bytes:
    """An archive whose directory promises 5 × 4 GB out of thin air."""
    raw = zipped(*((f"{n}.bin", b"0" * 9) for n in range(6)), method=zipfile.ZIP_STORED)
    at = raw.index(b"PK\x01\x02")
    changed = bytearray(raw)
    while at >= 0:
        changed[at + 20 : at + 28] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
        at = raw.find(b"PK\x01\x02", at + 4)
    return bytes(changed)


def attributes(count: int) -> bytes:
    return XML + b"<a " + b" ".join(b'a%d=""' % n for n in range(count)) + b"/>"


PACKED = (
    # Archives.
    Hostile("a flat bomb", "a.zip", lambda: zipped(("a.txt", bytes(20 << 20))), "archive_bomb", ZIP),
    Hostile(
        "many small bombs",
        "a.zip",
        lambda: zipped(*((f"{n}.txt", bytes(900_000)) for n in range(20))),
        "archive_bomb",
        ZIP,
    ),
    Hostile(
        "a bomb that says it is small",
        "a.zip",
        lambda: entry("a.txt", bytes(30 << 20), size=1_000),
        "archive_bomb",
        ZIP,
    ),
    Hostile("a promise of 24 GB", "a.zip", huge_zip, "archive_bomb", ZIP),
    Hostile("entries that share bytes", "a.zip", quoted_overlap, "archive_bomb", ZIP),
    Hostile("one entry under two names", "a.zip", overlapping, "archive_unsafe", ZIP),
    Hostile("20,000 entries", "a.zip", lambda: many_entries(20_000), "archive_bomb", ZIP),
    Hostile(
        "20,000 entries that say they are ten",
        "a.zip",
        lambda: many_entries(20_000).replace(struct.pack("<HH", 20_000, 20_000), struct.pack("<HH", 10, 10)),
        "archive_unsafe",
        ZIP,
    ),
    Hostile(
        "an archive in an archive",
        "a.zip",
        lambda: zipped(("inner.zip", zipped(("a", b"1")))),
        "archive_unsafe",
        ZIP,
    ),
    Hostile(
        "an archive in an archive, renamed",
        "a.zip",
        lambda: zipped(("inner.txt", zipped(("a", b"1")))),
        "archive_unsafe",
        ZIP,
    ),
    Hostile(
        "a gzip in an archive, stored",
        "a.zip",
        lambda: zipped(("a.txt", gzipped(b"1")), method=zipfile.ZIP_STORED),
        "archive_unsafe",
        ZIP,
    ),
    Hostile("a program in an archive", "a.zip", lambda: zipped(("song.mp3", ELF)), "archive_unsafe", ZIP),
    Hostile("a way up", "a.zip", lambda: entry("../../etc/cron.d/x"), "archive_unsafe", ZIP),
    Hostile("a way up by backslash", "a.zip", lambda: entry("a\\..\\..\\x.dll"), "archive_unsafe", ZIP),
    Hostile("a way from the root", "a.zip", lambda: entry("/etc/passwd"), "archive_unsafe", ZIP),
    Hostile("a way to a drive", "a.zip", lambda: entry("C:\\Windows\\x"), "archive_unsafe", ZIP),
    Hostile("a name with a zero", "a.zip", lambda: entry("a.txt\0.exe"), "archive_unsafe", ZIP),
    Hostile("a name written backwards", "a.zip", lambda: entry("song\u202e3pm.txt"), "archive_unsafe", ZIP),
    Hostile(
        "a link",
        "a.zip",
        lambda: entry("a", b"/etc/shadow", mode=stat.S_IFLNK | 0o777),
        "archive_unsafe",
        ZIP,
    ),
    Hostile("a device", "a.zip", lambda: entry("a", mode=stat.S_IFBLK | 0o600), "archive_unsafe", ZIP),
    Hostile("an encrypted entry", "a.zip", lambda: entry("a", flags=1), "archive_unsafe", ZIP),
    Hostile(
        "an entry packed by another method",
        "a.zip",
        lambda: zipped(("a", b"1" * 99), method=zipfile.ZIP_LZMA),
        "archive_unsafe",
        ZIP,
    ),
    Hostile(
        "an archive behind a program",
        "a.zip",
        lambda: b"MZ\0\0" + zipped(("a", b"1")),
        "file_refused",
        "application/x-executable",
    ),
    Hostile(
        "an archive behind another",
        "a.zip",
        lambda: zipped(("a", b"1")) + zipped(("b", b"2")),
        "archive_unsafe",
        ZIP,
    ),
    Hostile(
        "an archive without its end", "a.zip", lambda: zipped(("a", b"1" * 99))[:60], "file_cut_short", ZIP
    ),
    Hostile(
        "two names that fold into one",
        "a.zip",
        lambda: zipped(("A.txt", b"1"), ("a.TXT", b"2")),
        "archive_unsafe",
        ZIP,
    ),
    Hostile(
        "gzip of sixteen gigabytes", "a.txt.gz", lambda: gzipped(b"x", times=1_000), "archive_bomb", GZIP
    ),
    Hostile("gzip of gzip", "a.gz", lambda: gzipped(gzipped(b"x" * 99)), "archive_unsafe", GZIP),
    Hostile(
        "gzip of a tar",
        "a.gz",
        lambda: gzipped(b"x" + bytes(256) + b"ustar\x0000" + bytes(250)),
        "archive_unsafe",
        GZIP,
    ),
    Hostile("gzip of a program", "a.gz", lambda: gzipped(ELF), "archive_unsafe", GZIP),
    Hostile("gzip of 100,000 members", "a.gz", lambda: gzipped(b"1") * 20_000, "archive_bomb", GZIP),
    Hostile(
        "gzip that is damaged",
        "a.gz",
        lambda: gzipped(b"words" * 99)[:10] + b"\xff" * 30,
        "file_broken",
        GZIP,
    ),
    Hostile("gzip that is cut short", "a.gz", lambda: gzipped(b"words" * 99)[:-9], "file_cut_short", GZIP),
    # XML.
    Hostile("a billion laughs", "a.xml", lambda: LAUGHS, "xml_unsafe", DOCUMENT),
    Hostile(
        "quadratic blow-up",
        "a.xml",
        lambda: XML + b'<!DOCTYPE a [<!ENTITY x "' + b"y" * 60_000 + b'">]><a>' + b"&x;" * 60_000 + b"</a>",
        "xml_unsafe",
        DOCUMENT,
    ),
    Hostile(
        "an entity of a file",
        "a.xml",
        lambda: b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        "xml_unsafe",
        DOCUMENT,
    ),
    Hostile(
        "an entity of the network",
        "a.xml",
        lambda: b'<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]><a>&x;</a>',
        "xml_unsafe",
        DOCUMENT,
    ),
    Hostile(
        "a parameter entity",
        "a.xml",
        lambda: b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]><a/>',
        "xml_unsafe",
        DOCUMENT,
    ),
    Hostile(
        "a DTD elsewhere",
        "a.xml",
        lambda: XML + b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
        "xml_unsafe",
        DOCUMENT,
    ),
    Hostile(
        "a DOCTYPE in UTF-16",
        "a.xml",
        lambda: LAUGHS.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        "xml_unsafe",
        DOCUMENT,
    ),
    Hostile(
        "a DOCTYPE in UTF-16 without a mark",
        "a.xml",
        lambda: LAUGHS.decode().encode("utf-16-be"),
        "xml_unsafe",
        DOCUMENT,
    ),
    Hostile(
        "UTF-7",
        "a.xml",
        lambda: b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<a/>',
        "xml_unsafe",
        DOCUMENT,
    ),
    Hostile(
        "UTF-32", "a.xml", lambda: ("\ufeff" + DDEX.decode()).encode("utf-32-le"), "xml_unsafe", DOCUMENT
    ),
    Hostile("200,000 attributes", "a.xml", lambda: attributes(200_000), "xml_unsafe", DOCUMENT),
    Hostile("300 attributes", "a.xml", lambda: attributes(300), "xml_unsafe", DOCUMENT),
    Hostile(
        "100,000 levels", "a.xml", lambda: XML + b"<a>" * 100_000 + b"</a>" * 100_000, "xml_unsafe", DOCUMENT
    ),
    Hostile(
        "a comment that never ends",
        "a.xml",
        lambda: XML + b"<a><!--" + b"-x" * 2_000_000,
        "xml_unsafe",
        DOCUMENT,
    ),
    Hostile("XML that is cut short", "a.xml", lambda: DDEX[:-4], "file_broken", DOCUMENT),
    Hostile("XML that changes its mind", "a.xml", lambda: XML + b"<a>\xff</a>", "file_broken", DOCUMENT),
    Hostile("brackets without end", "a.json", lambda: b"[" * 500_000, "file_type_mismatch", "text/plain"),
    Hostile(
        "a PDF that is cut short",
        "a.pdf",
        lambda: b"%PDF-1.7\n" + bytes(9_000),
        "file_cut_short",
        "application/pdf",
    ),
)

# Texts that make a careless pattern try every way to read them: given up on only by the test's time limit.
TEXTS = (
    Hostile("nothing but lines", "a.cue", lambda: b"\n" * 65_000, "file_type_mismatch", "text/plain"),
    Hostile(
        "a command of blanks", "a.cue", lambda: b"FILE" + b" " * 65_000, "file_type_mismatch", "text/plain"
    ),
    Hostile(
        "a command of words", "a.cue", lambda: b"FILE " + b"a " * 32_000, "file_type_mismatch", "text/plain"
    ),
    Hostile("comments that begin", "a.txt", lambda: b"<!-- " * 13_000, "file_type_mismatch", DOCUMENT),
    Hostile(
        "a bracket and blanks", "a.json", lambda: b"[" + b" " * 65_000, "file_type_mismatch", "text/plain"
    ),
    Hostile("nothing but commas", "a.csv", lambda: b"," * 900_000, None, "text/plain"),
    Hostile("nothing but quotes", "a.csv", lambda: b'"' * 900_000, None, "text/plain"),
    Hostile(
        "a number of a million digits",
        "a.json",
        lambda: b"[" + b"9" * 1_000_000 + b"]",
        "file_type_mismatch",
        "text/plain",
    ),
)
# Takes seconds where memory is traced.
SLOW = (
    Hostile(
        "1,000,001 elements",
        "a.xml",
        lambda: XML + b"<a>" + b"<b/>" * 1_000_000 + b"</a>",
        "xml_unsafe",
        DOCUMENT,
    ),
)
