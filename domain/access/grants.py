"""Grants: what the authorization server reads before it decides, and what it writes after.

A grant (row of grant_family) is one consent of a person to a client. Codes and refresh tokens are kept as
sha256 in hexadecimal; they are 256 random bits, so that nothing slower is needed.
"""

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.access.credentials import hash_of
from domain.access.revocation import Revocable, revoke
from domain.ports import Sql

ACCESS_LIFE = timedelta(minutes=15)
CODE_LIFE = timedelta(seconds=60)
REFRESH_LIFE = timedelta(days=30)


@dataclass(frozen=True)
class RegisteredClient:
    """A client that was not revoked. secret_hashes: of every secret that is good at the moment.

    read_at: the instant by the database's clock, which revocations are noted by as well. What is issued on
    this row is issued then: were it by our own clock, a token could seem newer than a revocation after it.
    """

    id: uuid.UUID
    organization_id: uuid.UUID
    organization_name: str
    name: str
    scopes: frozenset[str]
    redirect_uris: tuple[str, ...]
    auth_method: str
    jwks: dict[str, Any] | None
    secret_hashes: tuple[str, ...]
    read_at: datetime


@dataclass(frozen=True)
class Grant:
    """One consent: who allowed which client what, for which organization."""

    id: uuid.UUID
    client_id: uuid.UUID
    user_id: uuid.UUID
    organization_id: uuid.UUID
    scopes: tuple[str, ...]
    authenticated_at: datetime
    is_over: bool


@dataclass(frozen=True)
class Code:
    """An authorization code that was handed out."""

    grant: Grant
    redirect_uri: str
    code_challenge: str
    nonce: str | None
    is_used: bool
    is_expired: bool


@dataclass(frozen=True)
class Refresh:
    """A refresh token that was handed out. scopes: what it may be exchanged for at most."""

    grant: Grant
    scopes: tuple[str, ...]
    is_used: bool
    is_expired: bool
    issued_at: datetime
    expires_at: datetime


async def find_client(sql: Sql, client_id: uuid.UUID) -> RegisteredClient | None:
    """A client, unless it is revoked. Held until the transaction ends, so that it isn't meanwhile."""
    row = await sql.fetchrow(
        "select c.id, c.organization_id, o.name as organization_name, c.name, c.scopes, c.redirect_uris, "
        "c.auth_method, c.jwks, array_remove(array[c.secret_hash, case when c.previous_secret_until > "
        "clock_timestamp() then c.previous_secret_hash end], null) as secret_hashes, "
        "clock_timestamp() as read_at "
        "from client c join organization o on o.id = c.organization_id "
        "where c.id = $1 and c.revoked_at is null for share",
        client_id,
    )
    if row is None:
        return None
    return RegisteredClient(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_name=row["organization_name"],
        name=row["name"],
        scopes=frozenset(row["scopes"]),
        redirect_uris=tuple(row["redirect_uris"]),
        auth_method=row["auth_method"],
        jwks=json.loads(row["jwks"]) if isinstance(row["jwks"], str | bytes) else row["jwks"],
        secret_hashes=tuple(row["secret_hashes"]),
        read_at=row["read_at"],
    )


async def hold_member(sql: Sql, organization_id: uuid.UUID, user_id: uuid.UUID) -> None:
    """Keep a membership as it is until the transaction ends: a change comes after what is issued in it."""
    await sql.fetch(
        "select from member m join organization o on o.id = m.organization_id "
        "join user_account u on u.id = m.user_id where m.organization_id = $1 and m.user_id = $2 for share",
        organization_id,
        user_id,
    )


_GRANT = (
    "g.id, g.client_id, g.user_id, g.organization_id, g.scopes as granted, g.authenticated_at, "
    "g.revoked_at is not null as is_over"
)


async def find_code(sql: Sql, code: str) -> Code | None:
    """A code by its text, locked with its grant: one exchange at a time."""
    row = await sql.fetchrow(
        f"select {_GRANT}, c.redirect_uri, c.code_challenge, c.nonce, c.used_at is not null as is_used, "
        "c.expires_at <= clock_timestamp() as is_expired from authorization_code c "
        "join grant_family g on g.id = c.family_id where c.code_hash = $1 for update",
        hash_of(code),
    )
    if row is None:
        return None
    return Code(
        grant=_grant(row),
        redirect_uri=row["redirect_uri"],
        code_challenge=row["code_challenge"],
        nonce=row["nonce"],
        is_used=row["is_used"],
        is_expired=row["is_expired"],
    )


async def find_refresh(sql: Sql, token: str) -> Refresh | None:
    """A refresh token by its text, locked with its grant."""
    row = await sql.fetchrow(
        f"select {_GRANT}, r.scopes, r.used_at is not null as is_used, r.created_at, r.expires_at, "
        "r.expires_at <= clock_timestamp() as is_expired from refresh_token r "
        "join grant_family g on g.id = r.family_id where r.token_hash = $1 for update",
        hash_of(token),
    )
    if row is None:
        return None
    return Refresh(
        grant=_grant(row),
        scopes=tuple(row["scopes"]),
        is_used=row["is_used"],
        is_expired=row["is_expired"],
        issued_at=row["created_at"],
        expires_at=row["expires_at"],
    )


