"""Fetches what `availability` decides on: for one entity or a thousand, in one statement.

Only entities that the viewer may see are found. Of their deals, the owner gets all, so that it is told why
one does not count; anybody else gets the active ones that are for everyone or for the viewer, and learns of
no other. A deal counts only for what its owner owns, also on the way: what is named must be the asked
entity's owner's. A viewer bound to territories has no deal anywhere else.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.access.policy import nested
from domain.access.viewer import Sight, Viewer
from domain.codes import DPID
from domain.kinds import KINDS
from domain.ports import Sql, text_of
from domain.rights.availability import Case, Spot, Terms

MOST_ENTITIES = 1_000
# A licensee that is given and nobody is: only deals for everyone are for it.
NOBODY = uuid.UUID(int=0)

# Who a deal is for, where it names somebody: an organization, or whoever has proven the DPID.
LICENSEE = (
    "coalesce({d}.licensee_id, (select o.organization_id from organization_dpid o "
    "where o.dpid = {d}.licensee_dpid and o.proven_at is not null))"
)

_COLUMNS = (
    "use_types",
    "commercial_models",
    "valid_from",
    "valid_until",
    "is_takedown",
    "status",
    "reference",
    "pre_order_at",
    "release_display_at",
    "track_listing_display_at",
    "cover_art_display_at",
    "clip_preview_at",
)


@dataclass(frozen=True)
class Licensee:
    """For whom the owner asks: an organization, or a party by its DPID."""

    organization_id: uuid.UUID | None = None
    dpid: str | None = None


@dataclass(frozen=True)
class Found:
    """An entity that the viewer may see, under the id it has now, and what is to be judged."""

    kind: str
    id: uuid.UUID
    case: Case


async def candidates(
    sql: Sql,
    viewer: Viewer,
    entities: Sequence[tuple[str, uuid.UUID]],
    countries: Sequence[str],
    licensee: Licensee | None = None,
) -> list[Found | None]:
    """What was found for each of the entities, in their order; None for what isn't there for the viewer."""
    kinds = sorted({kind for kind, _ in entities if kind in KINDS and kind != "deal"})
    if not kinds:
        return [None] * len(entities)
    rows = await sql.fetch(
        statement(tuple(kinds), viewer.sight),
        [kind if kind in kinds else "" for kind, _ in entities],
        [id for _, id in entities],
        viewer.organization_id,
        list(viewer.territories or ()),
        list(countries),
        licensee.organization_id if licensee else None,
        DPID.normal(licensee.dpid) if licensee and licensee.dpid else None,
    )
    found: list[Found | None] = [None] * len(entities)
    by_place: dict[int, list[Any]] = {}
    for row in rows:
        by_place.setdefault(row["place"], []).append(row)
    for place, mine in by_place.items():
        found[place - 1] = _found(mine, viewer, licensee)
    return found


def _found(rows: Sequence[Mapping[str, Any]], viewer: Viewer, licensee: Licensee | None) -> Found:
    first = rows[0]
    owns = first["owner_id"] == viewer.organization_id
    asker: uuid.UUID | None = viewer.organization_id
    if owns:
        asker = None if licensee is None else first["named"] or licensee.organization_id or NOBODY
    within = None if owns or viewer.territories is None else frozenset(viewer.territories)
    spots = tuple(
        Spot(frozenset(uuid.UUID(id) for id in own if id), uuid.UUID(wide) if wide else None, _worst(states))
        for own, wide, states in json.loads(first["spots"])
    )
    deals = tuple(_terms(row, within) for row in rows if row["deal_id"] is not None)
    case = Case(text_of(first["status"]), spots, deals, asker)
    return Found(text_of(first["kind"]), first["id"], case)


def _terms(row: Mapping[str, Any], within: frozenset[str] | None) -> Terms:
    territories = frozenset(map(text_of, row["territories"]))
    said: dict[str, Any] = {name: _plain(row[f"d_{name}"]) for name in _COLUMNS}
    return Terms(
        id=row["deal_id"],
        subjects=frozenset(row["subjects"]),
        territories=territories if within is None else territories & within,
        licensee=row["for_id"],
        is_unmatched=row["for_id"] is None and row["licensee_dpid"] is not None,
        **said,
    )


def _plain(value: Any) -> Any:
    return tuple(map(_plain, value)) if isinstance(value, list) else text_of(value)


def _worst(states: Sequence[str | None]) -> str:
    return next((s for s in ("taken_down", "deleted", "draft") if s in states), "active")


