"""May this be used so, there, then, and which deal says so? Pure: question and deals in, answer out.

What counts:
- only what is granted is allowed; a deal that names no use type or no commercial model grants none;
- an entity is on offer at its **spots**. A release is its own; a track's is its place on its release; a
  recording (or video) is on offer wherever a track plays it, and for itself. One spot that allows is enough;
- deals that name a release cover its tracks and what is heard there. At a spot, deals that name the track or
  what is heard on it are **narrower**: of a use and a model that one of them speaks of, they decide alone,
  wherever and whenever they hold. Without a use type or a model in the question, any pair will do that a
  deal names and no narrower one speaks of;
- a takedown deal in force takes its territories from every use at the spots of what it names;
- what is not active, or stands on a release that isn't, is not available there;
- a deal is for everyone or for one licensee. Narrower deals and takedowns count against those they are for:
  one for a single licensee takes nothing from the others. Whoever owns the entity and names no licensee asks
  whether anybody at all may use it.

Periods are half-open; null is unbounded.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from domain.rights.uses import granted_by

MOST_NEAREST = 5
DAWN = datetime.min.replace(tzinfo=UTC)
DUSK = datetime.max.replace(tzinfo=UTC)

Span: TypeAlias = tuple[datetime, datetime]


class Reason(StrEnum):
    """Why not."""

    TERRITORY = "TERRITORY"
    USE_TYPE = "USE_TYPE"
    COMMERCIAL_MODEL = "COMMERCIAL_MODEL"
    NOT_YET = "NOT_YET"
    EXPIRED = "EXPIRED"
    TAKEN_DOWN = "TAKEN_DOWN"
    NARROWER_DEAL = "NARROWER_DEAL"
    OTHER_LICENSEE = "OTHER_LICENSEE"
    LICENSEE_UNMATCHED = "LICENSEE_UNMATCHED"
    NOT_ACTIVE = "NOT_ACTIVE"
    NO_DEAL = "NO_DEAL"


@dataclass(frozen=True)
class Question:
    """What is asked. countries: what the territory means, as ISO codes. A use or model of None is any."""

    countries: tuple[str, ...]
    at: datetime
    use_type: str | None = None
    commercial_model: str | None = None


@dataclass(frozen=True)
class Terms:
    """A deal as far as it answers. subjects: those of the spots that it names.

    licensee: who it is for; None is everyone, unless is_unmatched: then a DPID is named that nobody holds.
    territories may be cut to the countries of the question.
    """

    id: uuid.UUID
    subjects: frozenset[uuid.UUID]
    territories: frozenset[str]
    use_types: tuple[str, ...] = ()
    commercial_models: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    licensee: uuid.UUID | None = None
    is_unmatched: bool = False
    is_takedown: bool = False
    status: str = "active"
    reference: str | None = None
    pre_order_at: datetime | None = None
    release_display_at: datetime | None = None
    track_listing_display_at: datetime | None = None
    cover_art_display_at: datetime | None = None
    clip_preview_at: datetime | None = None

    @cached_property
    def span(self) -> Span:
        """When it holds."""
        return self.valid_from or DAWN, self.valid_until or DUSK

    def holds(self, at: datetime) -> bool:
        """Whether it is in force, as far as time says."""
        return self.span[0] <= at < self.span[1]

    def counts_for(self, asker: uuid.UUID | None) -> bool:
        """Whether it is for everyone or for this licensee, and settled."""
        return self.status == "active" and not self.is_unmatched and self.licensee in (None, asker)

    def speaks_of(self, use_type: str, model: str) -> bool:
        """Whether it names the use, or a general term of it, and the model."""
        return model in self.commercial_models and any(use in self.use_types for use in granted_by(use_type))


@dataclass(frozen=True)
class Spot:
    """Where an entity is on offer. own: what narrower deals name; wide: the release; status: the worst."""

    own: frozenset[uuid.UUID]
    wide: uuid.UUID | None
    status: str = "active"

    @cached_property
    def names(self) -> frozenset[uuid.UUID]:
        """What deals may name to be about this spot."""
        return self.own | {self.wide} if self.wide is not None else self.own


@dataclass(frozen=True)
class Case:
    """An entity, where it is on offer, and the deals that the asker may know of.

    licensee: for whom it is asked; None is anybody (the owner asks).
    """

    status: str
    spots: tuple[Spot, ...]
    deals: tuple[Terms, ...]
    licensee: uuid.UUID | None = None


@dataclass(frozen=True)
class Verdict:
    """A deal and what kept it from allowing; nothing did where it decides."""

    deal: Terms
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Availability:
    """The answer.

    deciding: the deals that allow it (one, unless several territories were asked for that no one deal
    covers), or the takedown that forbids it. nearest: of a no, the deals that came closest. missing: the
    countries that are not allowed. since, until: how long it has been and will be allowed; None is without
    end. next_change: when the answer will be another one. is_pre_orderable: not yet, but it may be ordered.
    """

    allowed: bool
    reasons: tuple[Reason, ...] = ()
    deciding: tuple[Terms, ...] = ()
    nearest: tuple[Verdict, ...] = ()
    missing: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    next_change: datetime | None = None
    is_pre_orderable: bool = False
    by_status: bool = False


@dataclass
class _Offer:
    """A deal that grants what is asked for at a spot, territory and time aside, and what takes from it."""

    deal: Terms
    takedowns: tuple[Terms, ...]


@dataclass
class _Standing:
    """What holds in the countries that the same deals cover. granting: the deals at the instant asked for."""

    spans: list[Span]
    granting: dict[uuid.UUID, Terms] = field(default_factory=dict)


def decide(question: Question, case: Case) -> Availability:
    """The answer for one entity: allowed where all of the countries are."""
    offers = _offers(question, case)
    standings = [(country, _standing(question, offers, country)) for country in _alike(case, question)]
    return _answer(question, case, offers, {sample: (found, all_of) for (sample, all_of), found in standings})


def cover(question: Question, case: Case) -> dict[tuple[str, ...], Availability]:
    """The answers for each of the countries, by the groups of them that the same deals cover."""
    offers = _offers(question, case)
    found: dict[tuple[str, ...], Availability] = {}
    for sample, alike in _alike(case, question):
        alone = Question(alike, question.at, question.use_type, question.commercial_model)
        standing = _standing(question, offers, (sample, alike))
        found[alike] = _answer(alone, case, offers, {sample: (standing, alike)})
    return found


def _alike(case: Case, question: Question) -> list[tuple[str, tuple[str, ...]]]:
    """The countries in groups that no deal tells apart, each with one of them."""
    groups: dict[tuple[bool, ...], list[str]] = {}
    for country in question.countries:
        groups.setdefault(tuple(country in deal.territories for deal in case.deals), []).append(country)
    return [(group[0], tuple(group)) for group in groups.values()]


def _offers(question: Question, case: Case) -> list[_Offer]:
    if case.status != "active":
        return []
    return [
        _Offer(deal, _takedowns(case, spot, deal))
        for spot in case.spots
        if spot.status == "active"
        for deal in case.deals
        if not deal.is_takedown
        and deal.subjects & spot.names
        and _counts(case, deal)
        and _pairs(question, deal)
        and _left(question, case, spot, deal)
    ]


def _counts(case: Case, deal: Terms) -> bool:
    """Whether the deal is for who asks; one who asks for anybody takes each deal's own licensee."""
    return deal.counts_for(deal.licensee if case.licensee is None else case.licensee)


