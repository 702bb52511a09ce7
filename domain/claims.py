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
# A figure of a sound is a field of its own, `features.<name>`: claimed, locked and undone by itself.
FEATURES = "features."
MODEL = "model"
# What was measured of the sound comes before what a file says of itself; what only an ear can judge is asked
# of a language model first, where one was asked.
_OF_MEASURED = (MANUAL, "analysis", "tags")
_OF_JUDGED = (MANUAL, MODEL, "analysis", "tags")
JUDGED = frozenset(
    f"{FEATURES}{name}" for name in ("genre", "mood", "instruments", "vocals", "era", "description")
)


@dataclass(frozen=True)
class Draft:
    """What a source says of one thing, before it is known which entity that is.

    key: the source's own name for it, unique among the kind. fields: columns and collections by name; a
    reference is {"ref": "kind:key"} for a thing of the same source, or {"id": uuid}. dropped: where it adds
    to what the source said before, the fields of which that counts no more, nor a lock on them.
    """

    kind: str
    key: str
    fields: Mapping[str, Any]
    exists: bool = True
    locks: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

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
        """The place of a source for a field; lower is believed first.

        Nobody can rank a language model before what was measured.
        """
        order = self.rules.get((kind, name)) or self.rules.get((kind, "*")) or _default(name)
        if source == MODEL and name.startswith(FEATURES) and name not in JUDGED:
            return len(order) + 1
        return order.index(source) if source in order else len(order)


def _default(name: str) -> Sequence[str]:
    if not name.startswith(FEATURES):
        return DEFAULT_PRIORITY
    return _OF_JUDGED if name in JUDGED else _OF_MEASURED


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


@dataclass(frozen=True)
class Standing:
    """One source's claim about a field, as it stands among others."""

    record: Record
    value: Any
    locked: bool


def resolve(kind: str, records: Sequence[Record], policy: Policy) -> dict[str, Any] | None:
    """The value of each claimed field, or None when no source vouches for the entity any more.

    For each field: a locked claim wins, then the source believed first, then the surer one, then the
    later one. With one record this is a copy of its fields. A figure of the sound says who said it.
    """
    if not any(record.claims["exists"] for record in records):
        return None
    if len(records) == 1:
        return {
            name: _told(name, value, records[0]) if name.startswith(FEATURES) else value
            for name, value in records[0].claims["fields"].items()
        }
    chosen: dict[str, Any] = {}
    best: dict[str, tuple[Any, ...]] = {}
    for record in records:
        for name, value in record.claims["fields"].items():
            weight = _weight(kind, name, value, record, policy)
            if name not in best or weight > best[name]:
                best[name] = weight
                chosen[name] = _told(name, value, record) if name.startswith(FEATURES) else value
    return chosen


def _told(name: str, figure: Any, record: Record) -> Any:
    """A figure with who said it."""
    return figure and {**figure, "source": record.source, "locked": name in record.claims["locks"]}


def standings(kind: str, records: Sequence[Record], policy: Policy) -> dict[str, list[Standing]]:
    """For each claimed field every claim about it, the one that counts first."""
    found: dict[str, list[tuple[tuple[Any, ...], Standing]]] = {}
    for record in records:
        for name, value in record.claims["fields"].items():
            standing = Standing(record, value, name in record.claims["locks"])
            found.setdefault(name, []).append((_weight(kind, name, value, record, policy), standing))
    return {
        name: [standing for _, standing in sorted(claims, key=lambda claim: claim[0], reverse=True)]
        for name, claims in found.items()
    }


def _weight(kind: str, name: str, value: Any, record: Record, policy: Policy) -> tuple[Any, ...]:
    sure = record.confidence
    if name.startswith(FEATURES) and value is not None:
        # A figure has its own confidence; of two of one source, what is known comes before what is not.
        known = value.get("number") is not None or value.get("text") is not None
        sure = value.get("confidence", sure) if known else 0.0
    return (
        name in record.claims["locks"],
        -policy.rank(kind, name, record.source),
        sure if sure is not None else 1.0,
        record.recorded_at.timestamp(),
        record.version,
    )
