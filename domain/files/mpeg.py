"""MPEG audio, AAC and AC-3: streams of frames without a header of their own, told by frames that line up."""

from collections.abc import Callable

from domain.files.window import Window

# Frames that must follow each other before bytes are called a stream.
_IN_A_ROW = 4
# How far behind a tag the first frame is looked for.
NEAR = 256 << 10
# And where the tag's own length is a lie, so that the tag itself has to be searched.
FAR = 1 << 20
# How much may be left of a frame that a stream was cut in: the longest there is.
CUT = 2_881
_TRIES = 2_000
_TRAILERS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"3DI")
_V1 = {
    1: (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_V2 = {
    1: (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_AC3_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)

# What a frame's head gives: what all frames of a stream share, and the frame's length in bytes.
Head = tuple[object, int]


def mpeg_head(head: bytes) -> Head | None:
    """Version, layer and rate, and the length of an MPEG audio frame; None when it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bit_rate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return None
    kbits = (_V1 if version == 3 else _V2)[layer][bit_rate]
    hertz, padding = _RATES[version][rate], head[2] >> 1 & 1
    if layer == 1:
        return (version, layer, hertz), (12_000 * kbits // hertz + padding) * 4
    samples = 72_000 if layer == 3 and version != 3 else 144_000
    return (version, layer, hertz), samples * kbits // hertz + padding


def aac_head(head: bytes) -> Head | None:
    """Profile, rate and channels, and the length of an AAC frame in ADTS; None when it is none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return None
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return ((head[1], head[2], head[3] & 0xC0), length) if length > 7 else None


def ac3_head(head: bytes) -> Head | None:
    """Rate, and the length of an AC-3 frame; None when it is none."""
    if len(head) < 6 or head[:2] != b"\x0b\x77" or head[5] >> 3 > 10:
        return None
    rate, size = head[4] >> 6, head[4] & 63
    if rate == 3 or size >= 2 * len(_AC3_KBITS):
        return None
    kbits = _AC3_KBITS[size >> 1]
    return rate, 2 * (kbits * 2, kbits * 320 // 147 + (size & 1), kbits * 3)[rate]


def eac3_head(head: bytes) -> Head | None:
    """Rate, and the length of an E-AC-3 frame; None when it is none."""
    if len(head) < 6 or head[:2] != b"\x0b\x77" or not 10 < head[5] >> 3 <= 16:
        return None
    return head[4] >> 6, ((head[2] & 7) << 8 | head[3]) * 2 + 2


def lines_up(
    window: Window, at: int, head_of: Callable[[bytes], Head | None], fewest: int = _IN_A_ROW
) -> bool:
    """Whether frames follow each other from a position on, or up to the end of the file or its last tag."""
    shared: object = None
    for count in range(fewest):
        head = window.at(at, 12)
        found = head_of(head)
        if found is None:
            return count >= fewest // 2 and (at >= window.size or head.startswith(_TRAILERS))
        if count and found[0] != shared:
            return False
        shared, length = found
        at += length
        if at > window.size:
            return count >= fewest // 4
    return True


def first_frame(window: Window, start: int, span: int, in_a_row: int = _IN_A_ROW) -> int | None:
    """Where MPEG audio begins within a span; None when nothing there lines up."""
    tries = 0
    end = min(start + span, window.size)
    for begin in range(start, end, _STEP):
        block = window.at(begin, min(_STEP, end - begin) + 3)
        at = block.find(b"\xff")
        while 0 <= at < _STEP and tries < _TRIES:
            if mpeg_head(block[at : at + 4]) is not None:
                tries += 1
                if lines_up(window, begin + at, mpeg_head, in_a_row):
                    return begin + at
            at = block.find(b"\xff", at + 1)
    return None


_STEP = 8 << 10


def tag_end(window: Window, at: int = 0) -> int:
    """Where the ID3v2 tags that begin at a position say they end; the position itself when there is none."""
    for _ in range(4):
        head = window.at(at, 10)
        if len(head) < 10 or head[:3] != b"ID3" or head[3] > 4 or max(head[6:]) > 0x7F:
            break
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        at += 10 + size + (10 if head[5] & 0x10 else 0)
    return at
