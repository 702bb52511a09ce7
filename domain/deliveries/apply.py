"""Apply what a sender said of a release: all of it or nothing, newest message last.

A NewReleaseMessage replaces what that sender said of that release, deals included: what it names is
stated, and what the sender's message before it named and this one leaves out is withdrawn. The row of
`release_message` is held while that happens, so two messages about one release wait for each other, and
MessageCreatedDateTime decides, not arrival.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.claims import Draft
from domain.deliveries.mapping import ReleaseDraft
from domain.row import new_id
from domain.work import Work

SOURCE = "ern"
# What belongs to one release. Of everything else several releases of a sender may speak, and the newest
# message about it is believed.
_OWN = frozenset({"release", "track", "deal"})

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Statement:
    """Who says something, in which delivery, and when the message was made."""

    sender: str
    delivery_id: uuid.UUID
    created_at: datetime
    payload_key: str | None = None


@dataclass(frozen=True)
class Applied:
    """What applying one release did.

    superseded: a newer message had been applied, so nothing was. unknown: there was nothing to purge.
    counts: kind → created, changed, unchanged, withdrawn.
    """

    superseded: bool = False
    unknown: bool = False
    counts: Counts = field(default_factory=dict)


@dataclass(frozen=True)
class _Said:
    """The newest message applied for a sender's release, held until the transaction ends."""

    id: uuid.UUID
    key: str
    created_at: datetime
    delivery_id: uuid.UUID
    names: frozenset[str]


async def apply_release(work: Work, statement: Statement, release: ReleaseDraft) -> Applied:
    """State everything a message says of one release, and withdraw what it no longer says."""
    said = await _hold(work, statement, (release.key, *release.also_known_as))
    if said is not None and _is_newer(said, statement):
        return Applied(superseded=True)
    newer = await _stated_later(work, statement, release.drafts)
    drafts = [draft for draft in release.drafts if _subject(draft) not in newer]
    names = {draft.name for draft in drafts}
    if said is not None and said.key != release.key:
        await _carry_over(work, statement, said, release.key, names)
    gone = await _only_here(work, statement, said, (said.names if said else frozenset()) - names)
    work.withdraw(SOURCE, [f"{statement.sender}|{name}" for name in gone])
    put = await work.put(
        [draft for draft in drafts if draft.name not in newer],
        source=SOURCE,
        prefix=statement.sender,
        delivery_id=statement.delivery_id,
        payload_key=statement.payload_key,
    )
    await _remember(work, statement, said, release.key, names)
    return Applied(counts=_count(put.ids, put.created, put.changed, names, gone))


async def purge_release(work: Work, statement: Statement, release_keys: Sequence[str]) -> Applied | None:
    """Withdraw everything a sender said of a release; None when that sender may not.

    A purge counts only from a sender who delivered the release, and not while the deals in force for it
    are all another's. Of a release that nobody delivered only the purge is remembered, so that an older
    message about it, arriving late, is not applied.
    """
    said = await _hold(work, statement, release_keys)
    if said is None:
        if await _delivered_by_another(work, statement, release_keys):
            return None
        await _remember(work, statement, None, release_keys[0], set())
        return Applied(unknown=True)
    if _is_newer(said, statement):
        return Applied(superseded=True)
    if not await _holds_the_deals(work, statement, said):
        return None
    gone = await _only_here(work, statement, said, said.names)
    work.withdraw(SOURCE, [f"{statement.sender}|{name}" for name in gone])
    put = await work.flush()
    await _remember(work, statement, said, said.key, set())
    return Applied(counts=_count(put.ids, put.created, put.changed, set(), gone))


def total(counts: Iterable[Counts]) -> Counts:
    """The sum over releases."""
    kinds: dict[str, Counter[str]] = {}
    for one in counts:
        for kind, numbers in one.items():
            kinds.setdefault(kind, Counter()).update(numbers)
    return {kind: dict(numbers) for kind, numbers in sorted(kinds.items())}


def _is_newer(said: _Said, statement: Statement) -> bool:
    """Of two messages made in the same instant the one that arrives later counts."""
    return said.delivery_id != statement.delivery_id and said.created_at > statement.created_at


def _subject(draft: Draft) -> str | None:
    """What a credit stands on; a credit goes with the newest word about that."""
    subject = draft.fields.get("subject_id") if draft.kind == "credit" else None
    return subject.get("ref") if isinstance(subject, Mapping) else None


async def _hold(work: Work, statement: Statement, keys: Sequence[str]) -> _Said | None:
    """Lock what the sender said of the release, from before the first message on.

    keys: what the release is known by, strongest first; a code that came later does not make it another.
    """
    owner = work.viewer.organization_id
    await work.connection.execute(
        "select pg_advisory_xact_lock(k) from (select distinct hashtextextended($1 || n, 3) as k "
        "from unnest($2::text[]) n order by 1) x",
        f"{owner}|{statement.sender}|",
        list(keys),
    )
    row = await work.connection.fetchrow(
        "select id, release_key, message_created_at, delivery_id, names from release_message "
        "where owner_id = $1 and sender = $2 and release_key = any($3) "
        "order by array_position($3, release_key) limit 1 for update",
        owner,
        statement.sender,
        list(keys),
    )
    if row is None:
        return None
    return _Said(
        row["id"],
        row["release_key"],
        row["message_created_at"],
        row["delivery_id"],
        frozenset(row["names"]),
    )


