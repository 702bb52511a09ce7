"""An API key as the rows have it: found by its public part, judged by its hash, with what it may now."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.access.credentials import fits
from domain.access.standing import Standing, standing_of_client
from domain.ports import Sql


class KeyRefused(Exception):
    """The key opens nothing; the text says why to whoever holds it."""


@dataclass(frozen=True)
class FoundKey:
    """A key that is good.

    scopes: those of the key. standing: what its client may at most. addresses: networks it may come from,
    empty for any. read_at: when the rows said so, by the database's clock (seconds since 1970).
    """

    id: uuid.UUID
    client_id: uuid.UUID
    scopes: frozenset[str]
    standing: Standing
    addresses: tuple[str, ...]
    expires_at: datetime | None
    read_at: float


async def find_key(sql: Sql, text: str, prefix: str) -> FoundKey:
    """The key of this text, whose public part is `prefix`. Raises KeyRefused.

    Why a key is refused is told only to a caller who has the whole of it.
    """
    row = await sql.fetchrow(
        "select id, client_id, hash, scopes, allowed_addresses, expires_at, revoked_at, "
        "coalesce(expires_at <= clock_timestamp(), false) as is_over, "
        "extract(epoch from clock_timestamp())::float8 as read_at "
        "from api_key where prefix = $1",
        prefix,
    )
    is_ours = fits(text, row["hash"] if row else None)
    if row is None or not is_ours:
        raise KeyRefused("there is no such API key")
    if row["revoked_at"] is not None:
        raise KeyRefused("the API key was revoked; create a new one")
    if row["is_over"]:
        raise KeyRefused(f"the API key expired at {row['expires_at'].isoformat()}; create a new one")
    standing = await standing_of_client(sql, row["client_id"])
    if standing is None:
        raise KeyRefused("the client that the API key belongs to was revoked")
    return FoundKey(
        id=row["id"],
        client_id=row["client_id"],
        scopes=frozenset(row["scopes"]),
        standing=standing,
        addresses=tuple(row["allowed_addresses"]),
        expires_at=row["expires_at"],
        read_at=row["read_at"],
    )


async def note_uses(sql: Sql, used: Mapping[uuid.UUID, float]) -> None:
    """Write down when keys were last used. used: key id → seconds since 1970.

    In the order of the ids, so that two processes never wait for each other in a ring.
    """
    ids = sorted(used)
    await sql.execute(
        "update api_key k set last_used_at = greatest(k.last_used_at, to_timestamp(x.at)) from ("
        "select a.id, u.at from unnest($1::uuid[], $2::float8[]) u (id, at) "
        "join api_key a on a.id = u.id order by a.id for no key update of a) x where k.id = x.id",
        ids,
        [used[id] for id in ids],
    )
