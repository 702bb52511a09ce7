"""The form of API keys, and the addresses they may be used from: pure, and tried with anything."""

import string
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access.addresses import AddressInvalid, may_come_from, network_of
from domain.access.credentials import (
    LONGEST_KEY,
    KeyMalformed,
    fits,
    hash_of,
    new_api_key,
    new_secret,
    prefix_of,
)

BASE62 = string.digits + string.ascii_letters


def test_a_key_shows_its_mark_and_its_public_part_and_keeps_a_hash() -> None:
    made = new_api_key()

    assert made.text.startswith(made.prefix + "_")
    assert made.prefix.startswith("cg_live_")
    assert len(made.text) == LONGEST_KEY
    assert prefix_of(made.text) == made.prefix
    assert made.hash == hash_of(made.text)
    assert fits(made.text, made.hash)


def test_no_two_keys_are_alike() -> None:
    made = {new_api_key().text for _ in range(200)}
    assert len(made) == 200
    assert len({new_secret() for _ in range(200)}) == 200


@given(place=st.integers(8, LONGEST_KEY - 1), letter=st.sampled_from(BASE62))
def test_one_wrong_character_is_told_by_the_checksum(place: int, letter: str) -> None:
    text = new_api_key().text
    wrong = text[:place] + letter + text[place + 1 :]
    if wrong == text:
        assert prefix_of(wrong)
        return
    with pytest.raises(KeyMalformed):
        prefix_of(wrong)


@given(st.one_of(st.text(), st.text(BASE62 + "_", min_size=50, max_size=70).map("cg_live_".__add__)))
def test_no_text_passes_for_a_key_by_chance(text: str) -> None:
    with pytest.raises(KeyMalformed):
        prefix_of(text)


@pytest.mark.parametrize("more", [" ", "\n", "\x00", "ａ", "0", "=="])
def test_nothing_may_stand_around_a_key(more: str) -> None:
    for text in (new_api_key().text + more, more + new_api_key().text):
        with pytest.raises(KeyMalformed):
            prefix_of(text)


def test_two_neighbours_that_changed_places_are_told() -> None:
    text = new_api_key().text
    turned = [
        text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        for place in range(8, len(text) - 1)
        if text[place] != text[place + 1]
    ]
    for wrong in turned:
        with pytest.raises(KeyMalformed):
            prefix_of(wrong)


def test_a_secret_fits_its_own_hash_alone() -> None:
    assert not fits("x", None)
    assert not fits("x", "")
    assert not fits("x", hash_of("y"))
    assert not fits(hash_of("x"), hash_of("x"))
    assert fits("\ud800", hash_of("\ud800"))


@pytest.mark.parametrize(
    ("rule", "address", "may"),
    [
        ("192.0.2.0/24", "192.0.2.7", True),
        ("192.0.2.0/24", "192.0.3.7", False),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("0.0.0.0/0", "203.0.113.9", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("2001:db8::/32", "2001:db8:1::7", True),
        ("2001:db8::/32", "2001:db9::7", False),
        ("::1", "::1", True),
        # A socket for both families shows IPv4 callers as mapped ones.
        ("192.0.2.0/24", "::ffff:192.0.2.7", True),
        ("::ffff:192.0.2.0/120", "192.0.2.7", True),
        ("::ffff:192.0.2.0/120", "::ffff:192.0.2.7", True),
        ("::/0", "::ffff:192.0.2.7", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("192.0.2.0/24", "", False),
        ("192.0.2.0/24", "/run/socket", False),
        ("192.0.2.0/24", "192.0.2.7:80", False),
    ],
)
def test_an_address_is_in_its_network(rule: str, address: str, may: bool) -> None:
    assert may_come_from(address, [network_of(rule)]) is may


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("192.0.2.7/24", "192.0.2.0/24 will do"),
        ("192.0.2.0/33", "names no network"),
        ("everywhere", "names no network"),
        ("", "names no network"),
        ("192.0.2.*", "names no network"),
        ("010.1.1.1", "names no network"),
        ("fe80::1%eth0", "zone"),
    ],
)
def test_a_rule_that_names_no_network_is_refused(text: str, told: str) -> None:
    with pytest.raises(AddressInvalid, match=told):
        network_of(text)


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_a_mapped_network_is_the_network_it_holds(base: int, length: int) -> None:
    plain = ip_network((base, length), strict=False)
    assert network_of(f"::ffff:{plain.network_address}/{96 + length}") == plain