async def _carry_over(work: Work, statement: Statement, said: _Said, key: str, names: Iterable[str]) -> None:
    """A release that is known by a new key stays the entity it was, and so does what is named after it."""
    pairs = []
    for name in names:
        kind, own = name.split(":", 1)
        if own == key or own.startswith(f"{key}/"):
            before = f"{kind}:{said.key}{own[len(key) :]}"
            if before in said.names:
                pairs.append((f"{statement.sender}|{name}", f"{statement.sender}|{before}"))
    await work.connection.execute(
        "insert into source_mapping (owner_id, source, external_id, entity_id) "
        "select m.owner_id, m.source, x.name, m.entity_id "
        "from unnest($3::text[], $4::text[]) x (name, before) "
        "join source_mapping m on m.owner_id = $1 and m.source = $2 and m.external_id = x.before "
        "on conflict (owner_id, source, external_id) do nothing",
        work.viewer.organization_id,
        SOURCE,
        [new for new, _ in pairs],
        [old for _, old in pairs],
    )


async def _remember(
    work: Work, statement: Statement, said: _Said | None, release_key: str, names: Iterable[str]
) -> None:
    await work.connection.execute(
        "insert into release_message "
        "(id, owner_id, sender, release_key, message_created_at, delivery_id, names) "
        "values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do update "
        "set release_key = excluded.release_key, message_created_at = excluded.message_created_at, "
        "delivery_id = excluded.delivery_id, names = excluded.names",
        said.id if said is not None else new_id(),
        work.viewer.organization_id,
        statement.sender,
        release_key,
        statement.created_at,
        statement.delivery_id,
        sorted(names),
    )


async def _only_here(
    work: Work, statement: Statement, said: _Said | None, names: Iterable[str]
) -> frozenset[str]:
    """Those names that no other release of the sender speaks of."""
    wanted = list(names)
    if said is None or not wanted:
        return frozenset()
    rows = await work.connection.fetch(
        "select name from unnest($4::text[]) name where not exists (select from release_message "
        "where owner_id = $1 and sender = $2 and id <> $3 and names @> array[name])",
        work.viewer.organization_id,
        statement.sender,
        said.id,
        wanted,
    )
    return frozenset(row["name"] for row in rows)


async def _stated_later(work: Work, statement: Statement, drafts: Sequence[Draft]) -> frozenset[str]:
    """The names of shared things of which a message made later than this one has already spoken."""
    rows = await work.connection.fetch(
        """
        select x.name from unnest($3::text[]) as x (name)
          join lateral (
            select r.delivery_id, r.claims from source_record r
             where r.owner_id = $1 and r.source = $5 and r.external_id = $2 || '|' || x.name
             order by version desc limit 1) r on true
          join delivery d on d.id = r.delivery_id
         where d.message_created_at > $4 and (r.claims ->> 'exists')::bool
        """,
        work.viewer.organization_id,
        statement.sender,
        [draft.name for draft in drafts if draft.kind not in _OWN],
        statement.created_at,
        SOURCE,
    )
    return frozenset(row["name"] for row in rows)


async def _delivered_by_another(work: Work, statement: Statement, keys: Sequence[str]) -> bool:
    return bool(
        await work.connection.fetchval(
            "select exists (select from release_message "
            "where owner_id = $1 and sender <> $2 and release_key = any($3) and names <> '{}')",
            work.viewer.organization_id,
            statement.sender,
            list(keys),
        )
    )


async def _holds_the_deals(work: Work, statement: Statement, said: _Said) -> bool:
    """Whether the sender has a deal in force for the release, or nobody has."""
    rows = await work.connection.fetch(
        """
        select distinct starts_with(m.external_id, $2 || '|') as own
          from source_mapping rm
          join deal_subject s on s.subject_id = rm.entity_id
          join deal d on d.id = s.deal_id and d.owner_id = $1 and d.status = 'active'
                     and (d.valid_from is null or d.valid_from <= $5)
                     and (d.valid_until is null or d.valid_until > $5)
          join source_mapping m on m.owner_id = $1 and m.source = $4 and m.entity_id = d.id
         where rm.owner_id = $1 and rm.source = $4 and rm.external_id = any($3)
        """,
        work.viewer.organization_id,
        statement.sender,
        [f"{statement.sender}|{name}" for name in said.names if name.startswith(("release:", "track:"))],
        SOURCE,
        work.now,
    )
    return not rows or any(row["own"] for row in rows)


def _count(
    ids: Mapping[str, uuid.UUID],
    created: set[uuid.UUID],
    changed: set[uuid.UUID],
    names: set[str],
    gone: Iterable[str],
) -> Counts:
    """How many entities of each kind were created, changed, left as they are and withdrawn."""
    kinds: dict[str, Counter[str]] = {}
    of = {id: name.split(":", 1)[0] for name, id in ids.items() if name in names}
    for id, kind in of.items():
        state = "created" if id in created else "changed" if id in changed else "unchanged"
        kinds.setdefault(kind, Counter())[state] += 1
    for name in gone:
        kinds.setdefault(name.split(":", 1)[0], Counter())["withdrawn"] += 1
    return {kind: dict(numbers) for kind, numbers in sorted(kinds.items())}


def noted(summary: Mapping[str, Any] | None) -> dict[str, Applied]:
    """Which releases an earlier run of the same delivery has already applied."""
    done = (summary or {}).get("applied") or {}
    return {
        key: Applied(entry["superseded"], entry["unknown"], entry["counts"]) for key, entry in done.items()
    }
