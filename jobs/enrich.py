"""The jobs of enrichment: files of sound are analysed, and what is found becomes claims about recordings."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

import structlog

from domain import jobs
from domain.audio.analysis import Analysis, NotAnalysed
from domain.audio.refused import PASSING
from domain.audit import Audit
from domain.features.enrich import (
    Subject,
    next_of,
    note,
    still,
    subject_of,
    subjects_of,
    tell_of,
)
from domain.features.fetch import NotFetched
from domain.features.follow import EXTRACT, FOLLOW, take_back, told_of, was_taken_back
from domain.features.kept import Kept, give_back, keep, kept_of, lease, look_again
from domain.files.limits import room_of
from domain.files.taking import Bytes, Sums, look, plain_name, plain_type, settle
from domain.ids import encode_id
from domain.models.hear import ASK_MODELS
from domain.ports import OutsideAway
from jobs.copied import copied
from jobs.job import Cancelled, Tools, TryAgain, job

_LOOK_EVERY_S = 0.2

log = structlog.get_logger(__name__)


@job(timeout_s=3_600, tries=3, backoff_s=(5, 60), places=2)
async def enrich_file(id: uuid.UUID, tools: Tools) -> Mapping[str, Any]:
    """Analyse one file of sound and state what is found of the recording that it hangs on."""
    async with tools.pool.acquire() as sql:
        subject = await subject_of(sql, tools.claim.owner_id, id)
    if subject is None:
        return {"file_id": encode_id("file", id), "state": "gone"}
    return await _enrich(subject, tools)


@job(timeout_s=24 * 3_600, tries=5, backoff_s=(5, 60, 600), places=2)
async def enrich_recordings(
    tools: Tools, recordings: list[str] | None = None, release: str | None = None, again: bool = False
) -> Mapping[str, Any]:
    """Analyse the newest file of each recording that is meant, some at a time.

    A second run goes on where the first one ended: what is up to date is passed over. A file that gives
    nothing, or on which we fail, is counted and written down, and holds nobody up. again: what gave nothing
    is looked at once more.
    """
    analyser = tools.analyser
    async with tools.pool.acquire() as sql:
        subjects, current, no_sound = await subjects_of(
            sql,
            tools.claim.owner_id,
            analyser.versions,
            recordings=None if recordings is None else [uuid.UUID(one) for one in recordings],
            release_id=None if release is None else uuid.UUID(release),
            again=again,
        )
        for subject in subjects if again else ():
            await look_again(sql, subject.sha256)
    counts = {"done": 0, "refused": 0, "failed": 0, "gone": 0}
    waiting = iter(subjects)
    total = len(subjects) + current

    async def work() -> None:
        for subject in waiting:
            await _expect_wanted(tools)
            counts[await _enrich_one_of_many(subject, tools)] += 1
            await tools.progress(current + sum(counts.values()), total, subject.file_name)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(max(1, analyser.at_once)):
                group.create_task(work())
    except ExceptionGroup as several:
        raise several.exceptions[0] from several
    told = {"state": "done", "recordings": total, "up_to_date": current, "no_sound": no_sound, **counts}
    told |= {"without": without} if (without := _without(analyser.versions)) else {}
    return told | (_change_set(tools) if counts["done"] else {})


def _without(versions: Mapping[str, str]) -> dict[str, str]:
    """The parts that can't be made at present, and what would do."""
    return {part: why for part, why in _PARTS_APART.items() if part not in versions}


# Parts that need something besides the program, and what is said where that is not there.
_PARTS_APART = {
    "tagged": "the taggers' weights are absent, so genre, mood, instruments, vocals, era and the vector are "
    "left out; `python3 -m api weights install` fetches them, and the next run makes what is missing"
}


def _change_set(tools: Tools) -> dict[str, str]:
    """One job is one change set, so that all of what it said can be taken back together."""
    return {"change_set_id": encode_id("change_set", tools.claim.id)}


async def _expect_wanted(tools: Tools) -> None:
    """A point between two files. Raises Cancelled; the lease's beat would tell of it seconds later."""
    async with tools.pool.acquire() as sql:
        tools.cancel_asked |= await jobs.cancel_asked(sql, tools.claim.id, tools.claim.fence)
    tools.checkpoint()


async def _enrich_one_of_many(subject: Subject, tools: Tools) -> str:
    try:
        return str((await _enrich(subject, tools))["state"])
    except (Cancelled, OutsideAway, jobs.LeaseLost):
        raise
    except Exception as error:
        log.exception("a file could not be enriched", file_id=str(subject.file_id))
        async with tools.step() as sql:
            text = f"{type(error).__name__}: {error}"[:500]
            await note(sql, tools.claim.owner_id, subject, tools.claim.id, "failed", code="fault", text=text)
        return "failed"


