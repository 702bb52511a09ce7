"""Log-ins of people: opened with a new token each, found by its hash, ended at once and everywhere."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.access.credentials import hash_of, new_secret
from domain.access.revocation import Revocable, revoke
from domain.ports import Sql
from domain.row import utc_now

# A session unused for this long ends, and so does one this old, however busy.
IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
# `last_seen_at` is written at most this often: a read request should not cost a write.
_NOTICED = timedelta(minutes=1)
# How long it can still be looked up when somebody was logged in, and from where.
_KEPT_AFTERWARDS = timedelta(days=30)
# A script that logs in again and again ends its own oldest sessions.
MOST = 50
_MARK = "cg_session_"
_AGENT_LENGTH = 200


@dataclass(frozen=True)
class FoundSession:
    """A session that holds at this moment. authenticated_at: when the person last proved who they are."""

    id: uuid.UUID
    user_id: uuid.UUID
    organization_id: uuid.UUID
    created_at: datetime
    authenticated_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class OpenedSession:
    """A session just made. token: its only appearance; the row keeps the hash."""

    id: uuid.UUID
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class ListedSession:
    """A session as its owner sees it in the list."""

    id: uuid.UUID
    organization_id: uuid.UUID | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str | None


async def open_session(
    sql: Sql,
    user_id: uuid.UUID,
    organization_id: uuid.UUID,
    *,
    address: str | None,
    user_agent: str | None,
    authenticated_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> OpenedSession:
    """A new session; beyond so many, a person's oldest ones end.

    authenticated_at, expires_at: those of the session that it continues.
    """
    token = new_secret(_MARK)
    now = utc_now()
    row = await sql.fetchrow(
        "insert into session (user_id, organization_id, token_hash, expires_at, address, user_agent, "
        "authenticated_at) values ($1, $2, $3, $4, $5, $6, $7) returning id, expires_at",
        user_id,
        organization_id,
        hash_of(token),
        expires_at or now + LONGEST,
        address,
        _printable(user_agent),
        authenticated_at or now,
    )
    await _end(
        sql,
        user_id,
        "id in (select id from session where user_id = $1 and ended_at is null "
        "order by created_at desc, id desc offset $2)",
        MOST,
    )
    return OpenedSession(row["id"], token, row["expires_at"])


async def find_session(sql: Sql, token: str) -> FoundSession | None:
    """The session of a token; None when it never was, is over, or its owner is no member any more."""
    row = await sql.fetchrow(
        "select s.id, s.user_id, s.organization_id, s.created_at, s.authenticated_at, s.expires_at, "
        "s.last_seen_at < clock_timestamp() - $3::interval as unnoticed "
        "from session s join user_account u on u.id = s.user_id "
        "join member m on m.organization_id = s.organization_id and m.user_id = s.user_id "
        "where s.token_hash = $1 and s.ended_at is null and s.expires_at > clock_timestamp() "
        "and s.last_seen_at > clock_timestamp() - $2::interval and u.disabled_at is null",
        hash_of(token),
        IDLE,
        _NOTICED,
    )
    if row is None:
        return None
    if row["unnoticed"]:
        await sql.execute("update session set last_seen_at = clock_timestamp() where id = $1", row["id"])
    return FoundSession(
        row["id"],
        row["user_id"],
        row["organization_id"],
        row["created_at"],
        row["authenticated_at"],
        row["expires_at"],
    )


async def sessions_of(sql: Sql, user_id: uuid.UUID) -> list[ListedSession]:
    """The sessions of a person that hold, newest use first."""
    rows = await sql.fetch(
        "select id, organization_id, created_at, last_seen_at, expires_at, address, user_agent "
        "from session where user_id = $1 and ended_at is null "
        "and expires_at > clock_timestamp() and last_seen_at > clock_timestamp() - $2::interval "
        "and exists (select from member m where m.organization_id = session.organization_id "
        "and m.user_id = $1) order by last_seen_at desc, id desc",
        user_id,
        IDLE,
    )
    return [_listed(row) for row in rows]


async def end_session(sql: Sql, user_id: uuid.UUID, session_id: uuid.UUID) -> bool:
    """End one session of a person; False when there is none to end."""
    return bool(await _end(sql, user_id, "id = $2", session_id))


async def end_others(sql: Sql, user_id: uuid.UUID, keep: uuid.UUID) -> int:
    """End every session of a person but one; gives how many."""
    return len(await _end(sql, user_id, "id <> $2", keep))


async def end_all(sql: Sql, user_id: uuid.UUID) -> int:
    """End every session of a person; gives how many."""
    return len(await _end(sql, user_id, "$2::uuid is null", None))


async def forget_old_sessions(sql: Sql, limit: int = 10_000) -> int:
    """Drop sessions that have been over for a month; gives how many."""
    rows = await sql.fetch(
        "delete from session where id in (select id from session "
        "where least(ended_at, expires_at) < clock_timestamp() - $1::interval limit $2) returning 1",
        _KEPT_AFTERWARDS,
        limit,
    )
    return len(rows)


async def _end(sql: Sql, user_id: uuid.UUID, which: str, given: object) -> list[uuid.UUID]:
    async with sql.transaction():
        rows = await sql.fetch(
            "update session set ended_at = clock_timestamp() "
            f"where user_id = $1 and {which} and ended_at is null returning id, expires_at",
            user_id,
            given,
        )
        for row in rows:
            await revoke(sql, Revocable.SESSION.of(row["id"]), row["expires_at"])
    return [row["id"] for row in rows]


def _listed(row: Any) -> ListedSession:
    return ListedSession(
        row["id"],
        row["organization_id"],
        row["created_at"],
        row["last_seen_at"],
        row["expires_at"],
        row["address"],
        row["user_agent"],
    )


def _printable(user_agent: str | None) -> str | None:
    """The browser's name for itself, short and without control characters."""
    if user_agent is None:
        return None
    return "".join(c for c in user_agent if c.isprintable())[:_AGENT_LENGTH]
