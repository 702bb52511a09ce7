"""The picture inside a sound file: from the tags of MP3, FLAC, Ogg and MP4, with lengths that may lie.

Read by a walk of our own rather than by a tag library: of all tags only the picture is wanted, and a library
reads the others too, whose number and length a hostile file chooses.
"""

import base64
import binascii
from collections.abc import Iterator

from domain.files.containers import TO_TAGS, boxes, within
from domain.files.mpeg import tag_end
from domain.files.verdict import Unfit
from domain.files.window import Window

LARGEST = 10 << 20
# Comments hold a picture in base64, and little else.
_LARGEST_COMMENTS = 15 << 20
_MOST_TAGS = 2_000
# What a tag calls the front cover; of several pictures it is the one, else the first.
_FRONT = 3


def pictures(window: Window, key: str) -> Iterator[bytes]:
    """The pictures inside a sound file, the front cover first. Raises nothing for what is broken."""
    found: list[tuple[int, bytes]] = []
    try:
        for rank, data in _WALKS.get(key, _none)(window):
            found.append((rank, data))
            if rank == _FRONT or len(found) == 8:
                break
    except Unfit:
        # The tag is broken, or longer than it may be; the sound was looked at before.
        pass
    yield from (data for _, data in sorted(found, key=lambda one: one[0] != _FRONT))


def _none(_: Window) -> Iterator[tuple[int, bytes]]:
    return iter(())


def _id3(window: Window) -> Iterator[tuple[int, bytes]]:
    head = window.at(0, 10)
    if head[:3] != b"ID3":
        return
    version, flags = head[3], head[5]
    end = min(10 + _synchsafe(head[6:10]), window.size)
    at = 10
    if version > 2 and flags & 0x40:
        more = window.at(at, 4)
        at += _synchsafe(more) if version == 4 else int.from_bytes(more, "big") + 4
    name_length, head_length = (3, 6) if version == 2 else (4, 10)
    for _ in range(_MOST_TAGS):
        frame = window.at(at, head_length)
        name = frame[:name_length]
        if at + head_length > end or len(frame) < head_length or not name.strip(b"\0"):
            return
        size = _frame_size(frame, version)
        body = at + head_length
        if body + size > end:
            return
        if name in (b"APIC", b"PIC") and 0 < size <= LARGEST:
            data = window.at(body, size)
            # Version 4 says of each frame whether it was made safe; older versions of the whole tag.
            marked = frame[9] & 0x02 if version == 4 else flags & 0x80
            if version == 4 and frame[9] & 0x01:
                data = data[4:]
            if marked:
                data = data.replace(b"\xff\x00", b"\xff")
            hidden = frame[9] & 0x0C if version == 4 else frame[9] & 0xC0 if version == 3 else 0
            if not hidden and (picture := _attached(data, version)):
                yield picture
        at = body + size


def _synchsafe(data: bytes) -> int:
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value


def _frame_size(frame: bytes, version: int) -> int:
    if version == 2:
        return int.from_bytes(frame[3:6], "big")
    return _synchsafe(frame[4:8]) if version == 4 else int.from_bytes(frame[4:8], "big")


def _attached(data: bytes, version: int) -> tuple[int, bytes] | None:
    """The kind and the bytes of the picture in an attached-picture frame."""
    wide = data[0] in (1, 2)
    if version == 2:
        at = 4
    else:
        at = data.find(b"\0", 1) + 1
        if at == 0:
            return None
    kind, at = data[at] if at < len(data) else 0, at + 1
    if not wide:
        end = data.find(b"\0", at)
        return (kind, data[end + 1 :]) if end >= 0 else None
    for end in range(at, min(len(data) - 1, at + 1_000), 2):
        if data[end : end + 2] == b"\0\0":
            return kind, data[end + 2 :]
    return None


def _flac(window: Window) -> Iterator[tuple[int, bytes]]:
    at = tag_end(window) + 4
    for _ in range(_MOST_TAGS):
        head = window.at(at, 4)
        if len(head) < 4:
            return
        size = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == 6 and size <= LARGEST and (picture := _block(window.take(size))):
            yield picture
        if head[0] & 0x80:
            return
        at += 4 + size


def _block(data: bytes) -> tuple[int, bytes] | None:
    """The kind and the bytes of the picture in a FLAC picture block."""
    kind, at = int.from_bytes(data[:4], "big"), 4
    for extra in (0, 16):
        at += 4 + int.from_bytes(data[at : at + 4], "big") + extra
    size = int.from_bytes(data[at : at + 4], "big")
    picture = data[at + 4 : at + 4 + size]
    return (kind, picture) if picture and len(picture) == size else None


def _ogg(window: Window) -> Iterator[tuple[int, bytes]]:
    """The pictures among the comments, which are the second packet of the stream, over many pages."""
    packet, packets, at = bytearray(), 0, 0
    for _ in range(_MOST_TAGS):
        head = window.at(at, 27)
        if len(head) < 27 or head[:4] != b"OggS":
            return
        lengths = window.take(head[26])
        for length in lengths:
            packet += window.take(length)
            if len(packet) > _LARGEST_COMMENTS:
                return
            if length < 255:
                packets += 1
                if packets == 2:
                    yield from _comments(packet)
                    return
                packet.clear()
        at = window.tell()


def _comments(packet: bytearray) -> Iterator[tuple[int, bytes]]:
    if not packet:
        return
    at = 8 if packet.startswith(b"OpusTags") else 4 if packet[0] & 0x7F == 4 else 7
    at += 4 + int.from_bytes(packet[at : at + 4], "little")
    count = int.from_bytes(packet[at : at + 4], "little")
    at += 4
    for _ in range(min(count, _MOST_TAGS)):
        size = int.from_bytes(packet[at : at + 4], "little")
        at += 4
        if at + size > len(packet):
            return
        sign = packet.find(b"=", at, at + 40)
        name, value = packet[at:sign], packet[sign + 1 : at + size]
        at += size
        if name.lower() != b"metadata_block_picture":
            continue
        try:
            block = base64.b64decode(value)
        except binascii.Error:
            continue
        if picture := _block(block):
            yield picture


def _mp4(window: Window) -> Iterator[tuple[int, bytes]]:
    cover_end = 0
    for box in within(window, 0, window.size, TO_TAGS):
        if box.name == b"covr":
            cover_end = box.end
            for data in boxes(window, box.start, box.end):
                if data.name == b"data" and 8 < data.end - data.start <= LARGEST:
                    yield _FRONT, window.at(data.start + 8, data.end - data.start - 8)
        elif cover_end and box.start > cover_end:
            return


_WALKS = {
    "mpeg": _id3,
    "flac": _flac,
    "vorbis": _ogg,
    "opus": _ogg,
    "ogg_flac": _ogg,
    "mp4_audio": _mp4,
    "alac": _mp4,
}
