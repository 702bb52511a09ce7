"""Reading the parts that all versions of ERN share: codes, names, titles, lines, dates, files, terms."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from domain.adapters.ern.node import Node
from domain.deliveries.message import Money, Period
from domain.deliveries.parts import (
    EVERYWHERE,
    Advisory,
    Code,
    Extra,
    File,
    Genre,
    Hash,
    Measure,
    Name,
    RightsLine,
    Term,
    Title,
    When,
    Where,
    Words,
)

SCHEMES = {
    "ISRC": "isrc",
    "ICPN": "icpn",
    "GRid": "grid",
    "ISWC": "iswc",
    "ISAN": "isan",
    "VISAN": "visan",
    "ISMN": "ismn",
    "ISBN": "isbn",
    "ISSN": "issn",
    "SICI": "sici",
    "EIDR": "eidr",
    "MWLI": "mwli",
    "CatalogNumber": "catalog_number",
    "ProprietaryId": "proprietary",
    "OpusNumber": "opus_number",
    "ComposerCatalogNumber": "composer_catalog_number",
    "DPID": "dpid",
    "ISNI": "isni",
    "IpiNameNumber": "ipi",
    "IPN": "ipn",
    "CisacSocietyId": "cisac_society",
}
_DURATION = re.compile(
    r"P(?:(\d+)D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d+))?S)?)?", re.ASCII
)
_PARTIAL = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?", re.ASCII)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TRUE = ("true", "1")


@lru_cache(maxsize=1024)
def snake(name: str) -> str:
    """A DDEX name in snake case: ReleaseDisplayStartDate -> release_display_start_date."""
    return _HUMP.sub("_", name).lower()


def duration_ms(text: str | None) -> int | None:
    """An xs:duration of days, hours, minutes and seconds in milliseconds; None when it is none."""
    found = _DURATION.fullmatch(text) if text else None
    if found is None or text == "P" or (text or "").endswith("T"):
        return None
    days, hours, minutes, seconds, fraction = found.groups(default="0")
    whole = ((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + round(float(f"0.{fraction}") * 1000)


def length_of(node: Node, name: str = "Duration") -> int | None:
    """The duration a child gives, in milliseconds; one that has no fixed length is kept as an extra."""
    child = node.one(name)
    if child is None:
        return None
    length = duration_ms(child.text)
    if child.text and length is None:
        node.kept.append(child.extra())
    return length


def instant(text: str | None) -> datetime | None:
    """An xs:dateTime as an aware instant in UTC; without a zone it is taken to be UTC."""
    try:
        value = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    if "T" not in (text or ""):
        return None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        return None


def partial_date(text: str | None) -> str | None:
    """YYYY, YYYY-MM or YYYY-MM-DD when it names days that exist; None otherwise."""
    if not text or not _PARTIAL.fullmatch(text):
        return None
    try:
        datetime.fromisoformat((text + "-01-01")[:10])
    except ValueError:
        return None
    return text


def yes(text: str | None) -> bool | None:
    """An xs:boolean, or None when nothing was said."""
    return None if text is None else text in _TRUE


def whole(text: str | None) -> int | None:
    """A whole number, or None when it is none (or longer than any count is)."""
    if text and len(text) <= 18 and text.lstrip("+-").isdecimal():
        return int(text)
    return None


def decimal(text: str | None) -> Decimal | None:
    """A decimal number, or None when it is none."""
    try:
        value = Decimal(text) if text and len(text) <= 40 else None
    except InvalidOperation:
        return None
    return value if value is not None and value.is_finite() else None


def where_of(node: Node) -> Where:
    """The territories an attribute names (ERN 4); the whole world when it names none."""
    codes = node.attribute("ApplicableTerritoryCode")
    return Where(included=tuple(codes.split())) if codes else EVERYWHERE


def where_block(node: Node) -> Where:
    """The territories that child elements include or exclude."""
    included, excluded = node.values("TerritoryCode"), node.values("ExcludedTerritoryCode")
    return Where(included, excluded) if included or excluded else EVERYWHERE


def term(node: Node | None) -> Term | None:
    """A value from a list, with the sender's own value where the list has none."""
    if node is None:
        return None
    if node.attributes:
        namespace, own = node.attribute("Namespace"), node.attribute("UserDefinedValue")
        return Term(
            value=node.text,
            namespace=namespace,
            user_value=own,
            marks=node.marks(),
            line=node.line,
            path=node.path,
        )
    return Term(value=node.text, line=node.line, path=node.path)


