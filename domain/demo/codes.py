"""Codes with right check digits, one for each number; equal numbers give equal codes."""

from random import Random
from uuid import UUID

from stdnum import ean
from stdnum.iso7064 import mod_11_2, mod_37_36

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def isrc(series: int, number: int, year: int) -> str:
    """Twelve characters: a registrant for each hundred thousand recordings, the year, the designation."""
    registrant = series * 37 + number // 100_000
    code = "".join(_ALPHABET[registrant // 36**place % 36] for place in (2, 1, 0))
    return f"QZ{code}{year % 100:02}{number % 100_000:05}"


def upc(series: int, number: int) -> str:
    """UPC-A, or EAN-13 for every fifth, with a right check digit."""
    stem = f"{1 + series % 9}{series % 83:02}{number:08}"
    stem = f"4{stem}" if number % 5 == 0 else stem
    return stem + str(ean.calc_check_digit(stem))


def isbn(series: int, number: int) -> str:
    """Thirteen digits with a right check digit."""
    stem = f"9798{series % 100:02}{number:06}"
    return stem + str(ean.calc_check_digit(stem))


def iswc(series: int, number: int) -> str:
    """T, nine digits and the check digit (ISO 15707)."""
    digits = f"{series % 10}{number % 100_000_000:08}"
    total = 1 + sum(place * int(digit) for place, digit in enumerate(digits, start=1))
    return f"T{digits}{(10 - total % 10) % 10}"


def isni(series: int, number: int) -> str:
    """Fifteen digits and the check character (ISO 27729)."""
    stem = f"0000{series % 1000:03}{number:08}"
    return stem + str(mod_11_2.calc_check_digit(stem))


def ipi(series: int, number: int) -> str:
    """An IPI name number: nine digits and two check digits."""
    digits = f"{series % 10}{number:08}"
    rest = sum((10 - place) * int(digit) for place, digit in enumerate(digits)) % 101
    return f"{digits}{0 if rest == 0 else (101 - rest) % 100:02}"


def grid(series: int, number: int) -> str:
    """A1, the issuer, the release, and the check character."""
    stem = f"A1D3M{series % 100:02}{number:010}"
    return stem + str(mod_37_36.calc_check_digit(stem))


def dpid(number: int) -> str:
    """A DDEX party code with its check character."""
    stem = f"PADPIDA2026{number % 1_000_000:06}"
    return stem + str(mod_37_36.calc_check_digit(stem))


def mbid(random: Random) -> str:
    """A random UUID (version 4), as MusicBrainz gives them."""
    return str(UUID(int=random.getrandbits(128), version=4))
