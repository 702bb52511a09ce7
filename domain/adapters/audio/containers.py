"""What a file of sound is by its content, and the one demuxer that may read it.

A name decides nothing, and no demuxer guesses: a file reaches the code that its first bytes call for.
"""

from dataclasses import dataclass
from typing import BinaryIO, cast

from domain.audio.analysis import NotAnalysed
from domain.audio.refused import not_analysed
from domain.files import mpeg, sniff
from domain.files.types import UNKNOWN
from domain.files.verdict import Unfit
from domain.files.window import Window

# Type of file -> what the container is called here, and FFmpeg's demuxer for it.
_DEMUXERS = {
    "wave": ("wav", "wav"),
    "flac": ("flac", "flac"),
    "mpeg": ("mp3", "mp3"),
    "aac": ("aac", "aac"),
    "vorbis": ("ogg", "ogg"),
    "opus": ("ogg", "ogg"),
    "ogg_flac": ("ogg", "ogg"),
    "speex": ("ogg", "ogg"),
    "theora": ("ogg", "ogg"),
    "mp4_audio": ("mp4", "mov"),
    "alac": ("mp4", "mov"),
    "mp4": ("mp4", "mov"),
    "mov_audio": ("mov", "mov"),
    "mov": ("mov", "mov"),
    "3gp": ("3gp", "mov"),
    "aiff": ("aiff", "aiff"),
    "wma": ("asf", "asf"),
    "wmv": ("asf", "asf"),
    "wavpack": ("wavpack", "wv"),
    "ape": ("ape", "ape"),
    "dsf": ("dsf", "dsf"),
    "dff": ("dff", "iff"),
    "ac3": ("ac3", "ac3"),
    "eac3": ("eac3", "eac3"),
    "mka": ("matroska", "matroska"),
    "mkv": ("matroska", "matroska"),
    "webm_audio": ("webm", "matroska"),
    "webm": ("webm", "matroska"),
    "avi": ("avi", "avi"),
}
# Streams without a header: what a demuxer says of their length is a guess from the bit rate.
_HEADLESS = frozenset({"aac", "ac3", "eac3"})
_MOST_BYTES = 64 << 20
_MOST_CHUNKS = 1_000
# PCM, floats, A-law, mu-law, and what says more further on: as long as their bytes.
_PLAIN = (1, 3, 6, 7, 0xFFFE)
_LONGEST_PAGE = 27 + 255 + 255 * 255


@dataclass(frozen=True, slots=True)
class Content:
    """What a file is: container, demuxer, where its content begins, and how long a header says it is.

    guessed: no header says how long it is, whatever the demuxer tells. unfinished: what marks the end of
    such a stream is missing.
    """

    key: str
    container: str
    demuxer: str
    start: int = 0
    header_duration_s: float | None = None
    guessed: bool = False
    unfinished: bool = False


def content_of(source: BinaryIO, size_bytes: int) -> Content | NotAnalysed:
    """What a seekable file of a known size is by its content, or why it is no sound that is read."""
    if not size_bytes:
        return not_analysed("audio_empty", "it has no bytes")
    window = Window(source, size_bytes, most_bytes=_MOST_BYTES)
    try:
        kind = sniff.type_of(window)
    except Unfit as unfit:
        return not_analysed("audio_broken", unfit.text)
    found = _DEMUXERS.get(kind.key)
    if found is None:
        said = "no known type" if kind is UNKNOWN else f"{kind.words} ({kind.media_type})"
        return not_analysed(
            "audio_unknown", f"by its content it is {said}, which holds no sound that is read"
        )
    if kind.key == "wave":
        return Content(kind.key, *found, header_duration_s=_wave_duration(window))
    if found[1] == "ogg":
        return Content(kind.key, *found, unfinished=not _ends_as_ogg(window))
    if kind.key != "mpeg":
        return Content(kind.key, *found, guessed=kind.key in _HEADLESS)
    try:
        start = mpeg.tag_end(window)
        lies = start >= size_bytes
        first = mpeg.first_frame(window, 0 if lies else start, mpeg.FAR if lies else mpeg.NEAR)
    except Unfit as unfit:
        return not_analysed("audio_too_complex", unfit.text)
    duration = None if first is None else _mpeg_duration(window, first)
    return Content(
        kind.key,
        *found,
        # tinytag reads the tags before it; FFmpeg compares each with all others, for hours in a flood.
        start=first or 0,
        header_duration_s=duration,
        guessed=duration is None,
    )


def _wave_duration(window: Window) -> float | None:
    """How long the chunks of a WAVE file say that it is, also where the file ends before.

    FFmpeg tells only what is there.
    """
    at, bytes_a_second, long_size = 12, 0, 0
    try:
        for _ in range(_MOST_CHUNKS):
            head = window.at(at, 8)
            name, size = head[:4], int.from_bytes(head[4:8], "little")
            if len(head) < 8:
                return None
            if name == b"fmt ":
                form = window.take(16)
                bytes_a_second = int.from_bytes(form[4:8], "little") * int.from_bytes(form[12:14], "little")
                if int.from_bytes(form[:2], "little") not in _PLAIN:
                    bytes_a_second = int.from_bytes(form[8:12], "little")
            elif name == b"ds64":
                long_size = int.from_bytes(window.take(16)[8:], "little")
            elif name == b"data":
                size = long_size if size == 0xFFFFFFFF else size
                return size / bytes_a_second if bytes_a_second and 0 < size < 1 << 62 else None
            at += 8 + size + size % 2
    except Unfit:
        return None
    return None


def _ends_as_ogg(window: Window) -> bool:
    """Whether the last page says that it is the last, and is whole."""
    try:
        tail = window.at(max(window.size - _LONGEST_PAGE, 0), _LONGEST_PAGE)
    except Unfit:
        return True
    at = tail.rfind(b"OggS")
    page = tail[at:]
    if at < 0 or len(page) < 27 or not page[5] & 4:
        return False
    lengths = page[27 : 27 + page[26]]
    return len(page) >= 27 + len(lengths) + sum(lengths)


def _mpeg_duration(window: Window, at: int) -> float | None:
    """How long the first frame says that the stream is (Xing, Info or VBRI); None when it says nothing."""
    head = window.at(at, 4)
    read = mpeg.mpeg_head(head)
    if read is None:
        return None
    version, layer, rate = cast(tuple[int, int, int], read[0])
    frame = window.at(at, min(max(read[1], 64), 4_096))
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1_152
    side = (17 if head[3] >> 6 == 3 else 32) if version == 3 else (9 if head[3] >> 6 == 3 else 17)
    xing = frame[4 + side : 4 + side + 12]
    if xing[:4] in (b"Xing", b"Info") and xing[7:8] and xing[7] & 1:
        frames = int.from_bytes(xing[8:12], "big")
    elif frame[36:40] == b"VBRI":
        frames = int.from_bytes(frame[50:54], "big")
    else:
        return None
    return frames * samples / rate if frames else None
