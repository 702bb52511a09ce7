"""/oauth/authorize: a person is asked, on a plain page, whether a client may act for them."""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

from authlib.oauth2.rfc6749 import (
    AccessDeniedError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
)
from authlib.oidc.core.errors import ConsentRequiredError, LoginRequiredError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.keys import purpose_secret
from api.oauth.asked import Asked, Presented, read_form, read_query
from api.oauth.grants import decide
from api.oauth.server import Decision, Known, Office, Subject, granted
from api.pages import TO_US, Html, button, form, hidden, page, tag
from api.people.sessions import LoggedIn, expect_csrf, logged_in
from api.services import Services, services_of
from domain.access.grants import (
    Grant,
    RegisteredClient,
    consented_before,
    find_client,
    hold_member,
    open_grant,
)
from domain.access.people import Membership, memberships_of
from domain.access.scopes import Scope
from domain.access.standing import standing_of_member
from domain.ports import Sql
from domain.row import utc_now

PATH = "/oauth/authorize"
# What of a request is carried from page to page; the rest is not looked at.
_CARRIED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "again",
)
MEANINGS = {
    Scope.CATALOG_READ: "See the catalog",
    Scope.CATALOG_WRITE: "Change the catalog",
    Scope.RIGHTS_READ: "See deals and availability",
    Scope.RIGHTS_WRITE: "Change deals",
    Scope.DELIVERIES_READ: "See deliveries and their findings",
    Scope.DELIVERIES_WRITE: "Deliver messages",
    Scope.RETENTION_MANAGE: "Say what is kept for how long, and place legal holds",
    Scope.FILES_READ: "See and fetch files",
    Scope.FILES_WRITE: "Upload, attach and delete files",
    Scope.EXPORTS_RUN: "Export what you may see",
    Scope.ENRICHMENT_RUN: "Have sound analysed and what is heard kept",
    Scope.JOBS_READ: "See jobs",
    Scope.JOBS_WRITE: "Start and cancel jobs",
    Scope.AUDIT_READ: "See who changed what",
    Scope.MEMBERS_MANAGE: "Manage members and their roles",
    Scope.CLIENTS_MANAGE: "Manage clients and keys",
    Scope.WEBHOOKS_MANAGE: "Manage who calls back, where notices go, and with which secrets",
    Scope.NOTICES_READ: "See what the organization was told",
    Scope.SYSTEM_ADMIN: "Administer the whole system",
    Scope.SYSTEM_METRICS: "See the figures of the whole system",
    "openid": "Know who you are",
    "profile": "Know your name",
    "email": "Know your e-mail address",
    "offline_access": "Stay allowed while you are away",
}
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?")
_PROMPTS = {"none", "login", "consent", "select_account"}


@dataclass(frozen=True)
class _Valid:
    """An authorization request that may be put to a person. scopes: none beyond what the client may ask."""

    asked: Asked
    client: RegisteredClient
    redirect_uri: str
    scopes: tuple[str, ...]
    prompts: frozenset[str]
    max_age: int | None


async def authorize(request: Request) -> Response:
    """The authorization endpoint (RFC 6749 §3.1): leads to the log-in, asks, or answers at once."""
    services = services_of(request)
    try:
        asked = read_query(request)
    except OAuth2Error as error:
        return _wrong(error)
    here = await logged_in(request)
    found = await _valid(services, asked)
    if isinstance(found, Response):
        return found
    if (led := _led_to_log_in(services, found, here)) or here is None:
        return led or _wrong(AccessDeniedError())
    async with services.tools.pool.acquire() as sql:
        if "none" in found.prompts:
            before = await _consented(sql, found, here)
        memberships = await memberships_of(sql, here.user_id)
    if "none" in found.prompts:
        if before is None:
            return _refused(services, found, ConsentRequiredError())
        return await _allowed(services, found, here, before)
    return _page(found, here, memberships)


async def _consented(sql: Sql, found: _Valid, here: LoggedIn) -> UUID | None:
    """The organization for which the person has allowed all this before.

    A public client on this machine's own address can be anybody's program (RFC 8252 §8.6): it is asked
    about each time.
    """
    if found.client.auth_method == "none" and not found.redirect_uri.startswith("https:"):
        return None
    return await consented_before(sql, found.client.id, here.user_id, found.scopes)


