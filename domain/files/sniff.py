"""What a file is, by its content, and whether it is taken: one look that nothing in the file can prolong.

`inspect` never raises because of what is in a file. Whatever is wrong becomes a verdict with a stable code;
`docs/files.md` lists the types, the limits and the codes.
"""

import re
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import BinaryIO, cast

from domain.files import archives, containers, images, mpeg, sounds, texts
from domain.files import cover as covers
from domain.files.types import TYPES, UNKNOWN, FileType, bare_media_type, declared_as, extension_of, named
from domain.files.verdict import Cover, Parsers, Unfit, Verdict, XmlRoot
from domain.files.window import Window

_SIGNS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (0, b"II+\0", "tiff"),
    (0, b"MM\0+", "tiff"),
    (0, b"fLaC", "flac"),
    (0, b"wvpk", "wavpack"),
    (0, b"MAC ", "ape"),
    (0, b"DSD ", "dsf"),
    (0, b"FRM8", "dff"),
    (0, b"%PDF-", "pdf"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"\x7fELF", "program"),
    (0, b"MZ", "program"),
    (0, b"\xfe\xed\xfa\xce", "program"),
    (0, b"\xfe\xed\xfa\xcf", "program"),
    (0, b"\xce\xfa\xed\xfe", "program"),
    (0, b"\xcf\xfa\xed\xfe", "program"),
    (0, b"\xca\xfe\xba\xbe", "program"),
    (0, b"\0asm", "program"),
    (0, b"dex\n", "program"),
    (0, b"L\0\0\0\x01\x14\x02\0", "program"),
    (0, b"7z\xbc\xaf\x27\x1c", "packed"),
    (0, b"Rar!\x1a\x07", "packed"),
    (0, b"\xfd7zXZ\0", "packed"),
    (0, b"BZh", "packed"),
    (0, b"\x28\xb5\x2f\xfd", "packed"),
    (0, b"MSCF", "packed"),
    (257, b"ustar", "packed"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office"),
)
_OGG, _EBML = b"OggS", b"\x1a\x45\xdf\xa3"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_CHUNKED = {
    (b"RIFF", b"WAVE"): "wave",
    (b"RF64", b"WAVE"): "wave",
    (b"BW64", b"WAVE"): "wave",
    (b"RIFF", b"AVI "): "avi",
    (b"RIFF", b"WEBP"): "webp",
    (b"FORM", b"AIFF"): "aiff",
    (b"FORM", b"AIFC"): "aiff",
}
_REFINED: dict[str, Callable[[Window], str]] = {
    **{key: partial(containers.film, family=key) for key in ("mp4", "mp4_audio", "3gp", "mov")},
    "mkv": containers.matroska,
    "wma": containers.windows_media,
    "vorbis": containers.ogg,
}
# Types whose content is text, where a page can only be the whole of it.
_TEXTS = frozenset({"xml", "json", "ndjson", "cue", "csv", "text", "pdf"})
_XHTML, _SVG = "http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"
_DDEX = re.compile(r"https?://(?:service\.)?ddex\.net/", re.IGNORECASE)
_WALKS: dict[str, Callable[[Window], str | None]] = {
    "wave": sounds.wave,
    "aiff": sounds.aiff,
    "wavpack": sounds.wavpack,
    "ape": sounds.ape,
    "dsf": sounds.dsf,
    "dff": sounds.dff,
    "avi": sounds.avi,
    "pdf": texts.pdf,
    "zip": archives.zip_file,
    "gzip": archives.gzip_file,
}
_STREAMS = (
    ("mpeg", mpeg.mpeg_head),
    ("aac", mpeg.aac_head),
    ("ac3", mpeg.ac3_head),
    ("eac3", mpeg.eac3_head),
)


def inspect(
    source: BinaryIO, size_bytes: int, file_name: str, declared: str | None, *, parsers: Parsers
) -> Verdict:
    """The verdict on a seekable file of a known size, by its content, its name and its declared media type.

    Raises nothing but OSError of the file itself.
    """
    window = Window(source, size_bytes)
    kind = UNKNOWN
    try:
        head = window.at(0, texts.HEAD)
        if not head:
            raise Unfit("file_empty", "it has no bytes")
        kind = TYPES.get(_guess(window, head) or "", UNKNOWN)
        _refuse(kind, file_name, declared)
        if refine := _REFINED.get(kind.key):
            kind = TYPES[refine(window)]
        _compare(kind, file_name, declared)
        _refuse_second(window, kind, head)
        return _look(window, kind, parsers)
    except Unfit as unfit:
        return Verdict(kind.media_type, kind.kind, False, unfit.code, unfit.text)


def type_of(window: Window) -> FileType:
    """What the content is, whatever it is called and whether or not it is taken; UNKNOWN for no known type.

    Raises Unfit where it begins as a type does and is not built like it.
    """
    kind = TYPES.get(_guess(window, window.at(0, texts.HEAD)) or "", UNKNOWN)
    refine = _REFINED.get(kind.key)
    return TYPES[refine(window)] if refine else kind


def _guess(window: Window, head: bytes) -> str | None:
    """The key of the type that the content begins as."""
    text = None if head.startswith(b"%PDF-") else texts.read_head(window)
    if text is not None:
        return texts.text_type(text, window)
    for at, sign, signed in _SIGNS:
        if head.startswith(sign, at):
            return signed
    if chunked := _CHUNKED.get((head[:4], head[8:12])):
        return chunked
    if head[4:8] == b"ftyp" or (head[4:8] in containers.QUICKTIME and window.size > 16):
        return containers.brand(window)
    for sign, begun in ((_OGG, "vorbis"), (_EBML, "mkv"), (_ASF, "wma")):
        if head.startswith(sign):
            return begun
    if streamed := _stream(window, head):
        return streamed
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return "bmp"
    # A stream that was cut out of a longer one begins in the middle of a frame.
    if mpeg.first_frame(window, 1, mpeg.CUT, in_a_row=8) is not None:
        return "mpeg"
    text = texts.read_head(window, old=True)
    return None if text is None else texts.text_type(text, window)


