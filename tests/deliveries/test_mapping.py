"""From message to claims: what a release and all that comes with it say to the catalog."""

import copy
import json
from dataclasses import replace
from random import Random
from typing import Any

from lxml import etree

from domain.deliveries.check import check
from domain.deliveries.mapping import ReleaseDraft, drafts, purged_keys
from domain.deliveries.mapping_values import ANNOTATION
from tests.deliveries.files import WITHOUT_XSD, assert_claimable, message, raw


def mapped(name: str) -> ReleaseDraft:
    (release,) = drafts(message(name))
    return release


def fields(release: ReleaseDraft, kind: str) -> list[dict[str, Any]]:
    return [dict(draft.fields) for draft in release.drafts if draft.kind == kind]


def rest(claimed: dict[str, Any]) -> dict[str, Any]:
    (value,) = [a["value"] for a in claimed["annotations"] if a["key"] == ANNOTATION]
    return dict(json.loads(value))


def test_claims_are_of_the_catalog_and_refer_backwards() -> None:
    for name in ("album_43.xml", "single_382.xml"):
        assert_claimable(mapped(name).drafts)


def test_a_release_is_known_by_its_product_code() -> None:
    release = mapped("album_43.xml")

    assert release.key == "icpn:9008798224074"
    assert release.also_known_as == ("grid:A12425GABC1234002M", "catalog_number:PADPIDA2014122301Q:NL-001")
    assert purged_keys(message("purge_43.xml")) == (release.key,)


def test_the_release_with_its_media_and_lines() -> None:
    (release,) = fields(mapped("album_43.xml"), "release")

    assert release["upc"] == "9008798224074"
    assert release["grid"] == "A12425GABC1234002M"
    assert (release["release_date"], release["original_release_date"]) == ("2026-04-01", "2026")
    assert (release["p_line_year"], release["c_line"]) == (2026, "(C) 2026 Northern Lights")
    assert release["genres"] == ["Electronic", "Ambient"]
    assert release["labels"] == ["Northern Lights"]
    assert release["parental_warning"] == "explicit"
    assert [(m["position"], m["title"]) for m in release["media"]] == [(1, "Side A"), (2, None)]


def test_tracks_stand_on_media_and_point_at_recordings() -> None:
    tracks = fields(mapped("album_43.xml"), "track")

    assert [(t["medium_position"], t["position"], t["title"]) for t in tracks] == [
        (1, 1, "First Light"),
        (2, 1, "Second Sight"),
    ]
    assert [t["recording_id"]["ref"] for t in tracks] == [
        "recording:isrc:QMAAA2600001",
        "recording:isrc:QMAAA2600002",
    ]
    assert [t["is_bonus"] for t in tracks] == [False, True]
    assert tracks[0]["identifiers"][0]["value"] == "track-1"


def test_a_recording_with_its_titles_and_printed_artist_credit() -> None:
    recording = fields(mapped("album_43.xml"), "recording")[0]

    assert (recording["isrc"], recording["duration_ms"]) == ("QMAAA2600001", 185_500)
    assert recording["version_title"] == "Radio Edit"
    assert [(p["name"], p["join_phrase"]) for p in recording["artist_credit"]] == [
        ("Ada Wave", " feat. "),
        ("Bo Tide", ""),
    ]
    japanese = recording["titles"][-1]
    assert (japanese["language"], japanese["script"], japanese["territories"]) == ("ja-Jpan", "Jpan", ["JP"])
    assert rest(recording)["editions"][0]["technical"][0]["encodings"][0]["files"] == [
        {"uri": "resources/A1.flac"}
    ]


def test_contributors_become_credits_and_writers() -> None:
    release = mapped("album_43.xml")
    credits = [(c["name"], c["role"], c["instruments"]) for c in fields(release, "credit")]
    (work,) = fields(release, "work")

    assert credits == [
        ("Bo Tide", "Artist", ["Guitar"]),
        ("Cy Quill", "Composer", []),
        ("Cy Quill", "Lyricist", []),
    ]
    assert work["iswc"] == "T0345246801"
    assert [(w["name"], w["role"], w["ipi"]) for w in work["writers"]] == [
        ("Cy Quill", "Composer", "00000000199"),
        ("Cy Quill", "Lyricist", "00000000199"),
    ]


def test_a_listed_work_keeps_its_own_title_and_writers() -> None:
    release = mapped("single_382.xml")
    (work,) = fields(release, "work")

    assert (work["title"], work["iswc"]) == ("Low Tide", "T0345246801")
    assert [writer["name"] for writer in work["writers"]] == ["Cy Quill"]
    assert fields(release, "recording")[0]["works"] == [{"work_id": {"ref": "work:iswc:T0345246801"}}]


