"""Which files of an organization can be enriched, and what becomes of them in the catalog."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from domain.audio.analysis import Analysis, NotAnalysed
from domain.claims import Draft
from domain.features.follow import EXTRACT, FOLLOW, SPOKE, UNDONE, forget_models, keep_vector
from domain.features.kept import Kept
from domain.features.told import ANALYSIS, TAGS, measured, tagged
from domain.fields import clean
from domain.job_kinds import given_up
from domain.ports import Sql
from domain.refusals import InputInvalid
from domain.work import Work

ENRICH_FILE, ENRICH_RECORDINGS = "enrich_file", "enrich_recordings"


class Analyser(Protocol):
    """Finds out what can be said of a file of sound; `domain.adapters.audio` has the one in use."""

    @property
    def versions(self) -> Mapping[str, str]:
        """The parts of an analysis that it can make, and by which version."""
        ...

    @property
    def at_once(self) -> int:
        """How many files it takes at the same time."""
        ...

    async def analyse(self, path: Path, parts: frozenset[str]) -> Analysis | NotAnalysed:
        """These parts of an analysis of one file, or the finding why there is nothing."""
        ...


@dataclass(frozen=True)
class Subject:
    """A file of sound and the recording it hangs on."""

    file_id: uuid.UUID
    file_name: str
    sha256: str
    recording_id: uuid.UUID


async def subject_of(sql: Sql, owner_id: uuid.UUID, file_id: uuid.UUID) -> Subject | None:
    """The file, where it is ready sound of the organization that hangs on a recording of its own."""
    row = await sql.fetchrow(f"select {_SUBJECT} from {_READY} and f.id = $2", owner_id, file_id)
    return _subject(row) if row else None


async def still(sql: Sql, owner_id: uuid.UUID, subject: Subject, *, hung: bool) -> bool:
    """Whether the file and its recording are there still. hung: and the one hangs on the other.

    Then it stays so until the end of the transaction: who detaches it meanwhile sees what was said of it.
    """
    if hung:
        row = await sql.fetchrow(
            f"select {_SUBJECT} from {_READY} and f.id = $2 for share of f", owner_id, subject.file_id
        )
        return row is not None and _subject(row) == subject
    return bool(
        await sql.fetchval(
            "select true from file f, recording r where f.id = $2 and f.owner_id = $1 and f.state = 'ready' "
            "and r.id = $3 and r.owner_id = $1 and r.status <> 'deleted'",
            owner_id,
            subject.file_id,
            subject.recording_id,
        )
    )


async def subjects_of(
    sql: Sql,
    owner_id: uuid.UUID,
    versions: Mapping[str, str],
    *,
    recordings: Sequence[uuid.UUID] | None = None,
    release_id: uuid.UUID | None = None,
    again: bool = False,
) -> tuple[list[Subject], int, int]:
    """The newest file of each recording, where its figures are not those of these versions yet.

    recordings, release_id: which recordings are meant, all of the organization unless said. Beside them how
    many are up to date, and how many have no file of sound. What was refused by these versions is not tried
    again, unless that is asked for, or another file's word came after it, or was taken back. What was undone
    is not up to date.
    """
    asked = (owner_id, None if recordings is None else list(recordings), release_id)
    meant = await sql.fetchval(
        "select count(*) from recording r join entity e on e.id = r.id "
        f"where r.owner_id = $1 and r.status <> 'deleted' and e.merged_into_id is null and {_MEANT}",
        *asked,
    )
    rows = await sql.fetch(
        f"""
        with newest as (
          select distinct on (r.id) {_SUBJECT} from {_READY} and {_MEANT}
           order by r.id, f.temporary, f.created_at desc, f.id desc)
        select n.*, exists (
                 select from enrichment x
                  where x.file_id = n.file_id and x.sha256 = n.sha256 and x.recording_id = n.recording_id
                    and x.state = any($5) and x.models = $4::jsonb
                    and x.code is distinct from '{UNDONE}'
                    and not exists (
                      select from enrichment y
                       where y.recording_id = x.recording_id and y.file_id <> x.file_id
                         and {SPOKE} and y.updated_at > x.updated_at)) as current
          from newest n order by n.recording_id
        """,
        *asked,
        json.dumps(dict(versions)),
        ["done"] if again else ["done", "refused"],
    )
    current = sum(row["current"] for row in rows)
    return [_subject(row) for row in rows if not row["current"]], current, max(0, meant - len(rows))


# Of a recording r: that it is among the recordings in $2 and on the release in $3, where they are given.
_MEANT = (
    "($2::uuid[] is null or r.id in ("
    "select coalesce(x.merged_into_id, x.id) from entity x where x.id = any($2))) "
    "and ($3::uuid is null or r.id in ("
    "select t.recording_id from track t where t.release_id = $3 and t.status <> 'deleted'))"
)
_SUBJECT = "f.id as file_id, f.file_name, f.sha256, r.id as recording_id"
_READY = (
    "file f join entity e on e.id = f.subject_id join recording r on r.id = coalesce(e.merged_into_id, e.id) "
    "where f.owner_id = $1 and r.owner_id = $1 and r.status <> 'deleted' and f.kind = 'audio' "
    "and f.state = 'ready' and f.subject_type = 'recording'"
)


def _subject(row: Any) -> Subject:
    return Subject(row["file_id"], row["file_name"], row["sha256"], row["recording_id"])


async def next_of(sql: Sql, owner_id: uuid.UUID, recording_id: uuid.UUID) -> Subject | None:
    """The newest file that hangs on a recording, where files are enriched by themselves or it was before."""
    row = await sql.fetchrow(
        f"select {_SUBJECT}, (o.enrich_uploads or exists (select from enrichment x where x.file_id = f.id "
        f"and x.recording_id = r.id and {SPOKE})) as wanted "
        f"from organization o, {_READY} and o.id = $1 "
        "and r.id = (select coalesce(merged_into_id, id) from entity where id = $2) "
        "order by f.temporary, f.created_at desc, f.id desc limit 1",
        owner_id,
        recording_id,
    )
    return _subject(row) if row and row["wanted"] else None


async def ask_for(work: Work, file_id: uuid.UUID) -> uuid.UUID | None:
    """Ask for a file to be enriched, where the organization wants that and there is something to enrich.

    One that hangs again where it was detached from is wanted: what was taken back comes back with it.
    """
    owner = work.viewer.organization_id
    subject = await subject_of(work.connection, owner, file_id)
    if subject is None:
        return None
    wanted = await work.connection.fetchval(
        "select enrich_uploads or exists (select from enrichment x where x.file_id = $2 "
        "and x.recording_id = $3 and x.code = 'detached') from organization where id = $1",
        owner,
        file_id,
        subject.recording_id,
    )
    if not wanted:
        return None
    return await work.enqueue(
        ENRICH_FILE,
        {"id": str(file_id), "actor": work.viewer.actor},
        subject_id=file_id,
        unique_key=str(file_id),
    )


async def tell_of(work: Work, subject: Subject, kept: Kept, versions: Mapping[str, str]) -> dict[str, Any]:
    """State what was found of a recording, and give it in short. The same a second time changes nothing."""
    found = kept.analysis(subject.sha256)
    id = subject.recording_id
    await forget_models(work, id, subject.sha256)
    work.stage(Draft("recording", str(id), measured(found), exists=False), source=ANALYSIS, about=id)
    work.stage(
        Draft("recording", str(id), _readable(tagged(found.tags)), exists=False), source=TAGS, about=id
    )
    await work.flush()
    await keep_vector(work.connection, id, found)
    heard = found.tagged
    fingerprint = found.fingerprint
    return {
        "duration_s": round(found.duration_s, 3),
        "tempo_bpm": found.tempo.bpm,
        "key": f"{found.key.best.tonic} {found.key.best.scale}" if found.key.best else None,
        "loudness_lufs": found.loudness.integrated_lufs,
        "genre": heard.labels.genre[0].name if heard is not None and heard.labels.genre else None,
        "flags": list(found.quality.flags),
        "tags": {name: list(values)[:8] for name, values in sorted(found.tags.items())[:60]},
        "fingerprint": {"algorithm": fingerprint.algorithm, "version": fingerprint.version}
        if fingerprint
        else None,
    }


def _readable(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that can be kept; what a file says of itself may be anything."""
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        try:
            kept |= {name: value} if "." in name else clean("recording", {name: value})
        except InputInvalid:
            continue
    return kept


