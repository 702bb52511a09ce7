"""The inspection of files that is in use: our own look at them, with Pillow and expat behind it."""

from typing import BinaryIO

from domain.adapters.pictures import picture
from domain.adapters.xml_roots import root_of
from domain.files import sniff
from domain.files.verdict import Verdict, XmlRoot


class _Parsers:
    """What libraries add."""

    def picture(self, source: BinaryIO, media_type: str) -> tuple[int, int] | None:
        """Width and height of a picture by its header; None for a type that no library is asked about."""
        return picture(source, media_type)

    def xml(self, source: BinaryIO) -> XmlRoot:
        """The root of a document, read from its beginning to its end within limits."""
        return root_of(source)


_PARSERS = _Parsers()


def inspect(source: BinaryIO, size_bytes: int, file_name: str, declared: str | None) -> Verdict:
    """The verdict on a seekable file of a known size: what it is by its content, and whether it is taken.

    It reads and computes, so call it in a thread. Raises nothing but OSError of the file itself.
    """
    return sniff.inspect(source, size_bytes, file_name, declared, parsers=_PARSERS)
