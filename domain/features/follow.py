"""Figures go with the file they were made of: taken back when it is detached, and its vector with them.

A file that is deleted leaves what was measured of it: its bytes are not needed to know how fast a recording
is. One that is detached never was its sound.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from domain.audio.analysis import Analysis
from domain.claims import MODEL
from domain.features.kept import kept_of
from domain.features.told import ANALYSIS, HOUSE, TAGS
from domain.ports import Sql, text_of
from domain.vectors.keep import keep_embedding
from domain.vectors.tables import SOUND_DIMENSIONS
from domain.work import Work

FOLLOW, EXTRACT = "follow_sound", "extract_features"
# A recording, what it was merged into, and all that was merged into that.
_SAME = (
    "select s.id from (select coalesce(merged_into_id, id) as id from entity where id = $1) o "
    "join entity s on s.id = o.id or s.merged_into_id = o.id"
)
# Of an enrichment: that its file has spoken, also where that was taken back. While its word stands there is a
# result, whatever became of later tries, and updated_at is when it spoke.
SPOKE = "(result is not null or code = 'detached')"
# Of an enrichment whose figures somebody took back: it stands as it was done, and is not up to date.
UNDONE = "undone"
# Whoever speaks of a recording because of a file that hangs on it.
OF_SOUND = (ANALYSIS, TAGS, MODEL)


@dataclass(frozen=True)
class Told:
    """What was made of a file is what the figures of a recording say.

    hangs: whether it hangs there still. undone: that somebody has taken the figures back.
    """

    enrichment_id: uuid.UUID
    recording_id: uuid.UUID
    hangs: bool
    undone: bool


async def ask_to_follow(
    work: Work, file_id: uuid.UUID, hung_on: uuid.UUID | None, *, deleted: bool = False
) -> None:
    """Ask for the figures that were made of a file to follow it, once it was detached.

    hung_on: what it hung on. deleted: that it is no longer there; then only where another file may speak in
    its place. What was fetched for another recording was said of that one, wherever the same bytes hang.
    """
    rows = await work.connection.fetch(
        f"""
        select distinct on (coalesce(e.merged_into_id, e.id)) x.recording_id
          from enrichment x join entity e on e.id = x.recording_id
         where x.file_id = $2 and x.owner_id = $3 and x.result is not null
           and case when $4 then exists (
                 select from file o
                  where o.subject_id = x.recording_id and o.id <> $2 and o.state = 'ready')
               else x.recording_id in ({_SAME}) or not exists (
                 select from job j where j.id = x.job_id and j.kind = $5) end
        """,
        hung_on,
        file_id,
        work.viewer.organization_id,
        deleted,
        EXTRACT,
    )
    for row in rows:
        payload = {"file": str(file_id), "recording": str(row["recording_id"]), "actor": work.viewer.actor}
        await work.enqueue(FOLLOW, payload, subject_id=row["recording_id"])


async def told_of(sql: Sql, recording_id: uuid.UUID, file_id: uuid.UUID) -> list[Told]:
    """The file's words about a recording and what is merged with it, where no other file's came after."""
    rows = await sql.fetch(
        f"""
        with own as ({_SAME}),
        last as (
          select distinct on (x.recording_id) x.id, x.recording_id, x.file_id, x.code
            from enrichment x where x.recording_id in (select id from own) and x.result is not null
           order by x.recording_id, x.updated_at desc, x.id desc)
        select l.id, l.recording_id, l.code is not distinct from '{UNDONE}' as undone,
               f.subject_type = 'recording' and f.subject_id in (select id from own) as hangs
          from last l join file f on f.id = l.file_id where l.file_id = $2
        """,
        recording_id,
        file_id,
    )
    return [Told(row["id"], row["recording_id"], bool(row["hangs"]), row["undone"]) for row in rows]


async def was_taken_back(sql: Sql, recording_id: uuid.UUID, file_id: uuid.UUID) -> bool:
    """Whether the file's word about a recording was taken back, by an earlier run that went no further."""
    return bool(
        await sql.fetchval(
            f"select bool_or(code = 'detached') from enrichment where recording_id in ({_SAME}) "
            "and file_id = $2",
            recording_id,
            file_id,
        )
    )


