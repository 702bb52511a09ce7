"""Real deliveries: every valid one is read and mapped, every invalid one refused by code and line, fast."""

import csv
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from domain.adapters.ern.guard import parse
from domain.adapters.ern.reader import ErnReader
from domain.adapters.schemas import SchemaStore
from domain.deliveries.check import check
from domain.deliveries.mapping import drafts, purged_keys
from tests.deliveries.files import assert_claimable, raw
from tests.pace import cpu_s, unit_s
from tests.shared import shared_folder

pytestmark = pytest.mark.shared
SHARED = shared_folder() or Path("absent")
ERN = SHARED / "samples" / "ern"

# What the invalid ones must be refused for.
REFUSED = [
    ("002_erroneous_xml.xml", "xml_not_well_formed", 157),
    ("003_version_not_supported.xml", "ern_version_unknown", 11),
    ("005_not_valid_xsd.xml", "schema_invalid", 31),
    ("billion-laughs.xml", "xml_doctype_refused", 2),
    ("ern43_simple_release_xsd_invalid.xml", "schema_invalid", 2),
    ("notwf_Profile_NonInteractiveSubscriptionStreamingService.xml", "xml_not_well_formed", 70),
    ("notwf_Profile_TVSeries_FimBundle.xml", "xml_not_well_formed", 10),
]
BROKEN_RULES = [
    ("006_zero_sound_recordings.xml", "no_sound_recording", 51),
    ("007_zero_image.xml", "no_image", 405),
    ("009_no_main_release.xml", "no_main_release", 423),
    ("011_one_resource_unused.xml", "resource_unused", 97),
    ("013_isrc_empty_string.xml", "missing_isrc", 97),
]
# Where in a document the things stand that the message must hold as many of.
COUNTED = (
    "//ResourceList/SoundRecording",
    "//ResourceList/Video",
    "//ResourceList/Image",
    "//ReleaseList/*",
    "//ReleaseDeal/Deal",
)


def valid() -> list[str]:
    """The XSD-valid ERN messages of the manifest."""
    manifest = ERN / "MANIFEST.tsv"
    if not manifest.is_file():
        return []
    with manifest.open() as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return [
        r["file"] for r in rows if r["xsd_result"].startswith("VALID") and r["namespace"].startswith("ern/")
    ]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> ErnReader:
    store = SchemaStore(tmp_path_factory.mktemp("schemas"))
    done, faults = store.install(str(SHARED / "standards" / "ddex"))
    assert not faults
    assert len(done) >= 16
    return ErnReader(store)


@pytest.mark.parametrize("name", valid())
def test_a_valid_message_is_accepted_and_mapped(reader: ErnReader, name: str) -> None:
    judged = check((ERN / name).read_bytes(), reader)

    assert judged.accepted, judged.findings[0]
    assert judged.schema_checked is not None
    assert judged.message is not None
    if judged.message.kind == "purge_release":
        assert purged_keys(judged.message)
        return
    (release,) = drafts(judged.message)
    assert_claimable(release.drafts)


@pytest.mark.parametrize("name", valid())
def test_a_valid_message_holds_as_much_as_its_document(name: str) -> None:
    data = (ERN / name).read_bytes()
    message = check(data, ErnReader()).message
    assert message is not None
    kinds = [len(message.of_kind(kind)) for kind in ("sound_recording", "video", "image")]
    root = etree.fromstring(data)

    assert [*kinds, len(message.releases), len(message.deals)] == [
        root.xpath(f"count({path})") for path in COUNTED
    ]


@pytest.mark.parametrize(("name", "code", "line"), REFUSED)
def test_an_invalid_message_is_refused(reader: ErnReader, name: str, code: str, line: int) -> None:
    judged = check((ERN / "invalid" / name).read_bytes(), reader)

    assert not judged.accepted
    assert (judged.findings[0].code, judged.findings[0].line) == (code, line)


@pytest.mark.parametrize(("name", "code", "line"), BROKEN_RULES)
def test_a_broken_rule_is_found(reader: ErnReader, name: str, code: str, line: int) -> None:
    judged = check((ERN / "rule-violations" / name).read_bytes(), reader)
    found = next(finding for finding in judged.findings if finding.code == code)

    assert found.line == line


def test_4_3_1_is_judged_by_4_3_2_and_says_so(reader: ErnReader) -> None:
    judged = check((ERN / "4.3.1" / "2_Video.xml").read_bytes(), reader)

    assert (judged.version, judged.schema_checked) == ("4.3.1", "http://ddex.net/xml/ern/432")
    assert "schema_judged_by_another" in {finding.code for finding in judged.findings}


def test_xmlschema_explains_with_line_and_path(reader: ErnReader) -> None:
    judged = check((ERN / "invalid" / "005_not_valid_xsd.xml").read_bytes(), reader)
    (fault,) = [finding for finding in judged.findings if finding.severity == "fatal"]

    assert fault.path == "/NewReleaseMessage/ResourceList/SoundRecording[1]/FakeTag"
    assert "SoundRecordingId" in fault.text


@pytest.mark.parametrize("name", ["album_43.xml", "single_382.xml", "purge_43.xml"])
def test_our_own_messages_are_valid_by_the_xsd(reader: ErnReader, name: str) -> None:
    assert check(raw(name), reader).findings == ()


def test_an_unknown_element_is_found_where_it_stands(reader: ErnReader) -> None:
    judged = check(raw("005_unknown_element.xml"), reader)

    assert [finding.code for finding in judged.findings] == ["schema_invalid"]
    assert (judged.findings[0].path or "").endswith("/Tpye")


def test_a_message_is_checked_with_little_work(reader: ErnReader, record_property: Any) -> None:
    data = (ERN / "3.8.2" / "real-world" / "016_utf8_artists.xml").read_bytes()
    check(data, reader)

    def once() -> None:
        judged = check(data, reader)
        assert judged.message is not None
        drafts(judged.message)

    units = min(cpu_s(once) / unit_s() for _ in range(10))
    record_property("message_of_12_tracks_in_units", round(units, 2))
    print(f"a message of 12 tracks, XSD on, check and map: {units:.1f} times a hundred small queries parsed")

    assert parse(data).name == "NewReleaseMessage"
    assert units < 5
