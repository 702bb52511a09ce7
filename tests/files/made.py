"""Small valid files of every type that is taken, made byte by byte; hostile ones are made of them."""

import base64
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Sequence
from functools import cache

from PIL import Image

MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)
AAC_FRAME = b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)
AC3_FRAME = b"\x0b\x77\0\0\x00\x40" + bytes(122)
EAC3_FRAME = b"\x0b\x77\x00\x3f\x00\x80" + bytes(122)
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'
DDEX = XML + b'<m xmlns="http://ddex.net/xml/ern/43"><Release/></m>'


def picture(form: str = "PNG", width: int = 8, height: int = 6, **more: object) -> bytes:
    """A picture by Pillow."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 60)).save(out, form, **more)
    return out.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *more: bytes, data: bytes = b"\x78\x9c\x03\0\0\0\0\x01") -> bytes:
    """A PNG that says its size and holds nearly nothing."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def jpeg(width: int, height: int, scans: int = 1) -> bytes:
    """A JPEG that says its size and holds nearly nothing."""
    segment = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0"
    head = b"\xff\xc2" + struct.pack(">H", 2 + len(segment)) + segment
    scan = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + b"\x12\x34"
    return b"\xff\xd8" + head + scan * scans + b"\xff\xd9"


def gif(width: int, height: int, frames: int = 1, *, frame: tuple[int, int] | None = None) -> bytes:
    wide, high = frame or (width, height)
    one = b"," + struct.pack("<HHHHB", 0, 0, wide, high, 0) + b"\x02\x02\x4c\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + one * frames + b";"


def riff(form: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    body = form + b"".join(name + struct.pack("<I", len(b)) + b + bytes(len(b) % 2) for name, b in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp(width: int, height: int, frames: int = 1) -> bytes:
    def of(number: int) -> bytes:
        return struct.pack("<I", number)[:3]

    canvas = (b"VP8X", b"\x02\0\0\0" + of(width - 1) + of(height - 1))
    frame = (b"ANMF", bytes(6) + of(width - 1) + of(height - 1) + bytes(4))
    return riff(b"WEBP", canvas, (b"ANIM", bytes(6)), *([frame] * frames))


def tiff(width: int, height: int, *, count: int = 2, after: int = 0, values: int = 1) -> bytes:
    tags = struct.pack("<HHII", 256, 4, 1, width) + struct.pack("<HHII", 257, 4, values, height)
    return b"II*\0" + struct.pack("<IH", 8, count) + tags + struct.pack("<I", after)


def bmp(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 14 + 40 + 8, 0, 0, 54) + info + bytes(8)


FMT = (b"fmt ", struct.pack("<HHIIHH", 1, 2, 44_100, 176_400, 4, 16))


def wave(*more: tuple[bytes, bytes], sound: bytes = bytes(64)) -> bytes:
    return riff(b"WAVE", FMT, *more, (b"data", sound))


def rf64() -> bytes:
    sizes = (b"ds64", struct.pack("<QQQI", 0, 16, 4, 0))
    return b"RF64\xff\xff\xff\xff" + riff(b"WAVE", sizes, FMT)[8:] + b"data\xff\xff\xff\xff" + bytes(16)


def aiff(sound: bytes = bytes(32)) -> bytes:
    common = b"COMM" + struct.pack(">IhIh", 18, 2, 8, 16) + b"\x40\x0e\xac\x44" + bytes(6)
    body = b"AIFF" + common + b"SSND" + struct.pack(">I", 8 + len(sound)) + bytes(8) + sound
    return b"FORM" + struct.pack(">I", len(body)) + body


def flac_block(kind: int, body: bytes, *, last: bool = False) -> bytes:
    return bytes([kind | (0x80 if last else 0)]) + struct.pack(">I", len(body))[1:] + body


STREAM_INFO = struct.pack(">HH", 4096, 4096) + bytes(6) + b"\x0a\xc4\x42\xf0\0\0\x10\0" + bytes(16)


def flac(*blocks: bytes) -> bytes:
    return (
        b"fLaC"
        + flac_block(0, STREAM_INFO)
        + b"".join(blocks)
        + flac_block(1, b"", last=True)
        + (b"\xff\xf8\xc9\x18" + bytes(40))
    )


def flac_picture(data: bytes, size: int | None = None) -> bytes:
    head = struct.pack(">II", 3, 9) + b"image/png" + bytes(4) + bytes(16)
    return flac_block(6, head + struct.pack(">I", len(data) if size is None else size) + data)


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(body: bytes, size: int | None = None) -> bytes:
    return b"ID3\x04\0\0" + synchsafe(len(body) if size is None else size) + body


def id3_frame(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + synchsafe(len(body) if size is None else size) + b"\0\0" + body


def mp3(*frames: bytes) -> bytes:
    """MPEG audio behind a tag."""
    return (id3(b"".join(frames)) if frames else b"") + MP3_FRAME * 6


def apic(data: bytes) -> bytes:
    return id3_frame(b"APIC", b"\0image/png\0\x03\0" + data)


def ogg_page(body: bytes, flags: int, number: int) -> bytes:
    lacing = bytes([255] * (len(body) // 255) + [len(body) % 255])
    return (
        b"OggS\0"
        + bytes([flags])
        + bytes(8)
        + struct.pack("<III", 7, number, 0)
        + bytes([len(lacing)])
        + lacing
        + body
    )


def ogg(first: bytes, *packets: bytes) -> bytes:
    pages = [ogg_page(packet, 0, number) for number, packet in enumerate((*packets, bytes(20)), 1)]
    return ogg_page(first + bytes(30), 2, 0) + b"".join(pages)


def comments(picture: bytes) -> bytes:
    """Vorbis comments of which one is a picture."""
    lines = (b"TITLE=Song", b"METADATA_BLOCK_PICTURE=" + base64.b64encode(flac_picture(picture)[4:]))
    listed = b"".join(struct.pack("<I", len(line)) + line for line in lines)
    return struct.pack("<I", 2) + b"me" + struct.pack("<I", len(lines)) + listed


def box(name: bytes, *parts: bytes, size: int | None = None) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body) if size is None else size) + name + body


def track(handler: bytes, codec: bytes) -> bytes:
    described = box(b"stsd", bytes(4), struct.pack(">I", 1), box(codec, bytes(28)))
    inside = box(b"minf", box(b"stbl", described))
    return box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(13)), inside))


