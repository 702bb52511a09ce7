"""Text: told apart from data, and pages, scripts, XML, JSON, cue sheets and tables told apart from prose."""

import codecs
import csv
import json
import re

from domain.files.verdict import Unfit
from domain.files.window import Window

HEAD = 64 << 10
_TAIL = 4 << 10
_SMALL_JSON = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x19\x1c-\x1f]")
_BEFORE_ROOT = re.compile(r"\s+|<!--.*?-->|<\?xml\b.*?\?>|<\?xml-.*?\?>", re.DOTALL)
# What a browser takes for a page, whatever it is called; the second only where nothing says it is XML.
_PAGE = re.compile(r"<(?:!doctype\s+html|html|head|body|script|iframe|object|embed)(?=[\s>/])", re.IGNORECASE)
_PART_OF_PAGE = re.compile(
    r"<(?:style|title|meta|link|form|img|div|table|font|br|h1|a|b|p)(?=[\s>/])", re.IGNORECASE
)
_SVG = re.compile(r"<(?:!doctype\s+svg\b|(?:[\w.-]{1,40}:)?svg[\s>/])", re.IGNORECASE)
_SCRIPT = re.compile(r"#!|<\?php|<\?=|<%|@echo\s+off", re.IGNORECASE)
_TAG = re.compile(r"<(?:[A-Za-z_\u0080-\uffff!?])")
_CUE = frozenset({"FILE", "TRACK", "INDEX"})
_JSON = re.compile(r"""\s*[\[{]\s*(?:["\[{\]}\d-]|true|false|null)""")
# What makes other programs read bytes as a page, a script or a document although they begin as data.
_INSIDE = re.compile(rb"<script[\s>]|<html[\s>]|<\?php|<svg[\s>]|<!doctype\s+html|%PDF-1", re.IGNORECASE)


def read_head(window: Window, *, old: bool = False) -> str | None:
    """The first characters of a text; None when the content is no text.

    old: it may be in an encoding of one byte a character, which nearly any bytes are, so ask for it last.
    """
    data = window.at(0, HEAD)
    mark, encoding = next(((m, e) for m, e in _MARKS if data.startswith(m)), (b"", "utf-8"))
    data = data if b"<" in mark else data[len(mark) :]
    if old:
        text = data.decode("latin-1")
        if _odd(text) > 0.3:
            return None
    else:
        try:
            # Only the end of what was read may stand in the middle of a character.
            text = codecs.getincrementaldecoder(encoding)().decode(data, final=window.size <= HEAD)
        except UnicodeDecodeError:
            return None
    return None if _CONTROLS.search(text) else text


def _odd(text: str) -> float:
    """The share of characters beyond ASCII: in a text of an old encoding they are few."""
    return sum(character > "\x7e" for character in text) / max(len(text), 1)


def text_type(text: str, window: Window) -> str:
    """The type of a text, by its head; XML is told here and read elsewhere."""
    bare = text.lstrip()
    if _SCRIPT.match(bare):
        return "script"
    at = 0
    while found := _BEFORE_ROOT.match(text, at):
        at = found.end()
    if _SVG.match(text, at):
        return "svg"
    if _PAGE.match(text, at) or (not bare.startswith("<?xml") and _PART_OF_PAGE.match(text, at)):
        return "html"
    if bare.startswith("<?xml") or (bare.startswith("<") and _TAG.match(text, at)):
        return "xml"
    if found_json := _json_type(text, window):
        return found_json
    if {line.lstrip()[:6].partition(" ")[0] for line in text.splitlines()} >= _CUE:
        return "cue"
    return "csv" if _is_table(text) else "text"


def ends_as_text(window: Window) -> bool:
    """Whether the last characters of a text are characters."""
    if window.size <= HEAD:
        return True
    data = window.at(window.size - _TAIL, _TAIL)
    wide = any(window.at(0, len(mark)) == mark for mark, encoding in _MARKS if encoding != "utf-8")
    return wide or not _CONTROLS.search(data.decode("latin-1"))


def hidden(head: bytes) -> str | None:
    """What else the first bytes of a data file could be read as; None when nothing."""
    found = _INSIDE.search(head)
    return found[0].decode("ascii").strip("<> ") if found else None


def pdf(window: Window) -> None:
    """Look at the end of a PDF. Raises Unfit where it is missing."""
    if b"%%EOF" not in window.at(window.size - 2_048, 2_048):
        raise Unfit("file_cut_short", "it ends before its end mark (%%EOF)")


def _json_type(text: str, window: Window) -> str | None:
    if not _JSON.match(text):
        return None
    lines = text.split("\n", 2)
    if len(lines) > 1 and lines[1].strip() and _is_json(lines[0]) and lines[1].lstrip()[0] in "[{":
        return "ndjson"
    if window.size > _SMALL_JSON:
        return "json"
    whole = text
    if window.size > HEAD:
        try:
            whole = window.at(0, _SMALL_JSON).decode("utf-8-sig")
        except UnicodeDecodeError:
            return None
    return "json" if _is_json(whole) else None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_table(text: str) -> bool:
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    # The last line may have been cut off by the end of the head.
    lines = lines[:-1] if len(lines) > 3 else lines
    for separator in ",;\t|":
        try:
            widths = {len(row) for row in csv.reader(lines, delimiter=separator)}
        except csv.Error:
            continue
        if len(lines) >= 2 and len(widths) == 1 and widths.pop() > 1:
            return True
    return False
