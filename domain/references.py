"""References inside claims: from a source's own names, or a caller's ids, to entity ids.

A reference may point at what the caller may see; anything else is not found, so nobody can hang rows on what
they may not see, or learn that it is there. What a deal covers must be the organization's own.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from domain.access.policy import nested
from domain.access.viewer import Sight
from domain.kinds import KINDS
from domain.ports import Sql
from domain.refusals import ReferenceMissing

Batch = Sequence[tuple[str, str, str, Mapping[str, Any]]]


class References:
    """The names of one flush, and the look-ups that fill them in, set-based."""

    def __init__(self, sql: Sql, owner_id: uuid.UUID, territories: Sequence[str] | None = None) -> None:
        """territories: what the caller is limited to, None for no limit."""
        self._sql = sql
        self._owner_id = owner_id
        self._territories = territories
        self._named: dict[tuple[str, str], uuid.UUID] = {}
        self._allowed: dict[uuid.UUID, tuple[str, uuid.UUID]] = {}
        self._foreign: set[uuid.UUID] = set()
        self._fresh: dict[uuid.UUID, str] = {}

    def name(self, prefix: str, source: str, name: str, id: uuid.UUID) -> None:
        """A draft of this flush, known by its name."""
        self._named[source, _external(prefix, name)] = id
        self._fresh[id] = name.split(":", 1)[0]

    async def load(self, batch: Batch) -> None:
        """Look up every reference of the batch: names in the mappings, ids in the register."""
        wanted = [
            (source, _external(prefix, target["ref"]))
            for prefix, source, kind, fields in batch
            for target in _targets(kind, fields)
            if "ref" in target and (source, _external(prefix, target["ref"])) not in self._named
        ]
        if wanted:
            rows = await self._sql.fetch(
                "select m.source, m.external_id, coalesce(e.merged_into_id, e.id) as id "
                "from unnest($2::text[], $3::text[]) as x (source, external_id) "
                "join source_mapping m "
                "on m.owner_id = $1 and m.source = x.source and m.external_id = x.external_id "
                "join entity e on e.id = m.entity_id",
                self._owner_id,
                [source for source, _ in wanted],
                [external for _, external in wanted],
            )
            self._named.update({(row["source"], row["external_id"]): row["id"] for row in rows})
        ids = {
            uuid.UUID(target["id"])
            for _, _, kind, fields in batch
            for target in _targets(kind, fields)
            if "id" in target
        } - self._fresh.keys()
        if ids:
            await self._load_ids(ids)

    async def _load_ids(self, ids: Iterable[uuid.UUID]) -> None:
        rows = await self._sql.fetch(
            "select e.id, t.kind, t.id as target, t.owner_id = $1 as own from entity e "
            "join entity t on t.id = coalesce(e.merged_into_id, e.id) where e.id = any($2)",
            self._owner_id,
            list(ids),
        )
        foreign: dict[str, list[uuid.UUID]] = {}
        for row in rows:
            if not row["own"]:
                foreign.setdefault(row["kind"], []).append(row["target"])
        sight = Sight(bound=self._territories is not None)
        for kind, targets in foreign.items():
            rule = nested(kind, sight).format(t="t", viewer="$2::uuid", territories="$3::text[]")
            limits = [list(self._territories)] if self._territories is not None else []
            found = await self._sql.fetch(
                f"select t.id from {KINDS[kind].name} t where t.id = any($1) and {rule}",
                targets,
                self._owner_id,
                *limits,
            )
            self._foreign |= {row["id"] for row in found}
        for row in rows:
            if row["own"] or row["target"] in self._foreign:
                self._allowed[row["id"]] = (row["kind"], row["target"])

    def fill(self, prefix: str, source: str, kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields with each reference replaced by the entity's id as text.

        Raises ReferenceMissing naming the reference and the field it stands in.
        """
        places = dict(KINDS[kind].references)
        filled: dict[str, Any] = {}
        for name, value in fields.items():
            if isinstance(value, Mapping) and name in places:
                filled[name] = self._id(prefix, source, value, places[name], (name,))
            elif name == "artist_credit" and value:
                filled[name] = [
                    self._credited(prefix, source, part, (name, place)) for place, part in enumerate(value)
                ]
            elif (collection := KINDS[kind].collection(name)) and collection.references and value:
                inner = dict(collection.references)
                filled[name] = [
                    {
                        key: self._id(
                            prefix, source, item[key], inner[key], (name, place), own=collection.own
                        )
                        if key in inner and isinstance(item[key], Mapping)
                        else item[key]
                        for key in item
                    }
                    for place, item in enumerate(value)
                ]
            else:
                filled[name] = value
        return filled

    def _credited(
        self, prefix: str, source: str, part: Mapping[str, Any], path: tuple[str | int, ...]
    ) -> dict[str, Any]:
        rest = {key: value for key, value in part.items() if key != "artist"}
        target = part.get("artist")
        if target is not None:
            rest["artist_id"] = self._id(prefix, source, target, "artist", path)
        return rest

    def _id(
        self,
        prefix: str,
        source: str,
        target: Mapping[str, Any],
        kind: str,
        path: tuple[str | int, ...],
        *,
        own: bool = False,
    ) -> str:
        if "ref" in target:
            found = self._named.get((source, _external(prefix, target["ref"])))
            if found is None:
                raise ReferenceMissing(f"nothing is known as {target['ref']!r}", path=path)
            return str(found)
        id = uuid.UUID(target["id"])
        actual, resolved = (self._fresh[id], id) if id in self._fresh else self._allowed.get(id, (None, id))
        if actual is None:
            raise ReferenceMissing(f"no {'entity' if kind == '*' else kind} {id} is there for you", path=path)
        if kind not in ("*", actual):
            raise ReferenceMissing(f"{id} is a {actual}; a {kind} is asked for", path=path)
        if own and resolved in self._foreign:
            raise ReferenceMissing(
                f"{actual} {id} is another organization's; what is named here must be your own", path=path
            )
        return str(resolved)


def _external(prefix: str, name: str) -> str:
    return f"{prefix}|{name}" if prefix else name


def _targets(kind: str, fields: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every reference that stands in the fields."""
    for name, _ in KINDS[kind].references:
        if isinstance(value := fields.get(name), Mapping):
            yield value
    for part in fields.get("artist_credit") or ():
        if isinstance(target := part.get("artist"), Mapping):
            yield target
    for collection in KINDS[kind].collections:
        for key, _ in collection.references:
            for item in fields.get(collection.name) or ():
                if isinstance(target := item.get(key), Mapping):
                    yield target
