"""Identifier grammar: how each code is written, and whether its check character holds.

Every form is read after hyphens, dots, blanks and a leading label are removed, in upper case. A bad form
raises `CodeInvalid`; a failed check character is only told by `holds`, because placeholder values are
common in real deliveries and must warn, not reject.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from stdnum import ean
from stdnum.iso7064 import mod_11_2, mod_37_36

_NOISE = re.compile(r"[\s\-.:/\u2010-\u2015]+")


class CodeInvalid(ValueError):
    """The text has not the form of the code it is given as."""

    def __init__(self, scheme: str, given: str, form: str) -> None:
        shown = given if len(given) <= 60 else given[:57] + "…"
        super().__init__(f"{shown!r} is not an {scheme}: {form}")
        self.scheme = scheme
        self.given = given
        self.form = form


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of code: its form, in words and as a pattern, and the test of its check character.

    labels: what may stand before it in running text. check: None where the code carries none.
    """

    scheme: str
    form: str
    pattern: re.Pattern[str]
    labels: tuple[str, ...] = ()
    check: Callable[[str], bool] | None = None

    def normal(self, text: str) -> str:
        """The code bare and in upper case; CodeInvalid when it has not the form."""
        if self.pattern.fullmatch(text):
            return text
        bare = _NOISE.sub("", text).upper()
        if self.pattern.fullmatch(bare):
            return bare
        for label in self.labels:
            rest = bare.removeprefix(label)
            if rest != bare and self.pattern.fullmatch(rest):
                return rest
        raise CodeInvalid(self.scheme, text, self.form)

    def has_form(self, text: str) -> bool:
        """Whether the text can be read as this code at all."""
        try:
            self.normal(text)
        except CodeInvalid:
            return False
        return True

    def holds(self, text: str) -> bool:
        """Whether the check character is right; True for codes that carry none, False for a bad form."""
        try:
            bare = self.normal(text)
        except CodeInvalid:
            return False
        return self.check is None or self.check(bare)


def _iswc_holds(bare: str) -> bool:
    total = 1 + sum(place * int(digit) for place, digit in enumerate(bare[1:10], start=1))
    return int(bare[10]) == (10 - total % 10) % 10


def _ipi_name_holds(bare: str) -> bool:
    rest = sum((10 - place) * int(digit) for place, digit in enumerate(bare[:9])) % 101
    return int(bare[9:]) == (0 if rest == 0 else (101 - rest) % 100)


def _ipi_base_holds(bare: str) -> bool:
    total = 2 + sum(place * int(digit) for place, digit in enumerate(bare[1:10], start=1))
    return int(bare[10]) == (10 - total % 10) % 10


def _gtin_holds(bare: str) -> bool:
    return str(ean.calc_check_digit(bare[:-1])) == bare[-1]


def _mod_37_36_holds(bare: str) -> bool:
    return bool(mod_37_36.checksum(bare) == 1)


def _mod_11_2_holds(bare: str) -> bool:
    return bool(mod_11_2.checksum(bare) == 1)