def terms(nodes: Iterable[Node]) -> tuple[Term, ...]:
    """Several values, without empty ones."""
    return tuple(made for node in nodes if node.text and (made := term(node)) is not None)


def codes_of(node: Node | None) -> tuple[Code, ...]:
    """The identifiers inside a ReleaseId, ResourceId, PartyId, MusicalWorkId …"""
    if node is None:
        return ()
    replaced = bool(yes(node.attribute("IsReplaced")))
    return tuple(
        Code(
            scheme=SCHEMES[name],
            value=child.text,
            namespace=child.attribute("Namespace"),
            replaced=replaced,
            marks=child.marks(),
            line=child.line,
            path=child.path,
        )
        for name in [name for name in node.children if name in SCHEMES]
        for child in node.children.pop(name)
        if child.text
    )


def all_codes(nodes: Iterable[Node]) -> tuple[Code, ...]:
    """The identifiers of several id elements in a row."""
    return tuple(code for node in nodes for code in codes_of(node))


def words(node: Node, where: Where = EVERYWHERE, kind: str | None = None, *, default: bool = False) -> Words:
    """A text with its language, territory and default mark."""
    own = where_of(node) if node.attributes else EVERYWHERE
    return Words(
        text=node.text,
        language=node.attribute("LanguageAndScriptCode"),
        kind=kind,
        namespace=node.attribute("Namespace"),
        user_value=node.attribute("UserDefinedValue"),
        where=own if own is not EVERYWHERE else where,
        default=default or bool(yes(node.attribute("IsDefault"))),
        marks=node.marks(),
        line=node.line,
        path=node.path,
    )


def all_words(
    nodes: Iterable[Node], where: Where = EVERYWHERE, kind: str | None = None, *, default: bool = False
) -> tuple[Words, ...]:
    """Several texts, without empty ones."""
    return tuple(words(node, where, kind, default=default) for node in nodes if node.text)


def name_of(node: Node) -> Name:
    """A party's name."""
    kinds = tuple(
        kind
        for kind, attribute in (
            ("nickname", "IsNickname"),
            ("stage", "IsStageName"),
            ("legal", "IsLegalName"),
            ("original_language", "IsInOriginalLanguage"),
        )
        if yes(node.attribute(attribute))
    )
    full = node.one("FullName")
    inner = full.attribute("LanguageAndScriptCode") if full is not None else None
    return Name(
        full=full.text if full is not None else "",
        indexed=node.value("FullNameIndexed"),
        ascii=node.value("FullNameAsciiTranscribed"),
        before_key=node.value("NamesBeforeKeyName"),
        key=node.value("KeyName"),
        after_key=node.value("NamesAfterKeyName"),
        abbreviated=node.value("AbbreviatedName"),
        language=node.attribute("LanguageAndScriptCode") or inner,
        kinds=kinds,
        where=where_of(node),
        default=bool(yes(node.attribute("IsDefault"))),
        line=node.line,
        path=node.path,
    )


def title_of(node: Node, kind: str, where: Where = EVERYWHERE, *, default: bool = False) -> Title:
    """A title with its subtitles; the node is the title itself or holds a TitleText."""
    own = where_of(node)
    inner = node.one("TitleText")
    language = node.attribute("LanguageAndScriptCode")
    if inner is not None:
        language = inner.attribute("LanguageAndScriptCode") or language
    subtitles = tuple(
        words(sub, kind=sub.attribute("SubTitleType")) for sub in node.all("SubTitle") if sub.text
    )
    return Title(
        text=inner.text if inner is not None else node.text,
        subtitles=subtitles,
        kind=kind,
        language=language,
        original_language=yes(node.attribute("IsInOriginalLanguage")),
        where=own if own is not EVERYWHERE else where,
        default=default or bool(yes(node.attribute("IsDefault"))),
        marks=node.marks(),
        line=node.line,
        path=node.path,
    )


