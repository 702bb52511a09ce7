"""Language models: which there are, how they fare, and what was decided about them."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from domain.access.scopes import Scope
from domain.ids import encode_id
from domain.models.registry import Known, all_models, decisions
from domain.models.report import LONGEST_DAYS, ModelFigures, model_report
from domain.models.terms import terms_of
from domain.refusals import InputInvalid, ScopeMissing
from domain.row import utc_now
from graph.bind import Served

READ = Scope.JOBS_READ


@strawberry.type(
    name="Model",
    description="One version of one model. role: champion answers first, challenger a tenth of the "
    "recordings first, fallback when those fail or are unsure; embedded are our own taggers, retired is "
    "asked no more. Prices are US dollars for a million tokens; null where nobody has said: then it is not "
    "asked.",
)
class ModelNode:
    """A model, as the registry has it."""

    id: strawberry.ID
    provider: str
    model: str
    prompt_version: str
    code_version: str
    role: str
    role_since: datetime
    text_in_usd: float | None
    audio_in_usd: float | None
    out_usd: float | None


@strawberry.type(description="How many calls failed in one way.")
class ModelErrors:
    """Failed calls of one type."""

    error: str
    count: int


@strawberry.type(
    description="How a model fares. calls: requests that ended; answers: of all windows of a recording. "
    "confidenceSteps: answers by confidence, in ten equal steps from 0 to 1; unsure: those below 0.7. "
    "personAgreement and embeddedAgreement: how far answers agree with what persons said and with the "
    "embedded taggers, 0 to 1. costPerAnswerUsd: with what was spent on calls that failed."
)
class ModelReport:
    """One model's figures."""

    model: ModelNode
    calls: int
    failed: int
    error_rate: float | None
    errors: list[ModelErrors]
    latency_p50_ms: int | None
    latency_p95_ms: int | None
    latency_p99_ms: int | None
    answers: int
    served: int
    confidence: float | None
    unsure: int
    confidence_steps: list[int]
    person_agreement: float | None
    compared_with_persons: int
    embedded_agreement: float | None
    compared_with_embedded: int
    cost_usd: float
    cost_per_answer_usd: float | None


@strawberry.type(
    description="What was decided about who is champion. kind: proposed, promoted or rolled_back. evidence: "
    "pairs of answers, the difference of their agreement with its bounds, errors, latency and cost."
)
class ModelDecision:
    """A decision."""

    id: strawberry.ID
    kind: str
    from_model: strawberry.ID | None
    to_model: strawberry.ID
    why: str
    evidence: JSON | None
    made_by: str
    made_at: datetime


@strawberry.type(
    description="What the organization may have asked of models. paidModels, centsPerDay: by its tier; "
    "outside: whether public recordings may leave the house, privateToo: whether private ones may as well."
)
class ModelPermission:
    """The terms of the asker's organization."""

    paid_models: bool
    cents_per_day: int
    outside: bool
    private_too: bool


def _node(known: Known) -> ModelNode:
    prices = known.prices
    return ModelNode(
        id=_id(known.id),
        provider=known.provider,
        model=known.model,
        prompt_version=known.prompt_version,
        code_version=known.code_version,
        role=known.role,
        role_since=known.role_since,
        text_in_usd=prices.text_in if prices else None,
        audio_in_usd=prices.audio_in if prices else None,
        out_usd=prices.out if prices else None,
    )


def _id(id: Any) -> strawberry.ID:
    return strawberry.ID(encode_id("model", id))


async def models(asking: Any) -> list[ModelNode]:
    """Every model, the champion first."""
    return [_node(known) for known in await all_models(asking.sql)]


async def report(asking: Any, days: int = 30, everybody: bool = False) -> list[ModelReport]:
    """How each model fared."""
    if everybody and not asking.viewer.may(Scope.SYSTEM_ADMIN):
        raise ScopeMissing(f"the report of everybody needs the scope {Scope.SYSTEM_ADMIN}")
    if not 1 <= days <= LONGEST_DAYS:
        raise InputInvalid(f"days is {days}; 1 to {LONGEST_DAYS} will do", path=("days",))
    whose = None if everybody else asking.viewer.organization_id
    return [_report(one) for one in await model_report(asking.sql, utc_now(), days, whose)]


def _report(of: ModelFigures) -> ModelReport:
    return ModelReport(
        model=_node(of.model),
        calls=of.calls,
        failed=of.failed,
        error_rate=of.error_rate,
        errors=[ModelErrors(error=error, count=count) for error, count in of.errors.items()],
        latency_p50_ms=of.p50_ms,
        latency_p95_ms=of.p95_ms,
        latency_p99_ms=of.p99_ms,
        answers=of.answers,
        served=of.served,
        confidence=of.confidence,
        unsure=of.unsure,
        confidence_steps=list(of.distribution),
        person_agreement=of.person_agreement,
        compared_with_persons=of.compared_with_persons,
        embedded_agreement=of.embedded_agreement,
        compared_with_embedded=of.compared_with_embedded,
        cost_usd=of.cost_micros / 1e6,
        cost_per_answer_usd=of.cost_per_answer_usd,
    )


async def model_decisions(asking: Any, first: int = 20) -> list[ModelDecision]:
    """The latest decisions."""
    if not 1 <= first <= 100:
        raise InputInvalid(f"first is {first}; 1 to 100 will do", path=("first",))
    return [
        ModelDecision(
            id=strawberry.ID(encode_id("model_decision", one.id)),
            kind=one.kind,
            from_model=_id(one.from_id) if one.from_id else None,
            to_model=_id(one.to_id),
            why=one.why,
            evidence=JSON(one.evidence) if one.evidence is not None else None,
            made_by=one.made_by,
            made_at=one.made_at,
        )
        for one in await decisions(asking.sql, first)
    ]


async def model_permission(asking: Any) -> ModelPermission:
    """What the own organization may have asked."""
    terms = await terms_of(asking.sql, asking.viewer.organization_id)
    return ModelPermission(
        paid_models=terms.paid,
        cents_per_day=terms.cap_micros // 10_000,
        outside=terms.outside,
        private_too=terms.private_too,
    )


TYPES_BY_NAME: dict[str, Any] = {
    "Model": ModelNode,
    "ModelErrors": ModelErrors,
    "ModelReport": ModelReport,
    "ModelDecision": ModelDecision,
    "ModelPermission": ModelPermission,
}
ROOTS: dict[str, tuple[Served, str, str]] = {
    "models": (
        Served(models, scope=READ, points=4),
        "list[Model]",
        "The models that hear, the champion first.",
    ),
    "modelReport": (
        Served(report, {"days": int | None, "everybody": bool | None}, READ, points=50),
        "list[ModelReport]",
        "How each model fared in the last days (30 unless said), for the own organization. everybody: for "
        "all together, which needs the scope system:admin.",
    ),
    "modelDecisions": (
        Served(model_decisions, {"first": int | None}, Scope.SYSTEM_ADMIN, points=4),
        "list[ModelDecision]",
        "What was decided about who is champion, the latest first.",
    ),
    "modelPermission": (
        Served(model_permission, scope=READ, points=2),
        "ModelPermission",
        "What the own organization may have asked of models, and what may leave the house for it.",
    ),
}
