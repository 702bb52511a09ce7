"""The small values a message is made of: names, titles, codes, credits, lines, dates, files.

Every item carries the line and path it was read from, so that a finding can point at it; they take no
part in comparing. What has no field of its own is kept whole in `extras`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

# Attributes that have no field of their own, by name.
Marks = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Anything that was said somewhere in the document."""

    line: int = field(default=0, compare=False)
    path: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Extra:
    """An element kept as it came: name, text, attributes, children."""

    name: str
    text: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    children: tuple["Extra", ...] = ()


@dataclass(frozen=True, slots=True)
class Where:
    """Territory codes as given: either those included, or those left out of the whole world."""

    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


EVERYWHERE = Where()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoped(Item):
    """Something said for some territories; `default` is the sender's choice where none is named."""

    where: Where = EVERYWHERE
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Term(Item):
    """A value from a list. When the list does not have it, `user_value` does, in somebody's `namespace`."""

    value: str
    namespace: str | None = None
    user_value: str | None = None
    marks: Marks = ()

    @property
    def text(self) -> str:
        """The value meant: the sender's own where the list has none."""
        return self.user_value or self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Code(Item):
    """An identifier as given. scheme: isrc, icpn, grid, iswc, dpid, isni, catalog_number, proprietary …"""

    scheme: str
    value: str
    namespace: str | None = None
    replaced: bool = False
    marks: Marks = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Words(Scoped):
    """A text in a language (BCP 47). kind: what it is when several kinds share a list."""

    text: str
    language: str | None = None
    kind: str | None = None
    namespace: str | None = None
    user_value: str | None = None
    marks: Marks = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Title(Scoped):
    """A title. kind: display, display_text, formal, grouping, reference, or the sender's in snake case."""

    text: str
    subtitles: tuple[Words, ...] = ()
    kind: str = "display"
    language: str | None = None
    original_language: bool | None = None
    marks: Marks = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Scoped):
    """A party's name, whole and in parts."""

    full: str
    indexed: str | None = None
    ascii: str | None = None
    before_key: str | None = None
    key: str | None = None
    after_key: str | None = None
    abbreviated: str | None = None
    language: str | None = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Party(Item):
    """Somebody. Versions that name parties in place get a reference made from what was said of them."""

    reference: str
    codes: tuple[Code, ...] = ()
    names: tuple[Name, ...] = ()
    extras: tuple[Extra, ...] = ()

    @property
    def name(self) -> str:
        """The leading name: the default one, else the first, else a code; empty when nothing was said."""
        given = [name for name in self.names if name.full]
        chosen = next((name for name in given if name.default), given[0] if given else None)
        if chosen is not None:
            return chosen.full
        return self.codes[0].value if self.codes else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit(Scoped):
    """Who had a hand in it. kind: display_artist, display_conductor, display_composer, contributor, indirect.

    roles: for display artists the artist role; artistic_roles what they did musically. special: stands for
    a named party where the sender used a fixed phrase such as VariousArtists.
    """

    kind: str
    party: str | None = None
    special: str | None = None
    roles: tuple[Term, ...] = ()
    artistic_roles: tuple[Term, ...] = ()
    instruments: tuple[Term, ...] = ()
    sequence: int | None = None
    featured: bool | None = None
    contracted: bool | None = None
    credited: bool | None = None
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsLine(Scoped):
    """A P-line, C-line or courtesy line."""

    kind: str
    text: str
    year: int | None = None
    company: str | None = None
    language: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Genre(Scoped):
    """A genre in the sender's words, and its finer name."""

    text: str
    sub: str | None = None
    language: str | None = None
    sub_language: str | None = None
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class When(Scoped):
    """A date, whose month or day may be unknown, or an aware instant in UTC; `given` is the text as sent."""

    kind: str
    given: str
    date: str | None = None
    instant: datetime | None = None
    approximate: bool = False
    before: bool = False
    after: bool = False
    place: str | None = None
    language: str | None = None
    releases: tuple[str, ...] = ()
    marks: Marks = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory(Scoped):
    """A parental warning, and the standard it follows."""

    term: Term
    standard: Term | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Language(Item):
    """A language heard or read. use: performance, dubbing, subtitle, lyrics, text."""

    use: str
    tag: str
    main: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hash(Item):
    """A checksum of a file."""

    value: str
    algorithm: Term | None = None
    data_type: str | None = None
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Item):
    """A delivered or linked file."""

    name: str | None = None
    folder: str | None = None
    uri: str | None = None
    size_kb: Decimal | None = None
    hashes: tuple[Hash, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number with its unit, as given."""

    value: str
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding(Item):
    """One technical form of a resource: what it is coded in, and its files."""

    type: str | None = None
    container: Term | None = None
    codec: Term | None = None
    audio_codec: Term | None = None
    measures: tuple[tuple[str, Measure], ...] = ()
    duration_ms: int | None = None
    files: tuple[File, ...] = ()
    provided: bool | None = None
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip(Item):
    """A preview: which part of the resource it is."""

    type: Term | None = None
    reference: str | None = None
    start_s: Decimal | None = None
    end_s: Decimal | None = None
    duration_ms: int | None = None
    expression: str | None = None
    encodings: tuple[Encoding, ...] = ()
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Technical(Scoped):
    """The technical details of a resource under their local reference."""

    reference: str
    is_preview: bool | None = None
    encodings: tuple[Encoding, ...] = ()
    clips: tuple[Clip, ...] = ()
    language: str | None = None
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition(Item):
    """One edition of a recording or video: its codes, lines and files. Before 4.3 there is exactly one."""

    type: str | None = None
    codes: tuple[Code, ...] = ()
    credits: tuple[Credit, ...] = ()
    lines: tuple[RightsLine, ...] = ()
    recording_mode: str | None = None
    technical: tuple[Technical, ...] = ()
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkUse(Item):
    """A work heard in a resource: by local reference, or by its codes."""

    reference: str | None = None
    codes: tuple[Code, ...] = ()
    sequence: int | None = None
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Item):
    """A composition the message describes on its own."""

    reference: str
    codes: tuple[Code, ...] = ()
    titles: tuple[Title, ...] = ()
    credits: tuple[Credit, ...] = ()
    types: tuple[Term, ...] = ()
    extras: tuple[Extra, ...] = ()
