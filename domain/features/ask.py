"""What callers ask of enrichment: one recording, a release, a catalog, or sound that lies elsewhere."""

import uuid
from dataclasses import dataclass
from typing import Annotated

from domain.access.addresses import address_of, is_public
from domain.access.scopes import Scope
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.features.enrich import ENRICH_RECORDINGS
from domain.features.fetch import NotFetched, place_of
from domain.features.follow import EXTRACT
from domain.refusals import InputInvalid, NotFound, ReferenceMissing, TooMany
from domain.types import Ref
from domain.work import Work, entity_id

MOST_RECORDINGS = 1_000
# Enrichments of whole catalogs stand in line behind one another.
MOST_AT_ONCE = 100
RecordingId = Annotated[str, Ref("recording")]


@dataclass(frozen=True, kw_only=True)
class EnrichRecording:
    """The recording whose newest file of sound is to be analysed.

    again: also where this version of the analysis could make nothing of the bytes, once a day at most.
    """

    id: RecordingId
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class EnrichRelease:
    """The release whose recordings are to be analysed."""

    id: Annotated[str, Ref("release")]


@dataclass(frozen=True, kw_only=True)
class EnrichCatalog:
    """Which recordings are to be analysed; all of the organization unless said."""

    recording_ids: list[RecordingId] | None = None


@command(
    scope=Scope.ENRICHMENT_RUN,
    route="POST /recordings/{id}/enrich",
    returns="job",
    cost=20,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(NotFound, ReferenceMissing, TooMany),
)
async def enrich_recording(ask: EnrichRecording, work: Work) -> Outcome:
    """Analyse the sound of a recording, in a job; what is up to date is not analysed again."""
    id = await work.lock("recording", entity_id("recording", ask.id, ("id",)))
    name = f"recording:{id}:again" if ask.again else f"recording:{id}"
    return await _asked(work, name, subject_id=id, recordings=[str(id)], again=ask.again)


@command(
    scope=Scope.ENRICHMENT_RUN,
    route="POST /releases/{id}/enrich",
    returns="job",
    cost=50,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(NotFound, ReferenceMissing, TooMany),
)
async def enrich_release(ask: EnrichRelease, work: Work) -> Outcome:
    """Analyse the sound of all recordings of a release, in a job."""
    id = await work.lock("release", entity_id("release", ask.id, ("id",)))
    return await _asked(work, f"release:{id}", subject_id=id, release=str(id))


@command(
    scope=Scope.ENRICHMENT_RUN,
    route="POST /enrichments",
    returns="job",
    cost=100,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(NotFound, ReferenceMissing, TooMany),
)
async def enrich_catalog(ask: EnrichCatalog, work: Work) -> Outcome:
    """Analyse the sound of all recordings, or of some, in one job that can be followed and cancelled."""
    owner = work.viewer.organization_id
    if ask.recording_ids is None:
        return await _asked(work, f"catalog:{owner}")
    if len(ask.recording_ids) > MOST_RECORDINGS:
        raise TooMany(
            f"{len(ask.recording_ids)} recordings were given; at most {MOST_RECORDINGS}, or none for all",
            path=("recording_ids",),
        )
    ids = [
        entity_id("recording", given, ("recording_ids", place))
        for place, given in enumerate(ask.recording_ids)
    ]
    rows = await work.connection.fetch(
        "select e.id from entity e join recording r on r.id = coalesce(e.merged_into_id, e.id) "
        "where e.id = any($1) and r.owner_id = $2 and r.status <> 'deleted'",
        ids,
        owner,
    )
    there = {row["id"] for row in rows}
    for place, id in enumerate(ids):
        if id not in there:
            raise NotFound(f"no recording {id} in your organization", path=("recording_ids", place))
    return await _asked(work, None, recordings=[str(id) for id in ids])


@dataclass(frozen=True, kw_only=True)
class ExtractAudioFeatures:
    """Sound that lies elsewhere, and what it is of: a recording, or the recording of a track.

    audio_uri: an https address that anybody may fetch; it is fetched once, and the bytes are kept for a day.
    """

    entity_type: str
    entity_id: Annotated[str, Ref("*")]
    audio_uri: str


@command(
    scope=Scope.ENRICHMENT_RUN,
    route="POST /audio-features",
    returns="job",
    cost=50,
    audit=Audit.OPERATIONS,
    refuses=(NotFound, ReferenceMissing, TooMany),
)
async def extract_audio_features(ask: ExtractAudioFeatures, work: Work) -> Outcome:
    """Fetch sound from an address, analyse it, and state what is found of a recording, in a job."""
    if ask.entity_type not in _OF_SOUND:
        raise InputInvalid(
            f"entityType is {ask.entity_type[:60]!r}; {' or '.join(_OF_SOUND)} will do", path=("entity_type",)
        )
    try:
        parts = place_of(ask.audio_uri)
    except NotFetched as error:
        raise InputInvalid(error.text, path=("audio_uri",)) from None
    address = address_of(str(parts.hostname))
    if address is not None and not is_public(address):
        raise InputInvalid(f"{parts.hostname} is no public address", path=("audio_uri",))
    id = await work.lock(ask.entity_type, entity_id(ask.entity_type, ask.entity_id, ("entity_id",)))
    if ask.entity_type == "track":
        of: uuid.UUID | None = await work.connection.fetchval(
            "select recording_id from track where id = $1", id
        )
        if of is None:
            raise NotFound("the track has no recording; give the track one first", path=("entity_id",))
        id = await work.lock("recording", of)
    await _expect_few(work, EXTRACT)
    given = {"actor": work.viewer.actor, "recording": str(id), "uri": ask.audio_uri}
    return Outcome("job", (await work.enqueue(EXTRACT, given, subject_id=id),))


_OF_SOUND = ("recording", "track")


async def _asked(
    work: Work,
    name: str | None,
    *,
    subject_id: uuid.UUID | None = None,
    recordings: list[str] | None = None,
    release: str | None = None,
    again: bool = False,
) -> Outcome:
    await _expect_few(work, ENRICH_RECORDINGS)
    given = {"actor": work.viewer.actor, "recordings": recordings, "release": release, "again": again or None}
    payload = {key: value for key, value in given.items() if value is not None}
    job = await work.enqueue(ENRICH_RECORDINGS, payload, subject_id=subject_id, unique_key=name)
    return Outcome("job", (job,))


async def _expect_few(work: Work, kind: str) -> None:
    waiting = await work.connection.fetchval(
        "select count(*) from job where owner_id = $1 and kind = $2 and state in ('queued', 'running')",
        work.viewer.organization_id,
        kind,
    )
    if waiting >= MOST_AT_ONCE:
        raise TooMany(
            f"{waiting} enrichments of your organization wait or run; at most {MOST_AT_ONCE} may: "
            "wait for one, or cancel one"
        )