def title_kind(type_name: str | None, without: str = "display") -> str:
    """The kind a TitleType names: FormalTitle -> formal."""
    return snake(type_name.removesuffix("Title") or type_name) if type_name else without


def line_of(node: Node, kind: str, where: Where = EVERYWHERE, *, default: bool = False) -> RightsLine:
    """A P-line or C-line; a courtesy line is its own text."""
    own = where_of(node)
    letter = "PLine" if kind == "p" else "CLine"
    year = node.one("Year")
    return RightsLine(
        kind=kind,
        text=node.text if kind == "courtesy" else node.value(f"{letter}Text") or "",
        year=whole(year.text[:4]) if year is not None else None,
        company=node.value(f"{letter}Company"),
        language=node.attribute("LanguageAndScriptCode"),
        type=node.attribute("PLineType"),
        where=own if own is not EVERYWHERE else where,
        default=default or bool(yes(node.attribute("IsDefault"))),
        line=node.line,
        path=node.path,
    )


def lines_of(node: Node, where: Where = EVERYWHERE, *, default: bool = False) -> tuple[RightsLine, ...]:
    """The P-, C- and courtesy lines standing in a node."""
    return tuple(
        line_of(child, kind, where, default=default)
        for kind, name in (("p", "PLine"), ("c", "CLine"), ("courtesy", "CourtesyLine"))
        for child in node.all(name)
    )


def genre_of(node: Node, where: Where = EVERYWHERE, *, default: bool = False) -> Genre:
    """A genre and its sub-genre."""
    own = where_of(node)
    text, sub = node.one("GenreText"), node.one("SubGenre")
    inner = text.attribute("LanguageAndScriptCode") if text is not None else None
    return Genre(
        text=text.text if text is not None else "",
        sub=(sub.text or None) if sub is not None else None,
        language=node.attribute("LanguageAndScriptCode") or inner,
        sub_language=sub.attribute("LanguageAndScriptCode") if sub is not None else None,
        where=own if own is not EVERYWHERE else where,
        default=default or bool(yes(node.attribute("IsDefault"))),
        extras=node.rest(),
        line=node.line,
        path=node.path,
    )


def when_of(node: Node, kind: str, where: Where = EVERYWHERE, *, default: bool = False) -> When:
    """A date or an instant with its marks; a FulfillmentDate holds its date one level down."""
    inner = node.one("FulfillmentDate")
    given = inner.text if inner is not None else node.text
    own = EVERYWHERE
    flags: dict[str, str] = node.attributes
    if flags:
        place = flags.pop("ApplicableTerritoryCode", None) or flags.pop("TerritoryCode", None)
        own = Where(included=tuple(place.split())) if place else EVERYWHERE
    return When(
        kind=kind,
        given=given,
        date=partial_date(given),
        instant=instant(given),
        approximate=flags.pop("IsApproximate", "") in _TRUE,
        before=flags.pop("IsBefore", "") in _TRUE,
        after=flags.pop("IsAfter", "") in _TRUE,
        place=flags.pop("LocationDescription", None),
        language=flags.pop("LanguageAndScriptCode", None),
        releases=node.values("ResourceReleaseReference"),
        where=own if own is not EVERYWHERE else where,
        default=default or flags.pop("IsDefault", "") in _TRUE,
        marks=node.marks(),
        line=node.line,
        path=node.path,
    )


def whens(
    node: Node, names: Iterable[tuple[str, str]], where: Where = EVERYWHERE, *, default: bool = False
) -> tuple[When, ...]:
    """The dates standing in a node, by element name and kind."""
    return tuple(
        when_of(child, kind, where, default=default)
        for name, kind in names
        for child in node.all(name)
        if child.text or child.children
    )


