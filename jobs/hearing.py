"""The job that asks language models about a recording that was enriched, and states what they say."""

import uuid
from collections.abc import Mapping
from typing import Any

from domain.audio.analysis import NotAnalysed
from domain.audit import Audit
from domain.claims import MODEL, Draft
from domain.features.enrich import Subject, still, subject_of
from domain.features.follow import told_of
from domain.features.kept import kept_of
from domain.features.told import judged
from domain.ids import encode_id
from domain.models.ask import Answered, ask_models
from domain.models.ask import Subject as About
from domain.models.hear import ASK_MODELS, measure
from domain.ports import Sql
from jobs.copied import copied
from jobs.job import Tools, job


@job(timeout_s=1_800, tries=3, backoff_s=(5, 60))
async def ask_models_about(id: uuid.UUID, tools: Tools) -> Mapping[str, Any]:
    """Ask about one file of sound what only an ear can judge; the embedded taggers' word stands meanwhile."""
    owner = tools.claim.owner_id
    async with tools.pool.acquire() as sql:
        subject = await subject_of(sql, owner, id)
        if subject is None:
            return {"state": "gone"}
        if not await _speaks(sql, subject):
            return {"state": "outdated", "text": _OUTDATED}
        visibility = await sql.fetchval(
            "select visibility from recording where id = $1", subject.recording_id
        )
        kept = await kept_of(sql, subject.sha256)
    heard = kept.analysis(subject.sha256)
    assert tools.models.cut is not None, "whoever can ask models can cut windows"
    async with copied(subject, tools.blobs) as path:
        windows = path if isinstance(path, NotAnalysed) else await tools.models.cut(path)
    if isinstance(windows, NotAnalysed):
        return {"state": "refused", "code": windows.code, "text": windows.text}
    about = About(
        owner_id=owner,
        subject_id=subject.recording_id,
        sha256=subject.sha256,
        private=visibility != "public",
    )
    version = heard.models.get("tagged") or heard.models.get("taggers") or "none"
    answered = await ask_models(
        tools.pool, tools.models, about, windows, heard.tagged, embedded_version=version
    )
    return await _state(subject, answered, tools)


assert ask_models_about.__name__ == ASK_MODELS, "enriching asks for this job by its name"


async def _speaks(sql: Sql, subject: Subject) -> bool:
    """Whether the figures of the recording are the file's."""
    return any(not one.undone for one in await told_of(sql, subject.recording_id, subject.file_id))


_OUTDATED = "the figures of the file count no more: another one's do, or they were undone"


async def _state(subject: Subject, answered: Answered, tools: Tools) -> Mapping[str, Any]:
    """Claim what a language model answered; what people have said before is what it is measured by."""
    owner, id = tools.claim.owner_id, subject.recording_id
    told: dict[str, Any] = {
        "provider": answered.provider,
        "model": answered.model,
        "confidence": answered.confidence,
        "reason": answered.reason,
        "hops": [f"{hop.provider}/{hop.model}: {hop.outcome}" for hop in answered.hops],
        "calls": answered.calls,
        "cost_usd": answered.cost_micros / 1e6,
    }
    if not answered.by_language_model:
        return {"state": "embedded", **told}
    model = f"{answered.provider}/{answered.model}"
    fields = judged(answered.labels, model=model, model_version=answered.version)
    # What a model was not asked for, or did not hear, it does not say.
    fields = {name: value for name, value in fields.items() if value.get("text") is not None}
    async with tools.open_work("ask_models_about", audit=Audit.AI, change_set_id=tools.claim.id) as work:
        await tools.hold(work)
        if not await still(work.connection, owner, subject, hung=True):
            return {"state": "gone", **told}
        if not await _speaks(work.connection, subject):
            return {"state": "outdated", "text": _OUTDATED, **told}
        work.stage(Draft("recording", str(id), fields, exists=False), source=MODEL, about=id)
        await work.flush()
        await measure(work.connection, owner, id)
    return {"state": "done", "recording_id": encode_id("recording", id), **told}
