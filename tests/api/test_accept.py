"""Content negotiation."""

import pytest

from api.accept import media_type, preferred

JSON, GRAPH = "application/json", "application/graphql-response+json"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (GRAPH, GRAPH),
        (f"{GRAPH}, {JSON};q=0.9", GRAPH),
        (f"{JSON}, {GRAPH}", JSON),
        (f"{JSON};q=0.1, {GRAPH};q=0.2", GRAPH),
        (f"text/html, {JSON};q=0, {GRAPH}", GRAPH),
        (f"*/*;q=0.1, {GRAPH}", GRAPH),
        (f"*/*, {GRAPH}", GRAPH),
        ("text/html", None),
        (f"{JSON};q=0", None),
        ("nonsense", None),
        (f"{JSON};q=nonsense", None),
    ],
)
def test_the_most_wanted_offer_is_chosen(accept: str | None, chosen: str | None) -> None:
    assert preferred(accept, (JSON, GRAPH)) == chosen


def test_media_types_are_read_with_their_charset() -> None:
    assert media_type('Application/JSON; charset="UTF-8"; boundary=x') == ("application/json", "utf-8")
    assert media_type("text/xml;charset=latin-1") == ("text/xml", "latin-1")
    assert media_type(None) == ("", "utf-8")
