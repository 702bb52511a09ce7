"""What an inspection gives: what a file is, and whether it is taken."""

from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol

Kind = Literal["audio", "video", "image", "message", "archive", "other"]

# Why a file is not taken. Stable: a file's `reason` keeps one of these.
CODES = {
    "file_empty": "it has no bytes",
    "file_type_unknown": "its content is no type that is taken",
    "file_type_mismatch": "its content is not what its name or its media type says",
    "file_refused": "its content is a type that is never taken: programs, scripts, pages, other archives",
    "file_polyglot": "its content is two types at once",
    "file_broken": "it begins as its type does, and is not built like it",
    "file_cut_short": "it ends before its content does",
    "file_too_complex": "reading it takes more steps than a file of its type needs",
    "image_too_large": "the picture, or one inside the file, has more pixels, frames or bytes than are taken",
    "image_broken": "it begins as a picture does, and can't be read as one",
    "archive_bomb": "the archive unpacks to more than is taken",
    "archive_unsafe": "an entry would write elsewhere, hide, or can't be looked at",
    "xml_unsafe": "the XML has a document type, a refused encoding, or more parts than are taken",
}


@dataclass(frozen=True, slots=True)
class Cover:
    """A picture found inside a file, judged like any other picture."""

    media_type: str
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file is by its content, and whether it is taken.

    media_type: by content; application/octet-stream when the content is no known type. code: why it is not
    taken, one of CODES; None when it is. text: what was found, or what is wrong and what would do.
    width, height: of a picture. cover: the first picture inside an audio file that is one.
    """

    media_type: str
    kind: Kind
    ok: bool
    code: str | None
    text: str
    width: int | None = None
    height: int | None = None
    cover: Cover | None = None


class Unfit(Exception):
    """A file is not taken: a code of CODES and plain words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class XmlRoot:
    """The root element of a document that was read to its end."""

    namespace: str
    name: str


class Parsers(Protocol):
    """What libraries add to our own look at a file. Both raise Unfit, and OSError of the file itself."""

    def picture(self, source: BinaryIO, media_type: str) -> tuple[int, int] | None:
        """Width and height by its header, nothing decoded; None for a type that no library is asked about."""
        ...

    def xml(self, source: BinaryIO) -> XmlRoot:
        """The root of a document, read from its beginning to its end within limits."""
        ...


class Inspect(Protocol):
    """Tells what a file is; `domain.adapters.inspecting.inspect` is the one in use."""

    def __call__(self, source: BinaryIO, size_bytes: int, file_name: str, declared: str | None) -> Verdict:
        """The verdict on a seekable file; raises nothing but OSError of the file itself."""
        ...
