"""Containers of sound and film: MP4 and QuickTime boxes, Matroska elements, ASF objects, Ogg pages.

Each function gives the key of a type in `domain.files.types`, told by the tracks inside, not by the name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from domain.files.verdict import Unfit
from domain.files.window import Window

_MOST_BOXES = 5_000
_DEEPEST = 8
# The boxes that lead to the tracks of a film, to its tags, and to the sizes of a picture.
_TO_TRACKS = frozenset({b"trak", b"mdia", b"minf", b"stbl"})
TO_TAGS = frozenset({b"moov", b"udta", b"meta", b"ilst"})
TO_SIZES = frozenset({b"meta", b"iprp", b"ipco"})
# The chapters of an audiobook are a track of pictures.
_STILLS = (b"jpeg", b"png ", b"mjpg")
# A QuickTime file without a brand begins with one of these.
QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_PICTURES = (b"avif", b"avis"), (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its name, and where its content begins and ends."""

    name: bytes
    start: int
    end: int


def boxes(window: Window, start: int, end: int) -> Iterator[Box]:
    """The boxes between two positions, one after the other. Raises Unfit where a length can't be."""
    at = start
    for _ in range(_MOST_BOXES):
        if end - at < 8:
            return
        head = window.at(at, 16)
        size, name, begin = int.from_bytes(head[:4], "big"), head[4:8], at + 8
        if size == 1:
            size, begin = int.from_bytes(head[8:16], "big"), at + 16
        elif size == 0:
            size = end - at
        if size < begin - at:
            raise Unfit("file_broken", f"the box {_said(name)} at {at} says it has {size} bytes")
        if at + size > end:
            code = "file_cut_short" if end == window.size else "file_broken"
            raise Unfit(code, f"the box {_said(name)} at {at} says it has {size} bytes; {end - at} are there")
        yield Box(name, begin, at + size)
        at += size
    raise Unfit("file_too_complex", f"it has more than {_MOST_BOXES} boxes in a row")


def within(window: Window, start: int, end: int, into: frozenset[bytes], depth: int = 0) -> Iterator[Box]:
    """All boxes between two positions and inside those of some names, outer before inner."""
    if depth > _DEEPEST:
        raise Unfit("file_too_complex", f"its boxes are nested deeper than {_DEEPEST}")
    for box in boxes(window, start, end):
        yield box
        if box.name in into:
            begin = box.start
            # `meta` begins with four bytes of version, but not in QuickTime.
            if box.name == b"meta" and window.at(begin + 4, 4) not in (b"hdlr", b"ilst", b"keys"):
                begin += 4
            yield from within(window, begin, box.end, into, depth + 1)


def brand(window: Window) -> str:
    """Which family a file with boxes says it is of: avif, heic, mov, 3gp, mp4_audio or mp4."""
    head = window.at(0, 8 + 4 * 64)
    if head[4:8] != b"ftyp":
        return "mov"
    size = min(int.from_bytes(head[:4], "big"), len(head))
    major, others = head[8:12], [head[at : at + 4] for at in range(16, size - 3, 4)]
    for family, names in zip(("avif", "heic"), _PICTURES, strict=True):
        if major in names:
            return "avif" if major in (b"mif1", b"msf1") and {*others} & {*_PICTURES[0]} else family
    if major in (b"M4A ", b"M4B ", b"M4P "):
        return "mp4_audio"
    if major == b"qt  ":
        return "mov"
    return "3gp" if major.startswith((b"3gp", b"3g2", b"3ge", b"3gg", b"3gs")) else "mp4"


def film(window: Window, family: str) -> str:
    """The type of an MP4, QuickTime or 3GPP file, by its tracks."""
    top = boxes(window, 0, window.size)
    movie = next((box for box in top if box.name == b"moov"), None)
    if movie is None:
        raise Unfit("file_cut_short", "it has no movie header (moov), so it can't be played")
    tracks, handler = set(), b""
    for count, box in enumerate(within(window, movie.start, movie.end, _TO_TRACKS)):
        if box.name == b"hdlr" and (said := window.at(box.start + 4, 8))[:4] != b"dhlr":
            handler = said[4:]
        elif box.name == b"stsd":
            tracks.add((handler, window.at(box.start + 12, 4)))
        if count > _MOST_BOXES:
            raise Unfit("file_too_complex", f"its movie header has more than {_MOST_BOXES} boxes")
    # What follows the header is whole, too; of a file in many fragments the first ones are looked at.
    for _ in islice(top, 64):
        pass
    if any(handler == b"vide" and codec not in _STILLS for handler, codec in tracks):
        return "mp4" if family == "mp4_audio" else family
    if not any(handler == b"soun" for handler, _ in tracks):
        raise Unfit("file_broken", "its movie header has no track of sound or film")
    if family == "mov":
        return "mov_audio"
    return "alac" if (b"soun", b"alac") in tracks else "mp4_audio"


