"""The bounds of alerts, as administrators set them."""

import math
from dataclasses import dataclass
from typing import Any

from domain.access.scopes import Scope
from domain.alerts.rules import RULES
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.ports import Sql, text_of
from domain.refusals import InputInvalid
from domain.types import UNSET, Unset
from domain.work import Work

MOST = 1e12
LONGEST_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class AlertTerms:
    """A rule as it is evaluated: above `threshold` for `for_s` seconds, and it fires."""

    name: str
    threshold: float
    for_s: float
    disabled: bool
    summary: str
    figure: str
    severity: str


@dataclass(frozen=True, kw_only=True)
class EditAlertRule:
    """What is to change; what is left out stays, and null is as the rule has it by itself."""

    name: str
    threshold: float | Unset | None = UNSET
    for_s: float | Unset | None = UNSET
    disabled: bool | Unset = UNSET


async def read_terms(sql: Sql) -> list[AlertTerms]:
    """Every rule with its bounds as they are, also those that are switched off."""
    rows = {
        text_of(row["name"]): row
        for row in await sql.fetch("select name, threshold, for_s, disabled from alert_rule")
    }
    return [_terms(name, rows.get(name)) for name in sorted(RULES)]


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="PATCH /alert-rules/{name}",
    returns="change_set",
    cost=1,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    value=AlertTerms,
)
async def edit_alert_rule(ask: EditAlertRule, work: Work) -> Outcome:
    """Set when an alert fires, or switch it off; the next evaluation goes by it."""
    if ask.name not in RULES:
        raise InputInvalid(
            f"alert rule {ask.name[:60]!r} is unknown; there are {', '.join(sorted(RULES))}", path=("name",)
        )
    _within(ask.threshold, MOST, "threshold")
    _within(ask.for_s, LONGEST_S, "for_s")
    kept = await work.connection.fetchrow(
        "select name, threshold, for_s, disabled from alert_rule where name = $1 for update", ask.name
    )
    given = {
        field: (kept[field] if kept else default) if isinstance(new, Unset) else new
        for field, new, default in (
            ("threshold", ask.threshold, None),
            ("for_s", ask.for_s, None),
            ("disabled", ask.disabled, False),
        )
    }
    await work.connection.execute(
        "insert into alert_rule (name, threshold, for_s, disabled) values ($1, $2, $3, $4) "
        "on conflict (name) do update set threshold = excluded.threshold, for_s = excluded.for_s, "
        "disabled = excluded.disabled, updated_at = clock_timestamp()",
        ask.name,
        given["threshold"],
        given["for_s"],
        given["disabled"],
    )
    return Outcome("change_set", (work.change_set_id,), value=_terms(ask.name, given))


def _within(given: float | Unset | None, most: float, name: str) -> None:
    if isinstance(given, Unset) or given is None:
        return
    if not math.isfinite(given) or not 0 <= given <= most:
        raise InputInvalid(f"{name} is {given}; 0 to {most:g} will do", path=(name,))


def _terms(name: str, row: Any) -> AlertTerms:
    rule = RULES[name]
    threshold, for_s = (row["threshold"], row["for_s"]) if row else (None, None)
    return AlertTerms(
        name=name,
        threshold=rule.threshold if threshold is None else threshold,
        for_s=rule.for_s if for_s is None else for_s,
        disabled=bool(row["disabled"]) if row else False,
        summary=rule.summary,
        figure=rule.expression.rpartition(" > ")[0],
        severity=rule.severity,
    )