# Where each kind is on offer: the ids of its own, the release, and the states that all must be active.
_HEARD_STATES = (
    "(select h.status from recording h where h.id = {t}.recording_id), "
    "(select h.status from video h where h.id = {t}.video_id)"
)
_SPOTS = {
    "release": "json_build_array(json_build_array(json_build_array(), x.id, json_build_array()))",
    "track": (
        "(select json_build_array(json_build_array("
        "json_build_array(t.id, "
        "(select h.id from recording h where h.id = t.recording_id and h.owner_id = t.owner_id), "
        "(select h.id from video h where h.id = t.video_id and h.owner_id = t.owner_id)), "
        "case when r.owner_id = t.owner_id then r.id end, "
        f"json_build_array(r.status, {_HEARD_STATES.format(t='t')}))) "
        "from track t join release r on r.id = t.release_id where t.id = x.id)"
    ),
}
_EVERYWHERE = (
    "(select json_agg(s.spot) from ("
    "select json_build_array(json_build_array(x.id), null, json_build_array()) as spot union all "
    "select json_build_array(json_build_array(t.id, x.id), r.id, json_build_array(t.status, r.status)) "
    "from track t join release r on r.id = t.release_id "
    "where t.{kind}_id = x.id and t.owner_id = x.owner_id and r.owner_id = x.owner_id) s)"
)
_ALONE = "json_build_array(json_build_array(json_build_array(x.id), null, json_build_array()))"
_NAMED = {
    "release": "select x.id",
    "track": (
        "select x.id union all select t.recording_id from track t join recording h on h.id = t.recording_id "
        "where t.id = x.id and h.owner_id = x.owner_id "
        "union all select t.video_id from track t join video h on h.id = t.video_id "
        "where t.id = x.id and h.owner_id = x.owner_id "
        "union all select t.release_id from track t join release h on h.id = t.release_id "
        "where t.id = x.id and h.owner_id = x.owner_id"
    ),
}
_NAMED_EVERYWHERE = (
    "select x.id union select t.id from track t join release r on r.id = t.release_id "
    "where t.{kind}_id = x.id and t.owner_id = x.owner_id and r.owner_id = x.owner_id "
    "union select r.id from track t join release r on r.id = t.release_id "
    "where t.{kind}_id = x.id and t.owner_id = x.owner_id and r.owner_id = x.owner_id"
)


def _spots(kind: str) -> str:
    return _SPOTS.get(kind, _EVERYWHERE.format(kind=kind) if kind in ("recording", "video") else _ALONE)


def named_by(kind: str) -> str:
    """SQL over x, a row: the ids that deals about it may name."""
    many = _NAMED_EVERYWHERE.format(kind=kind) if kind in ("recording", "video") else "select x.id"
    return _NAMED.get(kind, many)


def _seen(kind: str, sight: Sight) -> str:
    policy = nested(kind, sight).format(t="x", viewer="$3::uuid", territories="$4::text[]")
    return (
        f"select a.place, x.id, '{kind}' as kind, x.owner_id, x.status, ({_spots(kind)})::text as spots, "
        f"array({named_by(kind)}) as names "
        f"from asked a join {kind} x on x.id = a.id where a.kind = '{kind}' and {policy}"
    )


def statement(kinds: Sequence[str], sight: Sight) -> str:
    """The statement for entities of these kinds: a row for each entity and deal, one where it has no deal."""
    licensee = LICENSEE.format(d="d")
    columns = ", ".join(f"d.{name} as d_{name}" for name in _COLUMNS)
    within = " and (x.owner_id = $3::uuid or d.territories && $4::text[])" if sight.bound else ""
    return (
        "with asked as (select a.place, a.kind, coalesce(e.merged_into_id, e.id) as id "
        "from unnest($1::text[], $2::uuid[]) with ordinality a (kind, id, place) "
        "join entity e on e.id = a.id and e.kind = a.kind where $4::text[] is not null), "
        f"seen as ({' union all '.join(_seen(kind, sight) for kind in kinds)}) "
        "select x.place, x.id, x.kind, x.owner_id, x.status, x.spots, "
        "(select o.organization_id from organization_dpid o "
        "where o.dpid = $7::text and o.proven_at is not null) as named, "
        "y.*, $6::uuid as given "
        "from seen x left join lateral (select d.id as deal_id, d.licensee_dpid, l.for_id, "
        f"{columns}, "
        "case when d.territories @> $5::text[] then $5::text[] "
        "when cardinality($5::text[]) = 1 then '{}' "
        "else array(select unnest(d.territories) intersect select unnest($5::text[])) end as territories, "
        "s.subjects "
        "from (select s.deal_id, array_agg(distinct s.subject_id) as subjects from deal_subject s "
        "where s.subject_id = any(x.names) group by s.deal_id) s "
        "join deal d on d.id = s.deal_id, "
        f"lateral (select {licensee} as for_id) l "
        "where d.owner_id = x.owner_id and d.status <> 'deleted' "
        "and (x.owner_id = $3::uuid or d.status = 'active' and (l.for_id = $3::uuid "
        f"or d.licensee_id is null and d.licensee_dpid is null)){within}) y on true "
        "order by x.place, y.deal_id"
    )
