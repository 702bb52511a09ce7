"""What an export tells of each kind: its columns, by the names the API has for them.

A column gives the value that the API's field of that name gives; a reference to a row that the asker may
not see is empty, as the field is null. The figures of a recording's sound are columns of it and of its
tracks, by the names under which they are claimed: `features.tempo_bpm`, and `features.tempo_bpm.confidence`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import ARRAY, BigInteger, Boolean, DateTime, Integer, Numeric, Uuid

from domain.access.scopes import Scope
from domain.claims import FEATURES, JUDGED
from domain.features.known import FIGURES
from domain.inputs import camel, snake
from domain.kinds import KINDS, Kind
from domain.refusals import InputInvalid

# From a table and an alias to the condition that the asker may see the row.
Sees: TypeAlias = Callable[[str, str], str]

# Columns that no door shows.
_HIDDEN = {"image": frozenset({"xxh128", "parental_warning"})}
_VALUES = {
    "titles": (
        "title",
        ("text", "subtitle", "language", "script", "type", "territories", "is_default"),
    ),
    "identifiers": ("identifier", ("scheme", "value", "namespace")),
    "annotations": ("annotation", ("key", "value")),
}
# Figures whose confidence is a column, and those that are given without asking.
_SURE = ("tempo_bpm", "key", *(name.removeprefix(FEATURES) for name in sorted(JUDGED)))
_USUAL = ("tempo_bpm", "key", "loudness_lufs", "true_peak_dbtp", "energy", "danceability", "genre")
_TOLD = (
    *("name", "number", "text", "reason", "confidence", "basis", "source", "model", "model_version"),
    *("rivals", "detail", "locked"),
)


class Type(StrEnum):
    """How a value stands in JSON, and so what a cell of CSV is read back as."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    VALUES = "values"
    ID = "id"


@dataclass(frozen=True)
class Column:
    """One column. sql: its value, over the alias t. kind: what an id names. usual: given without asking.

    figures: that the value is an aggregate, over the figures of the row's recording, by the alias a.
    """

    name: str
    type: Type
    sql: Callable[[Sees], str]
    kind: str = ""
    usual: bool = True
    figures: bool = False


def columns_of(kind: str) -> dict[str, Column]:
    """Every column of a kind by name, in order: the id first, values of which there are several last."""
    of = KINDS[kind]
    found = [Column("id", Type.ID, lambda _sees: "t.id", kind)]
    hidden = _HIDDEN.get(kind, frozenset())
    references = dict(of.references)
    shown = [name for name in (*of.columns, *of.derived) if name not in hidden]
    for name in shown:
        if name in references:
            if references[name] != "*":
                found.append(_reference(name, references[name]))
        elif kind == "track" and name == "duration_ms":
            found.append(_heard("isrc", Type.TEXT, own=False))
            found.append(_heard("duration_ms", Type.NUMBER, own=True))
        else:
            found.append(_plain(of, name))
    if of.has_artist_credit:
        credited = "(select c.name from artist_credit c where c.id = t.artist_credit_id)"
        found.append(Column("artistCredit", Type.TEXT, lambda _sees: credited))
    if kind in FIGURES_OF:
        found += _figures(usual=kind == "recording")
    found += [_plain(of, name) for name in ("version", "created_at", "updated_at")]
    found += [_values(name) for name in _VALUES]
    return {column.name: column for column in found}


def chosen(kind: str, names: Sequence[str]) -> tuple[Column, ...]:
    """The columns asked for, in that order, or the usual ones. Raises InputInvalid."""
    known = columns_of(kind)
    if not names:
        return tuple(column for column in known.values() if column.usual)
    given = [_named(name) for name in names]
    for place, name in enumerate(given):
        if name not in known:
            raise InputInvalid(
                f"{names[place]!r} is no column of a {kind}; it has {', '.join(known)}",
                path=("columns", place),
            )
        if name in given[:place]:
            raise InputInvalid(f"{names[place]!r} is asked for twice", path=("columns", place))
    return tuple(known[name] for name in given)


def _named(name: str) -> str:
    """The name of a column as somebody writes it: figures have the names that claims have."""
    return snake(name) if name.startswith(FEATURES) else camel(snake(name))