def _asker(case: Case, deal: Terms) -> uuid.UUID | None:
    return deal.licensee if case.licensee is None else case.licensee


def _pairs(question: Question, deal: Terms) -> list[tuple[str, str]]:
    """The uses and models that are asked for and that the deal grants."""
    uses = deal.use_types if question.use_type is None else (question.use_type,)
    models = deal.commercial_models if question.commercial_model is None else (question.commercial_model,)
    return [(use, model) for use in uses for model in models if deal.speaks_of(use, model)]


def _left(question: Question, case: Case, spot: Spot, deal: Terms) -> bool:
    """Whether narrower deals leave the deal something to say at the spot."""
    if deal.subjects & spot.own or not spot.own:
        return True
    asker = _asker(case, deal)
    narrower = [
        other
        for other in case.deals
        if not other.is_takedown and other.subjects & spot.own and other.counts_for(asker)
    ]
    return any(
        not any(other.speaks_of(use, model) for other in narrower) for use, model in _pairs(question, deal)
    )


def _takedowns(case: Case, spot: Spot, deal: Terms) -> tuple[Terms, ...]:
    asker = _asker(case, deal)
    return tuple(
        other
        for other in case.deals
        if other.is_takedown and other.subjects & spot.names and other.counts_for(asker)
    )


