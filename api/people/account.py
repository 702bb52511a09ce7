"""A person's own account: sessions to look at and end, the password, the organization acted for."""

import uuid
from collections.abc import Sequence

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.guard import guarded
from api.pages import Html, button, field, form, join, page, tag
from api.people.entry import authenticate, continued, entered
from api.people.forms import Asked, Shown, answer, json, shown
from api.people.sessions import LoggedIn, expect_csrf, logged_in, require_login
from api.problems import Problem
from api.services import services_of
from domain.access.outside import is_connected
from domain.access.people import (
    PASSWORD_LONGEST,
    PASSWORD_SHORTEST,
    Account,
    Membership,
    account_of_id,
    memberships_of,
    new_password,
    set_password,
)
from domain.access.sessions import ListedSession, end_others, end_session, open_session, sessions_of

log = structlog.get_logger("api.people")


async def account_page(request: Request) -> Response:
    """The account: who it is, sessions, password, organization, and the way out."""
    here = await logged_in(request)
    if here is None:
        return RedirectResponse("/login?next=/account", 303, {"Cache-Control": "no-store"})
    beginning = shown(request)
    async with beginning.services.tools.pool.acquire() as sql:
        account = await account_of_id(sql, here.user_id)
        there = await memberships_of(sql, here.user_id)
        sessions = await sessions_of(sql, here.user_id)
        provider = beginning.services.provider
        connected = provider is not None and await is_connected(sql, here.user_id, provider.issuer)
    assert account is not None, "a session's person is there"
    return beginning.finish(
        page(
            "Your account",
            beginning.message,
            tag("p", tag("strong", account.display_name), f" · {account.email}"),
            _organizations(here, there),
            _sessions(here, sessions),
            _password(here, account),
            _outside(beginning, here, account, connected),
            tag("h2", "Leave"),
            form("/auth/logout", button("Log out"), csrf=here.csrf),
        )
    )


def _organizations(here: LoggedIn, there: Sequence[Membership]) -> Html:
    acting = next(one for one in there if one.organization_id == here.organization_id)
    told = tag("p", "You act for ", tag("strong", acting.name), f" as {acting.role.replace('_', ' ')}.")
    others = [one for one in there if one != acting]
    if not others:
        return join(tag("h2", "Organization"), told)
    options = (tag("option", one.name, value=str(one.organization_id)) for one in others)
    return join(
        tag("h2", "Organization"),
        told,
        form(
            "/auth/organization",
            tag("label", "Act for another one", for_="organizationId"),
            tag("select", *options, id="organizationId", name="organizationId"),
            button("Change", plain=True),
            csrf=here.csrf,
        ),
    )


def _sessions(here: LoggedIn, sessions: Sequence[ListedSession]) -> Html:
    rows = (
        tag(
            "tr",
            tag("td", one.user_agent or "unknown browser", tag("small", one.address or "")),
            tag("td", f"{one.last_seen_at:%Y-%m-%d %H:%M} UTC"),
            tag(
                "td",
                "this one"
                if one.id == here.session_id
                else form(f"/auth/sessions/{one.id}/end", button("End", plain=True), csrf=here.csrf),
            ),
        )
        for one in sessions
    )
    head = tag("tr", tag("th", "Browser"), tag("th", "Last used"), tag("th", ""))
    ending = form("/auth/sessions/end-others", button("End all others", plain=True), csrf=here.csrf)
    return join(tag("h2", "Sessions"), tag("table", head, *rows), ending if len(sessions) > 1 else None)


def _password(here: LoggedIn, account: Account) -> Html | None:
    if account.password_hash is None:
        return None
    return join(
        tag("h2", "Password"),
        form(
            "/auth/password",
            field("currentPassword", "Present password", type="password", autocomplete="current-password"),
            field(
                "password",
                "New password",
                type="password",
                autocomplete="new-password",
                hint=f"{PASSWORD_SHORTEST} to {PASSWORD_LONGEST} characters",
            ),
            field(
                "passwordConfirmation",
                "The new password again",
                type="password",
                autocomplete="new-password",
            ),
            button("Change the password"),
            csrf=here.csrf,
        ),
    )


