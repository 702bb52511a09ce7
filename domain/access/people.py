"""People: who they are, what a password may be, and how often a wrong one may be tried."""

import re
import unicodedata
import uuid
from dataclasses import dataclass
from typing import Any

from domain.access.grants import end_grants
from domain.access.sessions import IDLE, end_all
from domain.ports import Sql
from domain.refusals import InputInvalid
from domain.row import utc_now

PASSWORD_SHORTEST, PASSWORD_LONGEST = 8, 100
NAME_LONGEST = 100
EMAIL_LONGEST = 254
# So many wrong passwords are free; each one more doubles the wait, from a second to a quarter of an hour.
FREE_FAILURES = 5
LONGEST_WAIT_S = 900
_FORGOTTEN_AFTER = "interval '1 day'"
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+")


@dataclass(frozen=True)
class Account:
    """A person's account, as logging in needs it. password_hash: None where there is no password."""

    id: uuid.UUID
    email: str
    display_name: str
    password_hash: str | None
    disabled: bool


@dataclass(frozen=True)
class Membership:
    """One organization of a person, and the role there."""

    organization_id: uuid.UUID
    name: str
    slug: str
    role: str


@dataclass(frozen=True)
class Listed:
    """One person in one organization, as the operator sees them. sessions: how many hold at the moment."""

    email: str
    display_name: str
    organization: str | None
    role: str | None
    has_password: bool
    sessions: int
    disabled: bool


def normal_email(text: str, *, path: tuple[str, ...] = ("email",)) -> str:
    """An e-mail address without blanks around it, composed (NFC). Raises InputInvalid."""
    email = unicodedata.normalize("NFC", text.strip())
    if len(email) > EMAIL_LONGEST or not _EMAIL.fullmatch(email) or not _printable(email):
        raise InputInvalid(
            f"the e-mail address has {len(email)} characters and can't be one; "
            f"name@example.org would do, at most {EMAIL_LONGEST}",
            path=path,
        )
    return email