def _standing(question: Question, offers: Sequence[_Offer], of: tuple[str, tuple[str, ...]]) -> _Standing:
    country, _ = of
    found = _Standing([])
    for offer in offers:
        if country not in offer.deal.territories:
            continue
        spans = without(offer.deal.span, (t.span for t in offer.takedowns if country in t.territories))
        found.spans += spans
        if any(start <= question.at < end for start, end in spans):
            found.granting[offer.deal.id] = offer.deal
    found.spans = united(found.spans)
    return found


def _answer(
    question: Question,
    case: Case,
    offers: Sequence[_Offer],
    standings: Mapping[str, tuple[_Standing, tuple[str, ...]]],
) -> Availability:
    at = question.at
    missing = tuple(sorted(c for one, all_of in standings.values() if not one.granting for c in all_of))
    spans = common([one.spans for one, _ in standings.values()])
    edges = [edge for span in spans for edge in span if edge > at and edge != DUSK]
    next_change = min(edges, default=None)
    if not missing and standings:
        since, until = next(span for span in spans if span[0] <= at < span[1])
        return Availability(
            True,
            deciding=_fewest(standings.values()),
            since=None if since == DAWN else since,
            until=None if until == DUSK else until,
            next_change=next_change,
        )
    verdicts = sorted(
        (_verdict(question, case, deal, missing) for deal in case.deals if not deal.is_takedown),
        key=lambda verdict: (len(verdict.reasons), verdict.reasons, verdict.deal.id),
    )
    reasons = verdicts[0].reasons if verdicts else (Reason.NO_DEAL,)
    takedown: Terms | None = None
    by_status = _status_of(case)
    if by_status is not None:
        reasons = (by_status,)
    elif takedown := _forbidding(question, case, missing, verdicts):
        reasons = (Reason.TAKEN_DOWN,)
    return Availability(
        False,
        reasons,
        deciding=(takedown,) if takedown else (),
        nearest=tuple(verdicts[:MOST_NEAREST]),
        missing=missing,
        next_change=next_change,
        is_pre_orderable=any(
            verdict.reasons == (Reason.NOT_YET,)
            and verdict.deal.pre_order_at is not None
            and verdict.deal.pre_order_at <= at
            for verdict in verdicts
        ),
        by_status=by_status is not None,
    )


def _fewest(standings: Iterable[tuple[_Standing, tuple[str, ...]]]) -> tuple[Terms, ...]:
    """Few deals that together allow all of it: each time the one that covers most, then that lasts."""
    open_ = [(standing.granting, len(alike)) for standing, alike in standings]
    chosen: list[Terms] = []
    while open_:
        weights: dict[uuid.UUID, int] = {}
        known: dict[uuid.UUID, Terms] = {}
        for granting, weight in open_:
            for id, deal in granting.items():
                weights[id] = weights.get(id, 0) + weight
                known[id] = deal
        best = min(known.values(), key=lambda d: (-weights[d.id], DUSK - d.span[1], d.id))
        chosen.append(best)
        open_ = [entry for entry in open_ if best.id not in entry[0]]
    return tuple(chosen)


def _status_of(case: Case) -> Reason | None:
    """What forbids it whatever the deals say: its own state, or that of all its spots."""
    states = [case.status] if case.status != "active" else [spot.status for spot in case.spots]
    if not states or "active" in states:
        return None
    return Reason.TAKEN_DOWN if "taken_down" in states else Reason.NOT_ACTIVE