def _stream(window: Window, head: bytes) -> str | None:
    """MPEG, AAC, AC-3 or FLAC, with or without a tag before it."""
    start = mpeg.tag_end(window)
    if start and window.at(start, 4) == b"fLaC":
        return "flac"
    if not start:
        start = len(head) - len(head.lstrip(b"\0"))
    for key, head_of in _STREAMS:
        if mpeg.lines_up(window, start, head_of):
            return key
    if not head.startswith(b"ID3"):
        return None
    lies = start > window.size
    found = mpeg.first_frame(window, 10 if lies else start, mpeg.FAR if lies else mpeg.NEAR)
    return None if found is None else "mpeg"


def _refuse(kind: FileType, file_name: str, declared: str | None) -> None:
    """Refuse what is never taken: by its content first, then by its name or declared type."""
    if kind.refused:
        raise Unfit("file_refused", f"it is {kind.words}; {kind.refused}")
    for key in sorted(named(file_name) | declared_as(declared)):
        if TYPES[key].refused:
            raise Unfit("file_refused", f"it is called {TYPES[key].words}; {TYPES[key].refused}")


def _compare(kind: FileType, file_name: str, declared: str | None) -> None:
    """Refuse content that is not what its name or its declared media type says."""
    if kind is UNKNOWN:
        raise Unfit("file_type_unknown", "its content is no type that is taken; it may be damaged")
    claims = (
        (f"its name ends in .{extension_of(file_name)}", named(file_name)),
        (f"it is declared as {bare_media_type(declared)}", declared_as(declared)),
    )
    for words, keys in claims:
        if keys and kind.key not in keys:
            raise Unfit(
                "file_type_mismatch",
                f"{words}, but by its content it is {kind.media_type} ({kind.words}); "
                f"send it as that, named .{kind.extensions[0]}",
            )


def _refuse_second(window: Window, kind: FileType, head: bytes) -> None:
    """Refuse what other programs would take for something else: a page, a document, an archive."""
    if kind.kind == "archive":
        return
    said = f"by its content it is {kind.media_type} ({kind.words})"
    if kind.key not in _TEXTS:
        if other := texts.hidden(head[:1024]):
            raise Unfit("file_polyglot", f"{said}, and begins as {other!r} does as well")
    elif kind.key != "pdf" and not texts.ends_as_text(window):
        raise Unfit("file_polyglot", f"{said}, and doesn't end as text")
    if archives.ends_as_zip(window):
        raise Unfit("file_polyglot", f"{said}, and ends as a ZIP archive does")


def _look(window: Window, kind: FileType, parsers: Parsers) -> Verdict:
    """The verdict on a file of a type that is taken, by how it is built."""
    width = height = None
    words, cover = kind.words, None
    if kind.key == "flac":
        sounds.flac(window, mpeg.tag_end(window))
    elif kind.key in _WALKS:
        words = _WALKS[kind.key](window) or words
    elif kind.key == "xml":
        window.allow(window.size)
        kind = _document(parsers.xml(_as_file(window)))
        words = kind.words
    elif kind.kind == "image":
        width, height = _picture(window, kind, parsers)
    if kind.kind == "audio":
        cover = _cover(window, kind, parsers)
    return Verdict(kind.media_type, kind.kind, True, None, words, width, height, cover)


def _picture(window: Window, kind: FileType, parsers: Parsers) -> tuple[int, int]:
    """Width and height of a picture, by our own look first; a library sees only what that lets through."""
    size = images.look(window, kind.key)
    if window.size <= images.SECOND_LOOK:
        window.allow(2 * window.size)
        other = parsers.picture(_as_file(window), kind.media_type)
        if other is not None and sorted(other) != sorted(size):
            raise Unfit(
                "image_broken", f"it says it is {size[0]} × {size[1]} and {other[0]} × {other[1]} pixels"
            )
    return size


def _cover(window: Window, kind: FileType, parsers: Parsers) -> Cover | None:
    """The first picture inside a sound file that can be shown; Unfit where one is too large to be."""
    window.allow(3 * covers.LARGEST)
    for data in covers.pictures(window, kind.key):
        key = next((key for at, sign, key in _SIGNS[:4] if data.startswith(sign, at)), None)
        key = "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else key
        if key is None:
            continue
        found = TYPES[key]
        try:
            width, height = _picture(Window(BytesIO(data), len(data)), found, parsers)
        except Unfit as unfit:
            if unfit.code == "image_broken":
                continue
            raise Unfit(unfit.code, f"the picture inside it: {unfit.text}") from unfit
        return Cover(found.media_type, width, height, data)
    return None


def _document(root: XmlRoot) -> FileType:
    if root.namespace == _XHTML:
        raise Unfit("file_refused", f"it is {TYPES['html'].words}; {TYPES['html'].refused}")
    if root.namespace == _SVG:
        raise Unfit("file_refused", f"it is {TYPES['svg'].words}; {TYPES['svg'].refused}")
    return TYPES["ddex" if _DDEX.match(root.namespace) else "xml"]


def _as_file(window: Window) -> BinaryIO:
    window.seek(0)
    return cast(BinaryIO, window)