async def _enrich(subject: Subject, tools: Tools, *, hung: bool = True) -> Mapping[str, Any]:
    """Analyse what is not kept of the bytes yet, and state all of it.

    hung: whether the file has to hang on the recording; not where a caller says whose sound it is.
    """
    owner, versions = tools.claim.owner_id, dict(tools.analyser.versions)
    async with tools.step() as sql:
        await note(sql, owner, subject, tools.claim.id, "running")
    found = await _found(subject, versions, tools)
    told = {"file_id": encode_id("file", subject.file_id)}
    if isinstance(found, NotAnalysed):
        state = "failed" if found.code in PASSING else "refused"
        async with tools.step() as sql:
            await note(
                sql,
                owner,
                subject,
                tools.claim.id,
                state,
                models=versions,
                code=found.code,
                text=found.text,
            )
        return told | {"state": state, "code": found.code, "text": found.text}
    async with tools.open_work(tools.claim.kind, audit=Audit.AI, change_set_id=tools.claim.id) as work:
        await tools.hold(work)
        if not await still(work.connection, owner, subject, hung=hung):
            await note(work.connection, owner, subject, tools.claim.id, "failed", code="moved", text=_MOVED)
            return told | {"state": "gone"}
        result = await tell_of(work, subject, found, versions)
        await note(work.connection, owner, subject, tools.claim.id, "done", models=versions, result=result)
        if tools.models.configured and hung:
            file = str(subject.file_id)
            key = f"models:{file}"
            await work.enqueue(ASK_MODELS, {"id": file}, subject_id=subject.file_id, unique_key=key)
    told["recording_id"] = encode_id("recording", subject.recording_id)
    return told | {"state": "done", **_change_set(tools), **result}


_MOVED = "the file was detached or deleted while it was analysed"


async def _found(subject: Subject, versions: Mapping[str, str], tools: Tools) -> Kept | NotAnalysed:
    """What these versions find in the bytes: as it is kept, else by an analysis of what is missing."""
    holder = f"{tools.claim.id}/{subject.file_id}"
    while True:
        async with tools.pool.acquire() as sql:
            kept = await kept_of(sql, subject.sha256)
            if refused := kept.refusal(versions):
                return refused
            missing = kept.missing(versions)
            if not missing:
                return kept
            if await lease(sql, subject.sha256, holder):
                break
        tools.checkpoint()
        await asyncio.sleep(_LOOK_EVERY_S)
    try:
        found = await _analyse(subject, missing, tools)
        async with tools.pool.acquire() as sql:
            if isinstance(found, NotAnalysed) and found.code in PASSING:
                return found
            asked = versions if isinstance(found, NotAnalysed) else {part: versions[part] for part in missing}
            await keep(sql, subject.sha256, found, asked)
            return found if isinstance(found, NotAnalysed) else await kept_of(sql, subject.sha256)
    finally:
        async with tools.pool.acquire() as sql:
            await give_back(sql, subject.sha256, holder)


async def _analyse(subject: Subject, parts: frozenset[str], tools: Tools) -> Analysis | NotAnalysed:
    async with copied(subject, tools.blobs) as path:
        return path if isinstance(path, NotAnalysed) else await tools.analyser.analyse(path, parts)


@job(timeout_s=3_600, tries=3, backoff_s=(5, 60), places=2)
async def follow_sound(recording: uuid.UUID, file: uuid.UUID, tools: Tools) -> Mapping[str, Any]:
    """Let figures go with the file they were made of; the newest that hangs there speaks in its place.

    A detached file's word is taken back, a deleted one's stays until another file has one.
    """
    owner = tools.claim.owner_id
    async with tools.open_work(FOLLOW, audit=Audit.AI, change_set_id=tools.claim.id) as work:
        await tools.hold(work)
        told = await told_of(work.connection, recording, file)
        for one in told:
            if not one.hangs:
                await take_back(work, one)
        taken_back = await was_taken_back(work.connection, recording, file)
        subject = await next_of(work.connection, owner, recording)
    if subject is None or subject.file_id == file or not (told or taken_back):
        return {"state": "taken_back", **_change_set(tools)} if taken_back else {"state": "kept"}
    return {"taken_back": taken_back, **await _enrich(subject, tools)}


@job(timeout_s=3_600, tries=3, backoff_s=(5, 60), places=2)
async def extract_features(recording: uuid.UUID, uri: str, tools: Tools) -> Mapping[str, Any]:
    """Fetch sound that lies elsewhere, keep it for a day, and state what is found of the recording."""
    owner = tools.claim.owner_id
    async with tools.pool.acquire() as sql:
        room = await room_of(sql, owner)
    sums = Sums()
    try:
        async with tools.fetcher.open(uri, room.largest) as fetched:
            ref = await tools.blobs.put(sums.of(fetched.stream))
            name, declared = fetched.file_name, fetched.declared_type
    except NotFetched as error:
        if error.again:
            raise TryAgain(error.code, error.text) from error
        return {"state": "refused", "code": error.code, "text": error.text}
    given = Bytes(
        sha256=ref.sha256,
        xxh128=sums.xxh128,
        size_bytes=ref.size_bytes,
        file_name=plain_name(name),
        declared_type=plain_type(declared),
    )
    looked = await look(tools.blobs, tools.inspect, given)
    async with tools.open_work(EXTRACT, audit=Audit.OPERATIONS) as work:
        await tools.hold(work)
        settled = await settle(
            work, given, looked, temporary=True, subject_type="recording", subject_id=recording
        )
    told = {"file_id": encode_id("file", settled.id)}
    if looked.code is not None or looked.kind != "audio":
        text = looked.text if looked.code else f"it is {looked.media_type}, no sound"
        return told | {"state": "refused", "code": looked.code or "not_audio", "text": text}
    return await _enrich(Subject(settled.id, given.file_name, given.sha256, recording), tools, hung=False)
