"""The types of what was measured or judged of a recording."""

from datetime import datetime

from strawberry.scalars import JSON

from domain.access.scopes import Scope
from domain.enrichment import AudioFeature
from graph.bind import column, graph_type


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
