"""Pictures by their headers: how large, how many frames, and whether they end; nothing is decoded.

A picture's header costs nothing to read and decides what decoding would cost, so it is judged before any
library sees the file. What the header says is held against the frames, which may be larger than it.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from domain.files.containers import TO_SIZES, boxes, within
from domain.files.verdict import Unfit
from domain.files.window import Window

MOST_PIXELS = 50_000_000
LONGEST_SIDE = 16_384
MOST_FRAMES = 500
# Of all frames together.
MOST_FRAME_PIXELS = 250_000_000
MOST_BYTES = 128 << 20
# Above this a library isn't asked as well: some read a picture whole.
SECOND_LOOK = 16 << 20
_MOST_PARTS = 20_000
_MOST_SEGMENTS = 2_000
MOST_SCANS = 100
_MOST_TAGS = 1_000
_PART = 64 << 10
# What is looked through step by step is read in parts that a window keeps.
_STEP = 4 << 10


@dataclass(slots=True)
class Canvas:
    """What a walk has counted so far; every count is judged at once."""

    width: int = 0
    height: int = 0
    frames: int = 0
    pixels: int = 0

    def size(self, width: int, height: int) -> None:
        """The size that the header says. Raises Unfit where it is too large, or nothing."""
        measure(width, height)
        self.width, self.height = width, height

    def frame(self, width: int, height: int) -> None:
        """One more frame of a size. Raises Unfit where it or all together are too large."""
        measure(width, height)
        self.frames += 1
        self.pixels += width * height
        if self.frames > MOST_FRAMES:
            raise Unfit("image_too_large", f"it has more than {MOST_FRAMES} frames")
        if self.pixels > MOST_FRAME_PIXELS:
            raise Unfit("image_too_large", f"its frames have more than {MOST_FRAME_PIXELS:,} pixels together")


def measure(width: int, height: int) -> None:
    """Raises Unfit where a picture of this size is not taken."""
    if not width or not height:
        raise Unfit("image_broken", f"it says it is {width} × {height} pixels")
    if width > LONGEST_SIDE or height > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise Unfit(
            "image_too_large",
            f"it is {width} × {height} pixels; at most {MOST_PIXELS:,}, and {LONGEST_SIDE:,} on a side",
        )


def look(window: Window, key: str) -> tuple[int, int]:
    """Width and height of a picture that is taken. Raises Unfit with image_too_large or image_broken."""
    if window.size > MOST_BYTES:
        raise Unfit("image_too_large", f"the picture has {window.size} bytes; at most {MOST_BYTES}")
    window.allow(window.size)
    canvas = Canvas()
    try:
        _WALKS[key](window, canvas)
    except Unfit as unfit:
        # One word for every way in which a picture is not built like one.
        if unfit.code in ("file_cut_short", "file_broken"):
            raise Unfit("image_broken", unfit.text) from unfit
        raise
    if not canvas.width:
        raise Unfit("image_broken", "it says nowhere how large it is")
    return canvas.width, canvas.height


def _png(window: Window, canvas: Canvas) -> None:
    at, drawn = 8, False
    for count in range(_MOST_PARTS):
        head = window.at(at, 8)
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or at + 12 + size > window.size:
            raise Unfit("file_cut_short", f"it ends inside the chunk at {at}")
        if (count == 0) != (name == b"IHDR"):
            raise Unfit("image_broken", "it doesn't begin with its size (IHDR)")
        if name == b"IHDR":
            body = window.take(13)
            canvas.size(int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big"))
        elif name == b"fcTL":
            body = window.take(12)
            canvas.frame(int.from_bytes(body[4:8], "big"), int.from_bytes(body[8:], "big"))
        if _crc(window, at + 4, size + 4) != window.number(4):
            raise Unfit("image_broken", f"the chunk {name.decode('latin-1')} at {at} is damaged")
        at += 12 + size
        drawn = drawn or name == b"IDAT"
        if name == b"IEND":
            if not drawn:
                raise Unfit("image_broken", "it holds no picture")
            return
    raise Unfit("image_too_large", f"it has more than {_MOST_PARTS} chunks")


def _crc(window: Window, at: int, length: int) -> int:
    window.seek(at)
    value = 0
    while length > 0:
        part = window.take(min(length, _PART))
        value = zlib.crc32(part, value)
        length -= len(part)
    return value


_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# In a scan FF stands for itself when 00, a restart or another FF follows; anything else ends the scan.
_JPEG_NEXT = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def _jpeg(window: Window, canvas: Canvas) -> None:
    at, scans = 2, 0
    for _ in range(_MOST_SEGMENTS):
        head = window.at(at, 10)
        marker = head[1:2]
        if head[:2] == b"\xff\xff":
            at += 1
            continue
        if len(head) < 2:
            raise Unfit("file_cut_short", "it ends before its end mark")
        if head[0] != 0xFF:
            raise Unfit("image_broken", f"no mark stands at {at}")
        if marker == b"\xd9":
            break
        if b"\xd0" <= marker <= b"\xd8" or marker == b"\x01":
            at += 2
            continue
        size = int.from_bytes(head[2:4], "big")
        if size < 2 or at + 2 + size > window.size:
            raise Unfit("file_cut_short", f"it ends inside the segment at {at}")
        if marker[0] in _JPEG_SIZES:
            if canvas.width:
                raise Unfit("image_broken", "it says twice how large it is")
            canvas.size(int.from_bytes(head[7:9], "big"), int.from_bytes(head[5:7], "big"))
        at += 2 + size
        if marker == b"\xda":
            scans += 1
            if scans > MOST_SCANS:
                raise Unfit("image_too_large", f"it is drawn in more than {MOST_SCANS} passes")
            at = _scan_end(window, at)
    else:
        raise Unfit("image_too_large", f"it has more than {_MOST_SEGMENTS} parts")
    if not scans:
        raise Unfit("image_broken", "it holds no picture")


def _scan_end(window: Window, at: int) -> int:
    while part := window.at(at, _STEP):
        if found := _JPEG_NEXT.search(part):
            return at + found.start()
        # The last byte may be the first half of a mark.
        at += len(part) - 1 if len(part) > 1 else 1
    raise Unfit("file_cut_short", "it ends before its end mark")


def _gif(window: Window, canvas: Canvas) -> None:
    head = window.at(0, 13)
    if len(head) < 13:
        raise Unfit("file_cut_short", "it ends inside its header")
    width, height = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    canvas.size(width, height)
    at = 13 + _colours(head[10])
    for _ in range(_MOST_PARTS):
        sign = window.at(at, 1)
        if sign == b";":
            break
        if sign == b"!":
            at = _after_blocks(window, at + 2)
        elif sign == b",":
            body = window.take(9)
            left, top, wide, high = (int.from_bytes(body[n : n + 2], "little") for n in (0, 2, 4, 6))
            measure(left + wide, top + high)
            canvas.frame(width, height)
            at = _after_blocks(window, at + 10 + _colours(body[8]) + 1)
        elif not sign:
            raise Unfit("file_cut_short", "it ends before its end mark")
        else:
            raise Unfit("image_broken", f"no block begins at {at}")
    else:
        raise Unfit("image_too_large", f"it has more than {_MOST_PARTS} parts")
    if not canvas.frames:
        raise Unfit("image_broken", "it holds no picture")


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(window: Window, at: int) -> int:
    """Where a run of sub-blocks ends: each begins with its length, the last has none."""
    while part := window.at(at, _STEP):
        here = 0
        while here < len(part):
            if not part[here]:
                return at + here + 1
            here += part[here] + 1
        at += here
    raise Unfit("file_cut_short", "it ends inside a block")


def _webp(window: Window, canvas: Canvas) -> None:
    end = 8 + int.from_bytes(window.at(4, 4), "little")
    if end > window.size + 1:
        raise Unfit("file_cut_short", f"it says it has {end} bytes; {window.size} are there")
    at, extended, drawn = 12, False, False
    for _ in range(_MOST_PARTS):
        head = window.at(at, 8)
        if at >= end or len(head) < 8:
            break
        name, size = head[:4], int.from_bytes(head[4:], "little")
        if at + 8 + size > end:
            raise Unfit("file_cut_short", f"it ends inside the chunk at {at}")
        if name == b"VP8X":
            body = window.take(10)
            extended = True
            canvas.size(*(int.from_bytes(body[n : n + 3], "little") + 1 for n in (4, 7)))
        elif name == b"ANMF":
            body = window.take(12)
            canvas.frame(*(int.from_bytes(body[n : n + 3], "little") + 1 for n in (6, 9)))
            drawn = True
        elif name in (b"VP8 ", b"VP8L"):
            drawn = True
            wide, high = _webp_size(window, name)
            measure(wide, high)
            if not extended:
                canvas.size(wide, high)
        at += 8 + size + size % 2
    else:
        raise Unfit("image_too_large", f"it has more than {_MOST_PARTS} chunks")
    if not drawn:
        raise Unfit("image_broken", "it holds no picture")


def _webp_size(window: Window, name: bytes) -> tuple[int, int]:
    if name == b"VP8L":
        body = window.take(5)
        bits = int.from_bytes(body[1:], "little")
        if body[0] != 0x2F:
            raise Unfit("image_broken", "its picture has no header")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    body = window.take(10)
    if body[3:6] != b"\x9d\x01\x2a":
        raise Unfit("image_broken", "its picture has no header")
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


_TIFF_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}


def _tiff(window: Window, canvas: Canvas) -> None:
    head = window.at(0, 16)
    order = "little" if head[:2] == b"II" else "big"
    big = 43 in head[2:4]
    # Lengths of: an offset, a count of tags, a tag; and where in a tag its value stands.
    offset, counter, tag, value_at = (8, 8, 20, 12) if big else (4, 2, 12, 8)
    window.seek(8 if big else 4)
    at, seen = window.number(offset, order), set[int]()
    while at:
        if at in seen:
            raise Unfit("image_broken", "its pages go round in a circle")
        seen.add(at)
        window.seek(at)
        count = window.number(counter, order)
        if not 0 < count <= _MOST_TAGS:
            raise Unfit("image_broken", f"a page of it has {count} tags; at most {_MOST_TAGS}")
        tags = window.take(count * tag)
        sides = {}
        for one in (tags[n : n + tag] for n in range(0, len(tags), tag)):
            name, kind, values = (_tiff_int(one[a:b], order) for a, b in ((0, 2), (2, 4), (4, value_at)))
            size = _TIFF_SIZES.get(kind, 1)
            if values * size > window.size:
                raise Unfit("image_broken", f"its tag {name} says it has {values} values")
            if name in (256, 257) and values == 1 and size <= offset:
                sides[name] = _tiff_int(one[value_at : value_at + size], order)
        width, height = sides.get(256, 0), sides.get(257, 0)
        canvas.frame(width, height)
        if not canvas.width:
            canvas.size(width, height)
        at = window.number(offset, order)


def _tiff_int(data: bytes, order: str) -> int:
    return int.from_bytes(data, "little" if order == "little" else "big")


def _bmp(window: Window, canvas: Canvas) -> None:
    head = window.at(0, 30)
    begins, size = int.from_bytes(head[10:14], "little"), int.from_bytes(head[14:18], "little")
    if size == 12:
        wide, high = int.from_bytes(head[18:20], "little"), int.from_bytes(head[20:22], "little")
        planes = int.from_bytes(head[22:24], "little")
    else:
        wide = int.from_bytes(head[18:22], "little", signed=True)
        high = int.from_bytes(head[22:26], "little", signed=True)
        planes = int.from_bytes(head[26:28], "little")
    if size not in (12, 16, 40, 52, 56, 64, 108, 124) or planes != 1 or wide < 0:
        raise Unfit("image_broken", "its header is none of a bitmap")
    canvas.size(wide, abs(high))
    if begins < 14 + size or begins >= window.size:
        raise Unfit("file_cut_short", "it ends before its picture")


def _heif(window: Window, canvas: Canvas) -> None:
    sizes = []
    for box in boxes(window, 0, window.size):
        if box.name != b"meta":
            continue
        for inner in within(window, box.start + 4, box.end, TO_SIZES):
            if inner.name == b"ispe":
                body = window.at(inner.start + 4, 8)
                sizes.append((int.from_bytes(body[:4], "big"), int.from_bytes(body[4:], "big")))
    for wide, high in sizes:
        # A grid is made of tiles: the whole is the largest that is named.
        canvas.frame(wide, high)
        if wide * high > canvas.width * canvas.height:
            canvas.size(wide, high)


_WALKS: dict[str, Callable[[Window, Canvas], None]] = {
    "png": _png,
    "jpeg": _jpeg,
    "gif": _gif,
    "webp": _webp,
    "tiff": _tiff,
    "bmp": _bmp,
    "avif": _heif,
    "heic": _heif,
}