def period_of(node: Node) -> Period:
    """From when until when, by date or by instant."""
    start = node.one("StartDateTime") or node.one("StartDate")
    end = node.one("EndDateTime") or node.one("EndDate")
    return Period(
        start=when_of(start, "start") if start is not None and start.text else None,
        end=when_of(end, "end") if end is not None and end.text else None,
        line=node.line,
        path=node.path,
    )


def advisory_of(node: Node, where: Where = EVERYWHERE, *, default: bool = False) -> Advisory:
    """A parental warning."""
    own = where_of(node)
    standard = node.attribute("ParentalWarningStandard")
    namespace = node.attribute("TypeNamespace") or node.attribute("Namespace")
    own_value = node.attribute("TypeUserDefinedValue") or node.attribute("UserDefinedValue")
    return Advisory(
        term=Term(value=node.text, namespace=namespace, user_value=own_value, line=node.line, path=node.path),
        standard=Term(
            value=standard,
            namespace=node.attribute("StandardNamespace"),
            user_value=node.attribute("StandardUserDefinedValue"),
        )
        if standard
        else None,
        where=own if own is not EVERYWHERE else where,
        default=default or bool(yes(node.attribute("IsDefault"))),
        line=node.line,
        path=node.path,
    )


def money(node: Node | None) -> Money | None:
    """An amount in a currency."""
    amount = decimal(node.text) if node is not None else None
    if node is None or amount is None:
        return None
    return Money(amount=amount, currency=node.attribute("CurrencyCode"))


def measures_of(node: Node, names: Iterable[str]) -> tuple[tuple[str, Measure], ...]:
    """Numbers with units, by the snake-case name of their element."""
    return tuple(
        (snake(name), Measure(value=child.text, unit=child.attribute("UnitOfMeasure")))
        for name in names
        if name in node.children
        for child in node.all(name)
        if child.text
    )


def flags_of(node: Node, names: Iterable[str]) -> tuple[tuple[str, bool], ...]:
    """The yes-or-no elements of a node that were said, by snake-case name."""
    return tuple(
        (snake(name), text in _TRUE) for name in names if name in node.children and (text := node.value(name))
    )


def file_of(node: Node) -> File:
    """A file: FileName with FilePath, a URL, or (ERN 4) a URI."""
    return File(
        name=node.value("FileName"),
        folder=node.value("FilePath"),
        uri=node.value("URI") or node.value("URL"),
        size_kb=decimal(node.value("FileSize")),
        hashes=tuple(_hash_of(child) for child in node.all("HashSum")),
        line=node.line,
        path=node.path,
    )


def _hash_of(node: Node) -> Hash:
    value = node.value("HashSumValue") or node.value("HashSum") or ""
    algorithm = term(node.one("Algorithm") or node.one("HashSumAlgorithmType"))
    data_type = node.value("DataType") or node.value("HashSumDataType")
    return Hash(
        value=value,
        algorithm=algorithm,
        data_type=data_type,
        extras=node.rest(),
        line=node.line,
        path=node.path,
    )


def party_codes(node: Node) -> tuple[Code, ...]:
    """The codes of a PartyId: inside it (ERN 4), or its text with marks (ERN 3)."""
    if node.children:
        return codes_of(node)
    if not node.text:
        return ()
    namespace = node.attribute("Namespace")
    if yes(node.attribute("IsISNI")):
        scheme = "isni"
    elif yes(node.attribute("IsDPID")) or (namespace is None and node.text.upper().startswith("PADPIDA")):
        scheme = "dpid"
    else:
        scheme = "proprietary"
    return (Code(scheme=scheme, value=node.text, namespace=namespace, line=node.line, path=node.path),)


def whole_extras(nodes: Iterable[Node]) -> tuple[Extra, ...]:
    """Nodes kept as they are."""
    return tuple(node.extra() for node in nodes)
