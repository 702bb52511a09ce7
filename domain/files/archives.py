"""Archives without unpacking them: what a ZIP says it holds, and a bounded look at whether that is so.

Nothing is written anywhere. A ZIP is judged by its directory and held against the entries themselves; only
the first bytes of every entry, and a bounded amount of them all, are unpacked and thrown away. Whoever
unpacks an archive for good counts again.
"""

import stat
import zlib
from dataclasses import dataclass
from itertools import pairwise

from domain.files.verdict import Unfit
from domain.files.window import Window

MOST_ENTRIES = 10_000
MOST_RATIO = 100
MOST_BYTES = 20 << 30
MOST_MEMBERS = 1_000
# Below this much, the ratio says nothing: a short list of zeros packs well.
_SMALL = 1 << 20
_LARGEST_DIRECTORY = 16 << 20
# How much of an archive is unpacked to see whether its sizes are true.
UNPACKED = 64 << 20
_PART = 64 << 10
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"
_PACKED = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"7z\xbc\xaf",
    b"Rar!",
    b"\xfd7zXZ",
    b"BZh",
    b"\x28\xb5\x2f\xfd",
)
_PROGRAMS = (
    b"\x7fELF",
    b"MZ",
    b"\xfe\xed\xfa",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"#!",
)
_TOGETHER = ("zip", "gz", "tgz", "7z", "rar", "xz", "bz2", "tar", "zst", "jar", "cab")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory of a ZIP says about one entry."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    packed: int
    size: int
    mode: int
    offset: int


def ends_as_zip(window: Window) -> bool:
    """Whether programs that read ZIP from its end would take the file for one."""
    at, tail = _tail(window)
    found = tail.rfind(_END)
    if found < 0 or len(tail) - found < 22:
        return False
    size, begins = (int.from_bytes(tail[found + n : found + n + 4], "little") for n in (12, 16))
    directory = at + found - size
    if directory < 0 or (size == 0 and begins == 0):
        return False
    return window.at(directory, 4) == _ENTRY


def zip_file(window: Window) -> None:
    """Look at a ZIP. Raises Unfit with archive_bomb, archive_unsafe or file_cut_short."""
    entries = _directory(window)
    total, packed = sum(one.size for one in entries), sum(one.packed for one in entries)
    if total > MOST_BYTES:
        raise Unfit("archive_bomb", f"it unpacks to {total:,} bytes; at most {MOST_BYTES:,}")
    if total > _SMALL and total > MOST_RATIO * packed:
        raise Unfit("archive_bomb", f"{packed:,} bytes of it unpack to {total:,}; at most {MOST_RATIO} to 1")
    names: set[str] = set()
    for one in entries:
        _judge(one)
        folded = one.name.casefold()
        if folded in names:
            raise Unfit("archive_unsafe", f"two entries are called {one.name!r}")
        names.add(folded)
    entries.sort(key=lambda entry: entry.offset)
    for one, following in pairwise(entries):
        if following.offset < one.offset + 30 + len(one.raw_name) + one.packed:
            raise Unfit("archive_bomb", f"{following.name[:120]!r} shares bytes with {one.name[:120]!r}")
    window.allow(len(entries) * (32 << 10) + 2 * UNPACKED)
    _hold_against(window, entries)


def gzip_file(window: Window) -> None:
    """Look at a gzip file. Raises Unfit with archive_bomb, archive_unsafe, file_broken or file_cut_short."""
    window.allow(2 * UNPACKED)
    window.seek(0)
    stream, read, given, head = zlib.decompressobj(31), 0, 0, b""
    part, members = window.read(_PART), 1
    try:
        while part and given < UNPACKED and read < UNPACKED:
            read += len(part)
            while part:
                data = stream.decompress(part, _PART)
                head += data[: 512 - len(head)]
                given += len(data)
                if given > _SMALL and given > MOST_RATIO * read:
                    raise Unfit("archive_bomb", f"{read:,} bytes of it unpack to more than {given:,}")
                part = stream.unconsumed_tail
                if stream.eof:
                    part = stream.unused_data.lstrip(b"\0")
                    if part:
                        stream, members = zlib.decompressobj(31), members + 1
                    if members > MOST_MEMBERS:
                        raise Unfit("archive_bomb", f"it is made of more than {MOST_MEMBERS:,} members")
            part = window.read(_PART)
        # The last of it may still be on its way when all bytes were read.
        while not part and not stream.eof and stream.decompress(b"", _PART):
            pass
    except zlib.error as error:
        raise Unfit("file_broken", f"it can't be unpacked: {error}") from error
    if not stream.eof and not part:
        raise Unfit("file_cut_short", "it ends before its content does")
    if not given and not stream.eof:
        raise Unfit("file_broken", f"{read:,} bytes of it unpack to nothing")
    _refuse_inside(head, "it")


