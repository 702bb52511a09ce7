"""The filter of similar recordings as SQL conditions, its values checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.vectors.mixing import MOST_PERCENT, RATIOS, WITHIN_PERCENT, place_of
from graph.problems import ReadRefused, plain_text

if TYPE_CHECKING:
    from graph.sql import Bound, Writer

FASTEST_BPM = 1_000.0
MOST_WORDS = 50


@dataclass(frozen=True)
class Wanted:
    """What a filter asks for. within: SQL for how far tempos may lie apart, in percent.

    conditions: over the row's alias, and over `s`, the recording asked about. needs_tempo, needs_key: that
    they ask for what was measured of `s`.
    """

    conditions: tuple[str, ...]
    within: str
    needs_tempo: bool
    needs_key: bool


def wanted(writer: "Writer", slot: int, given: Mapping[str, Any], row: str, *, mixable: bool) -> Wanted:
    """The conditions of a filter. mixable: whether what can't be mixed is left out in any case."""
    there = {name for name, value in given.items() if value is not None}
    mixable = mixable or bool(given.get("mixable"))
    by_tempo, by_key = mixable or "tempoWithin" in there, mixable or bool(given.get("keyCompatible"))
    meets = (1.0,) if given.get("halfDouble") is False else tuple(RATIOS.values())

    def bound(name: str, cast: str, read: Callable[[Any], Any], least: str = "") -> str:
        def value(of: "Bound") -> Any:
            found = read(_value(of, slot, name))
            if least in there and found < (low := read(_value(of, slot, least))):
                raise _wrong(f"{name} is {found:g}, below {least} of {low:g}; nothing lies between them")
            return found

        return writer.bind(value, cast, slot, name)

    within = (
        bound("tempoWithin", "float8", _percent) if "tempoWithin" in there else f"{WITHIN_PERCENT}::float8"
    )
    found: list[str] = []
    if by_tempo:
        near = (f"abs(s.bpm * {ratio} / a.number - 1) * 100 <= {within}" for ratio in meets)
        found.append(_figure(row, "tempo_bpm", f"a.number > 0 and ({' or '.join(near)})"))
    if there & {"tempoMin", "tempoMax"}:
        low = bound("tempoMin", "float8", _tempo) if "tempoMin" in there else "0"
        high = bound("tempoMax", "float8", _tempo, "tempoMin") if "tempoMax" in there else f"{FASTEST_BPM}"
        inside = (f"a.number * {ratio} between {low} and {high}" for ratio in meets)
        found.append(_figure(row, "tempo_bpm", f"a.number > 0 and ({' or '.join(inside)})"))
    if by_key:
        found.append(_figure(row, "key", "catalog_camelot(a.text) = any(s.keys)"))
    if "key" in there:
        found.append(_figure(row, "key", f"catalog_camelot(a.text) = any({bound('key', 'text[]', _keys)})"))
    if "genre" in there:
        found.append(_genre(row, bound("genre", "text[]", _words)))
    if there & {"yearFrom", "yearTo"}:
        from_year = bound("yearFrom", "int", int) if "yearFrom" in there else "0"
        to_year = bound("yearTo", "int", int, "yearFrom") if "yearTo" in there else "9999"
        found.append(f"{_year(writer, row)} between {from_year} and {to_year}")
    return Wanted(tuple(found), within, by_tempo, by_key)


def _figure(row: str, name: str, condition: str) -> str:
    """That a figure of the row meets a condition over `a`; each is looked at only where those before hold."""
    return (
        f"exists (select from audio_feature a where a.recording_id = {row}.id and a.name = '{name}' "
        f"and {condition})"
    )


def _genre(row: str, words: str) -> str:
    asked = f"(select array_agg(catalog_fold(w)) from unnest({words}) w)"
    return (
        f"(exists (select from unnest({row}.genres) g where catalog_fold(g) = any({asked}::text[])) "
        f"or {_figure(row, 'genre', f'catalog_fold(a.text) = any({asked}::text[])')})"
    )


def _year(writer: "Writer", row: str) -> str:
    """When it was recorded, else the year of its P-line, else that of its first release."""
    track, release = writer.alias(), writer.alias()
    first = (
        f"select min(left(coalesce({release}.original_release_date, {release}.release_date), 4)::int) "
        f"from track {track} join release {release} on {release}.id = {track}.release_id "
        f"where {track}.recording_id = {row}.id and {writer.sees('track', track)} "
        f"and {writer.sees('release', release)}"
    )
    return f"coalesce(left({row}.recording_date, 4)::int, {row}.p_line_year, ({first}))"


def _value(of: "Bound", slot: int, name: str) -> Any:
    return of.arguments[slot]["filter"][name]


def _percent(value: float) -> float:
    return _between("tempoWithin", value, 0.1, MOST_PERCENT)


def _tempo(value: float) -> float:
    return _between("the tempo", value, 0.0, FASTEST_BPM)


def _between(name: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise _wrong(f"{name} is {value:g}; {low:g} to {high:g} will do")
    return float(value)


def _keys(values: list[str]) -> list[str]:
    found = []
    for value in _words(values):
        place = place_of(value)
        if place is None:
            raise _wrong(f"{value[:40]!r} names no key; `8A`, `A minor` or `Am` would")
        found.append(place)
    return found


def _words(values: list[str]) -> list[str]:
    if len(values) > MOST_WORDS:
        raise ReadRefused("TOO_MANY", f"the filter has {len(values)} values; at most {MOST_WORDS}")
    return [plain_text(value, "the filter") for value in values]


def _wrong(text: str) -> ReadRefused:
    return ReadRefused("BAD_USER_INPUT", text)