def _outside(beginning: Shown, here: LoggedIn, account: Account, connected: bool) -> Html | None:
    provider = beginning.services.provider
    if provider is None:
        return None
    proof = (
        field("currentPassword", "Present password", type="password", autocomplete="current-password")
        if account.password_hash is not None
        else None
    )
    if not connected:
        inside = form(
            "/auth/oidc/connect", proof, button(f"Connect {provider.name}", plain=True), csrf=here.csrf
        )
        return join(tag("h2", provider.name), inside)
    told = tag("p", f"{provider.name} logs in to this account.")
    if proof is None:
        return join(tag("h2", provider.name), told)
    inside = form("/auth/oidc/disconnect", proof, button("Disconnect", plain=True), csrf=here.csrf)
    return join(tag("h2", provider.name), told, inside)


async def list_sessions(request: Request) -> Response:
    """The sessions of whoever is logged in, newest use first."""
    here = await require_login(request)
    async with services_of(request).tools.pool.acquire() as sql:
        found = await sessions_of(sql, here.user_id)
    return json(200, {"sessions": [_told(one, here) for one in found]})


def _told(one: ListedSession, here: LoggedIn) -> dict[str, object]:
    return {
        "id": str(one.id),
        "organizationId": str(one.organization_id),
        "createdAt": one.created_at,
        "lastSeenAt": one.last_seen_at,
        "expiresAt": one.expires_at,
        "address": one.address,
        "userAgent": one.user_agent,
        "isCurrent": one.id == here.session_id,
    }


async def end_one_session(request: Request) -> Response:
    """End one of one's own sessions, here and everywhere at once."""
    return await answer(request, "/login", (), _end_one)


async def _end_one(asked: Asked) -> Response:
    here = await _here(asked)
    given = asked.request.path_params["id"]
    try:
        session_id = uuid.UUID(given)
    except ValueError:
        raise _no_session() from None
    async with asked.services.tools.pool.acquire() as sql:
        if not await end_session(sql, here.user_id, session_id):
            raise _no_session()
    return asked.done(204, None, "/account", "The session has ended.")


async def end_other_sessions(request: Request) -> Response:
    """End every session but the one that asks."""
    return await answer(request, "/login", (), _end_others)


async def _end_others(asked: Asked) -> Response:
    here = await _here(asked)
    async with asked.services.tools.pool.acquire() as sql:
        ended = await end_others(sql, here.user_id, here.session_id)
    return asked.done(200, {"ended": ended}, "/account", f"Ended: {ended}.")


@guarded
async def change_password(request: Request) -> Response:
    """A new password: currentPassword, password, passwordConfirmation. It ends every other session."""
    return await answer(
        request, "/login", ("currentPassword", "password", "passwordConfirmation"), _change_password
    )


async def _change_password(asked: Asked) -> Response:
    here = await _here(asked)
    pool = asked.services.tools.pool
    async with pool.acquire() as sql:
        account = await account_of_id(sql, here.user_id)
    assert account is not None, "a session's person is there"
    if account.password_hash is None:
        raise Problem("VALIDATION_ERROR", "this account has no password; an operator can set a first one")
    chosen = new_password(asked.get("password"), asked.get("passwordConfirmation"), account.email)
    await authenticate(asked, account.email, asked.get("currentPassword"))
    password_hash = await asked.services.passwords.hash(chosen)
    async with pool.acquire() as sql, sql.transaction():
        await set_password(sql, here.user_id, password_hash)
        session = await open_session(
            sql,
            here.user_id,
            here.organization_id,
            address=asked.address,
            user_agent=asked.user_agent,
        )
    log.info("password_changed", user_id=str(here.user_id))
    return await entered(
        asked,
        here.user_id,
        here.organization_id,
        session,
        "/account",
        "The password is changed, and every other session has ended.",
    )


async def change_organization(request: Request) -> Response:
    """Act for another organization that one is a member of: organizationId."""
    return await answer(request, "/login", ("organizationId",), _change_organization)


async def _change_organization(asked: Asked) -> Response:
    here = await _here(asked)
    wished = asked.get("organizationId")
    async with asked.services.tools.pool.acquire() as sql:
        there = await memberships_of(sql, here.user_id)
    chosen = next((one for one in there if str(one.organization_id) == wished.strip().lower()), None)
    if chosen is None:
        raise Problem("NOT_FOUND", "you are a member of no organization with that id")
    return await continued(asked, here, chosen.organization_id)


async def _here(asked: Asked) -> LoggedIn:
    """Who asks for a change, from a page of theirs. Raises Problem AUTH_REQUIRED or CSRF_FAILED."""
    here = await require_login(asked.request)
    asked.back = "/account"
    expect_csrf(asked.request, here, asked.fields.get("csrf"))
    return here


def _no_session() -> Problem:
    return Problem("NOT_FOUND", "no session of yours has that id, or it has ended already")