async def consent(request: Request) -> Response:
    """What the person answered. A client's own POST is led to the page (OpenID Connect Core §3.1.2.1)."""
    services = services_of(request)
    try:
        asked = await read_form(request)
    except OAuth2Error as error:
        return _wrong(error)
    decision = asked.fields.get("decision")
    if decision is None:
        return RedirectResponse(_path(asked.fields), 303, {"Cache-Control": "no-store"})
    here = await logged_in(request)
    if here is not None:
        expect_csrf(request, here, asked.fields.get("csrf"))
    found = await _valid(services, asked)
    if isinstance(found, Response):
        return found
    if (led := _led_to_log_in(services, found, here)) or here is None:
        return led or _wrong(AccessDeniedError())
    if decision != "allow":
        return _refused(services, found, AccessDeniedError())
    try:
        organization_id = UUID(asked.fields.get("organization", ""))
    except ValueError:
        return _wrong(InvalidRequestError("No organization was chosen"))
    return await _allowed(services, found, here, organization_id)


async def _valid(services: Services, asked: Asked) -> _Valid | Response:
    """The request, looked at by Authlib; or the answer that it is not one."""
    client_id = Presented(asked.fields.get("client_id", ""), "").id
    async with services.tools.pool.acquire() as sql:
        client = await find_client(sql, client_id) if client_id else None
    decision = decide(Office.of(services), Known(client=client))
    try:
        grant = decision.get_consent_grant(asked, end_user=None)
        assert client is not None, "Authlib has looked for the client"
        prompts = frozenset(asked.fields.get("prompt", "").split())
        found = _Valid(
            asked=asked,
            client=client,
            redirect_uri=grant.redirect_uri,
            scopes=tuple(asked.scope.split()),
            prompts=prompts,
            max_age=_seconds(asked.fields.get("max_age")),
        )
    except OAuth2Error as error:
        return decision.refused(asked, error).response() if error.redirect_uri else _wrong(error)
    if wrong := _unsupported(found):
        return _refused(services, found, wrong)
    return found


def _unsupported(found: _Valid) -> OAuth2Error | None:
    """What Authlib does not look at."""
    fields = found.asked.fields
    for name in ("request", "request_uri"):
        if name in fields:
            return InvalidRequestError("Request objects are not taken here", error=f"{name}_not_supported")
    if fields.get("response_mode", "query") != "query":
        return InvalidRequestError("'response_mode' must be query")
    if not found.prompts <= _PROMPTS or ("none" in found.prompts and len(found.prompts) > 1):
        return InvalidRequestError("'prompt' must be none, or some of login, consent, select_account")
    if "max_age" in fields and found.max_age is None:
        return InvalidRequestError("'max_age' must be a number of seconds")
    return None


def _led_to_log_in(services: Services, found: _Valid, here: LoggedIn | None) -> Response | None:
    """The way to the log-in, where nobody is logged in, or not recently enough for the client."""
    again = "login" in found.prompts and not _logged_in_again(services, found, here)
    old = (
        here is not None
        and found.max_age is not None
        and (utc_now() - here.authenticated_at > timedelta(seconds=found.max_age))
    )
    if here is not None and not again and not old:
        return None
    if "none" in found.prompts:
        return _refused(services, found, LoginRequiredError())
    fields = dict(found.asked.fields)
    if "login" in found.prompts:
        at = str(int(utc_now().timestamp()))
        fields["again"] = f"{at}.{_mark(services, found, at)}"
    to = quote(_path(fields), safe="")
    return RedirectResponse(f"/login?next={to}", 303, {"Cache-Control": "no-store"})


def _logged_in_again(services: Services, found: _Valid, here: LoggedIn | None) -> bool:
    """Whether the person has proved who they are since this very request first came."""
    at, _, mark = found.asked.fields.get("again", "").partition(".")
    if here is None or not at.isdecimal() or not at.isascii():
        return False
    fits = hmac.compare_digest(mark.encode(), _mark(services, found, at).encode())
    return fits and here.authenticated_at.timestamp() >= int(at[:12])


def _mark(services: Services, found: _Valid, at: str) -> str:
    """Shows that it was us who noted the instant, for this request."""
    fields = found.asked.fields
    what = "\n".join((at, fields["client_id"], fields["code_challenge"], fields.get("state", "")))
    return hmac.digest(purpose_secret(services.secret, "log in again"), what.encode(), "sha256").hex()


