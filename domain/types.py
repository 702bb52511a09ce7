"""The small types that command inputs are made of."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Final, get_args, get_origin


class Unset(Enum):
    """The value of an input field that the caller left out: it stays as it is."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True)
class Ref:
    """Marks a string as the id of an entity of a kind ('*' for any): a global id, or a plain UUID."""

    kind: str

    @property
    def about(self) -> str:
        """What a caller may write there."""
        if self.kind == "*":
            return "The id of any entity, or its UUID."
        article = "an" if self.kind[0] in "aeio" else "a"
        return f"The id of {article} {self.kind.replace('_', ' ')}, or its UUID."


def reference_of(hint: Any) -> Ref | None:
    """The mark of a reference, or of a list of them, in a field's type; None where it is none."""
    if get_origin(hint) is Annotated:
        marks = [mark for mark in get_args(hint)[1:] if isinstance(mark, Ref)]
        return marks[0] if marks else None
    return next((found for inner in get_args(hint) if (found := reference_of(inner))), None)


ArtistId = Annotated[str, Ref("artist")]


@dataclass(frozen=True, kw_only=True)
class TitleValue:
    """One title. language: BCP 47; script: ISO 15924; type: display, formal, transliterated, alias …"""

    text: str
    subtitle: str | None = None
    language: str | None = None
    script: str | None = None
    type: str = "display"
    territories: list[str] = field(default_factory=list)
    is_default: bool = False


@dataclass(frozen=True, kw_only=True)
class IdentifierValue:
    """One further code of an entity: the scheme, the value, and whose namespace a proprietary one is in."""

    scheme: str
    value: str
    namespace: str | None = None


@dataclass(frozen=True, kw_only=True)
class AnnotationValue:
    """A free key and value."""

    key: str
    value: str


@dataclass(frozen=True, kw_only=True)
class CreditedName:
    """One name of an artist credit, and the phrase that joins it to the next."""

    name: str
    artist_id: ArtistId | None = None
    join_phrase: str = ""
    role: str | None = None


@dataclass(frozen=True, kw_only=True)
class MediumValue:
    """One medium of a release. Its position counts from 1."""

    position: int
    format: str | None = None
    title: str | None = None


@dataclass(frozen=True, kw_only=True)
class WriterValue:
    """Who wrote a work, as what, and the share in percent."""

    name: str
    role: str
    artist_id: ArtistId | None = None
    ipi: str | None = None
    share: float | None = None


@dataclass(frozen=True, kw_only=True)
class ChapterValue:
    """One chapter, half-open from start to end, in milliseconds."""

    title: str
    start_ms: int
    end_ms: int | None = None


class Json:
    """Marks a value that is any JSON, kept as it came."""


AnyJson = Annotated[Any, Json]