def normal_name(text: str, what: str, *, path: tuple[str, ...]) -> str:
    """A name of a person or an organization, blanks collapsed. Raises InputInvalid."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= NAME_LONGEST or not _printable(name):
        raise InputInvalid(
            f"{what} has {len(name)} characters; 1 to {NAME_LONGEST} printable ones will do", path=path
        )
    return name


def normal_password(text: str) -> str:
    """A password as it is hashed: compatibility forms made one (NFKC), so that keyboards agree."""
    return unicodedata.normalize("NFKC", text)


def new_password(text: str, again: str, email: str) -> str:
    """A password that may be set, in the form that is hashed. Raises InputInvalid.

    Its length is told in characters, not in bytes.
    """
    password = normal_password(text)
    if not PASSWORD_SHORTEST <= len(password) <= PASSWORD_LONGEST:
        raise InputInvalid(
            f"the password has {len(password)} characters; {PASSWORD_SHORTEST} to {PASSWORD_LONGEST} will do",
            path=("password",),
        )
    if password.casefold() == normal_password(email).casefold():
        raise InputInvalid(
            "the password is the e-mail address; anything that can't be read off the account will do",
            path=("password",),
        )
    if normal_password(again) != password:
        raise InputInvalid(
            "the two passwords differ; type the same one twice", path=("password_confirmation",)
        )
    return password


async def account_of_email(sql: Sql, email: str) -> Account | None:
    """The account with an e-mail address, whatever its capitals."""
    return _account(
        await sql.fetchrow(
            "select id, email, display_name, password_hash, disabled_at is not null as disabled "
            "from user_account where lower(email) = lower($1)",
            email,
        )
    )


async def account_of_id(sql: Sql, user_id: uuid.UUID) -> Account | None:
    """The account with an id."""
    return _account(
        await sql.fetchrow(
            "select id, email, display_name, password_hash, disabled_at is not null as disabled "
            "from user_account where id = $1",
            user_id,
        )
    )


async def memberships_of(sql: Sql, user_id: uuid.UUID) -> list[Membership]:
    """The organizations of a person: the one of the latest session first, then by age."""
    rows = await sql.fetch(
        "select o.id, o.name, o.slug, m.role from member m join organization o on o.id = m.organization_id "
        "where m.user_id = $1 order by o.id = (select s.organization_id from session s "
        "where s.user_id = $1 order by s.created_at desc limit 1) desc nulls last, m.created_at, o.id",
        user_id,
    )
    return [Membership(row["id"], row["name"], row["slug"], row["role"]) for row in rows]


async def everybody(sql: Sql) -> list[Listed]:
    """Everybody with an account, once for each organization they belong to."""
    rows = await sql.fetch(
        "select u.email, u.display_name, o.slug, m.role, u.password_hash is not null as has_password, "
        "u.disabled_at is not null as disabled, (select count(*) from session s where s.user_id = u.id "
        "and s.ended_at is null and s.expires_at > clock_timestamp() "
        "and s.last_seen_at > clock_timestamp() - $1::interval) as sessions "
        "from user_account u left join member m on m.user_id = u.id "
        "left join organization o on o.id = m.organization_id order by lower(u.email), o.slug",
        IDLE,
    )
    return [
        Listed(
            row["email"],
            row["display_name"],
            row["slug"],
            row["role"],
            row["has_password"],
            row["sessions"],
            row["disabled"],
        )
        for row in rows
    ]


async def begin_attempt(sql: Sql, email: str) -> float:
    """Count an attempt to log in as wrong before it is looked at; gives the seconds to wait instead.

    0.0 lets it be tried. Counting first leaves no gap between asking and counting: however many come at
    once, no more are let through than the lock-out allows. An address without an account is counted like
    one that has it, so neither the wait nor its absence tells which it is.
    """
    counted = await sql.fetchval(
        "insert into login_failure as f (email_hash, failures) "
        "values (encode(sha256(convert_to(lower($1), 'UTF8')), 'hex'), 1) "
        "on conflict (email_hash) do update set last_at = clock_timestamp(), "
        f"failures = case when f.last_at < clock_timestamp() - {_FORGOTTEN_AFTER} then 1 "
        "else f.failures + 1 end, "
        f"locked_until = clock_timestamp() + case when f.last_at < clock_timestamp() - {_FORGOTTEN_AFTER} "
        "or f.failures + 1 < $2 then interval '0' else "
        "make_interval(secs => least($3::float8, power(2, least(f.failures + 1 - $2, 30)))) end "
        "where f.locked_until <= clock_timestamp() returning failures",
        email,
        FREE_FAILURES,
        LONGEST_WAIT_S,
    )
    if counted is not None:
        return 0.0
    wait = await sql.fetchval(
        "select extract(epoch from locked_until - clock_timestamp())::float8 from login_failure "
        "where email_hash = encode(sha256(convert_to(lower($1), 'UTF8')), 'hex')",
        email,
    )
    return max(1.0, wait or 0.0)


async def forget_failures(sql: Sql, email: str) -> None:
    """Begin anew after the right password."""
    await sql.execute(
        "delete from login_failure where email_hash = encode(sha256(convert_to(lower($1), 'UTF8')), 'hex')",
        email,
    )


async def forget_old_failures(sql: Sql, limit: int = 10_000) -> int:
    """Drop counts that no longer matter; gives how many."""
    rows = await sql.fetch(
        "delete from login_failure where email_hash in (select email_hash from login_failure "
        f"where last_at < clock_timestamp() - {_FORGOTTEN_AFTER} limit $1) returning 1",
        limit,
    )
    return len(rows)


async def replace_hash(sql: Sql, user_id: uuid.UUID, old: str, new: str) -> None:
    """The same password hashed with newer parameters, unless it was changed meanwhile."""
    await sql.execute(
        "update user_account set password_hash = $3 where id = $1 and password_hash = $2", user_id, old, new
    )


async def set_password(sql: Sql, user_id: uuid.UUID, password_hash: str) -> None:
    """A new password, inside the caller's transaction: every session and consent of the person ends."""
    await sql.execute(
        "update user_account set password_hash = $2, password_changed_at = clock_timestamp() where id = $1",
        user_id,
        password_hash,
    )
    await end_all(sql, user_id)
    await end_grants(sql, user_id, utc_now())


def _account(row: Any) -> Account | None:
    if row is None:
        return None
    return Account(row["id"], row["email"], row["display_name"], row["password_hash"], row["disabled"])


def _printable(text: str) -> bool:
    return all(c.isprintable() for c in text)
