"""What people say of a recording's figures: corrections that stand before what is measured, and their end."""

from dataclasses import dataclass
from typing import Annotated

from domain.access.scopes import Scope
from domain.claims import MANUAL, Draft
from domain.command import Outcome, command
from domain.features.known import claim, field_of, figure_of, said, wheels_of
from domain.models.hear import measure
from domain.refusals import InputInvalid, NotFound, ReferenceMissing
from domain.types import Ref
from domain.work import Work, entity_id

RecordingId = Annotated[str, Ref("recording")]


@dataclass(frozen=True, kw_only=True)
class CorrectFeature:
    """What a figure of a recording is: a number, a text, or not known.

    unknown: that nothing can be said of it. lock: no other source counts then, whatever the owner believes
    first.
    """

    id: RecordingId
    name: str
    number: float | None = None
    text: str | None = None
    unknown: bool = False
    lock: bool = False
    expected_version: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReleaseFeature:
    """The figure about which a person's word, and a lock on it, is to count no more."""

    id: RecordingId
    name: str
    expected_version: int | None = None


@command(
    scope=Scope.CATALOG_WRITE,
    route="PATCH /recordings/{id}/features/{name}",
    returns="recording",
    refuses=(NotFound, ReferenceMissing),
)
async def correct_feature(ask: CorrectFeature, work: Work) -> Outcome:
    """Say what a figure of a recording is; what was measured or judged of it stays as a rival claim."""
    id = await work.lock("recording", entity_id("recording", ask.id, ("id",)), ask.expected_version)
    number, text = said(ask.name, ask.number, ask.text)
    if ask.unknown == (number is not None or text is not None):
        raise InputInvalid(
            "a number or a text is asked for, or unknown: true and neither of them", path=("unknown",)
        )
    reason = "a person says that it is not known"
    value = claim(
        ask.name,
        number=number,
        text=text,
        reason=reason,
        detail=wheels_of(ask.name, text),
        basis="said",
        model="person",
        model_version="",
    )
    field = field_of(ask.name)
    draft = Draft(
        "recording",
        str(id),
        {field: value},
        exists=False,
        locks=(field,) if ask.lock else (),
        dropped=(field,),
    )
    work.stage(draft, source=MANUAL, merge=True)
    await work.flush()
    await measure(work.connection, work.viewer.organization_id, id)
    return Outcome("recording", (id,))


@command(
    scope=Scope.CATALOG_WRITE,
    route="POST /recordings/{id}/features/{name}/release",
    returns="recording",
    refuses=(NotFound, ReferenceMissing),
)
async def release_feature(ask: ReleaseFeature, work: Work) -> Outcome:
    """Take a person's word about a figure back, so that what was measured or judged counts again."""
    id = await work.lock("recording", entity_id("recording", ask.id, ("id",)), ask.expected_version)
    field = field_of(figure_of(ask.name).name)
    # What a person said of a recording that was merged into this one is this one's as well.
    rows = await work.connection.fetch(
        "select m.external_id from source_mapping m join entity e on e.id = m.entity_id "
        "join lateral (select claims from source_record r where r.owner_id = m.owner_id "
        "and r.source = m.source and r.external_id = m.external_id order by version desc limit 1) r on true "
        "where m.owner_id = $1 and m.source = $3 and (e.id = $2 or e.merged_into_id = $2) "
        "and r.claims -> 'fields' ? $4",
        work.viewer.organization_id,
        id,
        MANUAL,
        field,
    )
    if not rows:
        raise NotFound(f"nobody has corrected {ask.name} of the recording", path=("name",))
    for row in rows:
        kind, _, key = row["external_id"].partition(":")
        work.stage(Draft(kind, key, {}, exists=False, dropped=(field,)), source=MANUAL, merge=True)
    await work.flush()
    await measure(work.connection, work.viewer.organization_id, id)
    return Outcome("recording", (id,))
