"""Judges and normalises the values a caller claims, before they reach a table.

Codes are brought to their normal form, words are checked against the column's list, dates against the
calendar; what is wrong is refused with what was given and what would do.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain import codes
from domain.kinds import KINDS, Kind
from domain.refusals import InputInvalid
from domain.rights.territory import TerritoryUnknown, countries_of

LONGEST_TEXT = 500
LONGEST_PROSE = 100_000
LONGEST_LIST = 1_000
_PROSE = {"description"}
_DATES = {"begin_date", "end_date", "release_date", "original_release_date", "published", "recording_date"}
_TERRITORIES = {"included_territories", "excluded_territories"}
_COUNTS = {"duration_ms", "width", "height", "size_bytes", "season", "number", "start_ms", "end_ms"}
_CODES: dict[str, Callable[[str], str]] = {
    "isrc": codes.isrc,
    "iswc": codes.iswc,
    "upc": codes.icpn,
    "grid": codes.grid,
    "isni": codes.isni,
    "ipi": codes.ipi_name,
    "isbn": codes.isbn13,
    "mbid": codes.mbid,
    "licensor_dpid": codes.dpid,
    "licensee_dpid": codes.dpid,
}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SURROGATES = re.compile("[\ud800-\udfff]")
_LARGEST_INT = 2**31 - 1
_LARGEST_BIG = 2**63 - 1

Path = tuple[str | int, ...]


def clean(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as claims hold them: normal forms, JSON values. Raises InputInvalid with the path."""
    of = KINDS[kind]
    return {name: _clean_field(of, name, value) for name, value in fields.items()}


def _clean_field(kind: Kind, name: str, value: Any) -> Any:
    if value is None:
        if name in kind.required:
            raise InputInvalid(f"a {kind.name} needs {name}; it can't be cleared", path=(name,))
        return None
    if isinstance(value, list):
        if len(value) > LONGEST_LIST:
            raise InputInvalid(f"{name} has {len(value)} entries; at most {LONGEST_LIST}", path=(name,))
        return [_clean_item(item, (name, place)) for place, item in enumerate(value)]
    if (words := kind.choices.get(name)) and value not in words:
        raise InputInvalid(f"{name} is {value!r}; one of {', '.join(words)} will do", path=(name,))
    return scalar(name, value, (name,))


def _clean_item(item: Any, path: Path) -> Any:
    if is_dataclass(item) and not isinstance(item, type):
        item = asdict(item)
    if isinstance(item, Mapping):
        return {
            name: [_clean_item(inner, (*path, name, place)) for place, inner in enumerate(value)]
            if isinstance(value, list)
            else value
            if isinstance(value, Mapping) or value is None
            else scalar(name, value, (*path, name))
            for name, value in item.items()
        }
    return scalar(str(path[0]), item, path)


def scalar(name: str, value: Any, path: Path) -> Any:
    """One value in normal form. Raises InputInvalid."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(name, value, path)
    if isinstance(value, int):
        largest = _LARGEST_BIG if name == "size_bytes" else _LARGEST_INT
        if abs(value) > largest or (name in _COUNTS and value < 0):
            low = 0 if name in _COUNTS else -largest
            raise InputInvalid(f"{name} is {value}; {low} to {largest} will do", path=path)
        if name in ("position", "medium_position") and value < 1 and path[0] != "position":
            raise InputInvalid(f"{name} is {value}; positions count from 1", path=path)
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise InputInvalid(f"{name} is {value}, which is no number to keep", path=path)
        if name == "share" and not 0 <= value <= 100:
            raise InputInvalid(f"share is {value}; 0 to 100 percent will do", path=path)
        return value
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value) >= Decimal(10) ** 12:
            raise InputInvalid(f"{name} is {value}; it must be finite and below 10^12", path=path)
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InputInvalid(f"{name} is {value.isoformat()} without an offset; add Z or +hh:mm", path=path)
        return value.astimezone(UTC).isoformat()
    return value


def storable(name: str, value: str, path: Path) -> None:
    """Raises InputInvalid for a text that PostgreSQL can't hold."""
    if "\x00" in value or _SURROGATES.search(value):
        raise InputInvalid(f"{name} has a NUL or half a surrogate pair, which is no text", path=path)


def _text(name: str, value: str, path: Path) -> str:
    storable(name, value, path)
    longest = LONGEST_PROSE if name in _PROSE else LONGEST_TEXT
    if len(value) > longest:
        raise InputInvalid(f"{name} has {len(value)} characters; at most {longest}", path=path)
    if name in _CODES:
        try:
            return _CODES[name](value)
        except codes.CodeInvalid as error:
            raise InputInvalid(str(error), path=path) from None
    if name in _TERRITORIES:
        try:
            countries_of(value)
        except TerritoryUnknown as error:
            raise InputInvalid(str(error), path=path) from None
    if name in _DATES:
        return _partial_date(name, value, path)
    if name == "sha256" and not _SHA256.fullmatch(value):
        raise InputInvalid(f"sha256 is {value!r}; 64 hexadecimal digits in lower case will do", path=path)
    if name in ("title", "name", "text", "scheme", "value", "key", "role") and not value.strip():
        raise InputInvalid(f"{name} is empty; at least one character is needed", path=path)
    return value


def _partial_date(name: str, value: str, path: Path) -> str:
    """YYYY, YYYY-MM or YYYY-MM-DD of the calendar."""
    found = re.fullmatch(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", value)
    try:
        if found is None:
            raise ValueError("no such form")
        date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        raise InputInvalid(
            f"{name} is {value!r}; a date as YYYY, YYYY-MM or YYYY-MM-DD will do", path=path
        ) from None
    return value
