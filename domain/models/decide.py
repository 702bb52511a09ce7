"""Gathering the evidence about champion and challenger, and doing what the policy says."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.figures.house import first_id
from domain.models import registry
from domain.models.policy import CONFIDENCE, Evidence, Judgement, Side, Verdict, judge
from domain.models.registry import Known
from domain.notices.notify import notify
from domain.ports import Sql, text_of

POLICIES = ("off", "propose", "apply")
# At most so many of the latest pairs are looked at.
_MOST_PAIRS = 20_000


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What was found, and what was done about it: nothing, proposed, promoted or rolled_back."""

    champion: Known | None
    challenger: Known | None
    judgement: Judgement
    evidence: Evidence
    done: str = ""


async def evidence_of(sql: Sql, champion: Known, challenger: Known) -> Evidence:
    """Every pair of answers of both since one of them last got its role, and their figures since then.

    A pair is two answers about the same bytes for the same organization, measured by the same: a person's
    correction, or the embedded taggers. All pairs of one recording are one, their mean: a file with another
    tag is other bytes, and who sent the same sound 200 times would decide by it, and not by chance either.
    """
    since = max(champion.role_since, challenger.role_since)
    row = await sql.fetchrow(
        "select count(*)::int as pairs, coalesce(avg(d), 0)::float8 as mean, "
        "coalesce(stddev_samp(d), 0)::float8 as deviation, "
        "coalesce(sum(by_person::int), 0)::int as by_person from ("
        "select avg(b.agreement - a.agreement) as d, bool_or(b.against = 'person') as by_person "
        "from model_answer a join model_answer b "
        "on b.owner_id = a.owner_id and b.sha256 = a.sha256 and b.model_id = $2 and b.against = a.against "
        "where a.model_id = $1 and a.answered_at >= $3 and b.answered_at >= $3 "
        "group by a.owner_id, a.subject_id order by max(a.answered_at) desc limit $4) pair",
        champion.id,
        challenger.id,
        since,
        _MOST_PAIRS,
    )
    assert row is not None, "an aggregate has a row"
    sides = [await _side(sql, one, since) for one in (champion, challenger)]
    return Evidence(
        pairs=row["pairs"],
        mean=row["mean"],
        deviation=row["deviation"],
        by_person=row["by_person"],
        champion=sides[0],
        challenger=sides[1],
    )


async def _side(sql: Sql, one: Known, since: datetime) -> Side:
    calls = await sql.fetchrow(
        "select count(*)::int as calls, coalesce(sum((state = 'failed')::int), 0)::int as failed, "
        "percentile_disc(0.95) within group (order by latency_ms) filter (where state = 'answered') as p95 "
        "from model_call where model_id = $1 and id >= $2 and state <> 'asked'",
        one.id,
        first_id(since),
    )
    cost = await sql.fetchval(
        "select avg(cost_micros)::float8 from model_answer where model_id = $1 and answered_at >= $2",
        one.id,
        since,
    )
    assert calls is not None, "an aggregate has a row"
    return Side(calls=calls["calls"], failed=calls["failed"], p95_ms=calls["p95"], cost_micros=cost)


async def decide(sql: Sql, policy: str, *, made_by: str, now: datetime) -> Decided:
    """Judge the challenger, and propose or make the change, in the transaction that is open.

    A change that costs more is only ever proposed, whatever the policy; a roll-back is made unless the
    policy is off. What was proposed already is not proposed again for a week.
    """
    assert policy in POLICIES, f"{policy} is no policy; there are {POLICIES}"
    await registry.lock(sql)
    known = await registry.all_models(sql)
    champion, challenger = _of_role(known, "champion"), _of_role(known, "challenger")
    if champion is None or challenger is None:
        missing = "champion" if champion is None else "challenger"
        return Decided(
            champion=champion,
            challenger=challenger,
            judgement=Judgement(verdict=Verdict.WAIT, why=f"there is no {missing}"),
            evidence=Evidence(),
        )
    latest = next((one for one in await registry.decisions(sql) if one.kind != "proposed"), None)
    was_champion = bool(
        latest
        and latest.kind == "promoted"
        and (latest.from_id, latest.to_id) == (challenger.id, champion.id)
    )
    found = await evidence_of(sql, champion, challenger)
    judgement = judge(found, was_champion=was_champion)
    decided = Decided(champion=champion, challenger=challenger, judgement=judgement, evidence=found)
    if policy == "off" or judgement.verdict not in (Verdict.PROMOTE, Verdict.ROLL_BACK):
        return decided
    evidence = as_json(found)
    if judgement.verdict is Verdict.ROLL_BACK:
        done = "rolled_back"
    else:
        done = "promoted" if policy == "apply" and not judgement.costlier else "proposed"
    if done == "proposed":
        if await _proposed_lately(sql, challenger.id, now):
            return decided
        await registry.decided(
            sql, done, champion.id, challenger.id, made_by=made_by, why=judgement.why, evidence=evidence
        )
    else:
        await registry.promote(
            sql, challenger, made_by=made_by, why=judgement.why, evidence=evidence, kind=done
        )
    await _tell(sql, done, champion, challenger, judgement, now)
    return Decided(champion=champion, challenger=challenger, judgement=judgement, evidence=found, done=done)


def as_json(found: Evidence) -> dict[str, Any]:
    """The evidence as it is kept and shown."""

    def side(one: Side) -> dict[str, Any]:
        return {
            "calls": one.calls,
            "error_rate": round(one.error_rate, 4),
            "p95_ms": one.p95_ms,
            "cost_usd": None if one.cost_micros is None else round(one.cost_micros / 1e6, 6),
        }

    bounds = {"lower": round(found.lower, 4), "upper": round(found.upper, 4)} if found.pairs else {}
    return {
        "pairs": found.pairs,
        "by_person": found.by_person,
        "difference": round(found.mean, 4),
        **bounds,
        "confidence": CONFIDENCE,
        "champion": side(found.champion),
        "challenger": side(found.challenger),
    }


def _of_role(known: Sequence[Known], role: str) -> Known | None:
    return next((one for one in known if one.role == role), None)


async def _proposed_lately(sql: Sql, to_id: uuid.UUID, now: datetime) -> bool:
    return bool(
        await sql.fetchval(
            "select exists (select from model_decision where kind = 'proposed' and to_id = $1 "
            "and made_at > $2::timestamptz - interval '7 days')",
            to_id,
            now,
        )
    )


async def _tell(
    sql: Sql, done: str, champion: Known, challenger: Known, judgement: Judgement, now: datetime
) -> None:
    """Give notice to whoever runs the installation."""
    operator = await sql.fetchval("select id from organization where is_operator")
    if operator is None:
        return
    word = {"proposed": "is proposed as", "promoted": "is", "rolled_back": "is again"}[done]
    await notify(
        sql,
        operator,
        f"model.{text_of(done)}",
        f"{challenger.name} {word} champion",
        f"{judgement.why}\n\nThe champion was {champion.name} ({champion.version}). "
        "`python3 -m api models report` shows the figures.",
        {"from": str(champion.id), "to": str(challenger.id), "done": done},
        f"model:{challenger.id}:{done}:{now:%Y-%m-%dT%H:%M:%S.%f}",
    )
