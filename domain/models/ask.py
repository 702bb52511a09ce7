"""The chain: which models are asked about a recording, in which order, and whose answer counts.

The champion answers first, of a sticky tenth of the subjects the challenger, and the champion beside it, so
that there are pairs to judge both by. Whoever fails or is unsure is followed by a model of another provider;
where none may be asked or none is set, the embedded taggers' labels stand. Every request is written down
before it is sent and when it ends.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from domain.audio.analysis import Labels, Tagged
from domain.models import record, registry
from domain.models.agreement import with_embedded
from domain.models.likelihood import mean, probabilities
from domain.models.ports import (
    ILL_FORMED,
    AudioModel,
    Failure,
    ModelFailed,
    Models,
    Said,
)
from domain.models.question import WEIGHED, Heard, NotJson, OffSchema, find_object, read_labels
from domain.models.registry import Known
from domain.models.split import asks_challenger
from domain.models.terms import Terms, forbidden, terms_of
from domain.models.vote import SURE, vote
from domain.models.windows import Window
from domain.ports import Sql, SqlPool
from domain.row import utc_now

EMBEDDED = "musicnn"
# A model that says when to come again is waited for so long; beyond it, another is asked.
LONGEST_WAIT_S = 5.0
_ASKED = ("champion", "challenger", "fallback")
_NO_LABELS = Labels(reason="no model was asked, and there are no embedded taggers")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is asked about. subject_id: the recording, or the file where there is none; it decides the split.

    sha256: of the audio's bytes, which are never asked about twice. private: whether nobody else may see it.
    """

    owner_id: uuid.UUID
    subject_id: uuid.UUID
    sha256: str
    private: bool = True


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One step of the chain. outcome: sure, unsure, a word of `Failure`, or why the model was not asked.

    asked: whether anything was sent; not for what was answered before, or forbidden.
    """

    provider: str
    model: str
    version: str
    reason: str
    outcome: str
    confidence: float | None = None
    asked: bool = False


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Whose labels count, and how it came to that. provider: `embedded` where no language model's do.

    confidence: of the whole answer, None of the embedded taggers, whose labels each have their own.
    """

    labels: Labels
    provider: str
    model: str
    version: str
    confidence: float | None
    reason: str
    hops: tuple[Hop, ...] = ()
    calls: int = 0
    cost_micros: int = 0

    @property
    def by_language_model(self) -> bool:
        """Whether a language model gave the labels."""
        return self.provider != "embedded"


class NoModelAnswered(Exception):
    """Models were asked, and every one of them failed. instead: what the embedded taggers say.

    A job lets it through after it has kept what it has, so that a third failure makes a dead letter.
    """

    def __init__(self, instead: Answered) -> None:
        failed = ", ".join(f"{hop.provider}/{hop.model}: {hop.outcome}" for hop in instead.hops)
        super().__init__(f"no model answered ({failed})")
        self.instead = instead


@dataclass
class _Asking:
    """One run of the chain."""

    pool: SqlPool
    models: Models
    subject: Subject
    windows: Sequence[Window]
    embedded: Labels | None
    terms: Terms
    kept: dict[uuid.UUID, record.Kept]
    now: datetime
    sleep: Callable[[float], Awaitable[None]]
    hops: list[Hop] = field(default_factory=list)
    answers: list[tuple[Known, record.Kept, str]] = field(default_factory=list)
    calls: int = 0
    cost_micros: int = 0


