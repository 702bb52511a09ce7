"""XML read from end to end without keeping it: the guard's limits, for files of any size, in flat memory."""

import codecs
from typing import BinaryIO
from xml.parsers import expat

from domain.adapters.ern.guard import DEFAULT_CAPS, Caps, XmlRefused, encoding_of
from domain.files.verdict import Unfit, XmlRoot

_PART = 64 << 10
# A tag, a comment or a name that is longer than this is held in memory by the parser; nobody needs one.
_LONGEST_TOKEN = 1 << 20


def root_of(source: BinaryIO, caps: Caps = DEFAULT_CAPS) -> XmlRoot:
    """The root of a document that was read to its end. Raises Unfit, and OSError of the file itself."""
    scan = _Scan(caps)
    try:
        return scan.read(source)
    except XmlRefused as refusal:
        code = "file_broken" if refusal.code in ("xml_not_well_formed", "xml_empty") else "xml_unsafe"
        line = f" (line {refusal.line})" if refusal.line else ""
        raise Unfit(code, f"{refusal.text}{line}") from refusal


class _Scan:
    """One pass over a document. The parser is told UTF-8: it reads what was looked at here."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._depth = 0
        self._elements = 0
        self._root: XmlRoot | None = None
        self._parser = parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = False
        parser.ordered_attributes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._doctype
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def read(self, source: BinaryIO) -> XmlRoot:
        """Read to the end. Raises XmlRefused."""
        part = source.read(_PART)
        encoding, skip = encoding_of(part)
        decode = codecs.getincrementaldecoder(encoding)()
        part, fed, total = part[skip:], 0, skip
        while True:
            total += len(part)
            if total > self._caps.size_bytes:
                raise XmlRefused("xml_too_large", f"the document has more than {self._caps.size_bytes} bytes")
            try:
                utf8 = decode.decode(part, final=not part).encode()
            except UnicodeDecodeError as error:
                text = f"bytes near {total - len(part) + error.start} are no {encoding}: {error.reason}"
                raise XmlRefused("xml_not_well_formed", text) from error
            self._feed(utf8, final=not part)
            fed += len(utf8)
            if fed - self._parser.CurrentByteIndex > _LONGEST_TOKEN + _PART:
                text = f"one tag or comment is longer than {_LONGEST_TOKEN} bytes"
                raise XmlRefused("xml_text_too_long", text, self._parser.CurrentLineNumber)
            if not part:
                break
            part = source.read(_PART)
        if self._root is None:
            raise XmlRefused("xml_empty", "the document has no root")
        return self._root

    def _feed(self, utf8: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(utf8, final)
        except expat.ExpatError as error:
            raise XmlRefused("xml_not_well_formed", expat.ErrorString(error.code), error.lineno) from error

    def _start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        self._elements += 1
        line = self._parser.CurrentLineNumber
        if self._root is None:
            namespace, _, local = name.rpartition(" ")
            self._root = XmlRoot(namespace, local)
        if self._elements > self._caps.elements:
            raise XmlRefused("xml_too_many_elements", f"more than {self._caps.elements} elements", line)
        if self._depth > self._caps.depth:
            raise XmlRefused("xml_too_deep", f"elements are nested deeper than {self._caps.depth}", line)
        if len(attributes) > 2 * self._caps.attributes:
            count = len(attributes) // 2
            text = f"one element has {count} attributes; at most {self._caps.attributes}"
            raise XmlRefused("xml_too_many_attributes", text, line)

    def _end(self, _: str) -> None:
        self._depth -= 1

    def _doctype(self, *_: object) -> None:
        text = "a DOCTYPE is never taken; send the document without it"
        raise XmlRefused("xml_doctype_refused", text, self._parser.CurrentLineNumber)
