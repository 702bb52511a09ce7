"""Every table in one import, for migrations and for whoever needs the whole metadata."""

from domain.access import tables as access
from domain.alerts import tables as alerts
from domain.audit import (
    Change,
    ChangeSet,
    IdempotencyKey,
    Job,
    Outbox,
    SourceMapping,
    SourcePolicy,
    SourceRecord,
)
from domain.callbacks import tables as callbacks
from domain.catalog import tables as catalog
from domain.deliveries import tables as deliveries
from domain.enrichment import AudioFeature
from domain.erasure.tables import Erasure
from domain.features import tables as features
from domain.figures.tally import RequestTally
from domain.files import tables as files
from domain.models import tables as models
from domain.notices import tables as notices
from domain.retention import tables as retention
from domain.retention.blobs import BlobMark
from domain.retention.partitions import ChangeDropped
from domain.rights import tables as rights
from domain.row import metadata
from domain.schedules import Schedule
from domain.vectors.tables import Embedding

__all__ = [
    "AudioFeature",
    "BlobMark",
    "Change",
    "ChangeDropped",
    "ChangeSet",
    "Embedding",
    "Erasure",
    "IdempotencyKey",
    "Job",
    "Outbox",
    "RequestTally",
    "Schedule",
    "SourceMapping",
    "SourcePolicy",
    "SourceRecord",
    "access",
    "alerts",
    "callbacks",
    "catalog",
    "deliveries",
    "features",
    "files",
    "metadata",
    "models",
    "notices",
    "retention",
    "rights",
]
