"""Work: one transaction of one change set, in which claims are staged, resolved and written.

Handlers and jobs reach rows only through it, and never commit. What they claim is collected and written
set-based by `flush`, so one edit and a delivery of fifty entities take the same road.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain import jobs
from domain.access.viewer import Viewer
from domain.claims import MANUAL, Draft, Policy, Record, checksum, claims_of, resolve
from domain.ids import IdInvalid, decode_id
from domain.kinds import KINDS
from domain.ports import Blobs, Sealer, Sql
from domain.references import References
from domain.refusals import NotFound, ReferenceMissing, Refusal, VersionConflict
from domain.row import new_id, utc_now
from domain.write import Written, write


@dataclass
class PutResult:
    """Which entity each draft became (by `kind:key`), and what that made and changed."""

    ids: dict[str, uuid.UUID] = field(default_factory=dict)
    created: set[uuid.UUID] = field(default_factory=set)
    changed: set[uuid.UUID] = field(default_factory=set)


@dataclass
class _Staged:
    draft: Draft
    source: str
    external_id: str
    prefix: str
    merge: bool
    delivery_id: uuid.UUID | None
    payload_key: str | None
    confidence: float | None
    origin: tuple[str | int, ...] = ()
    entity_id: uuid.UUID | None = None
    claims: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Known:
    entity_id: uuid.UUID
    version: int
    checksum: str | None
    claims: Mapping[str, Any] | None


class Work:
    """The open transaction of a command or a job, with its viewer, clock and change set."""

    def __init__(
        self,
        viewer: Viewer,
        connection: Sql,
        change_set_id: uuid.UUID,
        *,
        blobs: Blobs | None = None,
        correlation_id: str | None = None,
        now: datetime | None = None,
    ) -> None:
        self.viewer = viewer
        self.connection = connection
        self.change_set_id = change_set_id
        self.blobs = blobs
        self.correlation_id = correlation_id
        self.now = now or utc_now()
        # Where in the caller's input the present step stands; refusals of its claims point there.
        self.origin: tuple[str | int, ...] = ()
        # Seals what commands keep that nobody may read in the database; doors hand it in.
        self.sealer: Sealer | None = None
        self._staged: dict[tuple[str, str], _Staged] = {}

    # -- what handlers say ------------------------------------------------------------------------------

    def create(self, kind: str, fields: Mapping[str, Any]) -> uuid.UUID:
        """Stage a new entity that a person vouches for; gives its id before it is written."""
        id = new_id()
        self.stage(Draft(kind, str(id), fields), source=MANUAL)
        return id

    async def edit(
        self, kind: str, id: uuid.UUID, fields: Mapping[str, Any], expected_version: int | None = None
    ) -> uuid.UUID:
        """Stage a person's claims about some fields of an entity of the own organization.

        Raises NotFound when the viewer's organization has none, VersionConflict when it has moved on.
        """
        id = await self.lock(kind, id, expected_version)
        self.stage(Draft(kind, str(id), fields, exists=False), source=MANUAL, merge=True)
        return id

    async def lock(self, kind: str, id: uuid.UUID, expected_version: int | None = None) -> uuid.UUID:
        """Hold a row until the end and check its version; a merged id leads to what it was merged into."""
        if (MANUAL, f"{kind}:{id}") in self._staged:
            return id
        held = await self.connection.fetchval(
            "select id from entity "
            "where id = (select coalesce(merged_into_id, id) from entity where id = $1) and owner_id = $2 "
            "for no key update",
            id,
            self.viewer.organization_id,
        )
        row = await self.connection.fetchrow(
            f"select id, version from {KINDS[kind].name} "
            "where id = $1 and owner_id = $2 and status <> 'deleted'",
            held,
            self.viewer.organization_id,
        )
        if row is None:
            raise NotFound(f"no {kind} {id} in your organization", path=("id",))
        if expected_version is not None and row["version"] != expected_version:
            raise VersionConflict(
                f"version {expected_version} was expected and {row['version']} is there; "
                f"read the {kind} again and repeat the change on it",
                path=("expected_version",),
                expected_version=expected_version,
                current_version=row["version"],
            )
        found: uuid.UUID = row["id"]
        return found

    async def put(
        self,
        drafts: Sequence[Draft],
        *,
        source: str,
        prefix: str = "",
        delivery_id: uuid.UUID | None = None,
        payload_key: str | None = None,
        confidence: float | None = None,
    ) -> PutResult:
        """Stage drafts of one source and write them now. The same claims twice write nothing.

        prefix: goes before each key, so that two senders of one source never meet.
        """
        for draft in drafts:
            self.stage(
                draft,
                source=source,
                prefix=prefix,
                delivery_id=delivery_id,
                payload_key=payload_key,
                confidence=confidence,
            )
        return await self.flush()

    def withdraw(self, source: str, external_ids: Iterable[str]) -> None:
        """Stage that a source takes back what it said; an entity nobody else vouches for is deleted."""
        for external_id in external_ids:
            kind = external_id.rsplit("|", 1)[-1].split(":", 1)[0]
            self.restate(source, external_id, claims_of(kind, {}, exists=False))

    def restate(self, source: str, external_id: str, claims: Mapping[str, Any]) -> None:
        """Stage whole claims for a record by its external id, references already filled in."""
        draft = Draft(claims["kind"], external_id, claims["fields"], claims["exists"], tuple(claims["locks"]))
        self._staged[source, external_id] = _Staged(draft, source, external_id, "", False, None, None, None)

    def stage(
        self,
        draft: Draft,
        *,
        source: str,
        prefix: str = "",
        merge: bool = False,
        delivery_id: uuid.UUID | None = None,
        payload_key: str | None = None,
        confidence: float | None = None,
        about: uuid.UUID | None = None,
    ) -> None:
        """Collect a draft for the next flush; with `merge` it adds to the record's newest claims.

        about: the entity it speaks of, where that is known and no mapping need be asked.
        """
        external_id = f"{prefix}|{draft.name}" if prefix else draft.name
        before = self._staged.get((source, external_id))
        if before is not None and merge:
            draft = Draft(
                draft.kind,
                draft.key,
                {**_without(before.draft.fields, draft.dropped), **draft.fields},
                exists=before.draft.exists or draft.exists,
                locks=tuple({*before.draft.locks} - {*draft.dropped} | {*draft.locks}),
                dropped=(*before.draft.dropped, *draft.dropped),
            )
            merge = before.merge
        self._staged[source, external_id] = _Staged(
            draft,
            source,
            external_id,
            prefix,
            merge,
            delivery_id,
            payload_key,
            confidence,
            self.origin,
            about,
        )

    async def tell(self, topic: str, payload: Mapping[str, Any], key: str | None = None) -> None:
        """What the world must hear about once this transaction holds."""
        await self.connection.execute(
            "insert into outbox (topic, key, payload, correlation_id) values ($1, $2, $3::jsonb, $4)",
            topic,
            key,
            json.dumps(payload),
            self.correlation_id,
        )

    async def enqueue(
        self,
        kind: str,
        payload: Mapping[str, Any],
        *,
        subject_id: uuid.UUID | None = None,
        unique_key: str | None = None,
    ) -> uuid.UUID:
        """Ask for a job, in this transaction; one that waits or runs under the same key is that job."""
        return await jobs.ask(
            self.connection,
            self.viewer.organization_id,
            kind,
            payload,
            subject_id=subject_id,
            unique_key=unique_key,
            correlation_id=self.correlation_id,
        )

    # -- writing ----------------------------------------------------------------------------------------

    async def flush(self) -> PutResult:
        """Write what is staged: records first, then the entities that they resolve to."""
        staged, self._staged = list(self._staged.values()), {}
        result = PutResult()
        if not staged:
            return result
        references = References(self.connection, self.viewer.organization_id, self.viewer.territories)
        await self._lock_keys(staged)
        known = await self._known(staged)
        new = await self._find(staged, known)
        for item in staged:
            assert item.entity_id is not None
            result.ids[item.draft.name] = item.entity_id
            references.name(item.prefix, item.source, item.draft.name, item.entity_id)
        await references.load(
            [(item.prefix, item.source, item.draft.kind, item.draft.fields) for item in staged]
        )
        changed = [
            item
            for item in staged
            if self._claim(item, known.get((item.source, item.external_id)), references)
        ]
        if not changed:
            return result
        await self._store(changed, known)
        written = await self._resolve(changed, new)
        await self._map(changed, known)
        result.created, result.changed = written.created, written.changed
        return result

    async def _lock_keys(self, staged: Sequence[_Staged]) -> None:
        """Two writers that name the same thing wait for each other, in one order, so they can't deadlock."""
        names = {f"{item.source}|{item.external_id}" for item in staged}
        for item in staged:
            for column in KINDS[item.draft.kind].natural:
                if value := item.draft.fields.get(column):
                    names.add(f"{item.draft.kind}.{column}={value}")
        await self.connection.execute(
            "select pg_advisory_xact_lock(k) from (select distinct hashtextextended($1 || n, 0) as k "
            "from unnest($2::text[]) n order by 1) x",
            str(self.viewer.organization_id),
            list(names),
        )

    async def _known(self, staged: Sequence[_Staged]) -> dict[tuple[str, str], _Known]:
        rows = await self.connection.fetch(
            """
            select m.source, m.external_id, coalesce(e.merged_into_id, m.entity_id) as entity_id,
                   coalesce(r.version, 0) as version, r.checksum, r.claims
              from unnest($2::text[], $3::text[]) as x (source, external_id)
              join source_mapping m
                on m.owner_id = $1 and m.source = x.source and m.external_id = x.external_id
              join entity e on e.id = m.entity_id
              left join lateral (
                select version, checksum, claims from source_record r
                 where r.owner_id = $1 and r.source = m.source and r.external_id = m.external_id
                 order by version desc limit 1) r on true
            """,
            self.viewer.organization_id,
            [item.source for item in staged],
            [item.external_id for item in staged],
        )
        return {
            (row["source"], row["external_id"]): _Known(
                row["entity_id"],
                row["version"],
                row["checksum"],
                json.loads(row["claims"]) if row["claims"] else None,
            )
            for row in rows
        }

    async def _find(
        self, staged: Sequence[_Staged], known: Mapping[tuple[str, str], _Known]
    ) -> set[uuid.UUID]:
        """Give each draft its entity: as mapped, else by natural key, else a new id. Gives the new ids."""
        unknown: list[_Staged] = []
        new: set[uuid.UUID] = set()
        for item in staged:
            if found := known.get((item.source, item.external_id)):
                item.entity_id = found.entity_id
            elif item.source == MANUAL:
                item.entity_id = uuid.UUID(item.draft.key)
                if not item.merge:
                    new.add(item.entity_id)
            elif item.entity_id is None:
                unknown.append(item)
        natural: dict[tuple[str, str, str], uuid.UUID] = {}
        for kind in {item.draft.kind for item in unknown}:
            for column in KINDS[kind].natural:
                values = [item.draft.fields.get(column) for item in unknown if item.draft.kind == kind]
                rows = await self.connection.fetch(
                    f"select distinct on ({column}) {column} as value, id from {kind} "
                    f"where owner_id = $1 and {column} = any($2::text[]) and status <> 'deleted' "
                    f"order by {column}, id",
                    self.viewer.organization_id,
                    [value for value in values if value],
                )
                natural.update({(kind, column, row["value"]): row["id"] for row in rows})
        for item in unknown:
            keys = [
                (item.draft.kind, column, item.draft.fields[column])
                for column in KINDS[item.draft.kind].natural
                if item.draft.fields.get(column)
            ]
            item.entity_id = next((natural[key] for key in keys if key in natural), None)
            if item.entity_id is None:
                item.entity_id = new_id()
                new.add(item.entity_id)
            for key in keys:
                natural.setdefault(key, item.entity_id)
        return new

    def _claim(self, item: _Staged, known: _Known | None, references: References) -> bool:
        """Make the record's claims; False when its newest version says the same."""
        try:
            fields = references.fill(item.prefix, item.source, item.draft.kind, item.draft.fields)
        except Refusal as refusal:
            refusal.path = (*item.origin, *refusal.path)
            raise
        exists, locks = item.draft.exists, set(item.draft.locks)
        if item.merge and known is not None and known.claims is not None:
            fields = {**_without(known.claims["fields"], item.draft.dropped), **fields}
            exists = exists or bool(known.claims["exists"])
            locks |= set(known.claims["locks"]) - set(item.draft.dropped)
        item.claims = claims_of(item.draft.kind, fields, exists=exists, locks=locks)
        return known is None or known.checksum != checksum(item.claims)

    async def _store(self, changed: Sequence[_Staged], known: Mapping[tuple[str, str], _Known]) -> None:
        rows = []
        for item in changed:
            before = known.get((item.source, item.external_id))
            rows.append(
                {
                    "source": item.source,
                    "external_id": item.external_id,
                    "version": (before.version if before else 0) + 1,
                    "checksum": checksum(item.claims),
                    "payload_key": item.payload_key,
                    "delivery_id": str(item.delivery_id) if item.delivery_id else None,
                    "claims": item.claims,
                    "confidence": item.confidence,
                }
            )
        await self.connection.execute(
            """
            insert into source_record (owner_id, source, external_id, version, checksum, payload_key,
                                       delivery_id, claims, confidence, change_set_id, recorded_at)
            select $1, source, external_id, version, checksum, payload_key,
                   delivery_id, claims, confidence, $3, $4
              from jsonb_populate_recordset(null::source_record, $2::jsonb)
            """,
            self.viewer.organization_id,
            json.dumps(rows),
            self.change_set_id,
            self.now,
        )

    async def _resolve(self, changed: Sequence[_Staged], new: set[uuid.UUID]) -> Written:
        """Resolve each touched entity from the newest claims of all its sources, and write it."""
        records: dict[uuid.UUID, dict[tuple[str, str], Record]] = {}
        kinds: dict[uuid.UUID, str] = {}
        for item in changed:
            assert item.entity_id is not None
            kinds[item.entity_id] = item.draft.kind
            records.setdefault(item.entity_id, {})[item.source, item.external_id] = Record(
                item.source, item.external_id, 0, item.claims, self.now, item.confidence
            )
        known = [id for id in kinds if id not in new]
        # Whoever resolves an entity holds it first, so that no two resolve from different records.
        await self.connection.execute(
            "select from entity where id = any($1) order by id for no key update", known
        )
        for id, record in await self._other_records(known):
            records[id].setdefault((record.source, record.external_id), record)
        policy = await self._policy() if any(len(found) > 1 for found in records.values()) else Policy()
        alive: dict[str, dict[uuid.UUID, Mapping[str, Any]]] = {}
        gone: dict[str, list[uuid.UUID]] = {}
        for id, kind in kinds.items():
            fields = resolve(kind, list(records[id].values()), policy)
            if fields is None:
                gone.setdefault(kind, []).append(id)
            else:
                alive.setdefault(kind, {})[id] = fields
        return await write(self.connection, self.viewer.organization_id, self.now, alive, gone, new)

    async def _other_records(self, ids: Sequence[uuid.UUID]) -> list[tuple[uuid.UUID, Record]]:
        if not ids:
            return []
        rows = await self.connection.fetch(
            """
            select coalesce(e.merged_into_id, m.entity_id) as entity_id, r.*
              from source_mapping m
              join entity e on e.id = m.entity_id
              join lateral (
                select source, external_id, version, claims, recorded_at, confidence from source_record r
                 where r.owner_id = $1 and r.source = m.source and r.external_id = m.external_id
                 order by version desc limit 1) r on true
             where m.owner_id = $1 and (m.entity_id = any($2) or e.merged_into_id = any($2))
            """,
            self.viewer.organization_id,
            list(ids),
        )
        return [
            (
                row["entity_id"],
                Record(
                    row["source"],
                    row["external_id"],
                    row["version"],
                    json.loads(row["claims"]),
                    row["recorded_at"],
                    row["confidence"],
                ),
            )
            for row in rows
        ]

    async def _policy(self) -> Policy:
        rows = await self.connection.fetch(
            "select kind, field, sources from source_policy where owner_id = $1", self.viewer.organization_id
        )
        return Policy({(row["kind"], row["field"]): row["sources"] for row in rows})

    async def _map(self, changed: Sequence[_Staged], known: Mapping[tuple[str, str], _Known]) -> None:
        fresh = [item for item in changed if (item.source, item.external_id) not in known]
        if fresh:
            await self.connection.execute(
                "insert into source_mapping (owner_id, source, external_id, entity_id) "
                "select $1, * from unnest($2::text[], $3::text[], $4::uuid[])",
                self.viewer.organization_id,
                [item.source for item in fresh],
                [item.external_id for item in fresh],
                [item.entity_id for item in fresh],
            )


def _without(fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def entity_id(kind: str, text: str, path: tuple[str | int, ...] = ()) -> uuid.UUID:
    """The UUID of a caller's reference: a global id of the kind ('*' for any), or a plain UUID.

    Raises ReferenceMissing naming what was given.
    """
    try:
        return uuid.UUID(text)
    except ValueError:
        pass
    try:
        found, value = decode_id(text)
    except IdInvalid as error:
        raise ReferenceMissing(str(error), path=path) from None
    if kind not in ("*", found):
        raise ReferenceMissing(f"{text!r} names a {found}; a {kind} is asked for", path=path)
    return value