def _grant(row: Any) -> Grant:
    return Grant(
        id=row["id"],
        client_id=row["client_id"],
        user_id=row["user_id"],
        organization_id=row["organization_id"],
        scopes=tuple(row["granted"]),
        authenticated_at=row["authenticated_at"],
        is_over=row["is_over"],
    )


async def open_grant(
    sql: Sql,
    *,
    client_id: uuid.UUID,
    user_id: uuid.UUID,
    organization_id: uuid.UUID,
    scopes: Collection[str],
    authenticated_at: datetime,
) -> uuid.UUID:
    """Note a consent; gives the grant's id."""
    id: uuid.UUID = await sql.fetchval(
        "insert into grant_family (client_id, user_id, organization_id, scopes, authenticated_at) "
        "values ($1, $2, $3, $4, $5) returning id",
        client_id,
        user_id,
        organization_id,
        sorted(scopes),
        authenticated_at,
    )
    return id


async def save_code(
    sql: Sql, code: str, *, grant_id: uuid.UUID, redirect_uri: str, code_challenge: str, nonce: str | None
) -> None:
    """Keep a code for its minute."""
    await sql.execute(
        "insert into authorization_code "
        "(code_hash, family_id, redirect_uri, code_challenge, nonce, expires_at) "
        "values ($1, $2, $3, $4, $5, clock_timestamp() + $6)",
        hash_of(code),
        grant_id,
        redirect_uri,
        code_challenge,
        nonce,
        CODE_LIFE,
    )


async def use_code(sql: Sql, code: str) -> None:
    """Note that a code was exchanged."""
    await sql.execute(
        "update authorization_code set used_at = clock_timestamp() where code_hash = $1", hash_of(code)
    )


async def save_refresh(sql: Sql, token: str, *, grant_id: uuid.UUID, scopes: Collection[str]) -> None:
    """Keep a refresh token."""
    await sql.execute(
        "insert into refresh_token (token_hash, family_id, scopes, expires_at) "
        "values ($1, $2, $3, clock_timestamp() + $4)",
        hash_of(token),
        grant_id,
        sorted(scopes),
        REFRESH_LIFE,
    )


async def use_refresh(sql: Sql, token: str) -> None:
    """Note that a refresh token was exchanged for its successor."""
    await sql.execute(
        "update refresh_token set used_at = clock_timestamp() where token_hash = $1", hash_of(token)
    )


async def end_grant(sql: Sql, grant_id: uuid.UUID, at: datetime) -> None:
    """End a consent: its codes, refresh tokens and access tokens are refused from now on."""
    await sql.execute(
        "update grant_family set revoked_at = coalesce(revoked_at, clock_timestamp()) where id = $1", grant_id
    )
    await revoke(sql, Revocable.GRANT.of(grant_id), at + ACCESS_LIFE + timedelta(minutes=1))


async def end_grants(sql: Sql, user_id: uuid.UUID, at: datetime) -> None:
    """End every consent of a person, inside the caller's transaction."""
    rows = await sql.fetch("select id from grant_family where user_id = $1 and revoked_at is null", user_id)
    for row in rows:
        await end_grant(sql, row["id"], at)


async def claim_assertion(sql: Sql, client_id: uuid.UUID, jti: str, expires_at: datetime) -> bool:
    """Whether a client presents an assertion for the first time (RFC 7523 §3, item 7)."""
    row = await sql.fetchrow(
        "insert into used_assertion (client_id, jti, expires_at) values ($1, $2, $3) "
        "on conflict do nothing returning 1 as fresh",
        client_id,
        jti,
        expires_at,
    )
    return row is not None


async def consented_before(
    sql: Sql, client_id: uuid.UUID, user_id: uuid.UUID, scopes: Collection[str]
) -> uuid.UUID | None:
    """The organization for which a person's newest living consent allows a client all these scopes."""
    found: uuid.UUID | None = await sql.fetchval(
        "select organization_id from grant_family where client_id = $1 and user_id = $2 "
        "and scopes @> $3::text[] and revoked_at is null and created_at > clock_timestamp() - $4::interval "
        "order by created_at desc limit 1",
        client_id,
        user_id,
        sorted(scopes),
        REFRESH_LIFE,
    )
    return found


async def forget_expired_grants(sql: Sql, limit: int = 10_000) -> int:
    """Drop codes, refresh tokens and assertions that could not be used any more for a day; gives how many.

    A used refresh token stays until it would have expired: presented again, it ends its grant. A consent
    goes when nothing is left that came of it.
    """
    gone = 0
    for table, key in (
        ("authorization_code", "code_hash"),
        ("refresh_token", "token_hash"),
        ("used_assertion", "ctid"),
    ):
        rows = await sql.fetch(
            f"delete from {table} where {key} = any(array(select {key} from {table} "
            "where expires_at < clock_timestamp() - interval '1 day' limit $1)) returning 1",
            limit,
        )
        gone += len(rows)
    rows = await sql.fetch(
        "delete from grant_family where id = any(array(select g.id from grant_family g "
        "where g.created_at < clock_timestamp() - $2::interval - interval '1 day' "
        "and not exists (select from authorization_code c where c.family_id = g.id) "
        "and not exists (select from refresh_token r where r.family_id = g.id) limit $1)) returning 1",
        limit,
        REFRESH_LIFE,
    )
    return gone + len(rows)
