"""What sounds like a recording, and what follows well on it in a mix: worked out inside the statement.

An index finds the nearest vectors one by one, each judged by the viewer's row rule and the filter before it
counts, and goes on until there are enough (pgvector's iterative scan). Where it ends early, since nearly
everything is filtered out, all rows that remain are compared instead: a filter makes an answer slow before
it makes it short. Under a filter the nearest two hundred are judged first: enough of them are the answer, and
where hardly any passes, the index would be walked for most of its length, so that everything is compared at
once. Whatever is said of others, also that none is comparable, is said of what may be seen.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import strawberry
from sqlalchemy import MetaData
from sqlmodel import Field, SQLModel

from domain.access.scopes import Scope
from domain.row import instant
from domain.vectors.mixing import KEY_PARTS, KEY_WEIGHT, RATIOS, SOUND_WEIGHT, TEMPO_WEIGHT
from domain.vectors.tables import SOUND_DIMENSIONS
from graph.bind import Made, column, graph_type, made, many, one
from graph.similar_filter import Wanted, wanted
from graph.text import literal

if TYPE_CHECKING:
    from graph.catalog import RecordingNode
    from graph.sql import Writer

# One search among a hundred thousand vectors costs about as much as a page of a hundred rows.
POINTS = 20
DEFAULT_HITS = 10
# So many of the nearest are judged to estimate how many pass a filter. Walking past one costs about as much
# as comparing five.
_TRIED = 200
_COMPARED_FOR_ONE = 5
_NO_TABLE = MetaData()

REASONS = {
    "no_embedding": "Nobody has listened to it yet: there is no vector of its sound.",
    "silence": "It is silent, and silence sounds like nothing.",
    "too_short": "It is shorter than a second, too short to be compared.",
    "noise": "Nothing moves in it: noise or a steady tone sounds like no music.",
    "no_tempo": "Its tempo is asked for, and is not known.",
    "no_key": "Its key is asked for, and is not known.",
    "other_version": "What else you may see was listened to by another model or version.",
    "nothing_else": "Nothing else that you may see was listened to yet.",
}
BY_SOUND = (
    "Ordered by sound: the cosine of the angle between the vectors, 1 for the same. Tempo and key are told "
    "beside it and do not count."
)
BY_MIX = (
    f"Ordered by {KEY_WEIGHT:g} x key + {TEMPO_WEIGHT:g} x tempo + {SOUND_WEIGHT:g} x sound. Key: the same "
    f"{KEY_PARTS['same']:g}, the relative {KEY_PARTS['relative']:g}, an hour on or back {KEY_PARTS['up']:g}. "
    "Tempo: 1 where it need not be moved, 0 at tempoWithin. Sound: the cosine, 0 where there is no vector."
)


class Similar(SQLModel, table=True):
    """The answer as a row of no table."""

    __tablename__: ClassVar[Any] = "similar"
    metadata: ClassVar[Any] = _NO_TABLE

    recording_id: uuid.UUID = Field(primary_key=True)
    is_comparable: bool
    reason: str | None = None
    text: str
    model: str | None = None
    model_version: str | None = None
    dimensions: int | None = None
    made_at: datetime | None = instant()


class SimilarRecording(SQLModel, table=True):
    """A hit as a row of no table."""

    __tablename__: ClassVar[Any] = "similar_recording"
    metadata: ClassVar[Any] = _NO_TABLE

    place: int = Field(primary_key=True)
    recording_id: uuid.UUID
    similarity: float
    sound: float | None = None
    tempo: float | None = None
    key: float | None = None
    tempo_bpm: float | None = None
    tempo_ratio: str | None = None
    tempo_shift_percent: float | None = None
    camelot: str | None = None
    key_relation: str | None = None


# The columns of a hit, in the order in which the answer carries them as arrays.
_HIT = {
    "recording_id": "uuid",
    "similarity": "float8",
    "sound": "float8",
    "tempo": "float8",
    "key": "float8",
    "tempo_bpm": "float8",
    "tempo_ratio": "text",
    "tempo_shift_percent": "float8",
    "camelot": "text",
    "key_relation": "text",
}
_HITS = (
    f"unnest({', '.join(f'{{p}}.{name}' for name in _HIT)}) with ordinality {{t}} ({', '.join(_HIT)}, place)"
)


@graph_type(of=SimilarRecording, scope=Scope.CATALOG_READ, name="SimilarRecording")
class SimilarRecordingNode:
    """A recording that is near, and the parts that this is made of, each 0 to 1; null where one is not known.

    tempoRatio: its tempo as this one's half (1/2), double (2) or once (1), and tempoShiftPercent by how much
    it is to be played faster to meet it there. keyRelation: same, relative, up, down or none, on the wheel.
    """

    recording: "RecordingNode | None" = one("Recording", "recording_id")
    similarity: float = column()
    sound: float | None = column()
    tempo: float | None = column()
    key: float | None = column()
    tempo_bpm: float | None = column()
    tempo_ratio: str | None = column()
    tempo_shift_percent: float | None = column()
    camelot: str | None = column()
    key_relation: str | None = column()


@graph_type(of=Similar, scope=Scope.CATALOG_READ, name="Similar")
class SimilarNode:
    """What is near a recording, and what the answer rests on; that nothing can be compared is an answer.

    reason: no_embedding, silence, too_short, noise, no_tempo, no_key, other_version, nothing_else, or what
    the model said. text: the same in words, or what the order is made of. model, modelVersion, dimensions,
    madeAt: of the recording's own vector.
    """

    is_comparable: bool = column()
    reason: str | None = column()
    text: str = column()
    model: str | None = column()
    model_version: str | None = column()
    dimensions: int | None = column()
    made_at: datetime | None = column()
    hits: list["SimilarRecordingNode"] = many("SimilarRecording", "true", "{t}.place", rows=_HITS)


@strawberry.input(
    description="Which recordings are wanted; all conditions hold together. tempoMin, tempoMax: beats a "
    "minute. tempoWithin: percent off this one's; 6 where it is needed and not said. halfDouble: half and "
    "double of a tempo count as it; true unless said. key: as `8A`, `A minor` or `Am`. keyCompatible: the "
    "same, the relative, or an hour off on the wheel. mixable: keyCompatible and tempoWithin together. "
    "genre: of its genres or those heard in it, without case and accents. yearFrom, yearTo: of the "
    "recording, else of its P-line, else of its first release."
)
class SimilarFilter:
    """Which recordings are wanted."""

    tempo_min: float | None = strawberry.UNSET
    tempo_max: float | None = strawberry.UNSET
    tempo_within: float | None = strawberry.UNSET
    half_double: bool | None = strawberry.UNSET
    key: list[str] | None = strawberry.UNSET
    key_compatible: bool | None = strawberry.UNSET
    mixable: bool | None = strawberry.UNSET
    genre: list[str] | None = strawberry.UNSET
    year_from: int | None = strawberry.UNSET
    year_to: int | None = strawberry.UNSET


def similar_to(recording: str) -> Any:
    """The field that says what sounds like a recording. recording: SQL over {p} for its id."""
    return _field(recording, mix=False)


def mixable_next(recording: str) -> Any:
    """The field that says what follows well on a recording in a mix."""
    return _field(recording, mix=True)


def size_of(given: Mapping[str, Any]) -> int:
    """How many hits are asked for."""
    first = given.get("first")
    return DEFAULT_HITS if first is None else int(first)


def _field(recording: str, *, mix: bool) -> Any:
    def sql(writer: "Writer", parent: str, slot: int, given: Mapping[str, Any]) -> str:
        return _Search(writer, recording.format(p=parent), slot, given, mix=mix).sql()

    takes = {
        "first": (int | None, f"1 to 100; {DEFAULT_HITS} unless said."),
        "filter": (SimilarFilter | None, ""),
    }
    return made("Similar", Made(sql, takes, POINTS, size_of))


def _measured(name: str, value: str, recording: str) -> str:
    """A figure of a recording."""
    return f"(select {value} from audio_feature a where a.recording_id = {recording} and a.name = '{name}')"


def tempo_of(recording: str) -> str:
    """SQL for a recording's tempo; null where it is not known."""
    return _measured("tempo_bpm", "case when a.number > 0 then a.number end", recording)


