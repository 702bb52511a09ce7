"""What an answer about availability says in plain words."""

from collections.abc import Sequence
from datetime import datetime

from domain.rights.availability import Availability, Question, Reason, Terms, Verdict

_SHORT = {
    Reason.TERRITORY: "No deal covers the territory.",
    Reason.USE_TYPE: "No deal there grants the use.",
    Reason.COMMERCIAL_MODEL: "No deal there names the commercial model.",
    Reason.NOT_YET: "It is not allowed yet.",
    Reason.EXPIRED: "It is no longer allowed.",
    Reason.TAKEN_DOWN: "It has been taken down.",
    Reason.NARROWER_DEAL: "A narrower deal of the track or recording decides, and does not allow it.",
    Reason.OTHER_LICENSEE: "The deals are for other licensees.",
    Reason.LICENSEE_UNMATCHED: "The deal names a licensee whose DPID nobody has proven.",
    Reason.NOT_ACTIVE: "It is not active.",
    Reason.NO_DEAL: "There is no deal.",
}


def told(question: Question, answer: Availability, *, details: bool) -> str:
    """The answer in a sentence or two. details: whether what deals say may be told."""
    if answer.allowed:
        if not details:
            return "It is allowed."
        ids = ", ".join(str(deal.id) for deal in answer.deciding)
        until = f" until {_instant(answer.until)}" if answer.until else ""
        return f"It is allowed{until} by deal {ids}."
    if not details or answer.by_status or not answer.nearest:
        return _SHORT[answer.reasons[0]]
    if answer.deciding:
        return f"It has been taken down by deal {answer.deciding[0].id}."
    nearest = answer.nearest[0]
    return f"No deal allows it. Nearest is deal {nearest.deal.id}: {why_not(question, answer, nearest)}"


def why_not(question: Question, answer: Availability, verdict: Verdict) -> str:
    """What kept a deal from allowing it."""
    said = [_why(question, answer, verdict.deal, reason) for reason in verdict.reasons]
    return "; ".join(said) + "."


def _why(question: Question, answer: Availability, deal: Terms, reason: Reason) -> str:
    if reason is Reason.TERRITORY:
        lacking = [country for country in answer.missing if country not in deal.territories]
        return f"it does not cover {listed(lacking)}"
    if reason is Reason.USE_TYPE:
        return f"it grants {listed(deal.use_types)}" + (
            f", not {question.use_type}" if question.use_type else " at all"
        )
    if reason is Reason.COMMERCIAL_MODEL:
        model = question.commercial_model
        return f"it names {listed(deal.commercial_models)}" + (f", not {model}" if model else " as a model")
    if reason is Reason.NOT_YET:
        order = deal.pre_order_at
        ordered = f"; it may be ordered from {_instant(order)}" if order else ""
        return f"it begins at {_instant(deal.valid_from)}{ordered}"
    if reason is Reason.EXPIRED:
        return f"it ended at {_instant(deal.valid_until)}"
    if reason is Reason.TAKEN_DOWN:
        return "it was taken down there"
    if reason is Reason.NARROWER_DEAL:
        return "a deal of the track or of what is heard on it speaks of the same and decides alone"
    if reason is Reason.OTHER_LICENSEE:
        return "it is for another licensee"
    if reason is Reason.LICENSEE_UNMATCHED:
        return "it names a licensee whose DPID nobody has proven, so it grants nothing"
    return f"it, or what it covers, is not active (the deal is {deal.status})"


def listed(values: Sequence[str], most: int = 6) -> str:
    """A few of the values, and how many more there are."""
    if not values:
        return "nothing"
    more = f" and {len(values) - most} more" if len(values) > most else ""
    return ", ".join(values[:most]) + more


def _instant(at: datetime | None) -> str:
    return at.isoformat().replace("+00:00", "Z") if at else "no given time"
