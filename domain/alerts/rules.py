"""Alert rules, as data: a figure, a bound, and for how long. Inside they are evaluated by a job; for
Prometheus the same rules are printed (docs/alerts.rules.yml)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.figures import house, tally
from domain.figures.registry import Family, Values

AGGREGATES = ("sum", "max")


@dataclass(frozen=True)
class AlertRule:
    """One rule. It fires when the aggregate of the figure was above the threshold for `for_s` seconds.

    where: label values of the samples that count, all of them where it says nothing. It clears when the
    aggregate was at most clear_share of the threshold for clear_for_s, so that it does not go off and on
    around its bound.
    """

    name: str
    summary: str
    figure: Family
    threshold: float
    for_s: float
    aggregate: str = "max"
    where: Mapping[str, str] = field(default_factory=dict)
    severity: str = "warning"
    clear_share: float = 0.8
    clear_for_s: float = 60.0

    def value(self, figures: Mapping[Family, Values]) -> float | None:
        """The aggregate now; None while the figure can't be read."""
        values = figures.get(self.figure)
        if values is None:
            return None
        places = {self.figure.labels.index(label): wanted for label, wanted in self.where.items()}
        chosen = [
            value
            for labels, value in values.items()
            if all(labels[place] == wanted for place, wanted in places.items())
        ]
        return float((sum if self.aggregate == "sum" else max)(chosen or [0.0]))

    @property
    def expression(self) -> str:
        """The same for Prometheus. Every API process tells the figure, so it is taken once of all."""
        where = ",".join(f"{label}={json.dumps(wanted)}" for label, wanted in sorted(self.where.items()))
        selected = self.figure.name + (f"{{{where}}}" if where else "")
        once = f"max by ({', '.join(self.figure.labels)}) ({selected})" if self.figure.labels else selected
        return f"{self.aggregate if self.figure.labels else 'max'}({once}) > {self.threshold:g}"


RULES: dict[str, AlertRule] = {}


def rule(made: AlertRule) -> AlertRule:
    """Register a rule; other rooms of the domain add theirs in the same way."""
    assert made.name not in RULES, f"alert rule {made.name} is declared twice"
    assert made.aggregate in AGGREGATES, f"{made.aggregate} is no aggregate; there are {AGGREGATES}"
    assert set(made.where) <= set(made.figure.labels), f"{made.figure.name} has no such labels"
    assert 0 < made.clear_share <= 1, "an alert clears at or below its threshold"
    RULES[made.name] = made
    return made


JOBS_PENDING = rule(
    AlertRule(
        "jobs_pending",
        "More jobs wait than the workers seem to get done.",
        house.JOBS,
        500,
        60,
        "sum",
        {"state": "queued"},
    )
)
DEAD_LETTERS = rule(
    AlertRule(
        "dead_letters",
        "Many jobs were given up; somebody has to look at them.",
        house.JOBS,
        100,
        0,
        "sum",
        {"state": "dead"},
        clear_share=1.0,
    )
)
JOBS_LATE = rule(AlertRule("jobs_late", "A job has waited for more than ten minutes.", house.DELAY, 600, 60))
ERRORS = rule(
    AlertRule(
        "errors", "More than a twentieth of the requests fail.", tally.RATIO, 0.05, 60, severity="critical"
    )
)
LANE_SLOW = rule(
    AlertRule("lane_slow", "A lane begins its jobs later than it promises to.", house.PROMISE, 1, 120)
)