def _forbidding(
    question: Question, case: Case, missing: tuple[str, ...], verdicts: Sequence[Verdict]
) -> Terms | None:
    """The takedown that decides: it alone stops the nearest deal, or every spot is taken down."""
    at, wanted = question.at, frozenset(missing)
    spots = [spot for spot in case.spots if spot.status == "active"]
    if verdicts and verdicts[0].reasons == (Reason.TAKEN_DOWN,):
        deal = verdicts[0].deal
        taken = [t for s in spots if deal.subjects & s.names for t in _takedowns(case, s, deal)]
        found = [t for t in taken if t.holds(at) and t.territories & wanted]
        return min(found, key=lambda t: t.id, default=None)
    found = [
        t
        for t in case.deals
        if t.is_takedown and t.counts_for(case.licensee) and t.holds(at) and wanted <= t.territories
    ]
    if not all(any(t.subjects & spot.names for t in found) for spot in spots):
        return None
    return min(found, key=lambda t: t.id, default=None)


def _verdict(question: Question, case: Case, deal: Terms, missing: tuple[str, ...]) -> Verdict:
    """What kept a deal from allowing the missing countries, where it came closest."""
    ours: list[Reason] = []
    if deal.status != "active":
        ours.append(Reason.NOT_ACTIVE)
    if deal.is_unmatched:
        ours.append(Reason.LICENSEE_UNMATCHED)
    elif case.licensee is not None and deal.licensee not in (None, case.licensee):
        ours.append(Reason.OTHER_LICENSEE)
    if not deal.territories.issuperset(missing):
        ours.append(Reason.TERRITORY)
    if not _names_use(question, deal):
        ours.append(Reason.USE_TYPE)
    if not _names_model(question, deal):
        ours.append(Reason.COMMERCIAL_MODEL)
    start = deal.span[0]
    if not deal.holds(question.at):
        ours.append(Reason.NOT_YET if question.at < start else Reason.EXPIRED)
    closest = min(
        (_at_spot(question, case, deal, spot, missing) for spot in case.spots if deal.subjects & spot.names),
        key=lambda reasons: (len(reasons), reasons),
        default=(),
    )
    return Verdict(deal, (*ours, *closest))


def _names_use(question: Question, deal: Terms) -> bool:
    if question.use_type is None:
        return bool(deal.use_types)
    return any(use in deal.use_types for use in granted_by(question.use_type))


def _names_model(question: Question, deal: Terms) -> bool:
    if question.commercial_model is None:
        return bool(deal.commercial_models)
    return question.commercial_model in deal.commercial_models


def _at_spot(
    question: Question, case: Case, deal: Terms, spot: Spot, missing: tuple[str, ...]
) -> tuple[Reason, ...]:
    found: list[Reason] = []
    states = {case.status, spot.status} - {"active"}
    taken = any(t.holds(question.at) and t.territories & set(missing) for t in _takedowns(case, spot, deal))
    if taken or "taken_down" in states:
        found.append(Reason.TAKEN_DOWN)
    if states - {"taken_down"}:
        found.append(Reason.NOT_ACTIVE)
    if _pairs(question, deal) and not _left(question, case, spot, deal):
        found.append(Reason.NARROWER_DEAL)
    return tuple(found)


# -- spans of time ------------------------------------------------------------------------------------------


def without(span: Span, cuts: Iterable[Span]) -> list[Span]:
    """What is left of a span."""
    left = [span]
    for begin, stop in cuts:
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, begin)), (max(start, stop), end))
            if piece[0] < piece[1]
        ]
    return left


def united(spans: Iterable[Span]) -> list[Span]:
    """The same instants in few spans, in order; those that touch are one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def common(several: Sequence[Sequence[Span]]) -> list[Span]:
    """The instants that are in all of them. Each is in order."""
    if not several:
        return []
    found = list(several[0])
    for spans in several[1:]:
        found = [
            (max(a[0], b[0]), min(a[1], b[1]))
            for a in found
            for b in spans
            if max(a[0], b[0]) < min(a[1], b[1])
        ]
    return found