def mp4(*tracks: bytes, brand: bytes = b"M4A ", tags: bytes = b"") -> bytes:
    file_type = box(b"ftyp", brand, bytes(4), b"isom")
    return file_type + box(b"moov", box(b"mvhd", bytes(100)), *tracks, tags) + box(b"mdat", bytes(32))


def mp4_cover(data: bytes) -> bytes:
    listed = box(b"ilst", box(b"covr", box(b"data", struct.pack(">II", 14, 0), data)))
    return box(b"udta", box(b"meta", bytes(4), box(b"hdlr", bytes(8), b"mdir", bytes(13)), listed))


def heif(brand: bytes, width: int, height: int) -> bytes:
    size = box(b"ispe", bytes(4), struct.pack(">II", width, height))
    held = box(
        b"meta", bytes(4), box(b"hdlr", bytes(8), b"pict", bytes(13)), box(b"iprp", box(b"ipco", size))
    )
    return box(b"ftyp", brand, bytes(4), b"mif1") + held + box(b"mdat", bytes(16))


def element(name: str, body: bytes) -> bytes:
    return bytes.fromhex(name) + bytes([0x80 | len(body)]) + body


def matroska(kind: str, *tracks: int) -> bytes:
    entries = b"".join(element("ae", element("83", bytes([one]))) for one in tracks)
    head = element("1a45dfa3", element("4282", kind.encode()))
    return head + element("18538067", element("1549a966", b"") + element("1654ae6b", entries))


def asf(stream: str) -> bytes:
    described = (
        bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365") + struct.pack("<Q", 40) + bytes.fromhex(stream)
    )
    head = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + struct.pack("<QIBB", 70, 1, 1, 2)
    return head + described + bytes(32)


ASF_SOUND, ASF_FILM = "409e69f84d5bcf11a8fd00805f5c442b", "c0ef19bc4d5bcf11a8fd00805f5c442b"


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return out.getvalue()


def gzipped(data: bytes, *, times: int = 0) -> bytes:
    """A gzip file; with times, sixteen million zeros so many times over, which costs a few bytes each."""
    if not times:
        return zlib.compress(data, wbits=31)
    packer = zlib.compressobj(9, wbits=31)
    head = packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * times + packer.flush()