def matroska(window: Window) -> str:
    """The type of a Matroska or WebM file, by its tracks."""
    window.seek(4)
    length = _size(window)
    webm = b"webm" in window.at(window.tell(), min(length, 4096))
    start = window.tell()
    kinds: set[int] = set()
    if _id(window) != 0x18538067:
        raise Unfit("file_broken", "no segment follows its Matroska header")
    _size(window)
    for _ in range(200):
        if window.tell() >= window.size:
            break
        name, size, start = _id(window), _size(window), window.tell()
        if name == 0x1654AE6B:
            kinds = set(_track_kinds(window, min(start + size, window.size)))
            break
        window.seek(start + size)
    if 1 in kinds:
        return "webm" if webm else "mkv"
    if 2 in kinds:
        return "webm_audio" if webm else "mka"
    raise Unfit("file_broken", "its Matroska header names no track of sound or film")


def _track_kinds(window: Window, end: int) -> Iterator[int]:
    for _ in range(2_000):
        if window.tell() >= end:
            return
        name, size = _id(window), _size(window)
        if name == 0xAE:
            continue
        if name == 0x83 and size <= 8:
            yield window.number(size)
        else:
            window.seek(size, 1)


def _id(window: Window) -> int:
    first = window.take(1)
    length = 9 - first[0].bit_length()
    if length > 4:
        raise Unfit("file_broken", f"the Matroska element at {window.tell() - 1} has no name")
    return int.from_bytes(first + window.take(length - 1), "big")


def _size(window: Window) -> int:
    first = window.take(1)[0]
    length = 9 - first.bit_length()
    if length > 8:
        raise Unfit("file_broken", f"the Matroska element at {window.tell() - 1} has no length")
    value = first & (0xFF >> length)
    return value << 8 * (length - 1) | (window.number(length - 1) if length > 1 else 0)


_ASF_STREAM = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_ASF_SOUND = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")
_ASF_FILM = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")


def windows_media(window: Window) -> str:
    """The type of an ASF file, by its streams."""
    end = int.from_bytes(window.at(16, 8), "little")
    if end > window.size:
        raise Unfit("file_cut_short", f"its header says it has {end} bytes; the file has {window.size}")
    at, kinds = 30, set()
    for _ in range(1_000):
        if at + 24 > end:
            break
        head = window.at(at, 40)
        size = int.from_bytes(head[16:24], "little")
        if size < 24:
            raise Unfit("file_broken", f"the object at {at} says it has {size} bytes")
        if head[:16] == _ASF_STREAM:
            kinds.add(head[24:40])
        at += size
    if _ASF_FILM in kinds:
        return "wmv"
    if _ASF_SOUND in kinds:
        return "wma"
    raise Unfit("file_broken", "its header names no stream of sound or film")


_OGG_STREAMS = (
    (b"\x80theora", "theora"),
    (b"\x01vorbis", "vorbis"),
    (b"OpusHead", "opus"),
    (b"\x7fFLAC", "ogg_flac"),
    (b"Speex   ", "speex"),
)


def ogg(window: Window) -> str:
    """The type of an Ogg file, by the streams that begin in it."""
    at = 0
    found: set[str] = set()
    for _ in range(32):
        head = window.at(at, 27)
        if len(head) < 27:
            raise Unfit("file_cut_short", "it ends among the first pages of its streams")
        if head[:4] != b"OggS" or head[4] != 0:
            raise Unfit("file_broken", f"no page begins at {at}")
        if not head[5] & 2:
            break
        lengths = window.take(head[26])
        body = window.take(sum(lengths))
        found.update(key for sign, key in _OGG_STREAMS if body.startswith(sign))
        at += 27 + len(lengths) + len(body)
    for _, key in _OGG_STREAMS:
        if key in found:
            return key
    raise Unfit("file_type_unknown", "its Ogg streams are no Vorbis, Opus, FLAC, Speex or Theora")


def _said(name: bytes) -> str:
    return repr(name.decode("latin-1"))
