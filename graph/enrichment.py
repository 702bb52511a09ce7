"""The types of what was measured or judged of a recording."""

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry
from strawberry.scalars import JSON

from domain.access.scopes import Scope
from domain.enrichment import AudioFeature
from domain.features.tables import Enrichment
from graph.bind import column, expression, graph_type, one
from graph.filters import natural, plain_orders
from graph.globalid import global_id_by

if TYPE_CHECKING:
    from graph.catalog import RecordingNode
    from graph.files import FileNode


@graph_type(of=AudioFeature, scope=Scope.CATALOG_READ, name="AudioFeature")
class AudioFeatureNode:
    """One figure of a recording: its value, how sure (0 to 1), and who says so by what model.

    number, text: what it is; both null where nothing can be said, and reason says why. rivals: other values
    that the same source holds possible. basis: measured, heuristic (a formula of the house), judged (by ear)
    or said. source: analysis, tags, model or manual; the claims of all sources stand in `provenance`.
    """

    name: str = column()
    number: float | None = column()
    text: str | None = column()
    reason: str | None = column()
    rivals: JSON | None = column()
    detail: JSON | None = column()
    basis: str = column()
    source: str = column()
    model: str = column()
    model_version: str = column()
    confidence: float | None = column()
    locked: bool = column()
    measured_at: datetime = column()


@graph_type(
    of=Enrichment,
    scope=Scope.CATALOG_READ,
    plural="enrichments",
    filters=natural("state", "sha256", "code"),
    orders=plain_orders("created_at", "updated_at"),
)
class EnrichmentNode:
    """What was made of one file of sound: running, done, refused (the bytes gave nothing) or failed.

    models: which version made each part. result: what was found, in short, and stands though a later try gave
    nothing; the figures are at the recording. code, text: why there is nothing (new). updatedAt: when it last
    found something, if ever. jobId: the job that was last at it.
    """

    id: strawberry.ID = column()
    state: str = column()
    sha256: str = column()
    models: JSON = column()
    result: JSON | None = column()
    code: str | None = column()
    text: str | None = column()
    job_id: strawberry.ID | None = expression(global_id_by("'job'", "{p}.job_id"))
    created_at: datetime = column()
    updated_at: datetime = column()
    recording: "RecordingNode | None" = one("Recording", "recording_id")
    file: "FileNode | None" = one("File", "file_id", scope=Scope.FILES_READ)
