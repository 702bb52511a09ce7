"""Scalars of the field: each says how a value is written, and takes it in any usual spelling."""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from domain import codes

ISRC = NewType("ISRC", str)
ISWC = NewType("ISWC", str)
ICPN = NewType("ICPN", str)
GRid = NewType("GRid", str)
DPID = NewType("DPID", str)
ISNI = NewType("ISNI", str)
Territory = NewType("Territory", str)
PartialDate = NewType("PartialDate", str)
BigInt = NewType("BigInt", int)
Base64 = NewType("Base64", str)


def instant(value: Any) -> str:
    """An instant as PostgreSQL's JSON writes it: UTC, microseconds without trailing zeros, +00:00."""
    if isinstance(value, str):
        return value
    assert isinstance(value, datetime)
    value = value.astimezone(UTC)
    whole = value.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}{f'.{value.microsecond:06d}'.rstrip('0') if value.microsecond else ''}+00:00"


def _parse_instant(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is no instant; 2026-01-31T12:00:00Z will do") from None
    if found.tzinfo is None:
        raise ValueError(f"{value!r} has no offset; add Z or +hh:mm")
    return found.astimezone(UTC)


def _code(name: str, normal: Callable[[str], str], about: str, url: str) -> ScalarDefinition:
    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no {name}; it is written as text")
        return normal(value)

    return strawberry.scalar(
        name=name, description=about, specified_by_url=url, serialize=str, parse_value=parse
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError(f"{value!r} is no text")
    return value


def _big_int(value: Any) -> int:
    if isinstance(value, bool | float) or not (found := re.fullmatch(r"-?[0-9]{1,19}", str(value))):
        raise ValueError(f"{value!r} is no whole number")
    number = int(found[0])
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{value!r} has more than 64 bits")
    return number


def _base64(value: Any) -> str:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise ValueError("the value is not base64") from None
    return str(value)


SCALARS: dict[object, ScalarDefinition] = {
    ISRC: _code("ISRC", codes.isrc, "Recording code, ISO 3901.", "https://www.iso.org/standard/64972.html"),
    ISWC: _code("ISWC", codes.iswc, "Work code, ISO 15707.", "https://www.iso.org/standard/77773.html"),
    ICPN: _code(
        "ICPN", codes.icpn, "Product code: UPC or EAN (GTIN).", "https://www.gs1.org/standards/id-keys/gtin"
    ),
    GRid: _code("GRid", codes.grid, "Release code, GRid.", "https://www.ifpi.org/grid/"),
    DPID: _code("DPID", codes.dpid, "DDEX party code.", "https://dpid.ddex.net/"),
    ISNI: _code("ISNI", codes.isni, "Name code, ISO 27729.", "https://www.iso.org/standard/44292.html"),
    Territory: strawberry.scalar(
        name="Territory",
        description="Country, ISO 3166-1 alpha-2.",
        specified_by_url="https://www.iso.org/iso-3166-country-codes.html",
        serialize=str,
        parse_value=lambda value: _text(value).upper(),
    ),
    PartialDate: strawberry.scalar(
        name="PartialDate",
        description="A date whose month or day may be unknown: YYYY, YYYY-MM or YYYY-MM-DD.",
        specified_by_url="https://www.iso.org/standard/70907.html",
        serialize=str,
        parse_value=_text,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number of up to 64 bits, as text, since JSON readers lose digits above 2^53.",
        serialize=str,
        parse_value=_big_int,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in UTC.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=instant,
        parse_value=_parse_instant,
    ),
    Base64: strawberry.scalar(
        name="Base64",
        description="Bytes, in base64 with padding.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc4648#section-4",
        serialize=str,
        parse_value=_base64,
    ),
    Decimal: strawberry.scalar(
        name="Decimal", description="A decimal number, as text.", serialize=str, parse_value=Decimal
    ),
}
