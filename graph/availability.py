"""Availability: the types of its answers, and the root fields that ask.

Whoever may read the catalog is told yes or no, why in a word, and how long; what deals say is told to
tokens that carry rights:read, and then only of deals that count for the viewer.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import strawberry

from domain.access.scopes import Scope
from domain.codes import DPID as DPID_CODE
from domain.ids import IdInvalid, decode_id, encode_id, id_of
from domain.refusals import Refusal
from domain.rights.availability import Availability, Question, Reason, Terms, Verdict, cover, decide
from domain.rights.candidates import MOST_ENTITIES, NOBODY, Found, Licensee, candidates
from domain.rights.territory import WORLD, TerritoryUnknown, countries_of
from domain.rights.words import told, why_not
from graph.bind import Served
from graph.coerce import magnitude
from graph.scalars import Territory

if TYPE_CHECKING:
    from graph.served import Asking

ReasonEnum = strawberry.enum(Reason, name="AvailabilityReason", description="Why something is not allowed.")
# What one coverage is priced at: every territory there is.
COVERAGE_POINTS = 250


class QuestionInvalid(Refusal):
    """A question about availability that can't be asked so."""

    code = "bad_user_input"
    status = 400


@strawberry.type(name="DealVerdict", description="A deal, and what kept it from allowing what was asked.")
class DealVerdictNode:
    """A deal, and what kept it from allowing what was asked; nothing did where it decides."""

    deal: strawberry.ID
    reference: str | None
    reasons: list[Reason]
    text: str
    is_takedown: bool
    licensee: strawberry.ID | None
    valid_from: datetime | None
    valid_until: datetime | None
    pre_order_at: datetime | None
    release_display_at: datetime | None
    track_listing_display_at: datetime | None
    cover_art_display_at: datetime | None
    clip_preview_at: datetime | None


@strawberry.type(name="Availability", description="Whether something may be used so, there, then, and why.")
class AvailabilityNode:
    """The answer. Of a territory that is several countries, it is allowed where all of them are."""

    entity: strawberry.ID
    territory: Territory
    use_type: str | None
    commercial_model: str | None
    at: datetime
    licensee: strawberry.ID | None = strawberry.field(
        description="For whom: the viewer, or whom the owner named; null is anybody."
    )
    allowed: bool
    reason: Reason | None = strawberry.field(description="Of a no: the first of the reasons.")
    reasons: list[Reason] = strawberry.field(description="Of a no: what kept the nearest deal from allowing.")
    text: str
    deal: DealVerdictNode | None = strawberry.field(
        description="The deal that decides: it allows, or takes down. Needs the scope rights:read."
    )
    deals: list[DealVerdictNode] = strawberry.field(
        description="The deals that decide together, where no single one covers all of the territory."
    )
    nearest: list[DealVerdictNode] = strawberry.field(
        description="Of a no: the deals that came closest, fewest reasons first. Needs the scope rights:read."
    )
    missing: list[Territory] = strawberry.field(description="The countries where it is not allowed.")
    allowed_from: datetime | None = strawberry.field(
        description="Since when it has been allowed without a break; null is ever."
    )
    allowed_until: datetime | None = strawberry.field(
        description="Until when it stays allowed, that instant not included; null is for ever."
    )
    next_change: datetime | None = strawberry.field(description="When the answer will be another one.")
    is_pre_orderable: bool = strawberry.field(description="Not allowed yet, but it may be ordered.")


@strawberry.type(name="TerritoryCoverage", description="Whether something may be used in one country.")
class TerritoryCoverageNode:
    """The answer for one country."""

    territory: Territory
    allowed: bool
    reason: Reason | None
    deal: strawberry.ID | None
    until: datetime | None


@strawberry.type(name="CoverageGroup", description="Countries that have one answer.")
class CoverageGroupNode:
    """Countries that have one answer, by the same deals."""

    territories: list[Territory]
    allowed: bool
    reason: Reason | None
    text: str
    deal: strawberry.ID | None
    allowed_from: datetime | None
    allowed_until: datetime | None
    next_change: datetime | None
    is_pre_orderable: bool


