"""Evaluating the rules: what each alert becomes, by its figure and the time. Firing and clearing are told."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.alerts.rules import RULES, AlertRule
from domain.figures.registry import read_figures
from domain.notices.notify import notify
from domain.ports import Sql
from domain.row import new_id

_KEPT = timedelta(days=400)


@dataclass(frozen=True)
class Standing:
    """An alert that is not over."""

    id: uuid.UUID
    since: datetime
    fired_at: datetime | None = None
    calm_since: datetime | None = None


@dataclass(frozen=True)
class Next:
    """What it becomes. standing: None when it is over; told: fired or cleared, when it is that just now."""

    standing: Standing | None
    told: str = ""


def step(rule: AlertRule, held: Standing | None, value: float, now: datetime) -> Next:
    """What an alert becomes when its figure has this value."""
    above = value > rule.threshold
    if held is None:
        if not above:
            return Next(None)
        held = Standing(new_id(), now)
    if held.fired_at is None:
        if not above:
            return Next(None)
        if now - held.since < timedelta(seconds=rule.for_s):
            return Next(held)
        return Next(replace(held, fired_at=now), "fired")
    if value > rule.threshold * rule.clear_share:
        return Next(replace(held, calm_since=None))
    calm_since = held.calm_since or now
    if now - calm_since < timedelta(seconds=rule.clear_for_s):
        return Next(replace(held, calm_since=calm_since))
    return Next(None, "cleared")


async def rules_now(sql: Sql) -> dict[str, AlertRule]:
    """The rules as administrators set them; without those that are switched off."""
    rows = {
        row["name"]: row for row in await sql.fetch("select name, threshold, for_s, disabled from alert_rule")
    }
    found = {}
    for name, rule in RULES.items():
        row = rows.get(name)
        if row is None:
            found[name] = rule
        elif not row["disabled"]:
            found[name] = replace(
                rule,
                threshold=rule.threshold if row["threshold"] is None else row["threshold"],
                for_s=rule.for_s if row["for_s"] is None else row["for_s"],
            )
    return found


async def evaluate(sql: Sql, now: datetime) -> Mapping[str, str]:
    """Look at every rule, in the transaction that is open; gives those that fired or cleared just now.

    One evaluation at a time: whoever comes second finds what the first has written. A rule that was
    switched off clears its alert, and a figure that can't be read leaves it as it is.
    """
    await sql.execute("select pg_advisory_xact_lock(hashtextextended('alerts', 6))")
    operator = await sql.fetchval("select id from organization where is_operator")
    if operator is None:
        return {}  # there is nobody whose alerts they would be
    figures, rules = await read_figures(sql, now), await rules_now(sql)
    rows = {
        row["rule"]: row
        for row in await sql.fetch(
            "select id, rule, since, fired_at, calm_since, value, threshold from alert "
            "where state <> 'cleared'"
        )
    }
    told: dict[str, str] = {}
    for name in sorted({*rules, *rows}):
        row, rule = rows.get(name), rules.get(name)
        held = Standing(row["id"], row["since"], row["fired_at"], row["calm_since"]) if row else None
        if rule is None:
            if held is not None and row is not None:
                await _close(sql, held, now)
                if held.fired_at is not None:
                    told[name] = "cleared"
                    await _tell(sql, operator, name, held, "cleared", row["value"], row["threshold"])
            continue
        value = rule.value(figures)
        if value is None:
            continue
        after = step(rule, held, value, now)
        if after.standing is not None:
            await _keep(sql, operator, rule, after.standing, value)
        elif held is not None:
            await _close(sql, held, now)
        if after.told:
            told[name] = after.told
            standing = after.standing or held
            assert standing is not None, "what is told of an alert is told of one that stands or stood"
            await _tell(sql, operator, name, standing, after.told, value, rule.threshold)
    await sql.execute("delete from alert where state = 'cleared' and cleared_at < $1", now - _KEPT)
    return told


async def _keep(sql: Sql, operator: uuid.UUID, rule: AlertRule, standing: Standing, value: float) -> None:
    await sql.execute(
        "insert into alert (id, rule, state, value, threshold, since, fired_at, calm_since, owner_id) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do update set state = excluded.state, "
        "value = excluded.value, threshold = excluded.threshold, fired_at = excluded.fired_at, "
        "calm_since = excluded.calm_since",
        standing.id,
        rule.name,
        "firing" if standing.fired_at else "pending",
        value,
        rule.threshold,
        standing.since,
        standing.fired_at,
        standing.calm_since,
        operator,
    )


async def _close(sql: Sql, held: Standing, now: datetime) -> None:
    """What fired is kept as cleared; what only threatened to leaves nothing."""
    if held.fired_at is None:
        await sql.execute("delete from alert where id = $1", held.id)
    else:
        await sql.execute("update alert set state = 'cleared', cleared_at = $2 where id = $1", held.id, now)


async def _tell(
    sql: Sql,
    operator: uuid.UUID,
    name: str,
    standing: Standing,
    what: str,
    value: float,
    threshold: float,
) -> None:
    """Give notice to whoever runs the installation, once for each firing and each clearing."""
    rule = RULES.get(name)
    summary = rule.summary if rule else name
    word = "fires" if what == "fired" else "is over"
    await notify(
        sql,
        operator,
        f"alert.{what}",
        f"Alert {name} {word}",
        f"{summary}\n\nThe figure is {value:g}; the threshold is {threshold:g}. "
        f"It was exceeded at {standing.since:%Y-%m-%d %H:%M:%S} UTC.",
        {"rule": name, "state": what, "value": value, "threshold": threshold, "alert": str(standing.id)},
        f"alert:{standing.id}:{what}",
    )
