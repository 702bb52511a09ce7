"""Claims: what each source says of an entity, and the pure function that decides what is true.

A record's claims are {"kind", "exists", "fields", "locks"}. A field is claimed when it is there, even
with null; a source that is silent about a field does not speak against another. `exists` says whether
the source vouches for the entity at all: an edit of somebody else's release does not.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MANUAL = "manual"

# Whom to believe where an owner has said nothing of it; sources not named come last.
DEFAULT_PRIORITY = (MANUAL, "ern", "musicbrainz", "csv", "rss", "cue", "cwr", "tags", "demo", "model")


@dataclass(frozen=True)
class Draft:
    """What a source says of one thing, before it is known which entity that is.

    key: the source's own name for it, unique among the kind. fields: columns and collections by name; a
    reference is {"ref": "kind:key"} for a thing of the same source, or {"id": uuid}.
    """

    kind: str
    key: str
    fields: Mapping[str, Any]
    exists: bool = True
    locks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Kind and key: how other drafts of the source refer to this one."""
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True)
class Record:
    """The newest version of one source's claims about an entity."""

    source: str
    external_id: str
    version: int
    claims: Mapping[str, Any]
    recorded_at: datetime
    confidence: float | None = None


@dataclass(frozen=True)
class Policy:
    """Source priorities of an owner: (kind, field) first, then (kind, '*'), then the default."""

    rules: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)

    def rank(self, kind: str, name: str, source: str) -> int:
        """The place of a source for a field; lower is believed first."""
        order = self.rules.get((kind, name)) or self.rules.get((kind, "*")) or DEFAULT_PRIORITY
        return order.index(source) if source in order else len(order)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no blanks: equal text means equal value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def checksum(claims: Mapping[str, Any]) -> str:
    """sha256 of the canonical claims: the same delivery twice has the same checksum."""
    return hashlib.sha256(canonical(claims).encode()).hexdigest()


def claims_of(
    kind: str, fields: Mapping[str, Any], *, exists: bool, locks: Iterable[str] = ()
) -> dict[str, Any]:
    """The claims document of one record."""
    return {"kind": kind, "exists": exists, "fields": dict(fields), "locks": sorted(locks)}


def resolve(kind: str, records: Sequence[Record], policy: Policy) -> dict[str, Any] | None:
    """The value of each claimed field, or None when no source vouches for the entity any more.

    For each field: a locked claim wins, then the source believed first, then the surer one, then the
    later one. With one record this is a copy of its fields.
    """
    if not any(record.claims["exists"] for record in records):
        return None
    if len(records) == 1:
        return dict(records[0].claims["fields"])
    chosen: dict[str, Any] = {}
    best: dict[str, tuple[bool, int, float, float, int]] = {}
    for record in records:
        locks = record.claims["locks"]
        for name, value in record.claims["fields"].items():
            weight = (
                name in locks,
                -policy.rank(kind, name, record.source),
                record.confidence if record.confidence is not None else 1.0,
                record.recorded_at.timestamp(),
                record.version,
            )
            if name not in best or weight > best[name]:
                best[name] = weight
                chosen[name] = value
    return chosen
