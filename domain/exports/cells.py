"""Cells of CSV that no spreadsheet takes for a formula, and that read back as exactly what they were.

One rule: a text that is empty, or begins with a sign that a spreadsheet would act on, or with an apostrophe,
gets an apostrophe before it. Reading takes one apostrophe away where a cell begins with one. A cell without
any sign is no value at all (null).
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from domain.exports.columns import Column, Type

GUARD = "'"
# What makes a spreadsheet calculate (OWASP, CSV injection), and the guard itself.
GUARDED = frozenset("=+-@\t\r\n" + GUARD + "＝＋－＠")
LONGEST_CELL = 16 << 20


class CsvUnreadable(ValueError):
    """The text is no export of ours in CSV."""


def guarded(text: str) -> str:
    """The cell for a text."""
    return GUARD + text if not text or text[0] in GUARDED else text


def unguarded(cell: str) -> str:
    """The text of a cell."""
    return cell[1:] if cell.startswith(GUARD) else cell


def cell(column: Column, value: Any) -> str:
    """A value as a cell of its column. Lists and values stand as JSON.

    A number is no formula, whatever its sign: with an apostrophe before it -9.5 would be a text.
    """
    if value is None:
        return ""
    if column.type is Type.NUMBER:
        return orjson.dumps(value).decode()
    if column.type in (Type.TEXT, Type.ID):
        return guarded(value)
    return guarded(orjson.dumps(value).decode())


def value_of(column: Column, text: str) -> Any:
    """The value that `cell` was given. Raises CsvUnreadable."""
    if not text:
        return None
    if column.type in (Type.TEXT, Type.ID):
        return unguarded(text)
    try:
        return orjson.loads(unguarded(text))
    except orjson.JSONDecodeError:
        raise CsvUnreadable(f"{column.name} holds {text[:60]!r}, which is no {column.type}") from None


def write_rows(rows: Iterable[Sequence[str]]) -> bytes:
    """Lines of CSV (RFC 4180), in UTF-8."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def read_rows(lines: Iterable[str], known: Mapping[str, Column]) -> Iterator[dict[str, Any]]:
    """The rows of an export in CSV, each value as it was when it was written. Raises CsvUnreadable.

    lines: of a file opened with `newline=""`. known: the kind's columns by name.
    """
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise CsvUnreadable("the file has no header")
        header[0] = header[0].removeprefix("\ufeff")
        for name in header:
            if name not in known:
                raise CsvUnreadable(f"{name!r} is no column; there are {', '.join(known)}")
        for row in reader:
            if len(row) != len(header):
                raise CsvUnreadable(
                    f"line {reader.line_num} has {len(row)} cells; the header has {len(header)}"
                )
            yield {name: value_of(known[name], text) for name, text in zip(header, row, strict=True)}
    except csv.Error as error:
        raise CsvUnreadable(f"line {reader.line_num}: {error}") from None
