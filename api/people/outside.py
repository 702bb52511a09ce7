"""Logging in through the outside OpenID provider: there and back, and whose account it is.

An identity there belongs to an account here because it was connected: by somebody logged in, or by
accepting an invitation with the address that the provider vouches for. An address alone never does; who
registered it first need not be its owner.
"""

import math
import time
import uuid
from dataclasses import asdict, dataclass

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.guard import guarded
from api.pages import page, tag
from api.people.entry import authenticate_again, enter
from api.people.forms import (
    Asked,
    answer,
    local,
    put_cookie,
    redirect,
    sealed,
    sentence,
    unsealed,
)
from api.people.provider import Begun, Outside, Provider, ProviderFault, ProviderRefused
from api.people.sessions import drop_cookie, expect_csrf, logged_in, require_login
from api.problems import Problem
from api.services import services_of
from domain.access.invitations import Invited, accept, find_invitation, make_account
from domain.access.outside import account_of_identity, connect_identity, disconnect_identity
from domain.access.people import NAME_LONGEST, normal_name
from domain.access.sessions import end_others
from domain.ports import Sql
from domain.refusals import InputInvalid, Refusal

COOKIE = "__Host-catalograph-outside"
_PURPOSE = "outside"
_LIVES_S = 600

log = structlog.get_logger("api.people")


@dataclass(frozen=True)
class Journey:
    """A log-in under way, kept by the browser. session: the one that wants to be connected, if any."""

    state: str
    nonce: str
    verifier: str
    to: str
    invitation: str
    session: str
    ends_at: float


@guarded
async def outside_login(request: Request) -> Response:
    """Lead to the provider. `next`: the path to go on to afterwards; `invitation`: one to accept."""
    provider = _provider(request)
    to = local(request.query_params.get("next"))
    try:
        begun = await provider.begin()
    except ProviderFault as fault:
        return _told(request, _down(provider, fault))
    response: Response = RedirectResponse(begun.url, 303, {"Cache-Control": "no-store"})
    _keep(request, response, begun, to, invitation=request.query_params.get("invitation", ""))
    return response


@guarded
async def outside_connect(request: Request) -> Response:
    """Begin to connect the account that is logged in with an identity at the provider."""
    return await answer(request, "/login", ("currentPassword",), _connect)


async def _connect(asked: Asked) -> Response:
    provider = _provider(asked.request)
    here = await require_login(asked.request)
    asked.back = "/account"
    expect_csrf(asked.request, here, asked.fields.get("csrf"))
    await authenticate_again(asked, here, asked.fields.get("currentPassword"))
    try:
        begun = await provider.begin()
    except ProviderFault as fault:
        raise _down(provider, fault) from None
    # A form's answer may not lead outside (CSP form-action); a link may.
    response = page(
        f"Connect {provider.name}",
        tag("p", f"Log in at {provider.name}; it then logs in to this account as well."),
        tag("p", tag("a", f"Continue to {provider.name}", href=begun.url)),
    )
    _keep(asked.request, response, begun, "/account", session=str(here.session_id))
    return response


@guarded
async def outside_disconnect(request: Request) -> Response:
    """Let the provider log in to this account no longer; its password is then the only way in."""
    return await answer(request, "/login", ("currentPassword",), _disconnect)


async def _disconnect(asked: Asked) -> Response:
    provider = _provider(asked.request)
    here = await require_login(asked.request)
    asked.back = "/account"
    expect_csrf(asked.request, here, asked.fields.get("csrf"))
    account = await authenticate_again(asked, here, asked.fields.get("currentPassword"))
    if account.password_hash is None:
        raise Problem("VALIDATION_ERROR", f"without a password, {provider.name} is the only way in")
    async with asked.services.tools.pool.acquire() as sql, sql.transaction():
        gone = await disconnect_identity(sql, here.user_id, provider.issuer)
        await end_others(sql, here.user_id, here.session_id)
    log.info("identity_disconnected", user_id=str(here.user_id), identities=gone)
    return asked.done(
        200, {"disconnected": gone}, "/account", f"{provider.name} logs in to this account no longer."
    )


@guarded
async def outside_callback(request: Request) -> Response:
    """Where the provider sends people back to."""
    provider = _provider(request)
    try:
        response = await _arrive(request, provider)
    except (ProviderRefused, Refusal) as refused:
        log.info("outside_login_refused", reason=str(refused))
        response = _told(request, Problem("INVALID_CREDENTIALS", str(refused)))
    except ProviderFault as fault:
        response = _told(request, _down(provider, fault))
    except Problem as problem:
        response = _told(request, problem)
    drop_cookie(response, COOKIE)
    return response


