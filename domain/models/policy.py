"""Whether the challenger should be champion: judged by pairs of answers, errors, latency and cost.

Each bound holds with 99 % confidence, one-sided (z = 2.326). It is looked again and again, and a weaker bound
would sooner or later be passed by chance; so only what was answered since the roles last changed is counted,
and a change is never judged by fewer than 200 pairs.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

Z = 2.326
CONFIDENCE = 0.99
PAIRS = 200
# The challenger's error rate is below this, or as good as the champion's, up to the bound.
MOST_ERRORS = 0.05
# How much less agreement counts as none, where it is cheaper or quicker by a fifth.
MARGIN = 0.02
SHARE = 0.8
# A champion that fails is taken back sooner: from so many calls on.
CALLS = 50


class Verdict(StrEnum):
    """What is to be done."""

    WAIT = "wait"  # there are too few pairs
    KEEP = "keep"
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One model's figures since the roles last changed.

    p95_ms: of its answered calls; cost_micros: of one answer on average; None where there was none.
    """

    calls: int = 0
    failed: int = 0
    p95_ms: int | None = None
    cost_micros: float | None = None

    @property
    def error_rate(self) -> float:
        """The share of calls that failed."""
        return self.failed / self.calls if self.calls else 0.0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a verdict stands on. mean, deviation: of the challenger's agreement less the champion's, by pair.

    by_person: how many of the pairs were measured by what a person said.
    """

    pairs: int = 0
    mean: float = 0.0
    deviation: float = 0.0
    by_person: int = 0
    champion: Side = Side()
    challenger: Side = Side()

    @property
    def error(self) -> float:
        """How far the true mean may lie from the one that was found, one-sided, at 99 %."""
        return Z * self.deviation / math.sqrt(self.pairs) if self.pairs else math.inf

    @property
    def lower(self) -> float:
        """The least that the mean difference may be."""
        return self.mean - self.error

    @property
    def upper(self) -> float:
        """The most that it may be."""
        return self.mean + self.error


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What is to be done and why. costlier: the change would cost more, so a person has to make it."""

    verdict: Verdict
    why: str
    costlier: bool = False


def judge(found: Evidence, *, was_champion: bool = False) -> Judgement:
    """What the evidence says about the challenger.

    was_champion: whether the champion took its place from this challenger; going back to it is a roll-back,
    which errors alone can bring about, before there are pairs enough.
    """
    champion, challenger = found.champion, found.challenger
    if was_champion and champion.calls >= CALLS:
        fails, (least, _) = champion.error_rate, wilson(champion.failed, champion.calls)
        if least > MOST_ERRORS and least > challenger.error_rate:
            return Judgement(
                verdict=Verdict.ROLL_BACK,
                why=f"{fails:.1%} of the champion's {champion.calls} calls failed, at least {least:.1%}; "
                f"at most {MOST_ERRORS:.0%} may",
            )
    if found.pairs < PAIRS:
        return Judgement(
            verdict=Verdict.WAIT,
            why=f"{found.pairs} recordings were answered by both since the roles last changed; "
            f"{PAIRS} are needed",
        )
    change = Verdict.ROLL_BACK if was_champion else Verdict.PROMOTE
    most = wilson(challenger.failed, challenger.calls)[1]
    allowed = max(MOST_ERRORS, wilson(champion.failed, champion.calls)[1])
    if most > allowed:
        return Judgement(
            verdict=Verdict.KEEP,
            why=f"the challenger's error rate may be {most:.1%}; at most {allowed:.1%} is allowed",
        )
    told = (
        f"its agreement is {found.mean:+.3f} from the champion's over {found.pairs} pairs, "
        f"{found.lower:+.3f} at least ({CONFIDENCE:.0%})"
    )
    cheaper = _less(challenger.cost_micros, champion.cost_micros)
    quicker = _less(challenger.p95_ms, champion.p95_ms)
    costlier = (challenger.cost_micros or 0.0) > (champion.cost_micros or 0.0)
    if found.lower > 0:
        return Judgement(verdict=change, why=f"the challenger is better: {told}", costlier=costlier)
    if found.lower > -MARGIN and (cheaper or quicker) and not costlier:
        words = " and ".join(word for word, holds in (("cheaper", cheaper), ("quicker", quicker)) if holds)
        return Judgement(verdict=change, why=f"the challenger is as good and {words}: {told}")
    return Judgement(verdict=Verdict.KEEP, why=f"the challenger is not shown to be better: {told}")


def wilson(failed: int, calls: int, z: float = Z) -> tuple[float, float]:
    """The least and the most that a rate may be of which so many were found (Wilson's score interval)."""
    if not calls:
        return 0.0, 1.0
    share, spread = failed / calls, z * z / calls
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / calls + spread / (4 * calls)) / (1 + spread)
    # Rounding must not put a bound on the wrong side of none, or of all.
    return (middle - half if failed else 0.0), (middle + half if failed < calls else 1.0)


def _less(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one < SHARE * other
