"""Getting in: a password is checked, a session is opened, and whoever asks is told who they are now."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from api.people.forms import Asked
from api.people.sessions import LoggedIn, csrf_of, logged_in, put_cookie
from api.problems import Problem
from api.services import Services
from domain.access.people import (
    EMAIL_LONGEST,
    Account,
    account_of_email,
    account_of_id,
    begin_attempt,
    forget_failures,
    memberships_of,
    normal_password,
    replace_hash,
)
from domain.access.sessions import OpenedSession, end_session, open_session
from domain.row import utc_now

CHALLENGE = {"WWW-Authenticate": 'Session realm="catalograph", login="/login"'}
_RECENT = timedelta(minutes=10)
_WRONG = "e-mail address and password do not belong together; check both and try again"


async def authenticate(asked: Asked, email: str, password: str) -> Account:
    """The account that an e-mail address and a password belong to.

    Raises Problem INVALID_CREDENTIALS, RATE_LIMIT_EXCEEDED or OVERLOADED: the same, and after the same
    time, whether or not there is such an account.
    """
    email = email.strip().replace("\0", "\N{REPLACEMENT CHARACTER}")[: EMAIL_LONGEST + 1]
    passwords, pool = asked.services.passwords, asked.services.tools.pool
    passwords.make_room()
    async with pool.acquire() as sql:
        wait_s = await begin_attempt(sql, email)
        account = await account_of_email(sql, email)
    if wait_s:
        seconds = int(wait_s) + 1
        raise Problem(
            "RATE_LIMIT_EXCEEDED",
            f"too many wrong passwords were given for this e-mail address; try again in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )
    held = account.password_hash if account and not account.disabled else None
    fits = await passwords.fits(held, normal_password(password))
    if account is None or held is None or not fits:
        raise Problem("INVALID_CREDENTIALS", _WRONG, headers=CHALLENGE)
    newer = await passwords.hash(normal_password(password)) if passwords.is_old(held) else None
    async with pool.acquire() as sql:
        await forget_failures(sql, email)
        if newer:
            await replace_hash(sql, account.id, held, newer)
    return account


async def authenticate_again(asked: Asked, here: LoggedIn, password: str | None) -> Account:
    """The account of whoever is logged in, once they have shown anew that it is theirs.

    A session left open must not be enough to open other ways in. Where there is no password, a log-in of
    the last ten minutes will do. Raises Problem VALIDATION_ERROR, or as `authenticate`.
    """
    async with asked.services.tools.pool.acquire() as sql:
        account = await account_of_id(sql, here.user_id)
    assert account is not None, "a session's person is there"
    if account.password_hash is not None:
        return await authenticate(asked, account.email, password or "")
    if utc_now() - here.authenticated_at > _RECENT:
        raise Problem(
            "VALIDATION_ERROR", "this needs a log-in of the last ten minutes; log out, and in again"
        )
    return account


async def enter(asked: Asked, user_id: uuid.UUID, to: str, *, wished: str | None = None) -> Response:
    """Open a session for somebody who has shown who they are; the answer carries its new cookie.

    wished: id of the organization to act for; else the one of last time. to: where a form leads.
    """
    before = await logged_in(asked.request)
    async with asked.services.tools.pool.acquire() as sql, sql.transaction():
        there = await memberships_of(sql, user_id)
        chosen = next((one for one in there if not wished or wished == str(one.organization_id)), None)
        if chosen is None:
            raise Problem(
                "INSUFFICIENT_SCOPE",
                "this account is a member of no organization, or not of that one; "
                "an administrator of it can invite you",
            )
        if before is not None:
            await end_session(sql, before.user_id, before.session_id)
        session = await open_session(
            sql, user_id, chosen.organization_id, address=asked.address, user_agent=asked.user_agent
        )
    return await entered(asked, user_id, chosen.organization_id, session, to)


async def continued(asked: Asked, here: LoggedIn, organization_id: uuid.UUID) -> Response:
    """The same log-in for another organization: a new token, so that nothing held of the old one is good."""
    async with asked.services.tools.pool.acquire() as sql, sql.transaction():
        await end_session(sql, here.user_id, here.session_id)
        session = await open_session(
            sql,
            here.user_id,
            organization_id,
            address=asked.address,
            user_agent=asked.user_agent,
            authenticated_at=here.authenticated_at,
            expires_at=here.expires_at,
        )
    return await entered(asked, here.user_id, organization_id, session, "/account")


async def entered(
    asked: Asked,
    user_id: uuid.UUID,
    organization_id: uuid.UUID,
    session: OpenedSession,
    to: str,
    message: str = "",
) -> Response:
    """The answer that hands over a session just opened."""
    asked.request.scope["actor"] = str(user_id)
    document = None
    if not asked.is_form:
        document = await told(asked.services, user_id, organization_id, Held(session.id, session.expires_at))
    response = asked.done(200, document, to, message)
    put_cookie(response, session)
    return response


@dataclass(frozen=True)
class Held:
    """Which session, and until when at the longest."""

    id: uuid.UUID
    expires_at: object


async def told(
    services: Services, user_id: uuid.UUID, organization_id: uuid.UUID, session: Held
) -> dict[str, Any]:
    """What a front end needs to know of the person who is logged in."""
    async with services.tools.pool.acquire() as sql:
        account = await account_of_id(sql, user_id)
        there = await memberships_of(sql, user_id)
    assert account is not None, "a session's person is there"
    organizations = [
        {"id": str(one.organization_id), "name": one.name, "slug": one.slug, "role": one.role}
        for one in sorted(there, key=lambda one: one.name)
    ]
    return {
        "sessionId": str(session.id),
        "userId": str(user_id),
        "email": account.email,
        "displayName": account.display_name,
        "organizationId": str(organization_id),
        "role": next((one["role"] for one in organizations if one["id"] == str(organization_id)), None),
        "organizations": organizations,
        "expiresAt": session.expires_at,
        "csrf": csrf_of(services, session.id),
    }