ISRC = Code(
    "ISRC",
    "two letters, three letters or digits, seven digits, as in AA6Q72000047",
    re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}"),
    ("ISRC",),
)
ISWC = Code(
    "ISWC",
    "T and ten digits, as in T0345246801",
    re.compile(r"T[0-9]{10}"),
    ("ISWC",),
    _iswc_holds,
)
ICPN = Code(
    "ICPN",
    "8, 12, 13 or 14 digits (UPC or EAN)",
    re.compile(r"[0-9]{8}|[0-9]{12,14}"),
    ("ICPN", "UPC", "EAN", "GTIN"),
    _gtin_holds,
)
GRID = Code(
    "GRid",
    "A1, five characters of the issuer, ten of the release and a check character",
    re.compile(r"A1[A-Z0-9]{16}"),
    ("GRID",),
    _mod_37_36_holds,
)
DPID = Code(
    "DPID",
    "PADPIDA, ten characters and a check character",
    re.compile(r"PADPIDA[A-Z0-9]{11}"),
    ("DPID",),
    _mod_37_36_holds,
)
ISNI = Code(
    "ISNI",
    "fifteen digits and a check digit or X",
    re.compile(r"[0-9]{15}[0-9X]"),
    ("ISNI", "HTTPSISNIORGISNI", "HTTPISNIORGISNI"),
    _mod_11_2_holds,
)
IPI_NAME = Code(
    "IPI name number", "eleven digits", re.compile(r"[0-9]{11}"), ("IPI", "IPINAME"), _ipi_name_holds
)
IPI_BASE = Code(
    "IPI base number", "I and ten digits", re.compile(r"I[0-9]{10}"), ("IPIBASE",), _ipi_base_holds
)
ISBN = Code(
    "ISBN", "978 or 979 and ten digits", re.compile(r"97[89][0-9]{10}"), ("ISBN13", "ISBN"), _gtin_holds
)
MBID = Code("MBID", "a UUID", re.compile(r"[0-9A-F]{32}"), ("MBID",))

CODES: dict[str, Code] = {
    "isrc": ISRC,
    "iswc": ISWC,
    "icpn": ICPN,
    "upc": ICPN,
    "grid": GRID,
    "dpid": DPID,
    "isni": ISNI,
    "ipi": IPI_NAME,
    "ipi_base": IPI_BASE,
    "isbn": ISBN,
    "mbid": MBID,
}


def isrc(text: str) -> str:
    """The recording code (ISO 3901), twelve characters. Its first two letters name no territory."""
    return ISRC.normal(text)


def iswc(text: str) -> str:
    """The work code (ISO 15707): T and ten digits."""
    return ISWC.normal(text)


def icpn(text: str) -> str:
    """The product code (GTIN): eight digits, or the shortest of 12 to 14 that says the same.

    UPC-A is EAN-13 with a leading zero, so zeros beyond twelve digits are dropped; then equal means equal.
    """
    bare = ICPN.normal(text)
    return bare if len(bare) == 8 else bare.lstrip("0").rjust(12, "0")


def grid(text: str) -> str:
    """The release code (GRid), eighteen characters."""
    return GRID.normal(text)


def dpid(text: str) -> str:
    """The DDEX party code, eighteen characters."""
    return DPID.normal(text)


def isni(text: str) -> str:
    """The name code (ISO 27729), sixteen characters."""
    return ISNI.normal(text)


def ipi_name(text: str) -> str:
    """The IPI name number, eleven digits; leading zeros that were left out are put back."""
    bare = _NOISE.sub("", text).upper().removeprefix("IPI")
    return IPI_NAME.normal(bare.rjust(11, "0") if bare.isdigit() and len(bare) >= 8 else bare)


def ipi_base(text: str) -> str:
    """The IPI base number: I and ten digits."""
    return IPI_BASE.normal(text)


def isbn13(text: str) -> str:
    """The book code as thirteen digits; an ISBN-10 with a right check character is lengthened."""
    bare = _NOISE.sub("", text).upper().removeprefix("ISBN")
    if re.fullmatch(r"[0-9]{9}[0-9X]", bare) and mod_11_10_holds(bare):
        stem = "978" + bare[:9]
        return stem + str(ean.calc_check_digit(stem))
    return ISBN.normal(text)


def mod_11_10_holds(bare: str) -> bool:
    """Whether an ISBN-10's check character is right."""
    values = [10 if sign == "X" else int(sign) for sign in bare]
    return sum(weight * value for weight, value in zip(range(10, 0, -1), values, strict=True)) % 11 == 0


def mbid(text: str) -> str:
    """The MusicBrainz id: a UUID in lower case, with hyphens."""
    bare = MBID.normal(text).lower()
    return f"{bare[:8]}-{bare[8:12]}-{bare[12:16]}-{bare[16:20]}-{bare[20:]}"
