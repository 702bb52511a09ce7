"""XML is hostile until shown otherwise: the one place where bytes from outside become a tree.

No DOCTYPE (so no entities), no network, and caps on bytes, elements, attributes, depth and text. The bytes
are decoded here, by an encoding from a short list, and the parser is told UTF-8: what the guard looked at
is exactly what the parser reads.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

# libxml2 keeps limits of its own (text 10 MB, depth 256) as long as huge_tree is off.
_TOO_LONG = ("xml_text_too_long", "one text or attribute is longer than 10 million bytes")
_PARSER_LIMITS = (
    ("Text node too long", _TOO_LONG),
    ("Buffer size limit", _TOO_LONG),
    ("AttValue length too long", _TOO_LONG),
    ("Comment too big", _TOO_LONG),
    ("Excessive depth", ("xml_too_deep", "elements are nested deeper than 255")),
)
_ENCODINGS = {
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "US-ASCII": "ascii",
    "ASCII": "ascii",
    "ISO-8859-1": "latin-1",
    "LATIN1": "latin-1",
    "ISO-8859-15": "iso8859-15",
    "WINDOWS-1252": "cp1252",
    "CP1252": "cp1252",
}
_DECLARED = re.compile(rb"""^<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._\-]{1,40})["']""")
_DECLARATION = re.compile(r"^<\?xml\s[^>]{0,400}\?>")
# What may stand before the root: blanks, comments and processing instructions.
_MISC = re.compile(rb"\s+|<!--.*?-->|<\?.*?\?>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Caps:
    """How much one message may hold."""

    size_bytes: int = 256 * 1024 * 1024
    elements: int = 1_000_000
    attributes: int = 256
    depth: int = 128


DEFAULT_CAPS = Caps()


class XmlRefused(Exception):
    """The bytes are not taken as a message: a stable code, the line where known, and plain words."""

    def __init__(self, code: str, text: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Opened:
    """A guarded document: its root, the UTF-8 bytes it was read from, and its namespace and local name."""

    root: etree._Element
    utf8: bytes
    namespace: str
    name: str


def parse(raw: bytes, caps: Caps = DEFAULT_CAPS) -> Opened:
    """The document behind the guard; XmlRefused says why bytes are not taken."""
    utf8 = transcoded(raw, caps)
    refuse_doctype(utf8)
    if utf8.count(b"<") > caps.elements and sum(1 for _ in _start_tags(utf8)) > caps.elements:
        raise XmlRefused("xml_too_many_elements", f"more than {caps.elements} elements in one message")
    root = tree(utf8)
    _refuse_shape(root, caps)
    tag = etree.QName(root)
    return Opened(root, utf8, tag.namespace or "", tag.localname)


def transcoded(raw: bytes, caps: Caps = DEFAULT_CAPS) -> bytes:
    """The document as UTF-8 without byte order mark, whatever allowed encoding it came in."""
    if len(raw) > caps.size_bytes:
        raise XmlRefused("xml_too_large", f"the message has {len(raw)} bytes; at most {caps.size_bytes}")
    encoding, skip = encoding_of(raw)
    body = raw[skip:]
    if not body.strip():
        raise XmlRefused("xml_empty", "the file holds nothing")
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise XmlRefused(
            "xml_not_well_formed", f"bytes at {error.start} are no {encoding}: {error.reason}", line
        ) from error
    # lxml is told UTF-8; a declaration that says otherwise would only mislead whoever stores the copy.
    return body if encoding in ("utf-8", "ascii") else _DECLARATION.sub("", text, count=1).encode()


def encoding_of(raw: bytes) -> tuple[str, int]:
    """Python's name of the encoding of these bytes, and how many bytes of mark to skip. Raises XmlRefused."""
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise XmlRefused("xml_encoding_refused", "the message is UTF-32; send UTF-8 or UTF-16", 1)
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if raw.startswith(mark):
            return encoding, len(mark)
    if raw.startswith(b"<\x00"):
        return "utf-16-le", 0
    if raw.startswith(b"\x00<"):
        return "utf-16-be", 0
    declared = _DECLARED.match(raw)
    if declared is None:
        return "utf-8", 0
    name = declared[1].decode("ascii").upper()
    if name not in _ENCODINGS:
        known = "UTF-8, UTF-16 with a byte order mark, ISO-8859-1, ISO-8859-15, windows-1252, US-ASCII"
        raise XmlRefused("xml_encoding_refused", f"the encoding {name} is not taken; these are: {known}", 1)
    return _ENCODINGS[name], 0


def refuse_doctype(utf8: bytes) -> None:
    """Refuse a document type declaration, which can only stand before the root element."""
    at = prolog_end(utf8)
    if utf8[at : at + 9].upper() == b"<!DOCTYPE":
        line = utf8.count(b"\n", 0, at) + 1
        raise XmlRefused("xml_doctype_refused", "a DOCTYPE is never taken; send the message without it", line)


def prolog_end(utf8: bytes) -> int:
    """Where the blanks, comments and processing instructions before the root end."""
    at = 0
    while found := _MISC.match(utf8, at):
        at = found.end()
    return at


def _start_tags(utf8: bytes) -> Iterator[re.Match[bytes]]:
    return re.finditer(rb"<[^/!?]", utf8)


def tree(utf8: bytes) -> etree._Element:
    """The root element of well-formed UTF-8 without a DOCTYPE."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )
    try:
        root = etree.fromstring(utf8, parser)
    except etree.XMLSyntaxError as error:
        text = str(error.msg)
        line, column = error.position
        fault = ("xml_not_well_formed", text.removesuffix(f", line {line}, column {column}").strip())
        code, words = next((limit for sign, limit in _PARSER_LIMITS if sign in text), fault)
        raise XmlRefused(code, words, line, column) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise XmlRefused("xml_doctype_refused", "a DOCTYPE is never taken; send the message without it", 1)
    return root


def _refuse_shape(root: etree._Element, caps: Caps) -> None:
    """Refuse too many attributes on one element, and elements nested too deep."""
    if _deeper_than(root, caps.depth):
        raise XmlRefused("xml_too_deep", f"elements are nested deeper than {caps.depth}")
    crowded = etree.XPath(f"(//*[count(@*) > {caps.attributes}])[1]")(root)
    if isinstance(crowded, list) and crowded and isinstance(crowded[0], etree._Element):
        name, count = etree.QName(crowded[0]).localname, len(crowded[0].attrib)
        raise XmlRefused(
            "xml_too_many_attributes",
            f"{name} has {count} attributes on one element; at most {caps.attributes}",
            line_of(crowded[0]),
        )


def line_of(element: etree._Element) -> int:
    """The line the element starts in, counted from 1."""
    line = element.sourceline
    return line if isinstance(line, int) else 0


def _deeper_than(root: etree._Element, depth: int) -> bool:
    return bool(etree.XPath("boolean(" + "/".join(["/*"] + ["*"] * depth) + ")")(root))
