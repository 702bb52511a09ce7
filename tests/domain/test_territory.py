"""Territory algebra: inclusion, exclusion, groups and withdrawn codes, as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rights.territory import (
    COUNTRIES,
    PARTS,
    WORLD,
    TerritoryUnknown,
    countries_of,
    expand,
    expand_known,
    is_known,
)
from domain.rights.tis import FORMER, GROUPS

CODES = st.sampled_from(
    sorted(COUNTRIES | set(GROUPS) | set(FORMER) | {"Worldwide", "2136", "276", "AN", "SUHH"})
)
LISTS = st.lists(CODES, max_size=8)


def test_no_territory_named_means_the_world() -> None:
    assert expand(()) == expand(("Worldwide",)) == WORLD
    assert set(WORLD) == COUNTRIES


@given(LISTS, LISTS)
def test_an_expansion_is_sorted_and_holds_each_country_once(included: list[str], excluded: list[str]) -> None:
    countries = expand(included, excluded)

    assert list(countries) == sorted(set(countries))
    assert set(countries) <= COUNTRIES


@given(LISTS)
def test_exclusion_is_the_world_without_the_list(codes: list[str]) -> None:
    assert set(expand((), codes)) | set(expand(codes or ["Worldwide"])) == COUNTRIES or not codes
    assert not set(expand((), codes)) & set(expand(codes)) or not codes


@given(LISTS, LISTS)
def test_more_codes_mean_more_countries(some: list[str], more: list[str]) -> None:
    if some:
        assert set(expand(some)) <= set(expand(some + more))
    assert set(expand((), some + more)) <= set(expand((), some))


@given(LISTS, st.randoms())
def test_order_and_repetition_do_not_matter(codes: list[str], random: object) -> None:
    shuffled = codes + codes
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert expand(codes) == expand(shuffled)


@given(LISTS)
def test_expanding_twice_changes_nothing(codes: list[str]) -> None:
    once = expand(codes)

    assert not once or expand(once) == once


def test_groups_hold_countries_only() -> None:
    for name, members in GROUPS.values():
        assert set(members.split()) <= COUNTRIES, name
    for members in FORMER.values():
        assert set(members.split()) <= COUNTRIES


@pytest.mark.parametrize(
    ("code", "countries"),
    [
        ("de", {"DE"}),
        ("276", {"DE"}),
        ("0276", {"DE"}),
        ("2110", {"BE", "LU", "NL"}),
        ("AN", {"BQ", "CW", "SX"}),
        ("CSHH", {"CZ", "SK"}),
        ("XK", {"XK"}),
        ("ES-CN", {"ES-CN"}),
    ],
)
def test_one_code(code: str, countries: set[str]) -> None:
    assert countries_of(code) == countries


@given(st.text(max_size=12))
def test_any_text_is_a_territory_or_refused_by_name(code: str) -> None:
    if is_known(code):
        assert countries_of(code) <= COUNTRIES | PARTS
        assert expand_known([code]) == expand([code])
    else:
        with pytest.raises(TerritoryUnknown, match="is no territory"):
            expand([code])
        assert expand_known([code]) == ()
        assert expand_known([], [code]) == WORLD