async def _allowed(services: Services, found: _Valid, here: LoggedIn, organization_id: UUID) -> Response:
    """The code for a consent, and the consent written down, as far as the person's role goes."""
    async with services.tools.pool.acquire() as sql, sql.transaction():
        client = await find_client(sql, found.client.id)
        await hold_member(sql, organization_id, here.user_id)
        standing = await standing_of_member(sql, organization_id, here.user_id)
        decision = decide(Office.of(services), Known(client=client, standing=standing))
        if standing is None or decision.client is None:
            return _refused(services, found, AccessDeniedError())
        try:
            scopes = granted(decision.client, " ".join(found.scopes), standing, for_person=True)
        except InvalidScopeError as error:
            return _refused(services, found, error)
        id = await open_grant(
            sql,
            client_id=found.client.id,
            user_id=here.user_id,
            organization_id=organization_id,
            scopes=scopes,
            authenticated_at=here.authenticated_at,
        )
        grant = Grant(
            id=id,
            client_id=found.client.id,
            user_id=here.user_id,
            organization_id=organization_id,
            scopes=tuple(scopes),
            authenticated_at=here.authenticated_at,
            is_over=False,
        )
        subject = Subject(here.user_id, organization_id, here.authenticated_at, grant)
        asking = decision.get_authorization_grant(found.asked)
        answer = decision.create_authorization_response(found.asked, grant_user=subject, grant=asking)
        await decision.write(sql)
        response: Response = answer.response()
    return response


def _refused(services: Services, found: _Valid, error: OAuth2Error) -> Response:
    """An error told to the client, at the address that it registered."""
    error.redirect_uri = found.redirect_uri
    decision: Decision = decide(Office.of(services), Known(client=found.client))
    return decision.refused(found.asked, error).response()


def _wrong(error: OAuth2Error) -> Response:
    """An error told to the person: where the request leads can't be trusted."""
    described = str(error.get_error_description() or error.error)
    return page(
        "This request can't be answered",
        tag("p", "The program that sent you here has made a mistake; you can't mend it."),
        tag("p", tag("code", f"{error.error}: {described}")),
        status=400,
    )


def _page(found: _Valid, here: LoggedIn, memberships: Sequence[Membership]) -> Response:
    """The question: who asks, for what, on behalf of which organization."""
    client = found.client
    carried = [hidden(name, found.asked.fields[name]) for name in _CARRIED if name in found.asked.fields]
    asked = [tag("li", MEANINGS[name], " ", tag("small", tag("code", name))) for name in found.scopes]
    return page(
        f"Allow {client.name}?",
        tag("p", tag("b", client.name), f", a program of {client.organization_name}, wants to act for you:"),
        tag("ul", *asked),
        tag("small", "It gets no more than your role there allows. Whatever you answer, you go on to "),
        tag("p", tag("code", _shown(found.redirect_uri))),
        form(
            PATH,
            *carried,
            _choice(memberships, here),
            button("Allow", name="decision", value="allow"),
            button("Deny", name="decision", value="deny", plain=True),
            csrf=here.csrf,
        ),
        form_action=_leads_to(found.redirect_uri),
    )


def _choice(memberships: Sequence[Membership], here: LoggedIn) -> Html | None:
    """The organization to act for; with a single one there is nothing to choose."""
    if len(memberships) == 1:
        return hidden("organization", str(memberships[0].organization_id))
    options = [
        tag(
            "option",
            one.name,
            value=str(one.organization_id),
            selected=one.organization_id == here.organization_id,
        )
        for one in memberships
    ]
    return tag("div", tag("label", "For", for_="organization"), tag("select", *options, **_NAMED))


_NAMED: dict[str, Any] = {"id": "organization", "name": "organization"}


def _shown(redirect_uri: str) -> str:
    """Where the client is, without the rest of its address."""
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def _leads_to(redirect_uri: str) -> tuple[str, ...] | None:
    """What the form's policy must let through: Chrome holds redirects to `form-action` too.

    None where an address can't be written in a policy (such as one of IPv6).
    """
    parts = urlsplit(redirect_uri)
    if not parts.netloc:
        return (*TO_US, f"{parts.scheme}:")
    return (*TO_US, f"{parts.scheme}://{parts.netloc}") if _HOST.fullmatch(parts.netloc) else None


def _path(fields: dict[str, str]) -> str:
    """The request as an address of ours."""
    return f"{PATH}?" + urlencode({name: fields[name] for name in _CARRIED if name in fields})


def _seconds(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None
