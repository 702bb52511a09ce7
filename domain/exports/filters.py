"""Which rows an export takes: the filters of the lists, with the same names and meaning."""

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.exports.columns import Sees
from domain.fields import scalar
from domain.ids import IdInvalid, id_of
from domain.inputs import camel
from domain.kinds import KINDS
from domain.refusals import InputInvalid

MOST_VALUES = 1_000
VISIBILITIES = ("public", "private")
STATUSES = ("draft", "active", "taken_down", "deleted")

# From a value and its type to what stands for it in the statement.
Bind = Callable[[Any, str], str]


@dataclass(frozen=True, kw_only=True)
class CodeValue:
    """One code of an entity: its scheme and value."""

    scheme: str
    value: str


@dataclass(frozen=True, kw_only=True)
class ExportFilter:
    """Which rows are wanted; all conditions hold together. A code that the kind does not have is refused."""

    ids: list[str] = field(default_factory=list)
    status: list[str] = field(default_factory=list)
    visibility: list[str] = field(default_factory=list)
    updated_since: datetime | None = None
    identifier: CodeValue | None = None
    genre: list[str] = field(default_factory=list)
    isrc: list[str] = field(default_factory=list)
    upc: list[str] = field(default_factory=list)
    grid: list[str] = field(default_factory=list)
    catalog_number: list[str] = field(default_factory=list)
    iswc: list[str] = field(default_factory=list)
    isni: list[str] = field(default_factory=list)
    ipi: list[str] = field(default_factory=list)
    mbid: list[str] = field(default_factory=list)
    isan: list[str] = field(default_factory=list)
    guid: list[str] = field(default_factory=list)
    feed_url: list[str] = field(default_factory=list)
    isbn: list[str] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)
    reference: list[str] = field(default_factory=list)
    licensee_dpid: list[str] = field(default_factory=list)
    territory: list[str] = field(default_factory=list)
    use_type: list[str] = field(default_factory=list)
    commercial_model: list[str] = field(default_factory=list)


# The codes by which the lists of each kind can be filtered.
CODES: dict[str, tuple[str, ...]] = {
    "artist": ("isni", "ipi", "mbid"),
    "release": ("upc", "grid", "catalog_number", "mbid"),
    "track": ("isrc",),
    "recording": ("isrc", "mbid"),
    "work": ("iswc", "mbid"),
    "video": ("isrc", "isan"),
    "podcast": ("guid", "feed_url"),
    "episode": ("guid",),
    "book": ("isbn",),
    "audiobook": ("isbn",),
    "image": ("sha256",),
    "credit": (),
    "deal": ("reference", "licensee_dpid", "territory", "use_type", "commercial_model"),
}
_OVERLAP = {"territory": "territories", "use_type": "use_types", "commercial_model": "commercial_models"}
_EVERY = ("ids", "status", "visibility")
_TERRITORY = re.compile(r"[A-Z]{2}")


def clean(kind: str, given: ExportFilter) -> dict[str, Any]:
    """The conditions that were given, in normal form, as JSON keeps them. Raises InputInvalid."""
    found: dict[str, Any] = {}
    codes = CODES[kind]
    for name, values in vars(given).items():
        if values in (None, []):
            continue
        path = ("filter", name)
        fits = name in (*_EVERY, "updated_since", "identifier", *codes)
        if not (fits or (name == "genre" and "genres" in KINDS[kind].table.columns)):
            has = ", ".join(camel(code) for code in codes) or "none"
            raise InputInvalid(f"a {kind} has no {camel(name)} to filter by; its codes: {has}", path=path)
        if isinstance(values, list):
            if len(values) > MOST_VALUES:
                raise InputInvalid(
                    f"{camel(name)} has {len(values)} values; at most {MOST_VALUES}", path=path
                )
            found[name] = [_value(kind, name, value, (*path, at)) for at, value in enumerate(values)]
        elif isinstance(values, datetime):
            found[name] = scalar(name, values, path)
        else:
            found[name] = {part: scalar(part, text, (*path, part)) for part, text in vars(values).items()}
    return found


def conditions(kind: str, kept: dict[str, Any], bind: Bind, sees: Sees) -> Iterator[str]:
    """SQL over the alias t for the conditions that `clean` gave."""
    for name, value in kept.items():
        if name == "ids":
            yield f"t.id = any({bind([uuid.UUID(text) for text in value], 'uuid[]')})"
        elif name == "updated_since":
            yield f"t.updated_at >= {bind(datetime.fromisoformat(value), 'timestamptz')}"
        elif name == "identifier":
            scheme, code = bind(value["scheme"], "text"), bind(value["value"], "text")
            yield (
                f"t.id in (select i.entity_id from identifier i where i.scheme = {scheme} "
                f"and i.value = {code} and i.kind = '{kind}')"
            )
        elif name == "genre" or name in _OVERLAP:
            yield f"t.{_OVERLAP.get(name, 'genres')} && {bind(value, 'text[]')}"
        elif name == "isrc" and kind == "track":
            codes = bind(value, "text[]")
            ways = " union all ".join(
                f"select h.id from {heard} r join track h on h.{heard}_id = r.id "
                f"where r.isrc = any({codes}) and {sees(heard, 'r')}"
                for heard in ("recording", "video")
            )
            yield f"t.id in ({ways})"
        else:
            yield f"t.{name} = any({bind(value, 'text[]')})"


def _value(kind: str, name: str, value: str, path: tuple[str | int, ...]) -> str:
    if name == "ids":
        try:
            return str(id_of(kind, value))
        except IdInvalid as error:
            raise InputInvalid(str(error), path=path) from None
    _one_of({"status": STATUSES, "visibility": VISIBILITIES}.get(name), value, path)
    if name == "territory" and not _TERRITORY.fullmatch(value):
        raise InputInvalid(f"territory is {value!r}; an ISO 3166-1 code such as DE will do", path=path)
    return str(scalar(name, value, path))


def _one_of(words: Sequence[str] | None, value: str, path: tuple[str | int, ...]) -> None:
    if words is not None and value not in words:
        raise InputInvalid(f"{path[-2]} is {value!r}; one of {', '.join(words)} will do", path=path)
