"""What an export's bytes are, and that they read back as exactly what was in the catalog."""

import csv
import hashlib
import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exports.cells import GUARDED, CsvUnreadable, cell, read_rows, write_rows
from domain.exports.columns import Type, chosen, columns_of
from domain.exports.formats import writer_of
from domain.kinds import KINDS
from graph.bind import TYPES
from tests.exports.conftest import Export, record
from tests.jobs.yard import Yard

NASTY = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "'quoted'",
    "''",
    "\ttab",
    "\rreturn",
    "\nline",
    'say "hi", you',
    "two\r\nlines",
    "Björk — 東京 🎵",
    "\u202eabc",
    " = spaced",
    "\ufeffmark",
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
COLUMNS = chosen("recording", ["title", "genres", "durationMs", "isrc", "titles"])
ROW = st.fixed_dictionaries(
    {
        "title": st.none() | TEXT | st.builds(str.__add__, st.sampled_from(sorted(GUARDED)), TEXT),
        "genres": st.lists(TEXT, max_size=3),
        "durationMs": st.none() | st.integers(-(2**31), 2**31),
        "isrc": st.none() | TEXT,
        "titles": st.lists(st.dictionaries(TEXT, TEXT | st.none(), max_size=2), max_size=2),
    }
)


@given(st.lists(ROW, max_size=5))
@settings(max_examples=300, deadline=None)
def test_csv_reads_back_as_exactly_what_was_written(rows: list[dict[str, Any]]) -> None:
    writer = writer_of("csv", "recording", COLUMNS)
    raw = writer.begin() + writer.rows(rows) + writer.end(len(rows))
    lines = io.StringIO(raw.decode(), newline="")
    assert list(read_rows(lines, columns_of("recording"))) == rows
    for line in csv.reader(io.StringIO(raw.decode(), newline="")):
        assert all(not text or text[0] not in GUARDED - {"'"} for text in line)
    assert writer.checksum == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize(
    "text", ["", "title,nothing\r\n", "title\r\na,b\r\n", 'title\r\n"a\r\n', "durationMs\r\nx\r\n"]
)
def test_what_is_no_export_of_ours_is_refused(text: str) -> None:
    with pytest.raises(CsvUnreadable):
        list(read_rows(io.StringIO(text, newline=""), columns_of("recording")))


def test_lines_end_and_quotes_stand_as_rfc_4180_says() -> None:
    assert write_rows([["a", 'b"c', "d,e", "f\ng", ""]]) == b'a,"b""c","d,e","f\ng",\r\n'
    assert cell(COLUMNS[0], "=1") == "'=1"
    assert cell(COLUMNS[0], None) == ""
    assert cell(COLUMNS[0], "") == "'"


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_fields_that_the_api_shows(kind: str) -> None:
    shown = next(t for t in TYPES.values() if t.kind == kind and t.plural)
    for column in columns_of(kind).values():
        name = column.name
        if column.type is Type.ID and name != "id":
            name = name.removesuffix("Id")
        assert any(
            name == "".join(p[:1].upper() * (n > 0) + p[n > 0 :] for n, p in enumerate(f.split("_")))
            for f in shown.bindings
        ), name


async def test_each_format_holds_the_same_rows(yard: Yard, export: Export) -> None:
    await record(yard, *NASTY, genres=["=Pop", "Röck"], duration_ms=1000)
    lines = await export("recording", "ndjson")
    assert {row["title"] for row in lines.rows} == set(NASTY)
    assert lines.raw is not None
    *body, last = lines.raw.splitlines(keepends=True)
    end = json.loads(last)
    checksum = hashlib.sha256(b"".join(body)).hexdigest()
    assert end == {"_end": True, "count": len(NASTY), "sha256": checksum}
    assert lines.result["rows"] == len(NASTY)
    assert lines.result["checksum"] == checksum
    assert lines.result["sha256"] == hashlib.sha256(lines.raw).hexdigest()
    assert lines.result["size_bytes"] == len(lines.raw)
    assert (lines.result["file_name"], lines.result["media_type"]) == (
        "recordings.ndjson",
        "application/x-ndjson",
    )

    whole = await export("recording", "json")
    assert whole.raw is not None
    document = json.loads(whole.raw)
    before, last = whole.raw[: whole.raw.rindex(b"\n]") + 1], whole.raw.splitlines()[-1]
    assert document["rows"] == lines.rows
    assert (document["kind"], document["_end"], document["count"]) == ("recording", True, len(NASTY))
    assert document["sha256"] == hashlib.sha256(before).hexdigest() == whole.result["checksum"]
    assert last.startswith(b'],"_end":true')

    table = await export("recording", "csv")
    assert table.raw is not None
    read = list(read_rows(io.StringIO(table.raw.decode(), newline=""), columns_of("recording")))
    assert read == lines.rows
    assert table.result["checksum"] == table.result["sha256"]


@pytest.mark.parametrize("format", ["csv", "json", "ndjson"])
async def test_nothing_is_an_export_too(export: Export, format: str) -> None:
    found = await export("work", format)
    assert found.raw is not None
    assert found.result["rows"] == 0
    assert found.job["state"] == "done"
    if format == "csv":
        assert found.raw.count(b"\r\n") == 1
    else:
        end = json.loads(found.raw)
        before = b"" if format == "ndjson" else found.raw[: found.raw.index(b"\n") + 1]
        assert (end["count"], end["sha256"]) == (0, hashlib.sha256(before).hexdigest())


async def test_memory_does_not_grow_with_the_rows(yard: Yard, export: Export) -> None:
    await yard.pool.execute(
        "insert into recording (owner_id, title) select $1, repeat('x', 400) || n "
        "from generate_series(1, 20000) n",
        yard.viewer.organization_id,
    )
    await export("recording", columns=["id"])
    tracemalloc.start()
    try:
        found = await export("recording", "csv")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.result["rows"] == 20000
    size = found.result["size_bytes"]
    # The test reads the file whole at the end, which is all that may be as large as it.
    assert size > 10 << 20
    assert peak < size + (8 << 20)
