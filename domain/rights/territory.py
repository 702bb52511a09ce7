"""Territory algebra: whatever codes a deal names, the countries it means (ISO 3166-1 alpha-2).

Pure. A deal names territories either by inclusion or by exclusion from the world; besides ISO codes DDEX
allows `Worldwide`, CISAC's TIS numbers, three parts of Spain, and withdrawn codes where history matters.
"""

from collections.abc import Iterable
from functools import lru_cache

import pycountry

from domain.rights.tis import FORMER, GROUPS

WORLDWIDE = "Worldwide"
# Kosovo has a code in use that ISO reserves for users; DDEX's list has it.
COUNTRIES: frozenset[str] = frozenset({country.alpha_2 for country in pycountry.countries} | {"XK"})
WORLD: tuple[str, ...] = tuple(sorted(COUNTRIES))
# Parts of a country that DDEX names. They stand for themselves: a licence for the Canary Islands is none
# for Spain, and a deal for Spain is asked for by ES.
PARTS: frozenset[str] = frozenset({"ES-CE", "ES-CN", "ES-ML"})

# Withdrawn codes (ISO 3166-3, and the two-letter ones still in DDEX's list) and the countries that followed.
_WITHDRAWN = {
    "AN": "BQ CW SX",
    "CS": "ME RS",
    "AIDJ": "DJ",
    "ANHH": "BQ CW SX",
    "BQAQ": "AQ",
    "BUMM": "MM",
    "BYAA": "BY",
    "CSHH": "CZ SK",
    "CSXX": "ME RS",
    "CTKI": "KI",
    "DDDE": "DE",
    "DYBJ": "BJ",
    "FQHH": "AQ TF",
    "FXFR": "FR",
    "GEHH": "KI TV",
    "HVBF": "BF",
    "JTUM": "UM",
    "MIUM": "UM",
    "NHVU": "VU",
    "NQAQ": "AQ",
    "NTHH": "IQ SA",
    "PCHH": "FM MH MP PW",
    "PUUM": "UM",
    "PZPA": "PA",
    "RHZW": "ZW",
    "SKIN": "IN",
    "SUHH": "AM AZ EE GE KG KZ LT LV MD RU TJ TM UZ",
    "TPTL": "TL",
    "VDVN": "VN",
    "WKUM": "UM",
    "YDYE": "YE",
    "YUCS": "ME RS",
    "ZRCD": "CD",
}
_NUMBERS = {str(int(country.numeric)): country.alpha_2 for country in pycountry.countries}


class TerritoryUnknown(ValueError):
    """No list of territories has this code."""

    def __init__(self, code: str) -> None:
        super().__init__(
            f"{code[:40]!r} is no territory: give ISO 3166-1 alpha-2, {WORLDWIDE}, or a TIS number"
        )
        self.code = code


@lru_cache(maxsize=4096)
def countries_of(code: str) -> frozenset[str]:
    """The countries one code means: itself, a group's members, or what followed a withdrawn country."""
    bare = code.strip().upper()
    if bare in COUNTRIES or bare in PARTS:
        return frozenset({bare})
    if bare in (WORLDWIDE.upper(), "2136"):
        return COUNTRIES
    if bare.isascii() and bare.isdigit():
        bare = str(int(bare)) if len(bare) <= 6 else bare
        if bare in _NUMBERS:
            return frozenset({_NUMBERS[bare]})
        if bare in GROUPS:
            return frozenset(GROUPS[bare][1].split())
        if bare in FORMER:
            return frozenset(FORMER[bare].split())
    if bare in _WITHDRAWN:
        return frozenset(_WITHDRAWN[bare].split())
    raise TerritoryUnknown(code)


def is_known(code: str) -> bool:
    """Whether a code is in any list of territories."""
    try:
        countries_of(code)
    except TerritoryUnknown:
        return False
    return True


def expand(included: Iterable[str], excluded: Iterable[str] = ()) -> tuple[str, ...]:
    """The countries meant, sorted: those included (the world when none are named) without those excluded.

    Raises TerritoryUnknown for a code that no list has.
    """
    named = tuple(included)
    meant = frozenset[str]().union(*map(countries_of, named)) if named else COUNTRIES
    left_out = frozenset[str]().union(*map(countries_of, excluded))
    return tuple(sorted(meant - left_out))


def expand_known(included: Iterable[str], excluded: Iterable[str] = ()) -> tuple[str, ...]:
    """As `expand`, leaving out unknown codes; an inclusion of unknown codes alone means nowhere."""
    named = tuple(included)
    known = tuple(filter(is_known, named))
    return expand(known, filter(is_known, excluded)) if known or not named else ()