async def _arrive(request: Request, provider: Provider) -> Response:
    journey = _journey(request)
    begun = Begun("", journey.state, journey.nonce, journey.verifier)
    outside = await provider.finish(request.scope["query_string"].decode("latin-1"), begun)
    asked = Asked.by_browser(request, "/login")
    if journey.session:
        return await _connected(asked, provider, outside, journey)
    wished = None
    async with asked.services.tools.pool.acquire() as sql, sql.transaction():
        user_id = await account_of_identity(sql, outside.issuer, outside.subject)
        if journey.invitation:
            invitation = await find_invitation(sql, journey.invitation)
            user_id = await _accept(sql, provider, outside, invitation, user_id)
            wished = str(invitation.organization_id)
    if user_id is None:
        raise ProviderRefused(
            f"this {provider.name} account belongs to nobody here; open your invitation to accept it with "
            f"{provider.name}, or log in with your password and connect it in your account"
        )
    log.info("logged_in_outside", user_id=str(user_id))
    return await enter(asked, user_id, journey.to, wished=wished)


async def _accept(
    sql: Sql, provider: Provider, outside: Outside, invitation: Invited, user_id: uuid.UUID | None
) -> uuid.UUID:
    """Accept an invitation as whoever the provider vouches for; a new person gets an account."""
    if user_id is None or user_id != invitation.account_id:
        if invitation.account_id is not None:
            raise ProviderRefused(
                f"there is an account with the invited address; log in with its password, and connect "
                f"{provider.name} in your account"
            )
        if user_id is not None or outside.email is None or outside.email.lower() != invitation.email.lower():
            raise ProviderRefused(
                f"the invitation is for another e-mail address than the one {provider.name} vouches for"
            )
        user_id = await make_account(sql, invitation.email, _name_of(outside), None)
        await connect_identity(sql, user_id, outside.issuer, outside.subject, outside.email)
    await accept(sql, invitation, user_id)
    return user_id


async def _connected(asked: Asked, provider: Provider, outside: Outside, journey: Journey) -> Response:
    here = await logged_in(asked.request)
    if here is None or str(here.session_id) != journey.session:
        raise ProviderRefused("the session that wanted to be connected has ended; log in and begin again")
    async with asked.services.tools.pool.acquire() as sql, sql.transaction():
        await connect_identity(sql, here.user_id, outside.issuer, outside.subject, outside.email)
    log.info("identity_connected", user_id=str(here.user_id))
    return redirect(asked.services, "/account", f"{provider.name} now logs in to this account.")


def _keep(
    request: Request, response: Response, begun: Begun, to: str, *, invitation: str = "", session: str = ""
) -> None:
    journey = Journey(
        begun.state, begun.nonce, begun.verifier, to, invitation, session, time.time() + _LIVES_S
    )
    text = orjson.dumps(asdict(journey)).decode()
    put_cookie(response, COOKIE, sealed(services_of(request), text, _PURPOSE), _LIVES_S)


def _journey(request: Request) -> Journey:
    text = unsealed(services_of(request), request.cookies.get(COOKIE), _PURPOSE)
    if text is None:
        raise ProviderRefused("no log-in was begun in this browser, or cookies are off")
    try:
        journey = Journey(**orjson.loads(text))
    except (TypeError, ValueError):
        raise ProviderRefused("the log-in was begun at another version of this server; begin again") from None
    if journey.ends_at < time.time():
        raise ProviderRefused("the log-in took longer than ten minutes; begin again")
    return journey


def _provider(request: Request) -> Provider:
    provider = services_of(request).provider
    if provider is None:
        raise Problem("NOT_FOUND", "no outside provider is set up here")
    return provider


def _down(provider: Provider, fault: ProviderFault) -> Problem:
    log.warning("provider_unusable", issuer=provider.issuer, reason=str(fault))
    return Problem(
        "UNAVAILABLE",
        f"{provider.name} can't be asked at the moment; try again, or log in with a password",
        headers={"Retry-After": str(math.ceil(fault.retry_after_s))},
    )


def _told(request: Request, problem: Problem) -> Response:
    """A browser that followed a link is led to the page to log in, with the reason."""
    return redirect(services_of(request), "/login", sentence(problem.detail), wrong=True)


def _name_of(outside: Outside) -> str:
    try:
        return normal_name((outside.name or "")[:NAME_LONGEST], "the name", path=("name",))
    except InputInvalid:
        return (outside.email or "").partition("@")[0][:NAME_LONGEST] or "Somebody"
