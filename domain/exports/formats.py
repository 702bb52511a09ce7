"""The three formats of an export, written batch by batch, and how a reader knows that nothing is missing.

NDJSON and JSON end with a line of their own that tells the count and the sha256 of every byte before that
line. CSV has no place for one: its count and the sha256 of the whole file stand in the job's result.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from domain.exports.cells import cell, write_rows
from domain.exports.columns import Column

MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}
_LINE = orjson.OPT_APPEND_NEWLINE


class Writer(Protocol):
    """Makes the bytes of an export."""

    @property
    def checksum(self) -> str:
        """The sha256 of what it has given, without the closing line."""
        ...

    def begin(self) -> bytes:
        """What comes first."""
        ...

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """The bytes of some rows."""
        ...

    def end(self, count: int) -> bytes:
        """What comes last."""
        ...


def writer_of(format: str, kind: str, columns: Sequence[Column]) -> Writer:
    """The writer of a format."""
    if format == "csv":
        return _Csv(columns)
    return _Json(kind) if format == "json" else _Ndjson()


class _Summed:
    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    @property
    def checksum(self) -> str:
        """The sha256 of what it has given, without the closing line."""
        return self._digest.hexdigest()

    def _summed(self, given: bytes) -> bytes:
        self._digest.update(given)
        return given


class _Csv(_Summed):
    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self._columns = columns

    def begin(self) -> bytes:
        return self._summed(write_rows([[column.name for column in self._columns]]))

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        return self._summed(
            write_rows([cell(column, row[column.name]) for column in self._columns] for row in rows)
        )

    def end(self, count: int) -> bytes:
        return b""


class _Ndjson(_Summed):
    def begin(self) -> bytes:
        return b""

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        return self._summed(b"".join(orjson.dumps(row, option=_LINE) for row in rows))

    def end(self, count: int) -> bytes:
        return orjson.dumps({"_end": True, "count": count, "sha256": self.checksum}, option=_LINE)


class _Json(_Summed):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind
        self._any = False

    def begin(self) -> bytes:
        return self._summed(b'{"kind":' + orjson.dumps(self._kind) + b',"rows":[\n')

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        before = b",\n" if self._any else b""
        self._any = self._any or bool(rows)
        return self._summed(before + b",\n".join(map(orjson.dumps, rows)) if rows else b"")

    def end(self, count: int) -> bytes:
        if self._any:
            self._summed(b"\n")
        last = orjson.dumps({"_end": True, "count": count, "sha256": self.checksum}, option=_LINE)
        return (b"\n" if self._any else b"") + b"]," + last[1:]
