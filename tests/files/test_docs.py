"""docs/files.md says what the code does: its tables are printed from the data, its limits are the limits."""

import os
import re

import pytest

from domain.adapters.ern.guard import DEFAULT_CAPS
from domain.files import archives, cover, images, window
from domain.files.types import TYPES
from domain.files.verdict import CODES
from tests.shared import CHECKOUT

PAGE = CHECKOUT / "docs" / "files.md"


def codes() -> str:
    rows = [f"| `{code}` | {words} |" for code, words in CODES.items()]
    return "\n".join(("| Code | What it means |", "|---|---|", *rows))


def types() -> str:
    taken = [
        f"| {one.words} | `{one.media_type}` | {one.kind} | {', '.join(one.extensions)} |"
        for one in TYPES.values()
        if not one.refused
    ]
    refused = [
        f"- {one.words}: {one.refused} ({', '.join(one.extensions)})" for one in TYPES.values() if one.refused
    ]
    head = ("| What | Media type | Kind | Names |", "|---|---|---|---|")
    return "\n".join((*head, *taken, "", "Never taken, whatever they are called:", *refused))


@pytest.mark.parametrize(("name", "printed"), [("codes", codes()), ("types", types())])
def test_the_tables_are_those_of_the_code(name: str, printed: str) -> None:
    text = PAGE.read_text()
    between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if os.environ.get("CATALOGRAPH_REWRITE_GOLDEN"):
        PAGE.write_text(between.sub(lambda found: f"{found[1]}{printed}\n{found[2]}", text))
        return
    found = between.search(text)
    assert found is not None
    assert found[0] == f"<!-- {name} -->\n{printed}\n<!-- /{name} -->", (
        "print it with CATALOGRAPH_REWRITE_GOLDEN=1"
    )


def test_the_limits_are_those_of_the_code() -> None:
    limits = PAGE.read_text().partition("## Limits")[2].partition("## Types")[0]
    for words in (
        f"{images.MOST_PIXELS:,} pixels, {images.LONGEST_SIDE:,} on a side, {images.MOST_BYTES >> 20} MB",
        f"{images.MOST_FRAMES}, and {images.MOST_FRAME_PIXELS:,} pixels together",
        f"{images.MOST_SCANS} passes",
        f"{cover.LARGEST >> 20} MB, else it is no cover",
        f"{DEFAULT_CAPS.size_bytes >> 20} MB, {DEFAULT_CAPS.elements:,} elements, {DEFAULT_CAPS.attributes}",
        f"{DEFAULT_CAPS.depth} levels",
        f"{archives.MOST_ENTRIES:,} entries, {archives.MOST_RATIO} to 1, {archives.MOST_BYTES >> 30} GB",
        f"{archives.MOST_RATIO} to 1, {archives.MOST_MEMBERS:,} members",
        f"{window.MOST_READS:,} reads, {window.LARGEST_READ >> 20} MB in one",
        f"{archives.UNPACKED >> 20} MB of all together",
    ):
        assert words in limits, words
