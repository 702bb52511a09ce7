"""Two versions, one message: what the readers make of ERN 4.3 and 3.8.2, and that no text is lost."""

import itertools
import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from domain.adapters.ern.common import duration_ms, instant, partial_date
from domain.adapters.ern.guard import parse
from domain.adapters.ern.read import VERSIONS, read
from domain.deliveries.check import check
from domain.deliveries.message import to_json
from domain.deliveries.parts import Where
from tests.deliveries.files import WITHOUT_XSD, message, raw

# Values the message says in another way: types of titles in snake case, truths as booleans, durations in ms.
SAID_OTHERWISE = re.compile(r"true|false|[01]|P[0-9DTHMS.]+|\w+Title|DisplayArtistName")


def texts(value: object) -> set[str]:
    """Every text inside a JSON value."""
    if isinstance(value, dict):
        return set().union(
            *(texts(part) for name, part in value.items() if name not in ("line", "path")), set()
        )
    if isinstance(value, list):
        return set().union(*map(texts, value), set())
    return {str(value)}


@pytest.mark.parametrize("name", ["album_43.xml", "single_382.xml", "purge_43.xml"])
def test_every_text_and_attribute_is_in_the_message(name: str) -> None:
    document = parse(raw(name))
    said = to_json(read(document))
    for overview in ("anchors", "mentions", "terms", "empty"):
        said.pop(overview, None)
    kept = texts(said)
    for element in document.root.iter():
        values = [str(value) for key, value in element.attrib.items() if not str(key).startswith("{")]
        values += [element.text.strip()] if element.text and not len(element) else []
        for value in values:
            assert value in kept or SAID_OTHERWISE.fullmatch(value), (
                f"{etree.QName(element).localname}: {value}"
            )


def test_an_album_of_4_3() -> None:
    album = message("album_43.xml")
    release = album.main_releases[0]
    first = album.of_kind("sound_recording")[0]

    assert (album.kind, album.family, album.profile) == ("new_release", 4, "Audio")
    assert album.header.created == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert (release.title, release.code("icpn"), release.code("grid")) == (
        "Lights",
        "9008798224074",
        "A12425GABC1234002M",
    )
    assert [place.resource for place in release.every_place()] == ["A1", "A2"]
    assert (first.title, first.duration_ms) == ("First Light", 185_500)
    assert [credit.sequence for credit in first.credits_of("display_artist")] == [1, 2]
    assert [title.where for title in first.titles][-1] == Where(included=("JP",))
    assert [party.name for party in album.parties] == ["Ada Wave", "Bo Tide", "Cy Quill", "Northern Lights"]


def test_a_single_of_3_8_2() -> None:
    single = message("single_382.xml")
    recording = single.of_kind("sound_recording")[0]

    assert [release.role for release in single.releases] == ["main", "track"]
    assert [title.text for title in recording.titles] == ["Low Tide", "Low Tide", "干潮"]
    assert [title.default for title in recording.titles] == [False, True, False]
    assert recording.flag("is_instrumental") is True
    assert recording.technical[0].encodings[0].files[0].hashes[0].value.startswith("d41d8")
    assert single.works[0].credits[0].roles[0].value == "Composer"
    assert {party.name for party in single.parties} == {"Bo Tide", "Dee Drum", "Cy Quill"}


def test_deals_of_both_families_are_the_same_shape() -> None:
    stream, download = message("album_43.xml").deals
    older = message("single_382.xml").deals[0]

    assert (stream.where.excluded, stream.use_types) == (("JP",), ("OnDemandStream",))
    assert [term.value for term in stream.models] == ["SubscriptionModel", "AdvertisementSupportedModel"]
    assert download.prices[0].wholesale is not None
    assert download.prices[0].wholesale.amount == Decimal("0.71")
    assert older.use_types == ("OnDemandStream", "ConditionalDownload")
    assert older.prices[0].code is not None
    assert older.prices[0].code.value == "MID"


def test_a_purge_names_its_release() -> None:
    purge = message("purge_43.xml").purge

    assert purge is not None
    assert [(code.scheme, code.value) for code in purge.codes] == [("icpn", "9008798224074")]


def test_equal_statements_on_other_lines_are_equal_messages() -> None:
    spread = raw("album_43.xml").replace(b"><", b">\n<")

    assert spread != raw("album_43.xml")
    assert read(parse(spread)) == message("album_43.xml")


@pytest.mark.parametrize("namespace", sorted(VERSIONS))
def test_every_version_of_the_table_is_read(namespace: str) -> None:
    family = VERSIONS[namespace].family
    name, own = ("album_43.xml", "43") if family == 4 else ("single_382.xml", "382")
    data = raw(name).replace(f"http://ddex.net/xml/ern/{own}".encode(), namespace.encode())
    judged = check(data, WITHOUT_XSD)

    assert judged.accepted
    assert judged.version == VERSIONS[namespace].number


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("PT3M5.5S", 185_500), ("PT0H0M1S", 1_000), ("P1DT1S", 86_401_000), ("PT1.0005S", 1_000), ("P1Y", None)],
)
def test_durations(text: str, milliseconds: int | None) -> None:
    assert duration_ms(text) == milliseconds


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_none(text: str) -> None:
    for reader in (duration_ms, instant, partial_date):
        reader(text)


def test_a_message_torn_anywhere_is_reported_not_raised() -> None:
    lines = raw("album_43.xml").splitlines(keepends=True)
    for number in range(0, len(lines), 7):
        judged = check(b"".join(lines[:number]), WITHOUT_XSD)
        assert not judged.accepted


def test_a_message_without_any_one_element_is_still_judged() -> None:
    for name in ("album_43.xml", "single_382.xml"):
        total = sum(1 for _ in etree.fromstring(raw(name)).iter())
        for number in itertools.islice(range(1, total), 0, None, 3):
            root = etree.fromstring(raw(name))
            element = next(itertools.islice(root.iter(), number, None))
            parent = element.getparent()
            assert parent is not None
            parent.remove(element)
            assert check(etree.tostring(root), WITHOUT_XSD).message is not None