async def ask_models(
    pool: SqlPool,
    models: Models,
    subject: Subject,
    windows: Sequence[Window],
    embedded: Tagged | None,
    *,
    embedded_version: str = "1",
    now: datetime | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Answered:
    """Labels of a recording: from language models where some may be asked, else from the embedded taggers.

    windows: of `domain.models.windows.cut`. Raises NoModelAnswered when those that were asked all failed.
    No transaction may be open: it waits for the network.
    """
    async with pool.acquire() as sql:
        async with sql.transaction():
            await registry.register(sql, models.configured)
        terms = await terms_of(sql, subject.owner_id)
        known = await registry.all_models(sql)
        kept = await record.kept_answers(sql, subject.owner_id, subject.sha256)
    labels = embedded.labels if embedded else None
    asking = _Asking(pool, models, subject, windows, labels, terms, kept, now or utc_now(), sleep)
    first, partner, rest = order(known, subject.subject_id, lambda one: _why_not(asking, one) is None)
    for one in [one for one in known if one.role in _ASKED and one not in (first, partner, *rest)]:
        if why := _why_not(asking, one):
            asking.hops.append(_hop(one, "not asked", why))
    await _follow(asking, first, partner, rest)
    return await _settle(asking, embedded_version)


def order(
    known: Sequence[Known], subject_id: uuid.UUID, may: Callable[[Known], bool]
) -> tuple[Known | None, Known | None, list[Known]]:
    """Who is asked first, who beside it, and who after them where they fail or are unsure.

    known: champion first, then challenger, then fallbacks. may: whether one can be asked. What is beside the
    first is asked in any case. After them come models of other providers than the first: what makes one
    model of a provider fail mostly keeps its others from answering as well.
    """
    able = [one for one in known if one.role in _ASKED and may(one)]
    champion = next((one for one in able if one.role == "champion"), None)
    challenger = next((one for one in able if one.role == "challenger"), None)
    first, partner = (able[0] if able else None), None
    if champion and challenger and asks_challenger(subject_id):
        first, partner = challenger, champion
    if first is None:
        return None, None, []
    rest = [one for one in able if one not in (first, partner) and one.provider != first.provider]
    return first, partner, rest


def _why_not(asking: _Asking, one: Known) -> str | None:
    adapter = asking.models.providers.get(one.provider)
    if adapter is None:
        return "not_configured"
    if one.id in asking.kept:
        return None
    if one.prices is None:
        return "price_unknown"
    return forbidden(asking.terms, adapter, free=one.prices.free, private=asking.subject.private)


async def _follow(asking: _Asking, first: Known | None, partner: Known | None, rest: list[Known]) -> None:
    if first is None:
        return
    outcome = await _try(asking, first, f"first: {first.role}")
    if partner is not None:
        beside = await _try(asking, partner, f"beside the challenger {first.name}, which was {outcome}")
        outcome = "sure" if "sure" in (outcome, beside) else beside
    last = partner or first
    for one in rest:
        if outcome == "sure":
            return
        outcome, last = await _try(asking, one, f"{last.name} was {outcome}"), one


async def _try(asking: _Asking, one: Known, reason: str) -> str:
    """Ask one model about every window; gives sure, unsure, or why there is no answer."""
    before = asking.kept.get(one.id)
    asked = before is None
    try:
        answer = before or await _ask_all(asking, one, reason)
    except ModelFailed as failed:
        asking.hops.append(_hop(one, reason, failed.failure.value, asked=True))
        log.info("model failed", model=one.name, failure=failed.failure.value, text=failed.text)
        return failed.failure.value
    except _CapReached:
        asking.hops.append(_hop(one, reason, "daily_cap"))
        return "daily_cap"
    outcome = "sure" if answer.confidence >= SURE else "unsure"
    asking.answers.append((one, answer, reason))
    asking.hops.append(_hop(one, reason, outcome, answer.confidence, asked=asked))
    return outcome


class _CapReached(Exception):
    """The day's cost cap leaves no room for the call."""


async def _ask_all(asking: _Asking, one: Known, reason: str) -> record.Kept:
    adapter = asking.models.providers[one.provider]
    heard: list[Heard] = []
    began, cost_before = time.monotonic(), asking.cost_micros
    for place, window in enumerate(asking.windows):
        heard.append(await _ask_twice(asking, one, adapter, place, window, reason))
    voted = vote(heard)
    answer = record.Kept(labels=voted.labels, confidence=voted.confidence, windows=voted.windows)
    async with asking.pool.acquire() as sql:
        await record.keep_answer(
            sql,
            owner_id=asking.subject.owner_id,
            model_id=one.id,
            subject_id=asking.subject.subject_id,
            sha256=asking.subject.sha256,
            kept=answer,
            reason=reason,
            agreement=with_embedded(answer.labels, asking.embedded) if asking.embedded else None,
            latency_ms=_ms_since(began),
            cost_micros=asking.cost_micros - cost_before,
        )
    return answer


async def _ask_twice(
    asking: _Asking, one: Known, adapter: AudioModel, place: int, window: Window, reason: str
) -> Heard:
    """Ask about a window, and once more where the answer was broken or the model soon takes calls again."""
    try:
        return await _ask_once(asking, one, adapter, place, window, reason)
    except ModelFailed as failed:
        wait = 0.0 if failed.failure in ILL_FORMED else failed.after_s
        if wait is None or wait > LONGEST_WAIT_S or failed.failure is Failure.RESTS:
            raise
        why = f"again: {failed.failure}"
    if wait:
        await asking.sleep(wait + 0.05)
    return await _ask_once(asking, one, adapter, place, window, why)


async def _ask_once(
    asking: _Asking, one: Known, adapter: AudioModel, place: int, window: Window, reason: str
) -> Heard:
    assert one.prices is not None, "a model without prices is not asked"
    async with asking.pool.acquire() as sql, sql.transaction():
        begun = await record.begin_call(
            sql,
            owner_id=asking.subject.owner_id,
            model_id=one.id,
            subject_id=asking.subject.subject_id,
            sha256=asking.subject.sha256,
            place=place,
            reason=reason,
            day=asking.now.date(),
            reserved_micros=one.prices.most(window.duration_s),
            cap_micros=asking.terms.cap_micros,
        )
    if begun is None:
        raise _CapReached
    asking.calls += 1
    began = time.monotonic()
    said: Said | None = None
    heard: Heard | None = None
    failed: ModelFailed | None = None
    try:
        said = await adapter.ask(one.model, window)
        heard = read(said)
    except ModelFailed as error:
        failed = error
    used = said.used if said else failed.used if failed else None
    cost = one.prices.cost(used) if used else 0
    async with asking.pool.acquire() as sql, sql.transaction():
        asking.cost_micros += await record.end_call(
            sql,
            begun,
            latency_ms=_ms_since(began),
            cost_micros=cost,
            used=used,
            confidence=mean(heard.probable) if heard else None,
            failure=failed.failure if failed else None,
            text=failed.text if failed else None,
        )
    if failed is not None:
        raise failed
    assert heard is not None, "a call fails or is heard"
    return heard


def read(said: Said) -> Heard:
    """What was heard, out of what a model said. Raises ModelFailed."""
    try:
        text = find_object(said.text)
        labels, description = read_labels(text)
    except NotJson as error:
        raise ModelFailed(Failure.INVALID_JSON, str(error)[:200], used=said.used) from None
    except OffSchema as error:
        raise ModelFailed(Failure.OFF_SCHEMA, str(error)[:200], used=said.used) from None
    return Heard(labels=labels, description=description, probable=probabilities(text, said.tokens))


async def _settle(asking: _Asking, embedded_version: str) -> Answered:
    """Decide whose answer counts: the first that is sure, else the surest, else the taggers'."""
    chosen: tuple[Known, record.Kept, str] | None = None
    for one in asking.answers:
        if one[1].confidence >= SURE:
            chosen = one
            break
    if chosen is None and asking.answers:
        chosen = max(asking.answers, key=lambda one: one[1].confidence)
    async with asking.pool.acquire() as sql, sql.transaction():
        tagger = await _keep_embedded(asking, sql, embedded_version) if asking.embedded else None
        served = chosen[0].id if chosen else tagger
        await record.mark_served(sql, asking.subject.owner_id, asking.subject.sha256, served)
    if chosen is not None:
        known, answer, reason = chosen
        if answer.confidence < SURE:
            reason = f"{reason}; nobody was sure, and this one was the surest"
        return Answered(
            labels=answer.labels,
            provider=known.provider,
            model=known.model,
            version=known.version,
            confidence=answer.confidence,
            reason=reason,
            hops=tuple(asking.hops),
            calls=asking.calls,
            cost_micros=asking.cost_micros,
        )
    why = "; ".join(f"{hop.provider}/{hop.model}: {hop.outcome}" for hop in asking.hops)
    instead = Answered(
        labels=asking.embedded or _NO_LABELS,
        provider="embedded",
        model=EMBEDDED,
        version=embedded_version,
        confidence=None,
        reason=why or "no language model is configured",
        hops=tuple(asking.hops),
        calls=asking.calls,
        cost_micros=asking.cost_micros,
    )
    if any(hop.asked for hop in asking.hops):
        raise NoModelAnswered(instead)
    return instead


async def _keep_embedded(asking: _Asking, sql: Sql, version: str) -> uuid.UUID:
    """Keep the taggers' labels beside the models' answers: corrections are compared with them, too."""
    assert asking.embedded is not None
    model_id = await registry.add(sql, "embedded", EMBEDDED, "embedded", {}, version)
    firsts = [labels[0] for name in WEIGHED if (labels := getattr(asking.embedded, name))]
    # Of some fields nobody knows how sure they are: those say nothing of the whole.
    tops = [one.confidence for one in firsts if one.confidence is not None]
    confidence = min(1.0, max(0.0, sum(tops) / len(tops))) if tops else 0.0
    await record.keep_answer(
        sql,
        owner_id=asking.subject.owner_id,
        model_id=model_id,
        subject_id=asking.subject.subject_id,
        sha256=asking.subject.sha256,
        kept=record.Kept(labels=asking.embedded, confidence=confidence, windows=len(asking.windows)),
        reason="measured in the house",
        agreement=None,
        latency_ms=0,
        cost_micros=0,
    )
    return model_id


def _hop(
    one: Known, reason: str, outcome: str, confidence: float | None = None, *, asked: bool = False
) -> Hop:
    return Hop(
        provider=one.provider,
        model=one.model,
        version=one.version,
        reason=reason,
        outcome=outcome,
        confidence=confidence,
        asked=asked,
    )


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
