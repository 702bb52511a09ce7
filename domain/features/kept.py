"""Parts of analyses as they are kept: as JSON and back, and by the version that made each.

The same bytes are given to one analysis at a time. Who comes second waits, and finds what the first one kept.
"""

import dataclasses
import hashlib
import json
import math
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from domain.audio.analysis import Analysis, NotAnalysed
from domain.ports import Sql

FACTS, REFUSED, LEASE = "facts", "refused", "lease"
# Longer than any file may take; whoever died while at it is not waited for after that.
LEASE_S = 2_400
# Bytes that gave nothing cost as much as any to look at, so nobody has that done without end.
AGAIN_H = 24
# The fields of an analysis that each part fills; one that is not here fills the field of its name.
FILLED = {"heuristics": ("energy", "danceability"), "taggers": ("tagged",)}
_HINTS = get_type_hints(Analysis)
_OF_FACTS = (
    *("container", "codec", "rate_hz", "channels", "bits", "bitrate_bps"),
    *("header_duration_s", "duration_s", "tags"),
)


@dataclasses.dataclass(frozen=True)
class Kept:
    """What is kept of some bytes: parts by name, and the version that made each."""

    parts: Mapping[str, Mapping[str, Any]]
    versions: Mapping[str, str]

    def missing(self, versions: Mapping[str, str]) -> frozenset[str]:
        """The parts that are not there, or are by another version than these."""
        if FACTS not in self.parts:
            return frozenset(versions)
        return frozenset(part for part, version in versions.items() if self.versions.get(part) != version)

    def refusal(self, versions: Mapping[str, str]) -> NotAnalysed | None:
        """Why these versions can make nothing of the bytes, if they have tried."""
        if self.versions.get(REFUSED) != together(versions):
            return None
        return NotAnalysed(**self.parts[REFUSED])

    def analysis(self, sha256: str) -> Analysis:
        """The parts as one analysis; those that are not there are as if nothing could be said."""
        given: dict[str, Any] = {"sha256": sha256, **_EMPTY}
        for document in self.parts.values():
            given |= {name: value for name, value in document.items() if name in _HINTS}
        models = {
            part: version
            for part, version in self.versions.items()
            if part not in _OF_THE_HOUSE and self.parts[part]
        }
        return Analysis(
            **{name: restored(_HINTS[name], value) for name, value in given.items() if name != "models"},
            models=models,
        )


_OF_THE_HOUSE = (FACTS, REFUSED, LEASE)
_LEFT_OUT = {"reason": "it was not analysed"}
_EMPTY: dict[str, Any] = {
    "quality": {},
    "tempo": {"bpm": None, "confidence": None, **_LEFT_OUT},
    "key": {"best": None, **_LEFT_OUT},
    "loudness": _LEFT_OUT,
    "energy": {"value": None, **_LEFT_OUT},
    "danceability": {"value": None, **_LEFT_OUT},
    "spectral": {},
    "tagged": None,
    "fingerprint": None,
}


def together(versions: Mapping[str, str]) -> str:
    """One version for all of them."""
    return hashlib.sha256(json.dumps(sorted(versions.items())).encode()).hexdigest()[:32]


async def kept_of(sql: Sql, sha256: str) -> Kept:
    """What is kept of some bytes."""
    rows = await sql.fetch("select part, version, document from sound_part where sha256 = $1", sha256)
    return Kept(
        {row["part"]: json.loads(row["document"]) for row in rows},
        {row["part"]: row["version"] for row in rows},
    )


async def look_again(sql: Sql, sha256: str) -> None:
    """Forget that nothing could be made of some bytes, where that is a day old: so often it may be asked.

    Whoever has the same bytes, and whoever asks, they are looked at once a day; sooner, what is kept is told.
    """
    await sql.execute(
        "delete from sound_part where sha256 = $1 and part = $2 "
        "and made_at < clock_timestamp() - make_interval(hours => $3)",
        sha256,
        REFUSED,
        AGAIN_H,
    )


async def lease(sql: Sql, sha256: str, holder: str) -> bool:
    """Whether the holder is the one who analyses these bytes now.

    holder: the id of a job, `/` and what of it. Of a job that is no longer at it nobody waits for the lease.
    """
    return bool(
        await sql.fetchval(
            "insert into sound_part as p (sha256, part, version, document) values ($1, $2, $3, '{}') "
            "on conflict (sha256, part) do update "
            "set version = excluded.version, made_at = clock_timestamp() "
            "where p.version = excluded.version or p.made_at < clock_timestamp() - make_interval(secs => $4) "
            "or not exists (select from job j where j.id = split_part(p.version, '/', 1)::uuid "
            "and j.state = 'running') "
            "returning true",
            sha256,
            LEASE,
            holder,
            LEASE_S,
        )
    )


async def give_back(sql: Sql, sha256: str, holder: str) -> None:
    """Let others analyse these bytes."""
    await sql.execute(
        "delete from sound_part where sha256 = $1 and part = $2 and version = $3", sha256, LEASE, holder
    )


async def keep(sql: Sql, sha256: str, found: Analysis | NotAnalysed, versions: Mapping[str, str]) -> None:
    """Keep what an analysis gave, or why it gave nothing; a newer version takes the older one's place.

    versions: of the parts that were asked for; one that gave nothing is not asked for again.
    """
    rows = [
        {"part": part, "version": version, "document": document}
        for part, version, document in _parts(found, versions)
    ]
    await sql.execute(
        "insert into sound_part (sha256, part, version, document) "
        "select $1, x.part, x.version, x.document "
        "from jsonb_to_recordset($2::jsonb) as x (part text, version text, document jsonb) "
        "on conflict (sha256, part) do update "
        "set version = excluded.version, document = excluded.document, made_at = clock_timestamp()",
        sha256,
        json.dumps(rows),
    )


def _parts(found: Analysis | NotAnalysed, versions: Mapping[str, str]) -> list[tuple[str, str, Any]]:
    if isinstance(found, NotAnalysed):
        return [(REFUSED, together(versions), plain(found))]
    parts = [(FACTS, "1", {name: plain(getattr(found, name)) for name in _OF_FACTS})]
    for part, version in found.models.items():
        fields = FILLED.get(part, (part,))
        parts.append(
            (part, version, {name: plain(getattr(found, name)) for name in fields if name in _HINTS})
        )
    parts += [(part, version, {}) for part, version in versions.items() if part not in found.models]
    return parts


def plain(value: Any) -> Any:
    """A value of an analysis as JSON has it; numbers that are none are null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, str | bool) or value is None:
        return value.replace("\x00", "") if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else None


def restored(hint: Any, value: Any) -> Any:
    """A value of an analysis, from JSON. Fields of another version of its type are passed over."""
    origin, arguments = get_origin(hint), get_args(hint)
    if value is None:
        return None
    if origin in (Union, types.UnionType):
        return restored(next(one for one in arguments if one is not types.NoneType), value)
    if dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        known = {name: inner for name, inner in value.items() if name in hints}
        return hint(**{name: restored(hints[name], inner) for name, inner in known.items()})  # type: ignore[operator]
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(restored(arguments[0], inner) for inner in value)
        return tuple(restored(of, inner) for of, inner in zip(arguments, value, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {name: restored(arguments[1], inner) for name, inner in value.items()}
    return hint(value) if hint in (int, float, str) else value
