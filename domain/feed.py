"""The change feed: every change once it is certain, none skipped, each entity's in the order they happened.

A sequence value is taken before commit, so reading `seq > last` skips the rows of slow transactions. And
cutting by transaction id alone (`xid < xmin`) can turn one entity's changes round: of two transactions the
one with the lower id may write second, and a third, still open, may hold the cut between them. So the feed
is read in windows between two snapshots: what the later one sees and the earlier one does not, ordered by
`seq`. Whoever wrote second had to wait for the first to commit, so a snapshot that sees the second sees
the first; inside a window `seq` has them in order. A transaction that merely stays open holds nothing up.

The cursor is (earlier snapshot, later snapshot, last seq). It must be read from the primary: a standby
does not list the transactions in progress.
"""

import base64
import binascii
import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.ports import Sql, text_of
from domain.refusals import Refusal

MOST_ROWS = 1_000
_NOTHING = "1:1:"
_SNAPSHOT = re.compile(r"(\d{1,19}):(\d{1,19}):((?:\d{1,19}(?:,\d{1,19})*)?)")
_DIGEST_BYTES = 6
_LONGEST_CURSOR = 32_768


class CursorInvalid(Refusal):
    """The cursor is not one that this feed gave to this organization."""

    code = "bad_cursor"
    status = 422


class PageSizeInvalid(Refusal):
    """More rows, or fewer, than one page has."""

    code = "bad_page_size"
    status = 422


class FeedTooOld(Refusal):
    """What would come next is no longer kept; begin anew without a cursor, or with a later instant."""

    code = "feed_too_old"
    status = 410


@dataclass(frozen=True)
class Changed:
    """One change of one entity, as the trigger recorded it. diff: {field: [old, new]}."""

    seq: int
    at: datetime
    change_set_id: uuid.UUID | None
    audit_class: str
    kind: str
    entity_id: uuid.UUID
    op: str
    version_before: int | None
    version_after: int | None
    diff: dict[str, Any]


@dataclass(frozen=True)
class FeedPage:
    """Some changes in order, and the cursor that continues after them.

    next_cursor is always given: with `has_more` false it is where to ask again later.
    """

    changes: tuple[Changed, ...]
    next_cursor: str
    has_more: bool


@dataclass(frozen=True)
class Updated:
    """An entity that changed in a span of time, with where it stands after it.

    op: insert when it was made in the span, delete when it is gone at its end, else update.
    """

    kind: str
    id: uuid.UUID
    version: int | None
    updated_at: datetime
    op: str


@dataclass(frozen=True)
class UpdatesPage:
    """Entities in the order of their last change; `next_after` continues behind the last one."""

    updates: tuple[Updated, ...]
    next_after: int | None
    has_more: bool


@dataclass(frozen=True)
class _Cursor:
    """A window and the place in it. `until` None: the next window, still to be opened."""

    since: str = _NOTHING
    until: str | None = None
    seq: int = 0


async def read_changes(connection: Sql, owner_id: uuid.UUID, cursor: str | None, limit: int) -> FeedPage:
    """The next changes of an organization after a cursor; None starts with the oldest that is kept.

    Raises CursorInvalid, PageSizeInvalid, FeedTooOld.
    """
    _expect_size(limit)
    place = _decode(cursor, owner_id) if cursor is not None else _Cursor()
    now = await _snapshot(connection)
    _expect_past(place, now)
    if place.since != _NOTHING or place.until is not None:
        await _expect_kept(connection, place)
    changes: list[Changed] = []
    while True:
        if place.until is None:
            start = await _first(connection, owner_id, place.since, now)
            if start is None:
                place = _Cursor(since=now)
                break
            place = _Cursor(place.since, now, start - 1)
        wanted = limit + 1 - len(changes)
        rows = await connection.fetch(_PAGE, owner_id, place.seq, place.since, place.until, wanted)
        changes += [_changed(row) for row in rows]
        if len(changes) > limit:
            del changes[limit:]
            page = _Cursor(place.since, place.until, changes[-1].seq)
            return FeedPage(tuple(changes), _encode(page, owner_id), True)
        finished = place.until
        assert finished is not None
        place = _Cursor(since=finished)
        if finished == now:
            break
    return FeedPage(tuple(changes), _encode(place, owner_id), False)


async def read_updates(
    connection: Sql,
    owner_id: uuid.UUID,
    since: datetime,
    until: datetime | None,
    limit: int,
    after: int | None = None,
) -> UpdatesPage:
    """The entities of an organization that changed in [since, until), each once.

    By the clock of the change, so a transaction that commits late can appear behind one's back: whoever
    must miss nothing reads `read_changes`. Raises PageSizeInvalid, FeedTooOld.
    """
    _expect_size(limit)
    kept_from = await connection.fetchval(
        "select max(until_at) from change_dropped where class in ('catalog', 'ai')"
    )
    if kept_from is not None and since < kept_from:
        raise FeedTooOld(
            f"since is {since:%Y-%m-%d %H:%M}; changes are kept from {kept_from:%Y-%m-%d} on, and an answer "
            "from before would leave some out",
            path=("since",),
        )
    rows = await connection.fetch(_UPDATES, owner_id, since, until, after or 0, limit + 1)
    found = rows[:limit]
    updates = tuple(
        Updated(text_of(row["kind"]), row["entity_id"], row["version"], row["at"], text_of(row["op"]))
        for row in found
    )
    return UpdatesPage(updates, found[-1]["seq"] if found else after, len(rows) > limit)