async def forget_models(work: Work, recording_id: uuid.UUID, sha256: str) -> None:
    """Take back what models said of other sound that the recording had before."""
    other = await work.connection.fetchval(
        f"select sha256 <> $2 from enrichment where recording_id = $1 and {SPOKE} "
        "order by updated_at desc, id desc limit 1",
        recording_id,
        sha256,
    )
    if other:
        await _withdraw(work, recording_id, (MODEL,))


async def take_back(work: Work, told: Told) -> None:
    """Take back all that was said of a recording because of a file."""
    await _withdraw(work, told.recording_id, OF_SOUND)
    await work.flush()
    await follow_claims(work, told.recording_id)
    await work.connection.execute(
        "update enrichment set state = 'failed', code = 'detached', result = null, "
        "updated_at = clock_timestamp(), "
        "text = 'the file hangs on the recording no more; what it said was taken back' where id = $1",
        told.enrichment_id,
    )


async def _withdraw(work: Work, recording_id: uuid.UUID, sources: Sequence[str]) -> None:
    name = f"recording:{recording_id}"
    rows = await work.connection.fetch(
        "select source from source_mapping where owner_id = $1 and source = any($2) and external_id = $3",
        work.viewer.organization_id,
        list(sources),
        name,
    )
    for row in rows:
        work.withdraw(text_of(row["source"]), (name,))


async def follow_claims(work: Work, recording_id: uuid.UUID) -> None:
    """Keep the vector of a recording's sound exactly where an analysis speaks of it."""
    sql, owner = work.connection, work.viewer.organization_id
    speaks = await sql.fetchval(
        f"""
        select coalesce(bool_or(r.claims -> 'fields' <> '{{}}'), false)
          from source_mapping m join lateral (
                 select claims from source_record r
                  where r.owner_id = m.owner_id and r.source = m.source and r.external_id = m.external_id
                  order by version desc limit 1) r on true
         where m.owner_id = $2 and m.source = $3 and m.entity_id in ({_SAME})
        """,
        recording_id,
        owner,
        ANALYSIS,
    )
    if not speaks:
        await sql.execute(
            f"delete from embedding where made_of = 'sound' and entity_id in ({_SAME})", recording_id
        )
        return
    row = await sql.fetchrow(
        f"""
        select x.recording_id, x.sha256 from enrichment x
         where x.recording_id in ({_SAME}) and {SPOKE}
           and not exists (select from embedding e where e.made_of = 'sound' and e.entity_id in ({_SAME}))
         order by x.updated_at desc limit 1
        """,
        recording_id,
    )
    if row is not None:
        kept = await kept_of(sql, text_of(row["sha256"]))
        if kept.parts:
            await keep_vector(sql, row["recording_id"], kept.analysis(text_of(row["sha256"])))


async def mark_undone(sql: Sql, recording_id: uuid.UUID, *, undone: bool) -> None:
    """Say at the file that spoke last that its word was undone, and it is not up to date; or put back."""
    if undone:
        await sql.execute(
            f"""
            update enrichment
               set code = '{UNDONE}', text = 'its figures were undone; enrich it to have them again'
             where code is null and id = (
                   select id from enrichment where recording_id in ({_SAME}) and result is not null
                    order by updated_at desc, id desc limit 1)
            """,
            recording_id,
        )
    else:
        await sql.execute(
            f"update enrichment set code = null, text = null "
            f"where recording_id in ({_SAME}) and code = '{UNDONE}'",
            recording_id,
        )


async def keep_vector(sql: Sql, recording_id: uuid.UUID, found: Analysis) -> None:
    """Keep the vector that taggers made of a sound, or why it has none (silence); and none of other sound."""
    await sql.execute(
        "delete from embedding where entity_id = $1 and made_of = 'sound' and of_sha256 <> $2",
        recording_id,
        found.sha256,
    )
    heard, part = found.tagged, "taggers" if "taggers" in found.models else "tagged"
    if heard is None or part not in found.models:
        return
    why = None if heard.embedding else heard.labels.nothing
    if why is None and not heard.embedding:
        return
    await keep_embedding(
        sql,
        "recording",
        recording_id,
        model=f"{HOUSE}/{part}",
        version=found.models[part],
        vector=heard.embedding or None,
        dimensions=SOUND_DIMENSIONS,
        reason=why,
        of_sha256=found.sha256,
    )
