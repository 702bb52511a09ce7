"""What is kept of every call and every answer, and what corrections make of answers."""

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from domain.audio.analysis import Label, Labels
from domain.models.agreement import compare, overall, with_embedded
from domain.models.costs import reserve, settle
from domain.models.ports import UNSETTLED, Failure, Used
from domain.models.question import WORDS
from domain.ports import Sql, text_of


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A call that is under way, as its row has it."""

    id: uuid.UUID
    owner_id: uuid.UUID
    day: date
    reserved_micros: int


async def begin_call(
    sql: Sql,
    *,
    owner_id: uuid.UUID,
    model_id: uuid.UUID,
    subject_id: uuid.UUID,
    sha256: str,
    place: int,
    reason: str,
    day: date,
    reserved_micros: int,
    cap_micros: int,
) -> Begun | None:
    """Write down that a call is made and set its cost aside; None, and nothing, where the cap forbids it."""
    if reserved_micros and not await reserve(sql, owner_id, day, reserved_micros, cap_micros):
        return None
    id: uuid.UUID = await sql.fetchval(
        "insert into model_call (owner_id, model_id, subject_id, sha256, place, reason, day, "
        "reserved_micros) values ($1, $2, $3, $4, $5, $6, $7, $8) returning id",
        owner_id,
        model_id,
        subject_id,
        sha256,
        place,
        reason,
        day,
        reserved_micros,
    )
    return Begun(id=id, owner_id=owner_id, day=day, reserved_micros=reserved_micros)


async def end_call(
    sql: Sql,
    begun: Begun,
    *,
    latency_ms: int,
    cost_micros: int = 0,
    used: Used | None = None,
    confidence: float | None = None,
    failure: Failure | None = None,
    text: str | None = None,
) -> int:
    """Write down how a call ended; gives what it cost.

    One that may have been charged costs all that was set aside for it.
    """
    if failure in UNSETTLED:
        cost_micros = max(cost_micros, begun.reserved_micros)
    used = used or Used()
    ended = await sql.fetchval(
        "update model_call set state = $2, error = $3, error_text = left($4, 300), latency_ms = $5, "
        "confidence = $6, text_tokens = $7, audio_tokens = $8, out_tokens = $9, cost_micros = $10, "
        "ended_at = clock_timestamp() where id = $1 and state = 'asked' returning true",
        begun.id,
        "failed" if failure else "answered",
        failure.value if failure else None,
        text,
        latency_ms,
        confidence,
        used.text_in,
        used.audio_in,
        used.out,
        cost_micros,
    )
    if ended and (begun.reserved_micros or cost_micros):
        await settle(sql, begun.owner_id, begun.day, begun.reserved_micros, cost_micros)
    return cost_micros


async def end_lost_calls(sql: Sql) -> int:
    """Close calls whose asker died an hour ago or more; they may have been charged. Gives how many."""
    rows = await sql.fetch(
        "update model_call set state = 'failed', error = 'lost', cost_micros = reserved_micros, "
        "ended_at = clock_timestamp() where state = 'asked' and "
        "asked_at < clock_timestamp() - interval '1 hour' returning owner_id, day, reserved_micros"
    )
    for row in rows:
        if row["reserved_micros"]:
            await settle(sql, row["owner_id"], row["day"], row["reserved_micros"], row["reserved_micros"])
    return len(rows)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An answer as it is kept."""

    labels: Labels
    confidence: float
    windows: int


async def kept_answers(sql: Sql, owner_id: uuid.UUID, sha256: str) -> dict[uuid.UUID, Kept]:
    """What models have answered about these bytes before, by model."""
    rows = await sql.fetch(
        "select model_id, labels::text as labels, confidence, windows from model_answer "
        "where owner_id = $1 and sha256 = $2",
        owner_id,
        sha256,
    )
    return {
        row["model_id"]: Kept(
            labels=labels_from(json.loads(row["labels"])),
            confidence=row["confidence"],
            windows=row["windows"],
        )
        for row in rows
    }


async def keep_answer(
    sql: Sql,
    *,
    owner_id: uuid.UUID,
    model_id: uuid.UUID,
    subject_id: uuid.UUID,
    sha256: str,
    kept: Kept,
    reason: str,
    agreement: float | None,
    latency_ms: int,
    cost_micros: int,
) -> None:
    """Keep what a model answered about a recording; the same twice is kept once."""
    await sql.execute(
        "insert into model_answer (owner_id, model_id, subject_id, sha256, labels, confidence, windows, "
        "reason, agreement, against, latency_ms, cost_micros) "
        "values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10, $11, $12) "
        "on conflict (owner_id, sha256, model_id) do nothing",
        owner_id,
        model_id,
        subject_id,
        sha256,
        json.dumps(asdict(kept.labels)),
        kept.confidence,
        kept.windows,
        reason,
        agreement,
        None if agreement is None else "embedded",
        latency_ms,
        cost_micros,
    )


async def mark_served(sql: Sql, owner_id: uuid.UUID, sha256: str, model_id: uuid.UUID | None) -> None:
    """Say whose answer the catalog was given; None: nobody's of those that are kept."""
    await sql.execute(
        "update model_answer set served = coalesce(model_id = $3, false) where owner_id = $1 and sha256 = $2 "
        "and served is distinct from coalesce(model_id = $3, false)",
        owner_id,
        sha256,
        model_id,
    )


async def correct(
    sql: Sql, owner_id: uuid.UUID, subject_id: uuid.UUID, said: Mapping[str, Collection[str]]
) -> int:
    """Compare every answer about a subject with what people say of it; gives how many there are.

    said: by field (genre, mood, instruments, vocals) all that people hold true of it now. From here on these
    answers are measured against people; those of which people say nothing (any more), against the taggers,
    as they were at first. Words that the question has not are compared as they are, and agree with nothing.
    """
    rows = await sql.fetch(
        "select a.id, a.sha256, a.labels::text as labels, m.provider = 'embedded' as embedded "
        "from model_answer a join model m on m.id = a.model_id where a.owner_id = $1 and (a.subject_id = $2 "
        "or a.subject_id in (select id from entity where merged_into_id = $2)) "
        "order by a.id for no key update of a",
        owner_id,
        subject_id,
    )
    answers = [(row, labels_from(json.loads(row["labels"]))) for row in rows]
    # The newest version's word counts: rows come in the order in which they were made.
    taggers = {row["sha256"]: labels for row, labels in answers if row["embedded"]}
    told = 0
    for row, labels in answers:
        found, against = overall(compare(labels, said)), "person"
        if found is None:
            by_taggers = None if row["embedded"] else taggers.get(row["sha256"])
            found, against = with_embedded(labels, by_taggers) if by_taggers else None, "embedded"
        else:
            told += 1
        await sql.execute(
            "update model_answer set agreement = $2, against = $3 where id = $1 "
            "and (agreement, against) is distinct from ($2, $3)",
            row["id"],
            found,
            None if found is None else against,
        )
    return told


def _number(told: object) -> float | None:
    return float(told) if isinstance(told, int | float) else None


def labels_from(said: Mapping[str, Any]) -> Labels:
    """Labels out of the JSON that they are kept as."""
    return Labels(
        **{
            field: tuple(
                Label(
                    name=text_of(one["name"]),
                    confidence=_number(one["confidence"]),
                    score=_number(one.get("score")),
                )
                for one in said.get(field) or ()
            )
            for field in (*WORDS, "era")
        },
        description=said.get("description"),
        reason=said.get("reason"),
    )