def _tail(window: Window) -> tuple[int, bytes]:
    """The end of the file, where a ZIP says what it holds, and where that begins."""
    length = min(window.size, 65_557)
    return window.size - length, window.at(window.size - length, length)


def _directory(window: Window) -> list[Entry]:
    at, tail = _tail(window)
    found = tail.rfind(_END)
    if found < 0 or len(tail) - found < 22:
        raise Unfit("file_cut_short", "it has no directory at its end")
    end = tail[found : found + 22]
    if found + 22 + int.from_bytes(end[20:], "little") != len(tail):
        raise Unfit("archive_unsafe", "something follows the directory at its end")
    disks, count, size, begins = (
        int.from_bytes(end[a:b], "little") for a, b in ((4, 8), (10, 12), (12, 16), (16, 20))
    )
    stop = at + found
    locator = window.at(stop - 20, 20) if stop >= 20 else b""
    if locator[:4] == _LOCATOR64:
        stop = int.from_bytes(locator[8:16], "little")
        long = window.at(stop, 56)
        if long[:4] != _END64 or len(long) < 56:
            raise Unfit("file_broken", "its directory isn't where it says")
        disks = int.from_bytes(long[16:24], "little")
        count, size, begins = (int.from_bytes(long[n : n + 8], "little") for n in (32, 40, 48))
    if disks:
        raise Unfit("archive_unsafe", "it is one part of several")
    if count > MOST_ENTRIES:
        raise Unfit("archive_bomb", f"it holds {count:,} entries; at most {MOST_ENTRIES:,}")
    if size > _LARGEST_DIRECTORY or begins + size != stop:
        raise Unfit(
            "archive_unsafe", f"its directory says it has {size:,} bytes at {begins:,}; it ends at {stop:,}"
        )
    entries: list[Entry] = []
    window.seek(begins)
    while window.tell() < stop:
        if len(entries) == count:
            raise Unfit("archive_unsafe", f"it says it holds {count} entries, and lists more")
        entries.append(_entry(window))
    if len(entries) != count:
        raise Unfit("archive_unsafe", f"it says it holds {count} entries, and lists {len(entries)}")
    return entries


def _entry(window: Window) -> Entry:
    head = window.take(46)
    if head[:4] != _ENTRY:
        raise Unfit("file_broken", "its directory holds something else than entries")
    flags, method, name_size, extra_size, comment = (
        int.from_bytes(head[n : n + 2], "little") for n in (8, 10, 28, 30, 32)
    )
    packed, size, offset = (int.from_bytes(head[n : n + 4], "little") for n in (20, 24, 42))
    raw_name, extra = window.take(name_size), window.take(extra_size)
    window.seek(comment, 1)
    size, packed, offset = _long(extra, size, packed, offset)
    # Only a ZIP made on Unix keeps a file's mode; others leave the upper half empty.
    mode = int.from_bytes(head[40:42], "little")
    name = raw_name.decode("utf-8" if flags & 0x800 else "cp437", "replace")
    return Entry(name, raw_name, flags, method, packed, size, mode, offset)


def _long(extra: bytes, *short: int) -> tuple[int, ...]:
    """The sizes that stand in the extra field of a large entry, in place of those that say so."""
    at, values = 0, list(short)
    while at + 4 <= len(extra):
        kind, size = (
            int.from_bytes(extra[at : at + 2], "little"),
            int.from_bytes(extra[at + 2 : at + 4], "little"),
        )
        if kind == 1:
            body, here = extra[at + 4 : at + 4 + size], 0
            for index, value in enumerate(values):
                if value == 0xFFFFFFFF:
                    values[index] = int.from_bytes(body[here : here + 8], "little")
                    here += 8
            break
        at += 4 + size
    return tuple(values)


