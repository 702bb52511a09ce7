"""How the lanes of jobs stand: what waits, what runs, what was given up."""

import uuid
from dataclasses import dataclass

from domain.ports import Sql, text_of

LANES = ("high", "low")


@dataclass(frozen=True)
class Lane:
    """One lane. waiting: jobs that may begin; later: those that wait for their time."""

    lane: str
    waiting: int
    later: int
    running: int
    dead: int
    oldest_wait_seconds: float | None


async def lanes_of(sql: Sql, organization_id: uuid.UUID | None) -> list[Lane]:
    """Every lane as it stands for an organization; None is for all of them together."""
    rows = await sql.fetch(_LANES, list(LANES), organization_id)
    return [
        Lane(
            text_of(row["lane"]),
            row["waiting"],
            row["later"],
            row["running"],
            row["dead"],
            None if row["oldest"] is None else round(float(row["oldest"]), 3),
        )
        for row in rows
    ]


# What lives and what is dead are counted apart, each by an index that holds nothing else.
_LANES = """
select l.lane, coalesce(j.waiting, 0) as waiting, coalesce(j.later, 0) as later,
       coalesce(j.running, 0) as running, coalesce(d.dead, 0) as dead, j.oldest
  from unnest($1::text[]) with ordinality as l(lane, place)
  left join (
    select lane, count(*) filter (where state = 'queued' and run_at <= clock_timestamp()) as waiting,
           count(*) filter (where state = 'queued' and run_at > clock_timestamp()) as later,
           count(*) filter (where state = 'running') as running,
           extract(epoch from clock_timestamp() - min(run_at)
             filter (where state = 'queued' and run_at <= clock_timestamp())) as oldest
      from job where state in ('queued', 'running') and ($2::uuid is null or owner_id = $2) group by lane
  ) j using (lane)
  left join (
    select lane, count(*) as dead from job
     where state = 'dead' and ($2::uuid is null or owner_id = $2) group by lane
  ) d using (lane)
 order by l.place
"""
