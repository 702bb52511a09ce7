"""How each model fares: latency, confidence, agreement, errors, cost; and the same as figures for alerts."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain.alerts.rules import AlertRule, rule
from domain.figures.house import RECENT, first_id
from domain.figures.registry import Family, Sample, measures
from domain.models.registry import Known, all_models
from domain.ports import Sql, text_of

LONGEST_DAYS = 366
# Answers below it are unsure ones, for the report and the alert.
UNSURE = 0.70
# Of fewer, one that is unsure or fails would be an alarming share.
ENOUGH = 20
BUCKETS = 10


@dataclass(frozen=True, kw_only=True)
class ModelFigures:
    """One version of one model over a time.

    calls: requests that ended, of which failed did; errors: those by type. latency: of answered calls, in
    milliseconds. answers: of all windows of a recording; served: those that the catalog was given.
    distribution: answers by confidence, in ten equal steps. agreement: the mean, with what persons said and
    with the embedded taggers, each over so many answers. cost_micros: of all calls, failed ones as well.
    """

    model: Known
    calls: int = 0
    failed: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    p50_ms: int | None = None
    p95_ms: int | None = None
    p99_ms: int | None = None
    answers: int = 0
    served: int = 0
    confidence: float | None = None
    unsure: int = 0
    distribution: tuple[int, ...] = (0,) * BUCKETS
    person_agreement: float | None = None
    compared_with_persons: int = 0
    embedded_agreement: float | None = None
    compared_with_embedded: int = 0
    cost_micros: int = 0

    @property
    def error_rate(self) -> float | None:
        """The share of calls that failed; None where there were none."""
        return self.failed / self.calls if self.calls else None

    @property
    def cost_per_answer_usd(self) -> float | None:
        """US dollars for one answer, with what was spent on calls that failed; None without answers."""
        return self.cost_micros / 1e6 / self.answers if self.answers else None


async def model_report(sql: Sql, now: datetime, days: int, owner_id: uuid.UUID | None) -> list[ModelFigures]:
    """Every model's figures over the last days, of one organization or (None) of all; the champion first."""
    since = now - timedelta(days=days)
    calls = {row["model_id"]: row for row in await sql.fetch(_CALLS, first_id(since), owner_id)}
    answers = {row["model_id"]: row for row in await sql.fetch(_ANSWERS, first_id(since), owner_id, UNSURE)}
    return [_figures(known, calls.get(known.id), answers.get(known.id)) for known in await all_models(sql)]


def _figures(known: Known, calls: Any, answers: Any) -> ModelFigures:
    given: dict[str, Any] = {}
    if calls is not None:
        given |= {
            name: calls[name] for name in ("calls", "failed", "p50_ms", "p95_ms", "p99_ms", "cost_micros")
        }
        given["errors"] = dict(sorted(json.loads(calls["errors"]).items()))
    if answers is not None:
        plain = ("answers", "served", "confidence", "unsure", "person_agreement", "compared_with_persons")
        given |= {name: answers[name] for name in (*plain, "embedded_agreement", "compared_with_embedded")}
        steps = json.loads(answers["steps"])
        given["distribution"] = tuple(int(steps.get(str(step), 0)) for step in range(BUCKETS))
    return ModelFigures(model=known, **given)


_CALLS = """
with own as (
  select model_id, state, error, latency_ms, cost_micros from model_call
   where id >= $1 and ($2::uuid is null or owner_id = $2) and state <> 'asked'),
failed as (
  select model_id, jsonb_object_agg(error, n)::text as errors
    from (select model_id, error, count(*) as n from own where error is not null group by 1, 2) by_error
   group by 1)
select own.model_id, count(*)::int as calls, (sum((state = 'failed')::int))::int as failed,
       percentile_disc(0.5) within group (order by latency_ms) filter (where state = 'answered') as p50_ms,
       percentile_disc(0.95) within group (order by latency_ms) filter (where state = 'answered') as p95_ms,
       percentile_disc(0.99) within group (order by latency_ms) filter (where state = 'answered') as p99_ms,
       sum(cost_micros)::bigint as cost_micros, coalesce(max(failed.errors), '{}') as errors
  from own left join failed using (model_id) group by own.model_id
"""
_ANSWERS = """
with own as (
  select model_id, served, confidence, agreement, against, least(9, floor(confidence * 10))::int as step
    from model_answer where id >= $1 and ($2::uuid is null or owner_id = $2)),
steps as (
  select model_id, jsonb_object_agg(step, n)::text as steps
    from (select model_id, step, count(*) as n from own group by 1, 2) by_step group by 1)
select own.model_id, count(*)::int as answers, (sum(served::int))::int as served,
       avg(confidence)::float8 as confidence, (sum((confidence < $3)::int))::int as unsure,
       (avg(agreement) filter (where against = 'person'))::float8 as person_agreement,
       (count(*) filter (where against = 'person'))::int as compared_with_persons,
       (avg(agreement) filter (where against = 'embedded'))::float8 as embedded_agreement,
       (count(*) filter (where against = 'embedded'))::int as compared_with_embedded,
       max(steps.steps) as steps
  from own join steps using (model_id) group by own.model_id
"""

CALLS = Family(
    "catalograph_model_calls_recent", "Calls of language models in 15 minutes.", ("provider", "state")
)
ERROR_RATIO = Family(
    "catalograph_model_error_ratio", "The share that failed, from twenty calls on; 0 to 1.", ("provider",)
)
UNSURE_RATIO = Family(
    "catalograph_model_unsure_ratio",
    "The share of answers in 15 minutes whose confidence is below 0.7, from twenty on; 0 to 1.",
    ("provider",),
)


@measures(CALLS, ERROR_RATIO, UNSURE_RATIO)
async def models_recent(sql: Sql, now: datetime) -> Iterable[Sample]:
    """How the language models fared lately. Their ids tell when that was, so no other index is needed."""
    since = first_id(now - RECENT)
    calls = await sql.fetch(
        "select m.provider, count(*) filter (where c.state = 'answered')::float8 as answered, "
        "count(*) filter (where c.state = 'failed')::float8 as failed "
        "from model_call c join model m on m.id = c.model_id where c.id >= $1 and c.state <> 'asked' "
        "group by 1",
        since,
    )
    answers = await sql.fetch(
        "select m.provider, count(*)::float8 as n, "
        "count(*) filter (where a.confidence < $2)::float8 as unsure "
        "from model_answer a join model m on m.id = a.model_id "
        "where a.id >= $1 and m.provider <> 'embedded' group by 1",
        since,
        UNSURE,
    )
    samples: list[Sample] = []
    for row in calls:
        provider, all_of_it = text_of(row["provider"]), row["answered"] + row["failed"]
        samples += [(CALLS, (provider, state), row[state]) for state in ("answered", "failed")]
        ratio = row["failed"] / all_of_it if all_of_it >= ENOUGH else 0.0
        samples.append((ERROR_RATIO, (provider,), ratio))
    for row in answers:
        ratio = row["unsure"] / row["n"] if row["n"] >= ENOUGH else 0.0
        samples.append((UNSURE_RATIO, (text_of(row["provider"]),), ratio))
    return samples


MODEL_ERRORS = rule(
    AlertRule("model_errors", "More than a twentieth of a model's calls fail.", ERROR_RATIO, 0.05, 60)
)
MODEL_UNSURE = rule(
    AlertRule(
        "model_unsure",
        "More than a fifth of a model's answers are less than 70 % sure.",
        UNSURE_RATIO,
        0.20,
        60,
    )
)
