"""Revocation: a name that no credential issued up to now may carry any longer.

One list for everything that ends early; a credential carries the names of all that it hangs on.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.ports import Sql, text_of

# No token of ours lives longer, so what was revoked need not be remembered longer.
LONGEST_CREDENTIAL = timedelta(days=31)


class Revocable(StrEnum):
    """What credentials hang on: themselves, a client, a consent, a membership, an organization."""

    TOKEN = "token"  # noqa: S105  (a word, no secret)
    KEY = "key"
    SESSION = "session"
    CLIENT = "client"
    GRANT = "grant"
    MEMBER = "member"
    ORGANIZATION = "organization"

    def of(self, *ids: object) -> str:
        """The name of one of them. A member's ids are those of the organization and of the person."""
        return ":".join((self.value, *map(str, ids)))


@dataclass(frozen=True)
class Revoked:
    """A name, and the instant (seconds since 1970, UTC) up to which credentials with it are refused."""

    name: str
    at: float
    expires_at: float


async def revoke(sql: Sql, name: str, until: datetime) -> None:
    """Refuse what carries the name and was issued by now. until: when no such credential can live on."""
    await sql.execute(
        "insert into revocation (name, revoked_at, expires_at) values ($1, clock_timestamp(), $2) "
        "on conflict (name) do update set revoked_at = excluded.revoked_at, "
        "expires_at = greatest(revocation.expires_at, excluded.expires_at)",
        name,
        until,
    )


async def revoked_since(sql: Sql, at: float) -> list[Revoked]:
    """What was revoked after an instant and still matters."""
    rows = await sql.fetch(
        "select name, extract(epoch from revoked_at)::float8 as at, "
        "extract(epoch from expires_at)::float8 as expires_at from revocation "
        "where revoked_at > to_timestamp($1) and expires_at > clock_timestamp()",
        at,
    )
    return [Revoked(text_of(row["name"]), row["at"], row["expires_at"]) for row in rows]


async def is_revoked(sql: Sql, names: Collection[str], issued_at: float) -> bool:
    """Whether one of a credential's names was revoked at or after it was issued, as the table has it now."""
    found: bool = await sql.fetchval(
        "select exists (select from revocation where name = any($1) and revoked_at >= to_timestamp($2))",
        list(names),
        issued_at,
    )
    return found


async def forget_expired(sql: Sql, limit: int = 10_000) -> int:
    """Drop entries that no living credential can carry; gives how many."""
    rows = await sql.fetch(
        "delete from revocation where name in (select name from revocation "
        "where expires_at < clock_timestamp() limit $1) returning 1",
        limit,
    )
    return len(rows)