async def _expect_kept(connection: Sql, place: _Cursor) -> None:
    """Raise FeedTooOld where changes behind the cursor were dropped after it was given."""
    given_at = int((place.until or place.since).split(":")[1])
    dropped = await connection.fetchval(
        "select max(until_at) from change_dropped "
        "where dropped_xid >= $1::bigint and last_xid >= $2::bigint and last_seq > $3::bigint",
        given_at,
        int(place.since.split(":")[0]),
        place.seq if place.until is not None else 0,
    )
    if dropped is not None:
        raise FeedTooOld(
            f"the cursor is too old: changes behind it, from before {dropped:%Y-%m-%d}, are no longer kept; "
            "read the catalog anew and begin without a cursor",
            path=("since",),
        )


async def _snapshot(connection: Sql) -> str:
    row = await connection.fetchrow(
        "select pg_current_snapshot()::text as now, pg_is_in_recovery() as standby"
    )
    assert not row["standby"], "the change feed is read from the primary"
    return text_of(row["now"])


async def _first(connection: Sql, owner_id: uuid.UUID, since: str, until: str) -> int | None:
    """The lowest seq of a window, so that its pages can walk the owner's index from there."""
    if since == _NOTHING:
        found = await connection.fetchval(
            "select seq from change where owner_id = $1 order by seq limit 1", owner_id
        )
    else:
        found = await connection.fetchval(_FIRST, owner_id, since, until)
    return int(found) if found is not None else None


_VISIBLE = (
    "pg_visible_in_snapshot(xid, $4::text::pg_snapshot) "
    "and not pg_visible_in_snapshot(xid, $3::text::pg_snapshot)"
)
# The transaction ids stand in functions only, so that the page is read along (owner_id, seq).
_PAGE = f"""
select seq, at, change_set_id, class, kind, entity_id, op, version_before, version_after, diff
  from change
 where owner_id = $1 and seq > $2 and {_VISIBLE}
 order by seq limit $5
"""
_FIRST = """
select min(seq) from change
 where xid >= pg_snapshot_xmin($2::text::pg_snapshot) and xid < pg_snapshot_xmax($3::text::pg_snapshot)
   and owner_id = $1 and pg_visible_in_snapshot(xid, $3::text::pg_snapshot)
   and not pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
"""
_UPDATES = """
select * from (
  select distinct on (entity_id) kind, entity_id, coalesce(version_after, version_before) as version, at, seq,
         case when op = 'delete' or diff #>> '{status,1}' = 'deleted' then 'delete'
              when bool_or(op = 'insert') over (partition by entity_id) then 'insert'
              else 'update' end as op
    from change
   where owner_id = $1 and at >= $2 and at < coalesce($3::timestamptz, 'infinity')
   order by entity_id, seq desc) newest
 where seq > $4 order by seq limit $5
"""


def _changed(row: Any) -> Changed:
    return Changed(
        row["seq"],
        row["at"],
        row["change_set_id"],
        text_of(row["class"]),
        text_of(row["kind"]),
        row["entity_id"],
        text_of(row["op"]),
        row["version_before"],
        row["version_after"],
        json.loads(row["diff"]),
    )


def _expect_size(limit: int) -> None:
    if not 1 <= limit <= MOST_ROWS:
        raise PageSizeInvalid(f"{limit} rows were asked for; 1 to {MOST_ROWS} will do", path=("limit",))


def _expect_past(place: _Cursor, now: str) -> None:
    """A cursor of another database, or of this one before it was restored, speaks of a future."""
    newest = int(now.split(":")[1])
    if any(int(snapshot.split(":")[1]) > newest for snapshot in (place.since, place.until) if snapshot):
        raise _invalid("is of another database, or of a state that was rolled back")


def _encode(place: _Cursor, owner_id: uuid.UUID) -> str:
    text = f"{place.since}/{place.until or ''}/{place.seq}".encode()
    return base64.urlsafe_b64encode(_digest(text, owner_id) + text).rstrip(b"=").decode()


def _decode(cursor: str, owner_id: uuid.UUID) -> _Cursor:
    if len(cursor) > _LONGEST_CURSOR:
        raise _invalid(f"has {len(cursor)} characters")
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, text = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        since, until, seq = text.decode("ascii").split("/")
        place = _Cursor(since, until or None, int(seq))
    except (binascii.Error, ValueError):
        raise _invalid("can't be read") from None
    if digest != _digest(text, owner_id):
        raise _invalid("was not given to this organization, or was cut")
    if not all(_SNAPSHOT.fullmatch(part) for part in (place.since, place.until) if part):
        raise _invalid("can't be read")
    return place


def _digest(text: bytes, owner_id: uuid.UUID) -> bytes:
    return hashlib.blake2s(text, digest_size=_DIGEST_BYTES, key=owner_id.bytes).digest()


def _invalid(why: str) -> CursorInvalid:
    return CursorInvalid(
        f"the cursor {why}; use the cursor of an earlier answer, or none to start at the oldest change",
        path=("since",),
    )
