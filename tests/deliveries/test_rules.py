"""One message for each fault, named for it, and the finding it must bring. The sound ones bring none."""

import pytest

from domain.deliveries.findings import SEVERITIES
from domain.deliveries.rule import RULES
from tests.deliveries.files import MESSAGES, report

# File, then the finding it is there for: code, severity, line.
FAULTS = [
    ("002_not_well_formed.xml", "xml_not_well_formed", "fatal", 14),
    ("003_version_unknown.xml", "ern_version_unknown", "fatal", 2),
    ("004_message_unknown.xml", "ern_message_unknown", "fatal", 2),
    ("006_no_sound_recording.xml", "no_sound_recording", "error", 52),
    ("007_no_image.xml", "no_image", "error", 83),
    ("008_two_main_releases.xml", "main_release_repeated", "error", 119),
    ("009_no_main_release.xml", "no_main_release", "error", 83),
    ("010_reference_unresolved.xml", "reference_unresolved", "error", 155),
    ("011_resource_unused.xml", "resource_unused", "warning", 67),
    ("012_missing_isrc.xml", "missing_isrc", "error", 67),
    ("013_empty_isrc.xml", "empty_element", "error", 71),
    ("014_release_without_deal.xml", "release_without_deal", "warning", 96),
    ("015_isrc_malformed.xml", "isrc_malformed", "error", 71),
    ("016_icpn_check_failed.xml", "icpn_check_failed", "warning", 99),
    ("017_reference_repeated.xml", "reference_repeated", "error", 132),
    ("018_release_unidentified.xml", "release_unidentified", "error", 96),
    ("019_artist_sequence_gap.xml", "artist_sequence_gap", "warning", 59),
    ("020_artist_sequence_repeated.xml", "artist_sequence_repeated", "warning", 60),
    ("021_track_release_missing.xml", "track_release_missing", "warning", 67),
    ("022_front_cover_unlinked.xml", "front_cover_unlinked", "warning", 81),
    ("023_period_reversed.xml", "period_reversed", "error", 146),
    ("024_price_twofold.xml", "price_twofold", "error", 163),
    ("025_user_value_incomplete.xml", "user_value_incomplete", "error", 149),
    ("026_user_value_unexpected.xml", "user_value_unexpected", "error", 149),
    ("027_territory_unknown.xml", "territory_unknown", "error", 156),
    ("028_date_unreadable.xml", "date_unreadable", "error", 108),
    ("029_test_message.xml", "test_message", "info", 3),
    ("030_physical_term_misplaced.xml", "physical_term_misplaced", "error", 156),
    ("031_takedown_deprecated.xml", "takedown_deprecated", "warning", 140),
    ("032_no_release_date.xml", "no_release_date", "warning", 96),
    ("033_isrc_repeated.xml", "isrc_repeated", "warning", 71),
    ("034_default_repeated.xml", "default_repeated", "warning", 57),
    ("035_sender_malformed.xml", "dpid_malformed", "error", 6),
    ("036_message_date_missing.xml", "message_date_missing", "fatal", 3),
    ("037_purge_unidentified.xml", "purge_unidentified", "fatal", 14),
    ("038_contributor_repeated.xml", "contributor_repeated", "info", 62),
    ("039_update_indicator.xml", "update_indicator_deprecated", "info", 2),
    ("040_profile_misspelled.xml", "profile_misspelled", "info", 2),
    ("041_place_repeated.xml", "place_sequence_repeated", "warning", 115),
    ("042_preview_after_start.xml", "preview_after_start", "warning", 147),
    ("043_no_release.xml", "no_release", "fatal", 2),
    ("044_share_out_of_range.xml", "share_out_of_range", "error", 16),
]
SOUND = ("album_43.xml", "single_382.xml", "purge_43.xml")


@pytest.mark.parametrize(("name", "code", "severity", "line"), FAULTS)
def test_a_fault_is_found_where_it_stands(name: str, code: str, severity: str, line: int) -> None:
    judged = report(name)
    found = next(finding for finding in judged.findings if finding.code == code)

    assert (found.severity, found.line) == (severity, line)
    assert judged.accepted == (severity != "fatal")


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_message_has_no_findings_but_the_missing_schema(name: str) -> None:
    judged = report(name)

    assert judged.accepted
    assert [finding.code for finding in judged.findings] == ["schema_not_checked"]
    assert judged.summary()["schema"] == "not checked"


def test_every_message_is_there_for_something() -> None:
    # 005 breaks the XSD only, which the tests over the shared schemas judge.
    named = {name for name, *_ in FAULTS} | {*SOUND, "005_unknown_element.xml"}

    assert {path.name for path in MESSAGES.glob("*.xml")} == named


def test_findings_come_worst_first_and_say_their_rule() -> None:
    findings = report("013_empty_isrc.xml").findings
    order = [SEVERITIES.index(finding.severity) for finding in findings]

    assert order == sorted(order)
    assert all(" " in finding.rule and finding.text for finding in findings)


def test_every_rule_is_a_sentence_with_a_docstring() -> None:
    assert len(RULES) >= 30
    for rule in RULES:
        assert rule.__name__.count("_") >= 2
        assert rule.__doc__


def test_an_unknown_version_names_those_understood() -> None:
    text = report("003_version_unknown.xml").findings[0].text

    assert "http://ddex.net/xml/ern/99" in text
    assert "http://ddex.net/xml/ern/43 (4.3)" in text
