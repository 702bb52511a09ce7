"""Sound files that are built of chunks and blocks: WAVE, AIFF, FLAC, WavPack, APE, DSF, DSDIFF, AVI."""

from domain.files.verdict import Unfit
from domain.files.window import Window

_MOST_CHUNKS = 1_000
# What a recorder writes when it can't come back to write the true length.
_OPEN_END = (0, 0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF)


def wave(window: Window) -> str:
    """What a WAVE file is called: plain, Broadcast Wave or RF64. Raises Unfit when it can't be played."""
    large = window.at(0, 4) in (b"RF64", b"BW64")
    at, rate, long_data, broadcast = 12, 0, None, False
    for _ in range(_MOST_CHUNKS):
        head = window.at(at, 8)
        if len(head) < 8:
            raise Unfit("file_cut_short", "it ends before any sound (no data chunk)")
        name, size = head[:4], int.from_bytes(head[4:], "little")
        if name == b"fmt ":
            body = window.take(16)
            channels, rate = int.from_bytes(body[2:4], "little"), int.from_bytes(body[4:8], "little")
            if not channels or not rate:
                raise Unfit("file_broken", f"its format says {channels} channels at {rate} Hz")
        elif name == b"ds64":
            long_data = int.from_bytes(window.take(16)[8:], "little")
        elif name == b"bext":
            broadcast = True
        elif name == b"data":
            break
        at += 8 + size + size % 2
    else:
        raise Unfit("file_too_complex", f"it has more than {_MOST_CHUNKS} chunks before its sound")
    if not rate:
        raise Unfit("file_broken", "it has no format (fmt) before its sound")
    if large and long_data is not None:
        size = long_data
    if size not in _OPEN_END and at + 8 + size > window.size:
        there = window.size - at - 8
        raise Unfit("file_cut_short", f"it says it has {size} bytes of sound; {there} are there")
    return "RF64 audio" if large else "Broadcast Wave audio" if broadcast else "WAVE audio"


def aiff(window: Window) -> None:
    """Look at the chunks of an AIFF file. Raises Unfit when it can't be played."""
    at, common = 12, False
    for _ in range(_MOST_CHUNKS):
        head = window.at(at, 8)
        if len(head) < 8:
            raise Unfit("file_cut_short", "it ends before any sound (no SSND chunk)")
        name, size = head[:4], int.from_bytes(head[4:], "big")
        if name == b"COMM":
            common = size >= 18 and any(window.take(2))
            # Without samples the chunk of sound may be left out.
            if common and not any(window.take(4)):
                return
        if name == b"SSND":
            break
        at += 8 + size + size % 2
    else:
        raise Unfit("file_too_complex", f"it has more than {_MOST_CHUNKS} chunks before its sound")
    if at + 8 + size > window.size:
        raise Unfit(
            "file_cut_short", f"it says it has {size} bytes of sound; {window.size - at - 8} are there"
        )
    if not common and not _has_common(window, at + 8 + size + size % 2):
        raise Unfit("file_broken", "it has no format (COMM)")


def _has_common(window: Window, at: int) -> bool:
    for _ in range(_MOST_CHUNKS):
        head = window.at(at, 8)
        if len(head) < 8 or head[:4] == b"COMM":
            return len(head) == 8
        size = int.from_bytes(head[4:], "big")
        at += 8 + size + size % 2
    return False


def flac(window: Window, start: int) -> None:
    """Look at the blocks of a FLAC stream, up to its first frame. Raises Unfit when it can't be played."""
    at, samples = start + 4, 0
    for count in range(_MOST_CHUNKS):
        head = window.at(at, 4)
        if len(head) < 4:
            raise Unfit("file_cut_short", "it ends among its metadata")
        kind, size = head[0] & 0x7F, int.from_bytes(head[1:], "big")
        if count == 0:
            info = window.take(18)
            rate = int.from_bytes(info[10:13], "big") >> 4
            if kind or size != 34 or not rate:
                raise Unfit("file_broken", "it doesn't begin with what its stream is (STREAMINFO)")
            samples = int.from_bytes(info[13:18], "big") & 0xFFFFFFFFF
        if kind == 127:
            raise Unfit("file_broken", f"the metadata block at {at} is of no type")
        at += 4 + size
        if at > window.size:
            raise Unfit("file_cut_short", f"its metadata says it reaches to {at}; the file has {window.size}")
        if head[0] & 0x80:
            break
    else:
        raise Unfit("file_too_complex", f"it has more than {_MOST_CHUNKS} blocks of metadata")
    first = window.at(at, 2)
    if not first and samples:
        raise Unfit("file_cut_short", f"it says it has {samples} samples, and ends before the first")
    if first and (len(first) < 2 or first[0] != 0xFF or first[1] & 0xFE != 0xF8):
        raise Unfit("file_broken", f"no frame of sound begins at {at}, where its metadata ends")


def wavpack(window: Window) -> None:
    """Look at the first block of a WavPack file."""
    head = window.at(0, 32)
    size, version = int.from_bytes(head[4:8], "little"), int.from_bytes(head[8:10], "little")
    if not 0x402 <= version <= 0x410 or size < 24:
        raise Unfit("file_broken", "its first block has no known version")
    if 8 + size > window.size:
        raise Unfit("file_cut_short", f"its first block says it has {size} bytes")


def ape(window: Window) -> None:
    """Look at the head of a Monkey's Audio file."""
    version = int.from_bytes(window.at(4, 2), "little")
    if not 3_000 <= version < 5_000 or window.size < 76:
        raise Unfit("file_broken", f"{version} is no version of Monkey's Audio, or nothing follows it")


def dsf(window: Window) -> None:
    """Look at the head of a DSF file."""
    head = window.at(0, 32)
    size, total = int.from_bytes(head[4:12], "little"), int.from_bytes(head[12:20], "little")
    if size != 28 or head[28:] != b"fmt ":
        raise Unfit("file_broken", "no format follows its head")
    if total > window.size:
        raise Unfit("file_cut_short", f"it says it has {total} bytes; {window.size} are there")


def dff(window: Window) -> None:
    """Look at the head of a DSDIFF file."""
    head = window.at(0, 20)
    size = int.from_bytes(head[4:12], "big")
    if head[12:16] != b"DSD ":
        raise Unfit("file_broken", "it holds no DSD sound")
    if 12 + size > window.size:
        raise Unfit("file_cut_short", f"it says it has {size} bytes; {window.size - 12} are there")


def avi(window: Window) -> None:
    """Look at the head of an AVI file."""
    head = window.at(12, 12)
    if head[:4] != b"LIST" or head[8:] != b"hdrl":
        raise Unfit("file_broken", "no header follows its first twelve bytes")
    size = int.from_bytes(window.at(4, 4), "little")
    if 8 + size > window.size + 1:
        raise Unfit("file_cut_short", f"it says it has {size} bytes; {window.size - 8} are there")
