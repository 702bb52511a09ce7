"""The types of what was measured or judged of a recording."""

from datetime import datetime

from strawberry.scalars import JSON

from domain.access.scopes import Scope
from domain.enrichment import AudioFeature
from graph.bind import column, graph_type


@graph_type(of=AudioFeature, scope=Scope.CATALOG_READ, name="AudioFeature")
class AudioFeatureNode:
    """One value with the model that gave it, its rivals, and how sure the model was (0 to 1)."""

    name: str = column()
    number: float | None = column()
    text: str | None = column()
    rivals: JSON | None = column()
    model: str = column()
    model_version: str = column()
    confidence: float | None = column()
    measured_at: datetime = column()
