"""What is spelled like an entity: its neighbours among the vectors of texts, as far as the viewer may see."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from domain.access.policy import nested
from domain.access.viewer import Sight, Viewer
from domain.kinds import KINDS
from domain.ports import Sql, text_of
from domain.vectors.tables import TEXT_DIMENSIONS
from domain.vectors.text import TEXT_MODEL, TEXT_VERSION

# Deals have no words of their own, and rules of their own for who sees them.
COMPARED = tuple(kind for kind in KINDS if kind != "deal")


@dataclass(frozen=True)
class Neighbour:
    """An entity that is near: its kind, what it is called, and the cosine of the angle between."""

    kind: str
    id: uuid.UUID
    label: str
    similarity: float


@dataclass(frozen=True)
class Neighbours:
    """Those that are near. reason: why there is nothing to compare, in a word."""

    reason: str | None
    found: tuple[Neighbour, ...] = ()


async def nearest(
    sql: Sql, viewer: Viewer, kind: str, id: uuid.UUID, first: int, kinds: Sequence[str]
) -> Neighbours | None:
    """The neighbours of an entity; None where it isn't there for the viewer."""
    if kind not in COMPARED:
        return None
    given = (id, viewer.organization_id, list(viewer.territories or ()))
    own = await sql.fetchrow(_own(kind, viewer.sight), *given)
    if own is None:
        return None
    if own["reason"] is not None:
        return Neighbours(text_of(own["reason"]))
    rows = await sql.fetch(_near(kinds, viewer.sight, first), own["id"], *given[1:], list(kinds))
    if not rows:
        return Neighbours("nothing_else")
    return Neighbours(
        None,
        tuple(
            Neighbour(text_of(row["kind"]), row["id"], text_of(row["label"]), round(1 - row["d"], 4))
            for row in rows
        ),
    )


def _seen(kind: str, sight: Sight) -> str:
    return nested(kind, sight).format(t="x", viewer="$2::uuid", territories="$3::text[]")


def _own(kind: str, sight: Sight) -> str:
    return (
        "select x.id, case when v.id is null then 'no_embedding' else v.reason end as reason "
        f"from {kind} x left join embedding v on v.entity_id = x.id and {_SPACE.format(v='v')} "
        "where x.id = (select coalesce(e.merged_into_id, e.id) from entity e where e.id = $1::uuid) "
        f"and $3::text[] is not null and {_seen(kind, sight)}"
    )


# One version of our own: what another made is told to have none yet.
_SPACE = f"{{v}}.made_of = 'text' and {{v}}.model = '{TEXT_MODEL}' and {{v}}.model_version = '{TEXT_VERSION}'"


def _near(kinds: Sequence[str], sight: Sight, first: int) -> str:
    """The same road as `graph.similar`: the index as far as it goes, else every row that remains."""
    cast = f"::halfvec({TEXT_DIMENSIONS})"
    labels = " ".join(
        f"when '{kind}' then (select x.{KINDS[kind].label} from {kind} x where x.id = e.entity_id "
        f"and {_seen(kind, sight)})"
        for kind in kinds
    )
    space = (
        f"{_SPACE.format(v='e')} and e.dimensions = {TEXT_DIMENSIONS} and e.vector is not null "
        "and e.entity_id <> $1::uuid and e.kind = any($4::text[])"
    )
    judged = f"(select case e.kind {labels} end as label offset 0) l"
    distance = f"(e.vector{cast}) <=> (select o.vector from own o){cast}"
    told = f"select e.entity_id as id, e.kind, l.label, {distance} as d"
    return (
        f"with own as materialized (select v.vector from embedding v where v.entity_id = $1::uuid "
        f"and {_SPACE.format(v='v')} and $2::uuid is not null and $3::text[] is not null), "
        f"near as materialized ({told} from embedding e cross join lateral {judged} "
        f"where {space} and l.label is not null order by {distance} limit {2 * first + 20}), "
        f"every as materialized ({told} from (select e.* from embedding e where "
        f"(select count(*) from near) < {first} and {space} offset 0) e cross join lateral {judged} "
        f"where l.label is not null order by d, id limit {first}) "
        f"select id, kind, label, d from (select * from near where (select count(*) from near) >= {first} "
        f"union all table every) u order by d, id limit {first}"
    )