@strawberry.type(name="Coverage", description="Every country at once.")
class CoverageNode:
    """Every country at once: one by one, and those together that have one answer."""

    entity: strawberry.ID
    use_type: str | None
    commercial_model: str | None
    at: datetime
    licensee: strawberry.ID | None
    allowed_count: int
    territories: list[TerritoryCoverageNode]
    groups: list[CoverageGroupNode]


async def availability(
    asking: "Asking",
    entity: str,
    territory: str,
    use_type: str | None = None,
    commercial_model: str | None = None,
    at: datetime | None = None,
    licensee: str | None = None,
) -> AvailabilityNode | None:
    """The answer for one entity."""
    question = question_of(territory, use_type, commercial_model, at)
    (found,) = await candidates(
        asking.sql, asking.viewer, [entity_of(entity)], question.countries, licensee_of(licensee)
    )
    return answered(asking, found, territory, question) if found else None


async def availabilities(
    asking: "Asking",
    entities: Sequence[str],
    territory: str,
    use_type: str | None = None,
    commercial_model: str | None = None,
    at: datetime | None = None,
    licensee: str | None = None,
) -> list[AvailabilityNode | None]:
    """The answers for up to a thousand entities, in their order."""
    if len(entities) > MOST_ENTITIES:
        raise QuestionInvalid(
            f"{len(entities)} entities were given; at most {MOST_ENTITIES}", path=("entities",)
        )
    question = question_of(territory, use_type, commercial_model, at)
    asked = [entity_of(entity) for entity in entities]
    found = await candidates(asking.sql, asking.viewer, asked, question.countries, licensee_of(licensee))
    return [answered(asking, one, territory, question) if one else None for one in found]


async def coverage(
    asking: "Asking",
    entity: str,
    use_type: str | None = None,
    commercial_model: str | None = None,
    at: datetime | None = None,
    licensee: str | None = None,
) -> CoverageNode | None:
    """The answer for one entity in every country."""
    question = Question(WORLD, at or datetime.now(UTC), use_type, commercial_model)
    (found,) = await candidates(asking.sql, asking.viewer, [entity_of(entity)], WORLD, licensee_of(licensee))
    if found is None:
        return None
    details = asking.viewer.may(Scope.RIGHTS_READ)
    groups = sorted(cover(question, found.case).items(), key=lambda group: (-len(group[0]), group[0]))
    return CoverageNode(
        entity=_global(found),
        use_type=use_type,
        commercial_model=commercial_model,
        at=question.at,
        licensee=_party(found.case.licensee),
        allowed_count=sum(len(countries) for countries, answer in groups if answer.allowed),
        territories=sorted(
            (
                TerritoryCoverageNode(
                    territory=Territory(country),
                    allowed=answer.allowed,
                    reason=next(iter(answer.reasons), None),
                    deal=_deciding(answer, details),
                    until=answer.until,
                )
                for countries, answer in groups
                for country in countries
            ),
            key=lambda one: one.territory,
        ),
        groups=[
            CoverageGroupNode(
                territories=[Territory(country) for country in countries],
                allowed=answer.allowed,
                reason=next(iter(answer.reasons), None),
                text=told(question, answer, details=details),
                deal=_deciding(answer, details),
                allowed_from=answer.since,
                allowed_until=answer.until,
                next_change=answer.next_change,
                is_pre_orderable=answer.is_pre_orderable,
            )
            for countries, answer in groups
        ],
    )


def answered(asking: "Asking", found: Found, territory: str, question: Question) -> AvailabilityNode:
    """The answer for one entity, as far as the viewer may know it."""
    answer = decide(question, found.case)
    details = asking.viewer.may(Scope.RIGHTS_READ)
    deciding = [_deal(question, answer, Verdict(deal)) for deal in answer.deciding] if details else []
    return AvailabilityNode(
        entity=_global(found),
        territory=Territory(territory),
        use_type=question.use_type,
        commercial_model=question.commercial_model,
        at=question.at,
        licensee=_party(found.case.licensee),
        allowed=answer.allowed,
        reason=next(iter(answer.reasons), None),
        reasons=list(answer.reasons),
        text=told(question, answer, details=details),
        deal=next(iter(deciding), None),
        deals=deciding,
        nearest=[_deal(question, answer, verdict) for verdict in answer.nearest] if details else [],
        missing=[Territory(country) for country in answer.missing],
        allowed_from=answer.since,
        allowed_until=answer.until,
        next_change=answer.next_change,
        is_pre_orderable=answer.is_pre_orderable,
    )


