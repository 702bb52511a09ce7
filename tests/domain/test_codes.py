"""The grammar of identifiers: real codes hold, damaged ones do not, and writing style never matters."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import codes

RIGHT = {
    "iswc": ("T-034.524.680-1",),
    "icpn": ("00602557190298", "9008798224074", "602557190298"),
    "grid": ("A1-2425G-ABC1234002-M",),
    "dpid": ("PADPIDA2014122301Q", "PA-DPIDA-2014122301-Q"),
    "isni": ("000000012146438X", "0000 0001 2146 438X"),
    "ipi": ("00000000199",),
    "ipi_base": ("I-002985150-9",),
    "isbn": ("9780306406157",),
}
ALNUM = string.digits + string.ascii_uppercase


@pytest.mark.parametrize(("scheme", "text"), [(s, text) for s, texts in RIGHT.items() for text in texts])
def test_a_real_code_holds(scheme: str, text: str) -> None:
    assert codes.CODES[scheme].holds(text)


@pytest.mark.parametrize(("scheme", "text"), [(s, text) for s, texts in RIGHT.items() for text in texts])
def test_another_last_character_does_not_hold(scheme: str, text: str) -> None:
    code = codes.CODES[scheme]
    bare = code.normal(text)
    others = {bare[:-1] + sign for sign in ALNUM} - {bare}

    assert not any(code.holds(other) for other in others if code.has_form(other))


@given(st.from_regex(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", fullmatch=True))
def test_an_isrc_reads_the_same_however_it_is_written(bare: str) -> None:
    written = f"{bare[:2]}-{bare[2:5]}-{bare[5:7]}-{bare[7:]}"

    assert codes.isrc(written) == codes.isrc(f"ISRC {written.lower()}") == codes.isrc(bare) == bare


def test_an_isrc_that_begins_like_its_label_is_kept() -> None:
    assert codes.isrc("ISRC12000001") == "ISRC12000001"


@given(st.integers(0, 10**13 - 1))
def test_a_product_code_is_one_code_at_any_length(number: int) -> None:
    stem = str(number).rjust(13, "0")
    full = next(stem + sign for sign in string.digits if codes.ICPN.holds(stem + sign))
    short = codes.icpn(full)

    assert codes.ICPN.holds(short)
    assert codes.icpn(short) == short
    assert short.rjust(14, "0") == full


@given(st.text(ALNUM, min_size=15, max_size=15))
def test_exactly_one_check_character_makes_a_grid(stem: str) -> None:
    assert sum(codes.GRID.holds("A1" + stem + sign) for sign in ALNUM) == 1


@given(st.text(string.digits, min_size=9, max_size=9))
def test_exactly_one_check_digit_makes_an_iswc(stem: str) -> None:
    assert sum(codes.ISWC.holds(f"T{stem}{sign}") for sign in string.digits) == 1


@given(st.text(string.digits, min_size=15, max_size=15))
def test_exactly_one_check_character_makes_an_isni(stem: str) -> None:
    assert sum(codes.ISNI.holds(stem + sign) for sign in string.digits + "X") == 1


@given(st.sampled_from(sorted(codes.CODES)), st.text())
def test_any_text_is_read_or_refused_by_name(scheme: str, text: str) -> None:
    code = codes.CODES[scheme]
    if code.has_form(text):
        bare = code.normal(text)
        assert code.pattern.fullmatch(bare)
        assert code.normal(bare) == bare
    else:
        with pytest.raises(codes.CodeInvalid, match=code.scheme):
            code.normal(text)


def test_an_isbn_10_is_lengthened() -> None:
    assert codes.isbn13("0-306-40615-2") == "9780306406157"