async def note(
    sql: Sql,
    owner_id: uuid.UUID,
    subject: Subject,
    job_id: uuid.UUID,
    state: str,
    *,
    models: Mapping[str, str] | None = None,
    result: Mapping[str, Any] | None = None,
    code: str | None = None,
    text: str | None = None,
) -> None:
    """Write down what becomes of a file. What it said before stands until it says something else.

    Where it has said something, updated_at is when it did: figures are those of the file that spoke last.
    """
    await sql.execute(
        """
        insert into enrichment as e (owner_id, file_id, recording_id, job_id, sha256, state, models, result,
                                     code, text)
        values ($1, $2, $3, $4, $5, $6, coalesce($7::jsonb, '{}'), $8::jsonb, $9, $10)
        on conflict (file_id, recording_id) do update
           set job_id = excluded.job_id, sha256 = excluded.sha256,
               state = excluded.state, models = coalesce($7::jsonb, e.models),
               result = coalesce(excluded.result, e.result), code = excluded.code, text = excluded.text,
               updated_at = case when excluded.result is null and e.result is not null then e.updated_at
                                 else clock_timestamp() end
        """,
        owner_id,
        subject.file_id,
        subject.recording_id,
        job_id,
        subject.sha256,
        state,
        None if models is None else json.dumps(dict(models)),
        None if result is None else json.dumps(dict(result)),
        code,
        text,
    )


@given_up(ENRICH_FILE)
@given_up(ENRICH_RECORDINGS)
@given_up(EXTRACT)
@given_up(FOLLOW)
async def give_up(sql: Sql) -> None:
    """Leave word at the files that a job was at when it ended for good."""
    await sql.execute(
        "update enrichment e set state = 'failed', code = 'given_up', "
        "updated_at = case when result is null then clock_timestamp() else updated_at end, "
        "text = 'nobody tries again by himself; its job says why' where e.state = 'running' "
        "and not exists (select from job j where j.id = e.job_id and j.state in ('queued', 'running'))"
    )
