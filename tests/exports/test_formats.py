"""What an export's bytes are, and that they read back as exactly what was in the catalog."""

import asyncio
import csv
import hashlib
import io
import json
import resource
import tracemalloc
import uuid
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.adapters.postgres import Pool
from domain.adapters.s3 import S3Blobs
from domain.adapters.s3_client import Bucket
from domain.exports.cells import GUARDED, CsvUnreadable, cell, read_rows, write_rows
from domain.exports.columns import Type, chosen, columns_of
from domain.exports.formats import writer_of
from domain.features.known import FIGURES
from domain.kinds import KINDS
from domain.ports import BlobRef
from graph.bind import TYPES
from jobs.worker import run_job
from tests.exports.conftest import Export, ask, look, record
from tests.house.s3 import BUCKET, S3Server
from tests.jobs.yard import Yard, new_yard

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
    cells = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
    for line, row in zip(cells, rows, strict=True):
        # What a number column holds is a number, as any program reads it; nothing else begins with a sign.
        number = line.pop("durationMs")
        assert number == ("" if row["durationMs"] is None else str(row["durationMs"]))
        assert all(not text or text[0] not in GUARDED - {"'"} for text in line.values())
    assert writer.checksum == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize(
    "text", ["", "title,nothing\r\n", "title\r\na,b\r\n", 'title\r\n"a\r\n', "durationMs\r\nx\r\n"]
)
def test_what_is_no_export_of_ours_is_refused(text: str) -> None:
    with pytest.raises(CsvUnreadable):
        list(read_rows(io.StringIO(text, newline=""), columns_of("recording")))


def test_a_mark_at_the_beginning_is_no_part_of_the_header() -> None:
    known = columns_of("recording")
    assert list(read_rows(io.StringIO("\ufefftitle\r\n'=1\r\n", newline=""), known)) == [{"title": "=1"}]


def test_a_cell_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.exports.cells.LONGEST_CELL", 100)
    before = csv.field_size_limit()
    try:
        with pytest.raises(CsvUnreadable, match="line 2: field larger than field limit"):
            list(read_rows(io.StringIO("title\r\n" + "x" * 101, newline=""), columns_of("recording")))
    finally:
        csv.field_size_limit(before)


def test_lines_end_and_quotes_stand_as_rfc_4180_says() -> None:
    assert write_rows([["a", 'b"c', "d,e", "f\ng", ""]]) == b'a,"b""c","d,e","f\ng",\r\n'
    assert cell(COLUMNS[0], "=1") == "'=1"
    assert cell(COLUMNS[0], None) == ""
    assert cell(COLUMNS[0], "") == "'"
    assert cell(columns_of("recording")["features.loudness_lufs"], -9.53) == "-9.53"


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_fields_that_the_api_shows(kind: str) -> None:
    shown = next(t for t in TYPES.values() if t.kind == kind and t.plural)
    for column in columns_of(kind).values():
        name = column.name
        if column.type is Type.ID and name != "id":
            name = name.removesuffix("Id")
        # A figure of the sound is a column by the name that its claims have, below the field `features`.
        name, _, figure = name.partition(".")
        assert not figure or figure.partition(".")[0] in FIGURES, column.name
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


async def plenty(yard: Yard, count: int) -> None:
    """So many recordings of half a kilobyte."""
    await yard.pool.execute(
        "insert into recording (owner_id, title) select $1, repeat('x', 400) || n "
        "from generate_series(1, $2::int) n",
        yard.viewer.organization_id,
        count,
    )


async def test_memory_does_not_grow_with_the_rows(yard: Yard, export: Export) -> None:
    await plenty(yard, 20_000)
    await export("recording", columns=["id"])
    id = await ask(yard, "recording", "csv")
    tracemalloc.start()
    try:
        assert await run_job(yard.house, id) == "done"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    result = (await look(yard, id)).result
    assert (result["rows"], result["size_bytes"] > 10 << 20) == (20_000, True)
    assert peak < 8 << 20


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_million_rows_take_no_more_memory_than_a_few(
    fresh_pool: Pool, fresh_database: str, tmp_path: Path
) -> None:
    yard = await new_yard(fresh_pool, tmp_path)
    async with fresh_pool.acquire() as sql, sql.transaction():
        await sql.execute("set local statement_timeout = 0")
        await sql.execute(
            "insert into recording (owner_id, title) select $1, 'A title, number ' || n "
            "from generate_series(1, 1000000) n",
            yard.viewer.organization_id,
            timeout=600,
        )
    await run_job(yard.house, await ask(yard, "work"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    id = await ask(yard, "recording")
    assert await run_job(yard.house, id) == "done"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    (job,) = await yard.fetch("select result from job where id = $1", uuid.UUID(id))
    assert json.loads(job["result"])["rows"] == 1_000_000
    assert grown < 200, f"{grown:.0f} MiB"


class Stuck(S3Blobs):
    """A bucket that takes most of a stream, and then no more."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.begun = asyncio.Event()

    async def put(self, data: bytes | AsyncIterable[bytes]) -> BlobRef:
        """Take most of it."""
        assert not isinstance(data, bytes)

        async def most() -> AsyncIterator[bytes]:
            left = 35
            async for chunk in data:
                yield chunk
                left -= 1
                if not left:
                    self.begun.set()
                    await asyncio.Event().wait()

        return await super().put(most())


async def test_a_bucket_takes_exports_as_a_folder_does(yard: Yard, s3: S3Server) -> None:
    await plenty(yard, 20_000)
    store = S3Blobs(Bucket(BUCKET, prefix="exports/"), s3.client())
    bucket = replace(yard, house=replace(yard.house, blobs=store))
    id = await ask(bucket, "recording", "csv")
    assert await run_job(bucket.house, id) == "done"
    found = await look(bucket, id)
    url = store.download_url(
        found.result["sha256"], lives=timedelta(minutes=1), file_name="a.csv", media_type="text/csv"
    )
    raw = (await asyncio.to_thread(httpx2.get, url)).content
    assert (raw, raw.count(b"\r\n")) == (found.raw, 20_001)
    stuck = Stuck(Bucket(BUCKET, prefix="exports/"), s3.client())
    again = await ask(bucket, "recording", "json")
    running = asyncio.create_task(run_job(replace(yard.house, blobs=stuck), again))
    await asyncio.wait_for(stuck.begun.wait(), 60)
    await bucket.pool.execute("update job set cancel_asked_at = now() where id = $1", uuid.UUID(again))
    assert await running == "cancelled"
    keys = s3.client().list_objects_v2(Bucket=BUCKET, Prefix="exports/").get("Contents", [])
    assert len(keys) == 1