def _judge(one: Entry) -> None:
    """Raises Unfit for an entry that would write elsewhere, hide, or is no file."""
    said = repr(one.name[:120])
    name = one.name.replace("\\", "/")
    if not name or name.startswith("/") or ".." in name.split("/") or (len(name) > 1 and name[1] == ":"):
        raise Unfit("archive_unsafe", f"the entry {said} would be written outside its folder")
    if (
        any(character < " " or character in "\x7f\u202e\u2066\u2067\u200f\ufffd" for character in name)
        or len(name) > 1_024
    ):
        raise Unfit("archive_unsafe", f"the entry {said} has a name that hides what it is")
    if one.flags & 0x2041:
        raise Unfit("archive_unsafe", f"the entry {said} is encrypted")
    if one.method not in (0, 8):
        raise Unfit("archive_unsafe", f"the entry {said} is packed by method {one.method}; deflate is taken")
    if stat.S_IFMT(one.mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Unfit("archive_unsafe", f"the entry {said} is a link or a device and no file")
    if name.rsplit(".", 1)[-1].lower() in _TOGETHER:
        raise Unfit("archive_unsafe", f"the entry {said} is an archive itself; send it by itself")
    if one.size > _SMALL and one.size > MOST_RATIO * one.packed:
        raise Unfit("archive_bomb", f"{one.packed:,} bytes of {said} unpack to {one.size:,}")
    if one.method == 0 and one.size != one.packed:
        raise Unfit("archive_unsafe", f"the entry {said} isn't packed, and says two sizes")


def _hold_against(window: Window, entries: list[Entry]) -> None:
    """Raises Unfit where an entry is another one than the directory says; each is visited once."""
    reached, left = 0, UNPACKED
    for one in entries:
        said = repr(one.name[:120])
        head = window.at(one.offset, 30)
        name_size, extra = (int.from_bytes(head[n : n + 2], "little") for n in (26, 28))
        if head[:4] != _LOCAL or window.read(name_size) != one.raw_name:
            raise Unfit("archive_unsafe", f"{said} isn't where the directory says")
        if int.from_bytes(head[8:10], "little") != one.method:
            raise Unfit("archive_unsafe", f"{said} says two ways in which it is packed")
        if one.offset < reached:
            raise Unfit("archive_bomb", f"{said} shares bytes with the entry before it")
        reached = one.offset + 30 + name_size + extra + one.packed
        if reached > window.size:
            raise Unfit("file_cut_short", f"it ends inside {said}")
        window.seek(reached - one.packed)
        left -= _unpack(window, one, max(left, 512))


def _unpack(window: Window, one: Entry, most: int) -> int:
    """Unpack the entry that begins here up to so much, and throw it away; gives how much that was."""
    if one.method == 0:
        _refuse_inside(window.read(min(one.packed, 512)), repr(one.name[:120]))
        return 0
    stream, left, given, start = zlib.decompressobj(-15), one.packed, 0, b""
    most = min(most, one.size)
    try:
        while given <= most and not stream.eof:
            part = stream.unconsumed_tail
            if not part:
                part = window.read(min(left, _PART, most + 64))
                left -= len(part)
            data = stream.decompress(part, min(_PART, most - given + 1))
            if not part and not data:
                break
            start += data[: 512 - len(start)]
            given += len(data)
    except zlib.error as error:
        raise Unfit("file_broken", f"{one.name[:120]!r} can't be unpacked: {error}") from error
    if given > one.size:
        raise Unfit("archive_bomb", f"{one.name[:120]!r} says it has {one.size:,} bytes, and gives more")
    if given < most:
        raise Unfit("file_broken", f"{one.name[:120]!r} says it has {one.size:,} bytes, and gives {given:,}")
    _refuse_inside(start, repr(one.name[:120]))
    return given


def _refuse_inside(head: bytes, said: str) -> None:
    """Raises Unfit where unpacked bytes begin as an archive or a program does."""
    if head.startswith(_PACKED) or head[257:262] == b"ustar":
        raise Unfit("archive_unsafe", f"{said} is an archive inside an archive; send it by itself")
    if head.startswith(_PROGRAMS):
        raise Unfit("archive_unsafe", f"{said} is a program; programs are not taken")
