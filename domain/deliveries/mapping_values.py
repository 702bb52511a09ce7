"""Single values of a message as claims: keys, titles, codes, credits' names, lines, dates.

What has no column stands in the annotation `ern`, as JSON, so that nothing the sender said is lost.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import orjson

from domain.codes import CODES, CodeInvalid, icpn, ipi_name
from domain.deliveries.message import Described, to_json
from domain.deliveries.parts import EVERYWHERE, Advisory, Code, Party, RightsLine, Scoped, Title, When, Where
from domain.rights.territory import WORLDWIDE, expand_known

ANNOTATION = "ern"
LARGEST_INT = 2**31 - 1
_TITLE_TYPES = {
    "display": "display",
    "display_text": "display",
    "reference": "display",
    "formal": "formal",
    "grouping": "grouping",
    "abbreviated_display": "abbreviated",
    "translated": "translated",
    "search": "search",
    "sorting": "search",
}
_WARNINGS = {
    "Explicit": "explicit",
    "ExplicitContentEdited": "explicit_content_edited",
    "NotExplicit": "not_explicit",
    "NoAdviceAvailable": "no_advice_available",
}
_BLANKS = re.compile(r"\s+")
# Strongest first: by which code of its own a sender's thing is known from one message to the next.
KEY_SCHEMES = {
    "release": ("icpn", "grid", "proprietary", "isrc", "catalog_number"),
    "recording": ("isrc", "proprietary", "catalog_number"),
    "video": ("isrc", "isan", "visan", "eidr", "proprietary", "catalog_number"),
    "image": ("proprietary",),
    "work": ("iswc", "proprietary"),
    "artist": ("isni", "ipi", "dpid", "ipn", "proprietary"),
}


def folded(text: str) -> str:
    """A name for comparing: compatibility form, one case, single blanks."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def bare(code: Code) -> str | None:
    """A code in its normal form, or None when it has not the form its scheme asks for."""
    grammar = CODES.get(code.scheme)
    if grammar is None:
        return code.value
    try:
        if code.scheme == "icpn":
            return icpn(code.value)
        return ipi_name(code.value) if code.scheme == "ipi" else grammar.normal(code.value)
    except CodeInvalid:
        return None


def code_key(code: Code) -> str:
    """A code as part of a key: scheme, namespace where it has one, value."""
    value = bare(code) or code.value
    return f"{code.scheme}:{code.namespace}:{value}" if code.namespace else f"{code.scheme}:{value}"


def keys_of(kind: str, codes: Iterable[Code]) -> tuple[str, ...]:
    """Every key that a thing with these codes could be known by, strongest first."""
    current = [code for code in codes if not code.replaced]
    return tuple(code_key(code) for scheme in KEY_SCHEMES[kind] for code in current if code.scheme == scheme)


def column(codes: Iterable[Code], scheme: str) -> str | None:
    """The code for a column: the first of its scheme that is current and has its form."""
    return next(
        (value for code in codes if code.scheme == scheme and not code.replaced and (value := bare(code))),
        None,
    )


def identifiers(codes: Iterable[Code]) -> list[dict[str, Any]]:
    """Every code as given, once each."""
    seen = dict.fromkeys((code.scheme, code.value, code.namespace) for code in codes)
    return [{"scheme": scheme, "value": value, "namespace": namespace} for scheme, value, namespace in seen]


def territories(where: Where) -> list[str]:
    """The territories of a value: none for the whole world; as given, or expanded when some are excluded."""
    if where.excluded:
        return list(expand_known(where.included, where.excluded))
    codes = dict.fromkeys(where.included)
    return [] if WORLDWIDE in codes else list(codes)