def test_deals_end_after_their_last_day_and_cover_what_they_name() -> None:
    release = mapped("album_43.xml")
    stream, download = fields(release, "deal")

    assert (stream["valid_from"], stream["valid_until"]) == (
        "2026-04-01T00:00:00+00:00",
        "2027-01-01T00:00:00+00:00",
    )
    assert (stream["included_territories"], stream["excluded_territories"]) == ([], ["JP"])
    assert [s["subject_id"]["ref"] for s in stream["subjects"]] == [f"release:{release.key}"]
    assert (stream["licensor_dpid"], stream["licensee_dpid"]) == ("PADPIDA2014122301Q", "PADPIDA2013042401U")
    assert download["valid_from"] == "2026-03-31T22:00:00+00:00"
    assert (download["price_amount"], download["price_currency"]) == ("0.71", "EUR")
    assert all(s["subject_id"]["ref"].startswith("track:") for s in download["subjects"])
    assert len(download["subjects"]) == 2


def test_a_deal_that_ends_before_it_starts_is_never_in_force() -> None:
    stream = fields(mapped("023_period_reversed.xml"), "deal")[0]

    assert (stream["status"], stream["valid_until"]) == ("draft", None)


def test_a_deal_for_unknown_territories_only_is_not_one_for_the_world() -> None:
    said = message("027_territory_unknown.xml")
    (release,) = drafts(said)
    download = fields(release, "deal")[1]
    assert (download["included_territories"], download["status"]) == (["DE"], "active")
    assert rest(download)["unknown_territories"] == ["QX"]


def test_a_malformed_code_is_kept_and_never_recognises_another_recording() -> None:
    second = fields(mapped("015_isrc_malformed.xml"), "recording")[1]

    assert second["isrc"] is None
    assert second["identifiers"] == [{"scheme": "isrc", "value": "QMAAA26000", "namespace": None}]


def test_two_resources_of_one_code_both_stay() -> None:
    release = mapped("033_isrc_repeated.xml")
    names = [draft.name for draft in release.drafts if draft.kind == "recording"]

    assert names == ["recording:isrc:QMAAA2600001", "recording:isrc:QMAAA2600001#2"]


def test_a_takedown_is_a_deal_that_says_so() -> None:
    (deal,) = fields(mapped("031_takedown_deprecated.xml"), "deal")

    assert deal["is_takedown"] is True
    assert deal["use_types"] == []


def test_the_same_content_in_another_message_is_the_same_claims() -> None:
    said = message("album_43.xml")
    later = message("029_test_message.xml")

    assert said.header != later.header
    assert drafts(said) == drafts(later)


def test_the_cover_belongs_to_the_release() -> None:
    (image,) = fields(mapped("album_43.xml"), "image")

    assert image["subject_id"] == {"ref": "release:icpn:9008798224074"}
    assert (image["type"], image["media_type"], image["width"]) == ("front_cover", "image/jpeg", 3000)
    assert image["file_name"] == "resources/cover.jpg"


def test_two_main_releases_are_two_drafts() -> None:
    found = drafts(message("008_two_main_releases.xml"))

    assert [release.key for release in found] == ["icpn:602557190298", "isrc:QMAAA2600003"]
    for release in found:
        assert_claimable(release.drafts)


def test_whatever_is_said_is_judged_and_claimed() -> None:
    """Messages damaged at random places are reported and mapped, never raised."""
    random = Random(20261121)
    junk = [
        "",
        "-1",
        "9" * 20,
        "9999-12-31",
        "2026-02-30",
        "UserDefined",
        "Worldwide",
        "é" * 300,
        "NaN",
        "R0",
    ]
    for turn in range(150):
        root = etree.fromstring(raw("album_43.xml" if turn % 2 else "single_382.xml"))
        elements = list(root.iter())[1:]
        for element in random.sample(elements, random.choice((1, 3, 10))):
            parent = element.getparent()
            harm = random.randrange(4)
            if harm == 0:
                element.text = random.choice(junk)
            elif harm == 1 and parent is not None:
                parent.append(copy.deepcopy(element))
            elif harm == 2 and parent is not None:
                parent.remove(element)
            else:
                element.set(
                    random.choice(("SequenceNumber", "UserDefinedValue", "IsDefault")), random.choice(junk)
                )
        read = check(etree.tostring(root), WITHOUT_XSD).message
        assert read is not None
        for release in drafts(read):
            assert_claimable(release.drafts)


def test_further_names_and_track_releases_are_kept() -> None:
    said = message("album_43.xml")
    first = said.releases[1]
    twice = replace(said, releases=(*said.releases, replace(first, reference="R8", references=("R8",))))
    (release,) = drafts(twice)

    assert rest(fields(release, "release")[0])["other_track_releases"][0]["reference"] == "R8"
    ada = next(artist for artist in fields(release, "artist") if artist["name"] == "Ada Wave")
    assert [title["text"] for title in ada["titles"]] == ["エイダ・ウェイブ"]