def scope_of(kind: str) -> Scope:
    """What reading rows of a kind needs."""
    return Scope.RIGHTS_READ if kind == "deal" else Scope.CATALOG_READ


def _plain(of: Kind, name: str) -> Column:
    type = of.table.columns[name].type
    sql = f"t.{name}"
    if isinstance(type, DateTime):
        # As the API writes instants.
        sql, found = f"to_json({sql}) #>> '{{}}'", Type.TEXT
    elif isinstance(type, Numeric | BigInteger):
        # JSON numbers would lose digits on their way through other programs.
        sql, found = f"{sql}::text", Type.TEXT
    elif isinstance(type, ARRAY):
        found = Type.LIST
    elif isinstance(type, Boolean):
        found = Type.BOOLEAN
    elif isinstance(type, Integer):
        found = Type.NUMBER
    else:
        assert not isinstance(type, Uuid), f"{of.name}.{name} is an id that would not be judged"
        found = Type.TEXT
    return Column(camel(name), found, lambda _sees: sql)


def _reference(name: str, kind: str) -> Column:
    return Column(
        camel(name),
        Type.ID,
        lambda sees: f"(select r.id from {kind} r where r.id = t.{name} and {sees(kind, 'r')})",
        kind,
    )


def _heard(name: str, type: Type, *, own: bool) -> Column:
    """A value of a track that is its recording's, or its video's, as far as the asker may see them."""

    def sql(sees: Sees) -> str:
        ways = ", ".join(
            f"(select r.{name} from {kind} r where r.id = t.{kind}_id and {sees(kind, 'r')})"
            for kind in ("recording", "video")
        )
        return f"coalesce({f't.{name}, ' if own else ''}{ways})"

    return Column(camel(name), type, sql)


def _values(name: str) -> Column:
    table, fields = _VALUES[name]
    pairs = ", ".join(f"'{camel(field)}', v.{field}" for field in fields)
    sql = (
        f"(select coalesce(json_agg(json_build_object({pairs}) order by v.position), '[]') "
        f"from {table} v where v.entity_id = t.id)"
    )
    return Column(name, Type.VALUES, lambda _sees: sql, usual=False)


# By kind: the recording whose figures a row has.
FIGURES_OF = {"recording": "t.id", "track": "t.recording_id"}


def figures_join(kind: str, columns: Sequence[Column], sees: Sees) -> str:
    """SQL that joins one row `f` to each row t: a value for each column that is made of figures, by place."""
    made = [f"{column.sql(sees)} as c{place}" for place, column in enumerate(columns) if column.figures]
    if not made:
        return ""
    of = FIGURES_OF[kind]
    # Whoever sees a recording sees its figures; a track may name a recording that the asker may not see.
    seen = "" if kind == "recording" else f" and {sees('audio_feature', 'a')}"
    return (
        f" cross join lateral (select {', '.join(made)} from audio_feature a "
        f"where a.recording_id = {of}{seen}) f"
    )


def _figures(*, usual: bool) -> list[Column]:
    found = []
    for figure in FIGURES.values():
        name, given = f"{FEATURES}{figure.name}", usual and figure.name in _USUAL
        value = "number" if figure.is_number else "text"
        found.append(_figure(name, Type.NUMBER if figure.is_number else Type.TEXT, figure.name, value, given))
        if figure.name in _SURE:
            found.append(_figure(f"{name}.confidence", Type.NUMBER, figure.name, "confidence", given))
        if figure.name == "key":
            found.append(_figure(f"{name}.camelot", Type.TEXT, "key", "camelot", given))
    pairs = ", ".join(f"'{camel(field)}', a.{field}" for field in _TOLD)
    whole = f"coalesce(json_agg(json_build_object({pairs}) order by a.name), '[]')"
    return [*found, Column(FEATURES.rstrip("."), Type.VALUES, lambda _: whole, usual=False, figures=True)]


def _figure(column: str, type: Type, name: str, value: str, usual: bool) -> Column:
    told = "catalog_camelot(a.text)" if value == "camelot" else f"a.{value}"
    sql = f"max({told}) filter (where a.name = '{name}')"
    return Column(column, type, lambda _sees: sql, usual=usual, figures=True)