def titles(said: Iterable[Title]) -> list[dict[str, Any]]:
    """Every title once, in the order said."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for title in said:
        if not title.text:
            continue
        language, script = language_and_script(title.language)
        subtitle = " ".join(sub.text for sub in title.subtitles) or None
        kind = _TITLE_TYPES.get(title.kind, "alias")
        where = territories(title.where)
        held = found.setdefault(
            (title.text, subtitle, language, kind, *where),
            {
                "text": title.text,
                "subtitle": subtitle,
                "language": language,
                "script": script,
                "type": kind,
                "territories": where,
                "is_default": False,
            },
        )
        held["is_default"] = held["is_default"] or title.default
    return list(found.values())


def language_and_script(tag: str | None) -> tuple[str | None, str | None]:
    """A BCP 47 tag, and the script it names (ISO 15924)."""
    if not tag:
        return None, None
    script = next((part.title() for part in tag.split("-")[1:] if len(part) == 4 and part.isalpha()), None)
    return tag, script


S = TypeVar("S", bound=Scoped)


def leading(values: Iterable[S]) -> S | None:
    """The value that holds where no territory is named: the default, else the world's, else the first."""
    listed = list(values)
    return next(
        (value for value in listed if value.default),
        next((v for v in listed if v.where is EVERYWHERE or WORLDWIDE in v.where.included), None)
        or next(iter(listed), None),
    )


def warning(said: Iterable[Advisory]) -> str | None:
    """The parental warning that leads, in the catalog's words."""
    chosen = leading(said)
    return _WARNINGS.get(chosen.term.value, "unknown") if chosen is not None else None


def line_fields(lines: Iterable[RightsLine], kind: str) -> dict[str, Any]:
    """The year and text of the leading P- or C-line."""
    chosen = leading([line for line in lines if line.kind == kind])
    if chosen is None:
        return {}
    year = chosen.year if chosen.year is not None and chosen.year <= 9999 else None
    return {f"{kind}_line_year": year, f"{kind}_line": chosen.text or None}


def date_of(dates: Iterable[When], *kinds: str) -> str | None:
    """The leading date of the first kind that has one."""
    listed = list(dates)
    for kind in kinds:
        chosen = leading([when for when in listed if when.kind == kind and (when.date or when.instant)])
        if chosen is not None:
            return chosen.date or (chosen.instant.date().isoformat() if chosen.instant else None)
    return None


def duration(value: int | None) -> int | None:
    """A duration that a column can hold."""
    return value if value is not None and value <= LARGEST_INT else None


def genres(item: Described) -> list[str]:
    """Genres and finer ones, once each."""
    named = (name for genre in item.genres for name in (genre.text, genre.sub))
    return list(dict.fromkeys(name for name in named if name))


def languages(item: Described) -> list[str]:
    """The languages heard or read, once each; for a release, that of what is written on it if none is."""
    return list(dict.fromkeys(language.tag for language in item.languages))


def version_title(item: Described) -> str | None:
    """What tells the version: the first subtitle of the leading title."""
    with_sub = [title for title in item.titles if title.subtitles]
    chosen = leading([title for title in with_sub if title.kind != "grouping"])
    return chosen.subtitles[0].text if chosen is not None else None


def artist_key(party: Party) -> str:
    """How a sender's party is known: by its strongest code, else by its name."""
    keys = keys_of("artist", party.codes)
    return keys[0] if keys else f"name:{folded(party.name)}"


def annotation(said: Mapping[str, Any]) -> list[dict[str, str]]:
    """What no column holds, as one annotation; none when there is nothing."""
    rest = {name: value for name, value in said.items() if value not in (None, [], {}, "")}
    return [{"key": ANNOTATION, "value": sorted_json(rest).decode()}] if rest else []


def sorted_json(value: Any) -> bytes:
    """JSON with sorted keys: equal bytes mean equal value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def plain(value: Any) -> Any:
    """A part of the message as JSON without the places it was read from."""
    return to_json(value, places=False)


def iso(instant: datetime | None) -> str | None:
    """An instant as claims hold it."""
    return instant.isoformat() if instant is not None else None
