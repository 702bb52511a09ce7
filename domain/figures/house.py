"""The figures of jobs, the outbox, notices and retention."""

import json
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.figures.registry import Family, Sample, measures
from domain.ports import Sql

# What each lane promises: how soon 99 of 100 jobs have begun.
PROMISES_S = {"high": 1.0, "low": 600.0}
# Of fewer jobs, the slowest alone would break it; one that waits long is told by DELAY.
ENOUGH = 100
RECENT = timedelta(minutes=15)
_RECENT_NOTICES = timedelta(days=1)

JOBS = Family("catalograph_jobs", "Jobs that wait, run or were given up, now.", ("lane", "state", "kind"))
DELAY = Family(
    "catalograph_jobs_delay_seconds", "How long the job has waited that has waited longest.", ("lane",)
)
SILENT = Family(
    "catalograph_jobs_lease_lost", "Jobs whose worker stopped answering and that nobody has taken.", ("lane",)
)
ENDED = Family(
    "catalograph_jobs_recent",
    "Jobs asked for in the last 15 minutes, by how they stand.",
    ("lane", "state", "kind"),
)
FAILURES = Family(
    "catalograph_job_failures_recent",
    "Tries that failed of jobs asked for in the last 15 minutes.",
    ("lane", "kind"),
)
WAIT = Family(
    "catalograph_jobs_wait_seconds",
    "Within what time 99 of 100 jobs of the last 15 minutes had begun.",
    ("lane",),
)
PROMISE = Family(
    "catalograph_lane_promise_ratio",
    "That time over the one that the lane promises, of 100 jobs or more; above 1 the promise is broken.",
    ("lane",),
)
RELAY = Family("catalograph_relay_waiting", "Messages of the outbox that have not been told.")
LAG = Family("catalograph_relay_lag_seconds", "How long the oldest of them has waited.")
NOTICES = Family(
    "catalograph_notice_deliveries_recent",
    "Sendings of notices asked for in the last day, by how they stand.",
    ("channel", "state"),
)

RETENTION_AGE = Family(
    "catalograph_retention_run_age_seconds", "How long ago the daily run of retention was last asked for."
)
RETENTION_GONE = Family("catalograph_retention_gone", "Things that the last daily run let go.", ("rule",))
RETENTION_GONE_BYTES = Family("catalograph_retention_gone_bytes", "How large they were together.", ("rule",))
RETENTION_TOLD = Family(
    "catalograph_retention_told", "Things that the last daily run gave notice of, by class.", ("rule",)
)
HOLDS = Family("catalograph_legal_holds", "Legal holds that hold now, by what they are on.", ("on",))
_RESULTS = {"gone": RETENTION_GONE, "gone_bytes": RETENTION_GONE_BYTES, "told": RETENTION_TOLD}


@measures(JOBS, DELAY, SILENT)
async def jobs_now(sql: Sql, now: datetime) -> Iterable[Sample]:
    """What waits, runs and was given up, and since when."""
    rows = await sql.fetch(
        "select lane, state, kind, count(*)::float8 as n, "
        "max(extract(epoch from clock_timestamp() - run_at)) filter (where state = 'queued')::float8 "
        "as late, "
        "count(*) filter (where state = 'running' and leased_until < clock_timestamp())::float8 as silent "
        "from job where state in ('queued', 'running') group by 1, 2, 3 "
        "union all "
        "select lane, state, kind, count(*)::float8, null, 0 from job where state = 'dead' group by 1, 2, 3"
    )
    samples: list[Sample] = []
    for lane in PROMISES_S:
        own = [row for row in rows if row["lane"] == lane]
        samples += [(JOBS, (lane, row["state"], row["kind"]), row["n"]) for row in own]
        samples.append((DELAY, (lane,), max(0.0, *(row["late"] or 0.0 for row in own), 0.0)))
        samples.append((SILENT, (lane,), sum(row["silent"] for row in own)))
    return samples


@measures(ENDED, FAILURES, WAIT, PROMISE)
async def jobs_recent(sql: Sql, now: datetime) -> Iterable[Sample]:
    """How the jobs fared that were asked for lately. Their ids tell when that was, so no index is needed."""
    since = first_id(now - RECENT)
    rows = await sql.fetch(
        "select lane, state, kind, count(*)::float8 as n, "
        "sum(jsonb_array_length(history))::float8 as failures from job where id >= $1 group by 1, 2, 3",
        since,
    )
    waits = await sql.fetch(
        "select lane, percentile_disc(0.99) within group (order by greatest(0, extract(epoch from "
        "coalesce(started_at, clock_timestamp()) - created_at)))::float8 as wait, count(*) as n "
        "from job where id >= $1 and (started_at is not null or state = 'queued' "
        "and run_at <= clock_timestamp()) group by lane",
        since,
    )
    samples: list[Sample] = []
    for row in rows:
        samples.append((ENDED, (row["lane"], row["state"], row["kind"]), row["n"]))
        samples.append((FAILURES, (row["lane"], row["kind"]), row["failures"]))
    found = {row["lane"]: (row["wait"], row["n"]) for row in waits}
    for lane, promise_s in PROMISES_S.items():
        wait_s, count = found.get(lane, (0.0, 0))
        samples.append((WAIT, (lane,), wait_s))
        samples.append((PROMISE, (lane,), wait_s / promise_s if count >= ENOUGH else 0.0))
    return samples


@measures(RELAY, LAG)
async def outbox(sql: Sql, now: datetime) -> Iterable[Sample]:
    """What the relay has not told yet."""
    row = await sql.fetchrow(
        "select count(*)::float8 as n, "
        "coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as lag "
        "from outbox where told_at is null"
    )
    return [(RELAY, (), row["n"]), (LAG, (), max(0.0, row["lag"]))]


@measures(NOTICES)
async def notices(sql: Sql, now: datetime) -> Iterable[Sample]:
    """What became of the notices of the last day."""
    rows = await sql.fetch(
        "select kind, state, count(*)::float8 as n from notice_delivery where id >= $1 group by 1, 2",
        first_id(now - _RECENT_NOTICES),
    )
    return [(NOTICES, (row["kind"], row["state"]), row["n"]) for row in rows]


@measures(RETENTION_AGE, RETENTION_GONE, RETENTION_GONE_BYTES, RETENTION_TOLD)
async def retention_run(sql: Sql, now: datetime) -> Iterable[Sample]:
    """The run that the clock asked for last; what it did is told once it is done."""
    row = await sql.fetchrow(
        "select extract(epoch from clock_timestamp() - s.last_at)::float8 as age, j.result "
        "from schedule s left join job j on j.id = s.job_id and j.state = 'done' "
        "where s.name = 'retain' and s.last_at is not null"
    )
    if row is None:
        return []
    result = json.loads(row["result"] or "{}")
    return [
        (RETENTION_AGE, (), max(0.0, row["age"])),
        *(
            (family, (rule,), float(count))
            for name, family in _RESULTS.items()
            for rule, count in result.get(name, {}).items()
        ),
    ]


@measures(HOLDS)
async def legal_holds(sql: Sql, now: datetime) -> Iterable[Sample]:
    """What is held now."""
    rows = await sql.fetch(
        "select subject_type, count(*)::float8 as n from legal_hold where released_at is null group by 1"
    )
    return [(HOLDS, (row["subject_type"],), row["n"]) for row in rows]


def first_id(at: datetime) -> uuid.UUID:
    """The smallest UUIDv7 of an instant (RFC 9562 §5.7)."""
    return uuid.UUID(int=(int(at.timestamp() * 1000) << 80) | (0x7 << 76) | (0b10 << 62))
