"""The table of file types: how each is called, named and declared, and which are never taken."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from domain.files.verdict import Kind

# What a client declares when it doesn't know.
UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/x-download"})


@dataclass(frozen=True, slots=True)
class FileType:
    """One type of file.

    words: what a person calls it. extensions: the names it goes by. also: other media types that are
    declared for it. refused: why it is never taken; None where it is.
    """

    key: str
    media_type: str
    kind: Kind
    words: str
    extensions: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    refused: str | None = None


_PROGRAM = "programs are not taken"
_ACTIVE = "pages and scripts are not taken"
_SVG = "an SVG can carry scripts; send a PNG or JPEG"
_PACKED = "of archives, ZIP and gzip are taken"
_PLAIN = ("txt", "text", "md", "log", "nfo", "csv", "tsv", "lrc", "srt", "vtt", "m3u", "m3u8")
_OGG = ("application/ogg", "audio/ogg")

_AUDIO = (
    FileType(
        "wave",
        "audio/wav",
        "audio",
        "WAVE audio",
        ("wav", "wave", "bwf", "rf64"),
        ("audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"),
    ),
    FileType("flac", "audio/flac", "audio", "FLAC audio", ("flac", "fla"), ("audio/x-flac",)),
    FileType(
        "mpeg",
        "audio/mpeg",
        "audio",
        "MPEG audio",
        ("mp3", "mp2", "mp1", "mpga"),
        ("audio/mp3", "audio/x-mp3", "audio/mpeg3", "audio/x-mpeg", "audio/mpg"),
    ),
    FileType("aac", "audio/aac", "audio", "AAC audio", ("aac", "adts"), ("audio/x-aac", "audio/aacp")),
    FileType("vorbis", "audio/ogg", "audio", "Ogg Vorbis audio", ("ogg", "oga"), (*_OGG, "audio/vorbis")),
    FileType("opus", "audio/ogg", "audio", "Ogg Opus audio", ("opus", "ogg", "oga"), (*_OGG, "audio/opus")),
    FileType(
        "ogg_flac",
        "audio/ogg",
        "audio",
        "Ogg FLAC audio",
        ("oga", "ogg", "flac"),
        (*_OGG, "audio/flac", "audio/x-flac"),
    ),
    FileType("speex", "audio/ogg", "audio", "Ogg Speex audio", ("spx", "ogg", "oga"), (*_OGG, "audio/speex")),
    FileType(
        "mp4_audio",
        "audio/mp4",
        "audio",
        "MPEG-4 audio",
        ("m4a", "m4b", "m4r", "mp4", "m4p"),
        ("audio/x-m4a", "audio/m4a", "audio/aac", "audio/mp4a-latm", "audio/x-m4b", "video/mp4"),
    ),
    FileType(
        "alac",
        "audio/mp4",
        "audio",
        "Apple Lossless audio",
        ("m4a", "m4b", "mp4", "alac"),
        ("audio/x-m4a", "audio/m4a", "audio/alac", "audio/x-alac", "video/mp4"),
    ),
    FileType(
        "aiff", "audio/aiff", "audio", "AIFF audio", ("aiff", "aif", "aifc"), ("audio/x-aiff", "audio/aif")
    ),
    FileType(
        "wma",
        "audio/x-ms-wma",
        "audio",
        "Windows Media audio",
        ("wma", "asf"),
        ("audio/wma", "video/x-ms-asf", "application/vnd.ms-asf"),
    ),
    FileType("wavpack", "audio/x-wavpack", "audio", "WavPack audio", ("wv",), ("audio/wavpack",)),
    FileType(
        "ape", "audio/x-ape", "audio", "Monkey's Audio", ("ape",), ("audio/ape", "audio/x-monkeys-audio")
    ),
    FileType("dsf", "audio/x-dsf", "audio", "DSF audio", ("dsf",), ("audio/dsf", "audio/dsd", "audio/x-dsd")),
    FileType(
        "dff", "audio/x-dff", "audio", "DSDIFF audio", ("dff",), ("audio/dff", "audio/dsd", "audio/x-dsd")
    ),
    FileType("ac3", "audio/ac3", "audio", "AC-3 audio", ("ac3",), ("audio/x-ac3", "audio/vnd.dolby.dd-raw")),
    FileType("eac3", "audio/eac3", "audio", "E-AC-3 audio", ("eac3", "ec3", "ac3"), ("audio/x-eac3",)),
    FileType(
        "mka",
        "audio/x-matroska",
        "audio",
        "Matroska audio",
        ("mka", "mkv"),
        ("audio/matroska", "video/x-matroska"),
    ),
    FileType("webm_audio", "audio/webm", "audio", "WebM audio", ("weba", "webm"), ("video/webm",)),
    FileType(
        "mov_audio", "video/quicktime", "audio", "QuickTime audio", ("mov", "qt", "m4a"), ("audio/quicktime",)
    ),
)
_VIDEO = (
    FileType("mp4", "video/mp4", "video", "MPEG-4 video", ("mp4", "m4v"), ("video/x-m4v", "application/mp4")),
    FileType("mov", "video/quicktime", "video", "QuickTime video", ("mov", "qt"), ("video/x-quicktime",)),
    FileType(
        "3gp", "video/3gpp", "video", "3GPP video", ("3gp", "3g2", "3gpp"), ("video/3gpp2", "audio/3gpp")
    ),
    FileType("mkv", "video/x-matroska", "video", "Matroska video", ("mkv", "mk3d"), ("video/matroska",)),
    FileType("webm", "video/webm", "video", "WebM video", ("webm",)),
    FileType("avi", "video/x-msvideo", "video", "AVI video", ("avi",), ("video/avi", "video/msvideo")),
    FileType(
        "wmv",
        "video/x-ms-wmv",
        "video",
        "Windows Media video",
        ("wmv", "asf"),
        ("video/x-ms-asf", "application/vnd.ms-asf"),
    ),
    FileType("theora", "video/ogg", "video", "Ogg Theora video", ("ogv", "ogg", "ogx"), ("application/ogg",)),
)
_IMAGES = (
    FileType(
        "jpeg",
        "image/jpeg",
        "image",
        "JPEG picture",
        ("jpg", "jpeg", "jpe", "jfif"),
        ("image/jpg", "image/pjpeg"),
    ),
    FileType("png", "image/png", "image", "PNG picture", ("png", "apng"), ("image/apng", "image/x-png")),
    FileType("gif", "image/gif", "image", "GIF picture", ("gif",)),
    FileType("webp", "image/webp", "image", "WebP picture", ("webp",)),
    FileType("tiff", "image/tiff", "image", "TIFF picture", ("tif", "tiff"), ("image/x-tiff", "image/tif")),
    FileType("bmp", "image/bmp", "image", "BMP picture", ("bmp", "dib"), ("image/x-bmp", "image/x-ms-bmp")),
    FileType("avif", "image/avif", "image", "AVIF picture", ("avif", "avifs"), ("image/avif-sequence",)),
    FileType(
        "heic",
        "image/heic",
        "image",
        "HEIC picture",
        ("heic", "heif", "hif"),
        ("image/heif", "image/heic-sequence", "image/heif-sequence"),
    ),
)
_DOCUMENTS = (
    FileType("ddex", "application/xml", "message", "DDEX message", ("xml",), ("text/xml",)),
    FileType(
        "xml",
        "application/xml",
        "other",
        "XML document",
        ("xml", "xsd", "xspf", "rss"),
        ("text/xml", "application/rss+xml", "application/xspf+xml"),
    ),
    FileType(
        "json",
        "application/json",
        "other",
        "JSON document",
        ("json", "geojson", "jsonld", "txt"),
        ("text/json", "application/ld+json", "application/problem+json", "text/plain"),
    ),
    FileType(
        "ndjson",
        "application/x-ndjson",
        "other",
        "JSON lines",
        ("ndjson", "jsonl", "json", "txt"),
        ("application/jsonl", "application/json", "application/x-jsonlines", "text/plain"),
    ),
    FileType("cue", "application/x-cue", "other", "cue sheet", ("cue", "txt"), ("text/plain", "audio/x-cue")),
    FileType(
        "csv",
        "text/csv",
        "other",
        "CSV table",
        ("csv", "tsv", "txt", "text", "log", "m3u", "m3u8"),
        ("text/plain", "application/csv", "text/tab-separated-values", "application/vnd.ms-excel"),
    ),
    FileType(
        "text",
        "text/plain",
        "other",
        "plain text",
        _PLAIN,
        ("text/csv", "text/tab-separated-values", "text/markdown", "application/vnd.ms-excel"),
    ),
    FileType("pdf", "application/pdf", "other", "PDF document", ("pdf",), ("application/x-pdf",)),
    FileType(
        "zip",
        "application/zip",
        "archive",
        "ZIP archive",
        ("zip",),
        ("application/x-zip-compressed", "application/x-zip", "multipart/x-zip"),
    ),
    FileType("gzip", "application/gzip", "archive", "gzip archive", ("gz", "gzip"), ("application/x-gzip",)),
)
_REFUSED = (
    FileType(
        "program",
        "application/x-executable",
        "other",
        "a program",
        (
            "exe",
            "dll",
            "com",
            "scr",
            "msi",
            "so",
            "dylib",
            "elf",
            "jar",
            "class",
            "apk",
            "dex",
            "wasm",
            "sys",
            "cpl",
            "lnk",
            "pif",
            "deb",
            "rpm",
            "pyc",
        ),
        (
            "application/x-msdownload",
            "application/x-msdos-program",
            "application/java-archive",
            "application/wasm",
            "application/x-elf",
            "application/x-mach-binary",
        ),
        _PROGRAM,
    ),
    FileType(
        "script",
        "text/x-script",
        "other",
        "a script",
        (
            "sh",
            "bash",
            "bat",
            "cmd",
            "ps1",
            "vbs",
            "vbe",
            "js",
            "mjs",
            "jse",
            "wsf",
            "wsh",
            "py",
            "pl",
            "rb",
            "php",
            "phtml",
            "php5",
            "phar",
            "asp",
            "aspx",
            "jsp",
            "cgi",
            "hta",
            "reg",
            "scpt",
        ),
        (
            "application/javascript",
            "text/javascript",
            "application/x-sh",
            "application/x-php",
            "text/x-python",
            "text/x-shellscript",
        ),
        _ACTIVE,
    ),
    FileType(
        "html",
        "text/html",
        "other",
        "an HTML page",
        ("html", "htm", "xhtml", "xht", "shtml", "mht", "mhtml", "xsl", "xslt"),
        ("application/xhtml+xml", "multipart/related"),
        _ACTIVE,
    ),
    FileType("svg", "image/svg+xml", "other", "an SVG drawing", ("svg", "svgz"), ("image/svg",), _SVG),
    FileType(
        "packed",
        "application/x-compressed",
        "archive",
        "an archive",
        ("7z", "rar", "xz", "bz2", "tar", "tgz", "zst", "lz", "lz4", "cab", "arj", "ace", "z", "lzh"),
        (
            "application/x-7z-compressed",
            "application/vnd.rar",
            "application/x-rar-compressed",
            "application/x-xz",
            "application/x-bzip2",
            "application/x-tar",
            "application/zstd",
        ),
        _PACKED,
    ),
    FileType(
        "office",
        "application/x-ole-storage",
        "other",
        "an old Office document",
        ("doc", "xls", "ppt", "dot", "xlt", "docm", "xlsm", "pptm"),
        ("application/msword",),
        "it can carry macros; send a PDF, CSV or plain text",
    ),
)

TYPES = {one.key: one for one in (*_AUDIO, *_VIDEO, *_IMAGES, *_DOCUMENTS, *_REFUSED)}
UNKNOWN = FileType("unknown", "application/octet-stream", "other", "no known type")

_BY_EXTENSION = {
    name: frozenset(one.key for one in TYPES.values() if name in one.extensions)
    for name in {name for one in TYPES.values() for name in one.extensions}
}
_BY_MEDIA_TYPE = {
    name: frozenset(one.key for one in TYPES.values() if name in (one.media_type, *one.also))
    for name in {name for one in TYPES.values() for name in (one.media_type, *one.also)}
}


def extension_of(file_name: str) -> str:
    """The extension of a file name in lower case, without its dot; empty when it has none."""
    bare = file_name.replace("\\", "/").rstrip(". \t\r\n\0")
    return PurePosixPath(bare).suffix.removeprefix(".").lower()


def named(file_name: str) -> frozenset[str]:
    """The types a file's name claims; none when its extension says nothing."""
    return _BY_EXTENSION.get(extension_of(file_name), frozenset())


def declared_as(declared: str | None) -> frozenset[str]:
    """The types a declared media type claims; none when it says nothing."""
    name = bare_media_type(declared)
    if name in UNTOLD:
        return frozenset()
    if known := _BY_MEDIA_TYPE.get(name):
        return known
    # Not a name we know, but `video/x-something` still claims to be a video.
    group = name.partition("/")[0]
    media = group in ("audio", "video", "image")
    return frozenset(one.key for one in TYPES.values() if media and one.kind == group)


def bare_media_type(declared: str | None) -> str:
    """A media type in lower case, without its parameters."""
    return (declared or "").partition(";")[0].strip().lower()