def key_of(recording: str) -> str:
    """SQL for a recording's key as a place on the wheel."""
    return _measured("key", "catalog_camelot(a.text)", recording)


class _Search:
    """Writes one search. In its SQL `s` is the recording asked about."""

    def __init__(
        self, writer: "Writer", recording: str, slot: int, given: Mapping[str, Any], *, mix: bool
    ) -> None:
        self.writer = writer
        self.recording = recording
        self.mix = mix
        self.size = size_of(given)
        self.row = writer.alias()
        self.wanted: Wanted = wanted(writer, slot, given.get("filter") or {}, self.row, mixable=mix)

    def sql(self) -> str:
        """The answer as one row; none where the recording may not be seen."""
        columns = ", ".join(f"h.{name}" for name in _HIT)
        text = " ".join(f"when {literal(code)} then {literal(words)}" for code, words in REASONS.items())
        basis = literal(BY_MIX if self.mix else BY_SOUND)
        return (
            "select w.reason is null as is_comparable, w.reason, "
            f"case when w.reason is null then {basis} else case w.reason {text} "
            "else 'The model has nothing to say of it: ' || w.reason || '.' end end as text, "
            f"s.model, s.model_version, s.dimensions, s.made_at, {columns} "
            f"from ({self._subject()}) s cross join lateral ({self._hits()}) h "
            f"cross join lateral (select {self._reason()} as reason) w"
        )

    def _subject(self) -> str:
        own = self.writer.alias()
        seen = self.writer.sees("recording", own)
        return (
            f"select o.*, {_around('o.camelot')} as keys from (select {own}.id, "
            f"{tempo_of(f'{own}.id')} as bpm, {key_of(f'{own}.id')} as camelot, e.model, e.model_version, "
            "e.dimensions, e.vector, e.reason, e.made_at "
            f"from recording {own} left join lateral (select * from embedding v "
            f"where v.entity_id = {own}.id and v.made_of = 'sound' "
            "order by v.made_at desc, v.id desc limit 1) e on true "
            f"where {own}.id = {self.recording} and {seen} offset 0) o"
        )

    def _hits(self) -> str:
        """One row of arrays."""
        arrays = ", ".join(f"array_agg(x.{name} order by x.place) as {name}" for name in _HIT)
        order = "similarity desc, y.recording_id" if self.mix else "d, y.recording_id"
        rounded = {
            name: f"round(y.{name}::numeric, 4)::float8 as {name}" if kind == "float8" else f"y.{name}"
            for name, kind in _HIT.items()
        }
        return (
            f"with {self._found()}, told as ({self._told()}) select {arrays} from ("
            f"select {', '.join(rounded.values())}, row_number() over (order by {order}) as place "
            f"from (select z.*, {self._similarity()} as similarity from told z) y "
            f"order by place limit {self.size}) x"
        )

    def _similarity(self) -> str:
        if not self.mix:
            return "1 - z.d"
        sound = "greatest(coalesce(z.sound, 0), 0)"
        return f"{KEY_WEIGHT} * z.key + {TEMPO_WEIGHT} * z.tempo + {SOUND_WEIGHT} * {sound}"

    def _told(self) -> str:
        """Each of those found with its parts."""
        parts = " ".join(f"when '{name}' then {part}" for name, part in KEY_PARTS.items())
        ratios = ", ".join(f"({ratio}::float8, '{name}')" for name, ratio in RATIOS.items())
        meets = (
            "select m.name as tempo_ratio, 100 * (s.bpm * m.ratio / k.tempo_bpm - 1) as shift "
            f"from (values {ratios}) m (ratio, name) where s.bpm is not null and k.tempo_bpm is not null "
            "order by abs(s.bpm * m.ratio / k.tempo_bpm - 1), m.name limit 1"
        )
        return (
            "select f.id as recording_id, f.d, 1 - f.d as sound, k.tempo_bpm, k.camelot, m.tempo_ratio, "
            "m.shift as tempo_shift_percent, case when m.shift is not null then "
            f"greatest(0, 1 - abs(m.shift) / {self.wanted.within}) end as tempo, "
            f"r.key_relation, case when r.key_relation is not null then "
            f"case r.key_relation {parts} else 0 end end as key from found f "
            f"cross join lateral (select {tempo_of('f.id')} as tempo_bpm, {key_of('f.id')} as camelot "
            f"offset 0) k left join lateral ({meets}) m on true "
            f"cross join lateral (select {_relation('s.camelot', 'k.camelot')} as key_relation) r"
        )

    def _found(self) -> str:
        row, writer = self.row, self.writer
        seen = writer.sees("recording", row)
        rules = " and ".join([seen, f"{row}.id <> s.id", *self.wanted.conditions])
        if self.mix:
            low, high = f"(1 + {self.wanted.within} / 100)", f"(1 - {self.wanted.within} / 100)"
            spans = " or ".join(
                f"a.number between s.bpm * {ratio} / {low} and s.bpm * {ratio} / {high}"
                for ratio in RATIOS.values()
            )
            return (
                f"found as (select {row}.id, v.d from recording {row} "
                f"left join lateral (select e.vector <=> s.vector as d from embedding e "
                f"where e.entity_id = {row}.id and {_COMPARABLE}) v on true "
                f"where {row}.id in (select a.recording_id from audio_feature a "
                f"where a.name = 'tempo_bpm' and ({spans})) and {rules})"
            )
        cast = f"::halfvec({SOUND_DIMENSIONS})"
        near = f"(e.vector{cast}) <=> (case when s.dimensions = {SOUND_DIMENSIONS} then s.vector end){cast}"
        space = (
            f"s.dimensions = {SOUND_DIMENSIONS} and s.vector is not null "
            f"and e.made_of = 'sound' and e.dimensions = {SOUND_DIMENSIONS} and e.vector is not null "
            "and e.model = s.model and e.model_version = s.model_version"
        )
        most = 2 * self.size + 20
        # A row that is judged by itself, after its place is known: the planner can't turn it round.
        judged = f"select from recording {row} where {row}.id = {{of}} and {rules} offset 0"
        first, walks, ways = "", "true", ["near"]
        if self.wanted.conditions:
            first = (
                "held as materialized (select c.reltuples as n from pg_class c "
                f"where c.oid = to_regclass('ix_embedding_sound_{SOUND_DIMENSIONS}')), "
                f"tried as materialized (select e.entity_id as id, {near} as d from embedding e "
                f"where (select n from held) is not null and {space} order by {near} limit {_TRIED}), "
                "passed as materialized (select t.id, t.d from tried t "
                f"cross join lateral ({judged.format(of='t.id')}) c), "
            )
            passes = "(select count(*) from passed)"
            # Where enough passed, they are the answer. The index is walked where that is the shorter way.
            walks = (
                f"{passes} < {self.size} and greatest({passes}, 0.5) * (select n from held) "
                f">= {_TRIED * _COMPARED_FOR_ONE * most}"
            )
            ways = ["passed", "near"]
        enough = [f"(select count(*) from {way}) >= {self.size}" for way in ways]
        found = " union all ".join(
            f"select id, d from {way} where {is_enough}" for way, is_enough in zip(ways, enough, strict=True)
        )
        return (
            f"{first}near as materialized (select e.entity_id as id, {near} as d from embedding e "
            f"cross join lateral ({judged.format(of='e.entity_id')}) c "
            f"where {walks} and {space} order by {near} limit {most}), "
            f"every as materialized (select e.entity_id as id, e.vector <=> s.vector as d from embedding e "
            f"join recording {row} on {row}.id = e.entity_id "
            f"where not ({' or '.join(enough)}) and {_COMPARABLE} and {rules} "
            f"order by d, id limit {self.size}), "
            f"found as (select id, d from ({found} union all table every) u order by d, id limit {self.size})"
        )

    def _reason(self) -> str:
        """Why there is no answer; null where there is one."""
        cases = []
        if not self.mix:
            cases = [
                "when s.dimensions is null then 'no_embedding'",
                "when s.reason is not null then s.reason",
            ]
        if self.wanted.needs_tempo:
            cases.append("when s.bpm is null then 'no_tempo'")
        if self.wanted.needs_key:
            cases.append("when s.camelot is null then 'no_key'")
        if not self.mix:
            cases += [
                f"when h.recording_id is not null or {self._any(_COMPARABLE)} then null",
                f"when {self._any(_HEARD)} then 'other_version'",
                "else 'nothing_else'",
            ]
        return f"case {' '.join(cases)} end"

    def _any(self, condition: str) -> str:
        """Whether anything else that may be seen has a vector of a kind."""
        row = self.writer.alias()
        return (
            f"exists (select from embedding e join recording {row} on {row}.id = e.entity_id "
            f"where {condition} and {row}.id <> s.id and {self.writer.sees('recording', row)})"
        )


_HEARD = "e.made_of = 'sound' and e.vector is not null"
# That a vector stands in the same space as that of the recording asked about.
_COMPARABLE = (
    f"{_HEARD} and e.model = s.model and e.model_version = s.model_version and e.dimensions = s.dimensions "
    "and s.vector is not null"
)


def _around(key: str) -> str:
    """The places on the wheel that go with a key: itself, its relative, an hour on, an hour back."""
    hour, ring = f"left({key}, -1)", f"right({key}, 1)"
    return (
        f"array[{key}, {hour} || case {ring} when 'A' then 'B' else 'A' end, "
        f"({hour}::int % 12 + 1) || {ring}, (({hour}::int + 10) % 12 + 1) || {ring}]"
    )


def _relation(own: str, other: str) -> str:
    """How one key stands to another on the wheel."""
    hours = f"(left({other}, -1)::int - left({own}, -1)::int + 12) % 12"
    return (
        f"case when {own} is null or {other} is null then null when {own} = {other} then 'same' "
        f"when left({own}, -1) = left({other}, -1) then 'relative' "
        f"when right({own}, 1) <> right({other}, 1) then 'none' "
        f"when {hours} = 1 then 'up' when {hours} = 11 then 'down' else 'none' end"
    )