def question_of(
    territory: str, use_type: str | None, commercial_model: str | None, at: datetime | None
) -> Question:
    """The question; now unless said. Raises QuestionInvalid."""
    try:
        countries = tuple(sorted(countries_of(territory)))
    except TerritoryUnknown as error:
        raise QuestionInvalid(str(error), path=("territory",)) from None
    return Question(countries, at or datetime.now(UTC), use_type, commercial_model)


def entity_of(text: str) -> tuple[str, Any]:
    """Kind and id. Raises QuestionInvalid."""
    try:
        return decode_id(text)
    except IdInvalid as error:
        raise QuestionInvalid(str(error), path=("entity",)) from None


def licensee_of(text: str | None) -> Licensee | None:
    """An organization by its id, or a party by its DPID. Raises QuestionInvalid."""
    if text is None:
        return None
    if DPID_CODE.has_form(text):
        return Licensee(dpid=DPID_CODE.normal(text))
    try:
        return Licensee(id_of("organization", text))
    except IdInvalid:
        raise QuestionInvalid(
            f"{text[:40]!r} is no licensee: give the id of an organization, or a DPID", path=("licensee",)
        ) from None


def _deal(question: Question, answer: Availability, verdict: Verdict) -> DealVerdictNode:
    deal: Terms = verdict.deal
    text = why_not(question, answer, verdict) if verdict.reasons else "It decides."
    return DealVerdictNode(
        deal=strawberry.ID(encode_id("deal", deal.id)),
        reference=deal.reference,
        reasons=list(verdict.reasons),
        text=text,
        is_takedown=deal.is_takedown,
        licensee=_party(deal.licensee),
        valid_from=deal.valid_from,
        valid_until=deal.valid_until,
        pre_order_at=deal.pre_order_at,
        release_display_at=deal.release_display_at,
        track_listing_display_at=deal.track_listing_display_at,
        cover_art_display_at=deal.cover_art_display_at,
        clip_preview_at=deal.clip_preview_at,
    )


def _deciding(answer: Availability, details: bool) -> strawberry.ID | None:
    return strawberry.ID(encode_id("deal", answer.deciding[0].id)) if details and answer.deciding else None


def _global(found: Found) -> strawberry.ID:
    return strawberry.ID(encode_id(found.kind, found.id))


def _party(id: Any) -> strawberry.ID | None:
    return strawberry.ID(encode_id("organization", id)) if id not in (None, NOBODY) else None


_MORE: dict[str, Any] = {
    "use_type": str | None,
    "commercial_model": str | None,
    "at": datetime | None,
    "licensee": strawberry.ID | None,
}
TYPES_BY_NAME: dict[str, Any] = {"AvailabilityNode": AvailabilityNode, "CoverageNode": CoverageNode}
ROOTS: dict[str, tuple[Served, str, str]] = {
    "availability": (
        Served(availability, {"entity": strawberry.ID, "territory": Territory, **_MORE}, Scope.CATALOG_READ),
        "AvailabilityNode | None",
        "Whether something may be used so, there, then, and which deal says so. Null where there is no such "
        "thing for the viewer. Without a use type or commercial model: any; at: now. licensee: the viewer; "
        "an owner may name one by id or DPID, and else asks for anybody.",
    ),
    "availabilities": (
        Served(
            availabilities,
            {"entities": list[strawberry.ID], "territory": Territory, **_MORE},
            Scope.CATALOG_READ,
            points=lambda given: magnitude(given["entities"]),
        ),
        "list[AvailabilityNode | None]",
        f"The same for up to {MOST_ENTITIES:,} things, in their order; null for what is not there.",
    ),
    "coverage": (
        Served(
            coverage,
            {"entity": strawberry.ID, **_MORE},
            Scope.CATALOG_READ,
            points=COVERAGE_POINTS,
        ),
        "CoverageNode | None",
        "The same for one thing in every country at once.",
    ),
}
