"""Logging in with e-mail address and password, and out again."""

from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.guard import guarded
from api.pages import TO_US, Html, button, field, form, hidden, page, tag
from api.people.entry import Held, authenticate, enter, told
from api.people.forms import Asked, answer, json, local, shown
from api.people.sessions import drop_cookie, expect_csrf, logged_in, require_login
from api.services import Services, services_of
from domain.access.people import EMAIL_LONGEST
from domain.access.registration import registration_is_open
from domain.access.sessions import end_session

# What follows the form may lead on to an OAuth client, which `form-action 'self'` would forbid.
_AUTHORIZATION = "/oauth/"


async def login_page(request: Request) -> Response:
    """The form to log in with. `next` in the query: the path to go on to."""
    to = local(request.query_params.get("next"))
    if "next" not in request.query_params and await logged_in(request) is not None:
        return RedirectResponse("/account", 303, {"Cache-Control": "no-store"})
    beginning = shown(request)
    async with beginning.services.tools.pool.acquire() as sql:
        is_open = await registration_is_open(sql)
    return beginning.finish(
        page(
            "Log in",
            beginning.message,
            form(
                "/auth/login",
                hidden("next", to),
                field(
                    "email", "E-mail address", type="email", autocomplete="username", longest=EMAIL_LONGEST
                ),
                field("password", "Password", type="password", autocomplete="current-password"),
                button("Log in"),
                csrf=beginning.csrf,
            ),
            outside_link(beginning.services, next=to),
            tag("p", tag("a", "Register", href="/register")) if is_open else None,
            form_action=None if to.startswith(_AUTHORIZATION) else TO_US,
        )
    )


def outside_link(services: Services, **query: str) -> Html | None:
    """The way through the outside provider, where one is set up."""
    if services.provider is None:
        return None
    return tag(
        "p",
        tag("a", f"Continue with {services.provider.name}", href=f"/auth/oidc/login?{urlencode(query)}"),
    )


@guarded
async def login(request: Request) -> Response:
    """Log in: a form, or JSON with email, password and perhaps organizationId."""
    return await answer(request, "/login", ("email", "password", "organizationId", "next"), _login)


async def _login(asked: Asked) -> Response:
    to = local(asked.fields.get("next"))
    if "next" in asked.fields:
        asked.back = f"/login?next={quote(to, safe='/')}"
    asked.expect_page()
    account = await authenticate(asked, asked.get("email"), asked.get("password"))
    return await enter(asked, account.id, to, wished=asked.fields.get("organizationId"))


async def session(request: Request) -> Response:
    """Who is logged in, for which organization, and the CSRF token that writes need."""
    here = await require_login(request)
    held = Held(here.session_id, here.expires_at)
    return json(200, await told(services_of(request), here.user_id, here.organization_id, held))


async def logout(request: Request) -> Response:
    """End the session; doing it twice is no mistake."""
    return await answer(request, "/login", (), _logout)


async def _logout(asked: Asked) -> Response:
    here = await logged_in(asked.request)
    if here is not None:
        asked.back = "/account"
        expect_csrf(asked.request, here, asked.fields.get("csrf"))
        async with asked.services.tools.pool.acquire() as sql:
            await end_session(sql, here.user_id, here.session_id)
    response = asked.done(204, None, "/login", "You are logged out.")
    drop_cookie(response)
    return response
