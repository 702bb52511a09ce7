"""Becoming somebody: by invitation, or by registration where that is open."""

from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import Response

from api.guard import guarded
from api.pages import Html, button, field, form, hidden, join, page, tag
from api.people.entry import authenticate, continued, enter
from api.people.forms import Asked, Shown, answer, sentence, shown
from api.people.login import outside_link
from api.people.sessions import LoggedIn, expect_csrf, logged_in
from api.problems import Problem
from api.services import services_of
from domain.access.invitations import Invited, accept, find_invitation, make_account
from domain.access.people import (
    EMAIL_LONGEST,
    NAME_LONGEST,
    PASSWORD_LONGEST,
    PASSWORD_SHORTEST,
    new_password,
    normal_email,
    normal_name,
)
from domain.access.registration import register as make_registered
from domain.access.registration import registration_is_open
from domain.refusals import NotFound

log = structlog.get_logger("api.people")
_CLOSED = "registration is by invitation here; ask an administrator of your organization for one"


async def invitation_page(request: Request) -> Response:
    """What an invitation offers, and the form to accept it. `token` in the query."""
    services, token = services_of(request), request.query_params.get("token", "")
    here = await logged_in(request)
    beginning = shown(request)
    async with services.tools.pool.acquire() as sql:
        try:
            invitation = await find_invitation(sql, token)
        except NotFound as refusal:
            return beginning.finish(
                page("Invitation", beginning.message, tag("p", sentence(refusal.text)), status=404)
            )
    offered = join(
        tag("strong", invitation.organization_name),
        " invites ",
        tag("strong", invitation.email),
        f" as {invitation.role.replace('_', ' ')}.",
    )
    return beginning.finish(
        page(
            "Invitation",
            beginning.message,
            tag("p", offered),
            _acceptance(invitation, token, here, beginning),
            outside_link(services, invitation=token) if here is None else None,
        )
    )


def _acceptance(invitation: Invited, token: str, here: LoggedIn | None, beginning: Shown) -> Html:
    action, held = "/auth/invitations/accept", hidden("token", token)
    if here is not None and here.user_id == invitation.account_id:
        return form(action, held, button("Accept"), csrf=here.csrf)
    if here is not None:
        return join(
            tag("p", "You are logged in with another address. Log out, and open the invitation again."),
            form("/auth/logout", button("Log out"), csrf=here.csrf),
        )
    if invitation.account_id is not None:
        return form(
            action,
            held,
            tag("p", "There is an account with this address. Its password accepts the invitation."),
            field("password", "Password", type="password", autocomplete="current-password"),
            button("Log in and accept"),
            csrf=beginning.csrf,
        )
    return form(
        action,
        held,
        field("displayName", "Your name", autocomplete="name", longest=NAME_LONGEST),
        *_new_password(),
        button("Accept"),
        csrf=beginning.csrf,
    )


def _new_password() -> tuple[Html, ...]:
    return (
        field(
            "password",
            "Password",
            type="password",
            autocomplete="new-password",
            hint=f"{PASSWORD_SHORTEST} to {PASSWORD_LONGEST} characters",
        ),
        field("passwordConfirmation", "The password again", type="password", autocomplete="new-password"),
    )


@guarded
async def accept_invitation(request: Request) -> Response:
    """Accept: token, and where nobody is logged in a password (with a name, for a new account)."""
    fields = ("token", "displayName", "password", "passwordConfirmation")
    return await answer(request, "/login", fields, _accept)


async def _accept(asked: Asked) -> Response:
    here = await logged_in(asked.request)
    token = asked.get("token")
    asked.back = f"/invitation?token={quote(token)}"
    if here is None:
        asked.expect_page()
    else:
        expect_csrf(asked.request, here, asked.fields.get("csrf"))
    async with asked.services.tools.pool.acquire() as sql:
        invitation = await find_invitation(sql, token)
    if here is not None:
        if here.user_id != invitation.account_id:
            raise Problem(
                "VALIDATION_ERROR", "the invitation is for another e-mail address than the one logged in with"
            )
        user_id, password_hash = here.user_id, None
    elif invitation.account_id is not None:
        account = await authenticate(asked, invitation.email, asked.get("password"))
        user_id, password_hash = account.id, None
    else:
        name = normal_name(asked.get("displayName"), "the name", path=("display_name",))
        chosen = new_password(asked.get("password"), asked.get("passwordConfirmation"), invitation.email)
        user_id, password_hash = None, await asked.services.passwords.hash(chosen)
    async with asked.services.tools.pool.acquire() as sql, sql.transaction():
        if user_id is None:
            user_id = await make_account(sql, invitation.email, name, password_hash)
        await accept(sql, invitation, user_id)
    log.info("invitation_accepted", user_id=str(user_id), organization_id=str(invitation.organization_id))
    if here is not None:
        return await continued(asked, here, invitation.organization_id)
    return await enter(asked, user_id, "/account", wished=str(invitation.organization_id))


async def register_page(request: Request) -> Response:
    """The form to register with, where registration is open."""
    beginning = shown(request)
    async with services_of(request).tools.pool.acquire() as sql:
        is_open = await registration_is_open(sql)
    if not is_open:
        return beginning.finish(page("Register", tag("p", sentence(_CLOSED)), status=404))
    return beginning.finish(
        page(
            "Register",
            beginning.message,
            form(
                "/auth/register",
                field(
                    "email", "E-mail address", type="email", autocomplete="username", longest=EMAIL_LONGEST
                ),
                field("displayName", "Your name", autocomplete="name", longest=NAME_LONGEST),
                field(
                    "organizationName", "Your organization", autocomplete="organization", longest=NAME_LONGEST
                ),
                *_new_password(),
                button("Register"),
                csrf=beginning.csrf,
            ),
        )
    )


@guarded
async def register(request: Request) -> Response:
    """Register: email, displayName, organizationName, password and passwordConfirmation."""
    fields = ("email", "displayName", "organizationName", "password", "passwordConfirmation")
    return await answer(request, "/register", fields, _register)


async def _register(asked: Asked) -> Response:
    asked.expect_page()
    pool = asked.services.tools.pool
    async with pool.acquire() as sql:
        is_open = await registration_is_open(sql)
    if not is_open:
        raise Problem("NOT_FOUND", _CLOSED)
    email = normal_email(asked.get("email"))
    name = normal_name(asked.get("displayName"), "the name", path=("display_name",))
    organization = normal_name(
        asked.get("organizationName"), "the organization's name", path=("organization_name",)
    )
    chosen = new_password(asked.get("password"), asked.get("passwordConfirmation"), email)
    password_hash = await asked.services.passwords.hash(chosen)
    async with pool.acquire() as sql:
        user_id = await make_registered(
            sql, email=email, display_name=name, organization_name=organization, password_hash=password_hash
        )
    log.info("registered", user_id=str(user_id))
    return await enter(asked, user_id, "/account")
