"""How a partner's events are read: where in the JSON things stand, and which words mean what.

A mapping is data. A path is names with dots between them (`data.release.upc`); a number picks from a list.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from domain import codes
from domain.callbacks.tables import MEANINGS, SCHEMES
from domain.ids import IdInvalid, id_of
from domain.inputs import parse
from domain.refusals import InputInvalid

LONGEST_TEXT = 300
MOST_PATHS = 10
MOST_WORDS = 100
# A partner's clock may be ahead by this much; one that is more would hold a release where it is for good.
AHEAD = timedelta(minutes=5)
_PATH = re.compile(r"[^.\s]{1,60}(\.[^.\s]{1,60}){0,9}")
_SINCE = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ReleasePath:
    """Where a reference to the release stands. scheme: icpn (UPC or EAN), grid, id (ours), or partner."""

    path: str = "data.upc"
    scheme: str = "icpn"


@dataclass(frozen=True, kw_only=True)
class CallbackMapping:
    """How to read a partner's events.

    word_path: where the event's type stands; the words of each list mean what the list is called.
    instant_path: where it says when it happened (ISO 8601, or seconds since 1970); where the body has none,
    the instant of the signature counts. releases: where the release may be named, the first found counts.
    """

    word_path: str = "type"
    instant_path: str = "timestamp"
    releases: list[ReleasePath] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    reviewed: list[str] = field(default_factory=list)
    taken_down: list[str] = field(default_factory=list)
    statement_ready: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reading:
    """What an event says. meaning: None for a word that the mapping does not have."""

    word: str
    meaning: str | None
    scheme: str | None
    reference: str | None
    occurred_at: datetime


class Unreadable(ValueError):
    """The event can't be read by the partner's mapping."""


def mapping_of(given: CallbackMapping | None) -> dict[str, Any]:
    """The mapping as it is kept; what is left out is as most senders have it. Raises InputInvalid."""
    mapping = dataclasses.asdict(given or CallbackMapping())
    mapping["releases"] = mapping["releases"] or [dataclasses.asdict(ReleasePath())]
    if not any(mapping[meaning] for meaning in MEANINGS):
        mapping |= {meaning: [meaning] for meaning in MEANINGS}
    if len(mapping["releases"]) > MOST_PATHS:
        raise InputInvalid(
            f"releases has {len(mapping['releases'])} paths; at most {MOST_PATHS} will do",
            path=("mapping", "releases"),
        )
    for place, release in enumerate(mapping["releases"]):
        _expect_path(release["path"], ("mapping", "releases", place, "path"))
        if release["scheme"] not in SCHEMES:
            raise InputInvalid(
                f"scheme {release['scheme'][:60]!r} is unknown; there are {', '.join(SCHEMES)}",
                path=("mapping", "releases", place, "scheme"),
            )
    for name in ("word_path", "instant_path"):
        _expect_path(mapping[name], ("mapping", name))
    paths = [mapping["word_path"], mapping["instant_path"], *(r["path"] for r in mapping["releases"])]
    for path in paths:
        if any(other.startswith(f"{path}.") for other in paths):
            raise InputInvalid(f"{path!r} holds a value, so no other path goes through it", path=("mapping",))
    seen: dict[str, str] = {}
    for meaning in MEANINGS:
        if len(mapping[meaning]) > MOST_WORDS:
            raise InputInvalid(f"{meaning} has more than {MOST_WORDS} words", path=("mapping", meaning))
        for word in mapping[meaning]:
            if not _is_plain(word):
                raise InputInvalid(
                    f"a word has 1 to {LONGEST_TEXT} printable characters", path=("mapping", meaning)
                )
            if seen.setdefault(word, meaning) != meaning:
                raise InputInvalid(
                    f"{word!r} means {seen[word]} and {meaning}; one word has one meaning",
                    path=("mapping", meaning),
                )
    return mapping


def read(mapping: Mapping[str, Any], body: bytes, sent_at: datetime, received_at: datetime) -> Reading:
    """What the body says by the mapping. Raises Unreadable."""
    of = parse(CallbackMapping, mapping)
    said = json_of(body)
    word = _at(said, of.word_path)
    if not isinstance(word, str) or not _is_plain(word):
        raise Unreadable(f"no type of event stands at {of.word_path}")
    meaning = next((m for m in MEANINGS if word in getattr(of, m)), None)
    given = _at(said, of.instant_path)
    occurred_at = sent_at if given is None else _instant(given, of.instant_path)
    if not _SINCE <= occurred_at <= received_at + AHEAD:
        raise Unreadable(f"the event says it happened at {occurred_at.isoformat()}, which can't be")
    for release in of.releases:
        found = _at(said, release.path)
        if found is not None:
            return Reading(word, meaning, release.scheme, _reference(found, release), occurred_at)
    if meaning in (None, "statement_ready"):  # a statement may be about no one release
        return Reading(word, meaning, None, None, occurred_at)
    raise Unreadable(f"no release is named at {', '.join(release.path for release in of.releases)}")


def json_of(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises Unreadable."""
    try:
        said = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is not JSON in UTF-8") from error
    if not isinstance(said, dict):
        raise Unreadable("the body is JSON, but no object")
    return said


def _at(said: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(said, dict):
            said = said.get(step)
        elif isinstance(said, list) and step.isdecimal() and int(step) < len(said):
            said = said[int(step)]
        else:
            return None
    return said


def _instant(given: Any, path: str) -> datetime:
    try:
        if isinstance(given, str):
            found = datetime.fromisoformat(given)
        elif isinstance(given, int | float) and not isinstance(given, bool):
            found = datetime.fromtimestamp(given, UTC)
        else:
            raise ValueError("no instant")
        if found.tzinfo is None:
            raise ValueError("no zone")
        return found.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Unreadable(
            f"{path} is {str(given)[:60]!r}; an instant with its zone, or seconds since 1970, is asked for"
        ) from error


def _reference(given: Any, release: ReleasePath) -> str:
    # A number has lost the zeros that a UPC may begin with.
    text = f"{given:012}" if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(text, str) or not _is_plain(text):
        raise Unreadable(f"{release.path} names no release")
    try:
        if release.scheme == "icpn":
            return codes.icpn(text)
        if release.scheme == "grid":
            return codes.grid(text)
        return str(id_of("release", text)) if release.scheme == "id" else text
    except (codes.CodeInvalid, IdInvalid) as error:
        raise Unreadable(f"{release.path}: {error}"[:LONGEST_TEXT]) from error


def _is_plain(text: str) -> bool:
    return 1 <= len(text) <= LONGEST_TEXT and text.isprintable()


def _expect_path(path: str, where: tuple[str | int, ...]) -> None:
    if not _PATH.fullmatch(path):
        raise InputInvalid(
            f"{path[:60]!r} is no path; 1 to 10 names with dots between them will do", path=where
        )