# Each valid file: its name, its bytes, and the media type and kind that it is.
@cache
def valid() -> Sequence[tuple[str, bytes, str, str]]:
    sound, film = track(b"soun", b"mp4a"), track(b"vide", b"avc1")
    table = b"isrc,title\nQZABC2100001,One\nQZABC2100002,Two\n"
    return (
        ("a.wav", wave(), "audio/wav", "audio"),
        ("bext.wav", wave((b"bext", bytes(602))), "audio/wav", "audio"),
        ("long.wav", rf64(), "audio/wav", "audio"),
        ("open end.wav", wave(sound=b"")[:-4] + b"\xff\xff\xff\xff" + bytes(8), "audio/wav", "audio"),
        ("a.flac", flac(), "audio/flac", "audio"),
        ("tagged.flac", id3(bytes(20)) + flac(), "audio/flac", "audio"),
        ("bare.mp3", mp3(), "audio/mpeg", "audio"),
        ("tagged.mp3", mp3(id3_frame(b"TIT2", b"\x03Song")), "audio/mpeg", "audio"),
        ("end tag.mp3", mp3() + b"TAG" + bytes(125), "audio/mpeg", "audio"),
        ("cut out.mp3", MP3_FRAME[200:] + MP3_FRAME * 9, "audio/mpeg", "audio"),
        ("a.aac", AAC_FRAME * 6, "audio/aac", "audio"),
        ("a.ac3", AC3_FRAME * 6, "audio/ac3", "audio"),
        ("a.ec3", EAC3_FRAME * 6, "audio/eac3", "audio"),
        ("a.ogg", ogg(b"\x01vorbis", b"\x03vorbis"), "audio/ogg", "audio"),
        ("a.opus", ogg(b"OpusHead", b"OpusTags"), "audio/ogg", "audio"),
        ("a.oga", ogg(b"\x7fFLAC", b"\x04\0\0\0"), "audio/ogg", "audio"),
        ("a.spx", ogg(b"Speex   "), "audio/ogg", "audio"),
        ("a.ogv", ogg(b"\x80theora"), "video/ogg", "video"),
        ("a.m4a", mp4(sound), "audio/mp4", "audio"),
        ("alac.m4a", mp4(track(b"soun", b"alac")), "audio/mp4", "audio"),
        ("book.m4b", mp4(sound, track(b"vide", b"jpeg")), "audio/mp4", "audio"),
        ("a.mp4", mp4(sound, film, brand=b"isom"), "video/mp4", "video"),
        ("a.mov", mp4(sound, film, brand=b"qt  "), "video/quicktime", "video"),
        ("old.mov", box(b"wide") + mp4(film)[20:], "video/quicktime", "video"),
        ("a.3gp", mp4(film, brand=b"3gp4"), "video/3gpp", "video"),
        ("a.aiff", aiff(), "audio/aiff", "audio"),
        ("a.wma", asf(ASF_SOUND), "audio/x-ms-wma", "audio"),
        ("a.wmv", asf(ASF_FILM), "video/x-ms-wmv", "video"),
        ("a.wv", b"wvpk" + struct.pack("<IH", 24, 0x410) + bytes(22), "audio/x-wavpack", "audio"),
        ("a.ape", b"MAC \x96\x0f" + bytes(90), "audio/x-ape", "audio"),
        ("a.dsf", b"DSD " + struct.pack("<QQQ", 28, 92, 0) + b"fmt " + bytes(60), "audio/x-dsf", "audio"),
        ("a.dff", b"FRM8" + struct.pack(">Q", 24) + b"DSD FVER" + bytes(16), "audio/x-dff", "audio"),
        ("a.mka", matroska("matroska", 2), "audio/x-matroska", "audio"),
        ("a.mkv", matroska("matroska", 2, 1), "video/x-matroska", "video"),
        ("a.webm", matroska("webm", 1), "video/webm", "video"),
        ("a.weba", matroska("webm", 2), "audio/webm", "audio"),
        ("a.avi", riff(b"AVI ", (b"LIST", b"hdrl" + bytes(20))), "video/x-msvideo", "video"),
        ("a.png", picture(), "image/png", "image"),
        ("a.jpg", picture("JPEG"), "image/jpeg", "image"),
        ("steps.jpg", picture("JPEG", 64, 64, progressive=True), "image/jpeg", "image"),
        ("a.gif", picture("GIF"), "image/gif", "image"),
        ("a.webp", picture("WEBP"), "image/webp", "image"),
        ("exact.webp", picture("WEBP", lossless=True), "image/webp", "image"),
        ("a.tif", picture("TIFF"), "image/tiff", "image"),
        ("a.bmp", picture("BMP"), "image/bmp", "image"),
        ("a.avif", picture("AVIF"), "image/avif", "image"),
        ("a.heic", heif(b"heic", 640, 480), "image/heic", "image"),
        ("delivery.xml", DDEX, "application/xml", "message"),
        ("feed.xml", XML + b"<rss><channel/></rss>", "application/xml", "other"),
        ("wide.xml", DDEX.decode().replace("UTF-8", "UTF-16").encode("utf-16"), "application/xml", "message"),
        ("a.csv", table, "text/csv", "other"),
        ("a.tsv", table.replace(b",", b"\t"), "text/csv", "other"),
        ("a.json", json.dumps({"a": [1, "ü"]}).encode(), "application/json", "other"),
        ("a.ndjson", b'{"a": 1}\n{"a": 2}\n', "application/x-ndjson", "other"),
        (
            "a.cue",
            b'FILE "a.wav" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
            "application/x-cue",
            "other",
        ),
        ("a.txt", "Björk, and other words\n".encode(), "text/plain", "other"),
        ("old.txt", "Café del Mar\n".encode("latin-1"), "text/plain", "other"),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\nendobj\n%%EOF\n", "application/pdf", "other"),
        ("a.zip", zipped(("a.xml", DDEX), ("b/c.csv", table)), "application/zip", "archive"),
        (
            "booklet.zip",
            zipped(("a.pdf", b"%PDF-1.4\n%%EOF"), method=zipfile.ZIP_STORED),
            "application/zip",
            "archive",
        ),
        ("stored.zip", zipped(("a.xml", DDEX), method=zipfile.ZIP_STORED), "application/zip", "archive"),
        ("a.csv.gz", gzipped(table), "application/gzip", "archive"),
    )
