"""Pictures that mean harm, by themselves and inside songs."""

import struct
import zlib

from tests.files import made
from tests.files.hostile import AUDIO, IMAGE, SOUND, Hostile
from tests.files.made import XML, box, flac, gif, jpeg, mp3, mp4, png


def texts_of_png(count: int) -> bytes:
    packed = b"k\0\0" + zlib.compress(bytes(1 << 20), 9)
    return png(8, 8, *([made.png_chunk(b"zTXt", packed)] * count))


def tiff_circle() -> bytes:
    return made.tiff(8, 8, after=8)


def exif_bomb() -> bytes:
    """A JPEG whose EXIF names 65,535 tags and whose pictures are nowhere."""
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 65_535) + bytes(2_000)
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg(8, 8)[2:]


PICTURES = (
    # Pictures.
    Hostile("a PNG of 100 megapixels", "a.png", lambda: png(10_000, 10_000), "image_too_large", IMAGE),
    Hostile(
        "a JPEG of 100 megapixels", "a.jpg", lambda: jpeg(10_000, 10_000), "image_too_large", "image/jpeg"
    ),
    Hostile(
        "a JPEG of a thousand passes", "a.jpg", lambda: jpeg(800, 800, 1_000), "image_too_large", "image/jpeg"
    ),
    Hostile(
        "a JPEG of endless marks",
        "a.jpg",
        lambda: b"\xff\xd8\xff" + b"\xff" * 100_000,
        "image_too_large",
        "image/jpeg",
    ),
    Hostile("a JPEG with an EXIF that lies", "a.jpg", exif_bomb, None, "image/jpeg"),
    Hostile("a PNG of no size", "a.png", lambda: png(0, 8), "image_broken", IMAGE),
    Hostile(
        "a PNG that is damaged", "a.png", lambda: png(8, 8).replace(b"IDAT", b"IDAt"), "image_broken", IMAGE
    ),
    Hostile(
        "a PNG chunk of 2 GB",
        "a.png",
        lambda: png(8, 8)[:33] + b"\x7f\xff\xff\xffIDAT",
        "image_broken",
        IMAGE,
    ),
    Hostile("a PNG whose text unpacks to 200 MB", "a.png", lambda: texts_of_png(200), "image_broken", IMAGE),
    Hostile("a GIF of 10,000 frames", "a.gif", lambda: gif(8, 8, 10_000), "image_too_large", "image/gif"),
    Hostile(
        "a GIF whose frame is larger than it",
        "a.gif",
        lambda: gif(8, 8, frame=(60_000, 60_000)),
        "image_too_large",
        "image/gif",
    ),
    Hostile("a GIF of large frames", "a.gif", lambda: gif(2_000, 2_000, 100), "image_too_large", "image/gif"),
    Hostile("a GIF that doesn't end", "a.gif", lambda: gif(8, 8)[:-2], "image_broken", "image/gif"),
    Hostile(
        "a WebP of 16,384 pixels a side",
        "a.webp",
        lambda: made.webp(16_384, 16_384),
        "image_too_large",
        "image/webp",
    ),
    Hostile(
        "a WebP of 2,000 frames", "a.webp", lambda: made.webp(8, 8, 2_000), "image_too_large", "image/webp"
    ),
    Hostile(
        "a TIFF of 65,535 tags", "a.tif", lambda: made.tiff(8, 8, count=65_535), "image_broken", "image/tiff"
    ),
    Hostile("a TIFF that goes in a circle", "a.tif", tiff_circle, "image_broken", "image/tiff"),
    Hostile(
        "a TIFF tag of 4 billion values",
        "a.tif",
        lambda: made.tiff(8, 8, values=0xFFFFFFFF),
        "image_broken",
        "image/tiff",
    ),
    Hostile(
        "a TIFF of a gigapixel", "a.tif", lambda: made.tiff(32_000, 32_000), "image_too_large", "image/tiff"
    ),
    Hostile(
        "a BMP of 4 gigapixels", "a.bmp", lambda: made.bmp(65_536, -65_536), "image_too_large", "image/bmp"
    ),
    Hostile(
        "an AVIF of 900 megapixels",
        "a.avif",
        lambda: made.heif(b"avif", 30_000, 30_000),
        "image_too_large",
        "image/avif",
    ),
    Hostile(
        "a HEIC without a size",
        "a.heic",
        lambda: box(b"ftyp", b"heic", bytes(4)) + box(b"meta", bytes(4)),
        "image_broken",
        "image/heic",
    ),
    Hostile(
        "a drawing with a script",
        "a.svg",
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>',
        "file_refused",
        "image/svg+xml",
    ),
    Hostile(
        "a drawing called a picture",
        "a.png",
        lambda: XML + b"<!-- --><svg:svg xmlns:svg='http://www.w3.org/2000/svg'/>",
        "file_refused",
        "image/svg+xml",
    ),
    # Pictures in songs.
    Hostile(
        "a song with a cover of 100 megapixels",
        "a.mp3",
        lambda: mp3(made.apic(png(10_000, 10_000))),
        "image_too_large",
        AUDIO,
    ),
    Hostile(
        "a FLAC with such a cover",
        "a.flac",
        lambda: flac(made.flac_picture(jpeg(20_000, 8))),
        "image_too_large",
        "audio/flac",
    ),
    Hostile(
        "a MP4 with such a cover",
        "a.m4a",
        lambda: mp4(SOUND, tags=made.mp4_cover(png(9_999, 9_999))),
        "image_too_large",
        "audio/mp4",
    ),
    Hostile(
        "a FLAC picture that says 4 GB",
        "a.flac",
        lambda: flac(made.flac_picture(b"x", 0xFFFFFFFF)),
        None,
        "audio/flac",
    ),
)
