"""What people send, as a form or as JSON, and how they are told: a form goes back with a message."""

import base64
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.accept import media_type
from api.keys import purpose_secret
from api.middleware import problem_of, read_body
from api.pages import Html, said
from api.people.sessions import drop_cookie, expect_form_token, expect_own_origin, form_token
from api.problems import Problem
from api.services import Services, services_of
from api.settings import is_loopback
from domain.refusals import Refusal

FORM_TYPE = "application/x-www-form-urlencoded"
JSON_TYPE = "application/json"
FORM_COOKIE = "__Host-catalograph-form"
MESSAGE_COOKIE = "__Host-catalograph-said"
_LARGEST = 16 << 10
_MOST_FIELDS = 20
_FORM_LIVES_S = 12 * 3600
_MESSAGE_LIVES_S = 60
_LONGEST_NEXT = 4000


@dataclass
class Asked:
    """What came with one request. back: where a form's sender is led when it is refused."""

    request: Request
    services: Services
    fields: Mapping[str, str]
    is_form: bool
    back: str

    @classmethod
    def by_browser(cls, request: Request, back: str) -> "Asked":
        """What a browser asks by following a link."""
        return cls(request, services_of(request), {}, True, back)

    def get(self, name: str) -> str:
        """A field's text. Raises Problem VALIDATION_ERROR where it is missing."""
        given = self.fields.get(name)
        if given is None:
            raise Problem(
                "VALIDATION_ERROR",
                f"{name} is missing",
                errors=[{"code": "VALIDATION_ERROR", "detail": f"{name} is missing", "pointer": f"/{name}"}],
            )
        return given

    @property
    def address(self) -> str | None:
        """Where the request came from."""
        return self.request.client.host if self.request.client else None

    @property
    def user_agent(self) -> str | None:
        """What sent it, by its own word."""
        return self.request.headers.get("user-agent")

    def expect_page(self) -> None:
        """Raise Problem CSRF_FAILED unless it came from our page, or from a script that is no page's.

        A page of another site can't send JSON without asking first, and it is told no.
        """
        if self.is_form:
            expect_form_token(self.request, self.request.cookies.get(FORM_COOKIE), self.fields.get("csrf"))
        else:
            expect_own_origin(self.request)

    def done(self, status: int, document: object, leads_to: str, message: str = "") -> Response:
        """The answer to success: JSON to a script, another page to a form."""
        if self.is_form:
            return redirect(self.services, leads_to, message)
        return json(status, document)


Act = Callable[[Asked], Awaitable[Response]]


async def answer(request: Request, back: str, fields: Sequence[str], act: Act) -> Response:
    """Read a request, act on it, and answer in kind: what is refused sends a form back with the reason.

    fields: the names it may have; `csrf` may stand beside them.
    """
    asked = Asked(request, services_of(request), {}, _is_form(request), back)
    try:
        asked.fields = await _fields(request, asked.is_form, fields)
        return await act(asked)
    except (Problem, Refusal) as error:
        if not asked.is_form:
            raise
        return redirect(asked.services, asked.back, sentence(problem_of(error).detail), wrong=True)


def sentence(text: str) -> str:
    """A problem's words as a page says them."""
    return f"{text[:1].upper()}{text[1:]}."


def json(status: int, document: object) -> Response:
    """A JSON answer that nobody keeps; None is an empty one."""
    body = b"" if document is None else orjson.dumps(document, default=str)
    return Response(
        body, status, {"Cache-Control": "no-store"}, media_type=JSON_TYPE if document is not None else None
    )


def redirect(services: Services, to: str, message: str = "", *, wrong: bool = False) -> Response:
    """Lead a form's sender to a page of ours (303), which shows the message once."""
    response = RedirectResponse(to, 303, {"Cache-Control": "no-store"})
    if message:
        text = ("!" if wrong else ".") + message
        put_cookie(response, MESSAGE_COOKIE, sealed(services, text), _MESSAGE_LIVES_S)
    return response


def local(path: str | None, otherwise: str = "/account") -> str:
    """A path on this server to go on to; anything that leads elsewhere becomes the other one."""
    if not path or len(path) > _LONGEST_NEXT or not path.startswith("/") or path.startswith("//"):
        return otherwise
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or "\\" in path or not all(c.isprintable() and c != " " for c in path):
        return otherwise
    return quote(path, safe="/?#[]@!$&'()*+,;=%:~-._")


@dataclass
class Shown:
    """What a page with forms needs: the CSRF token of a form before log-in, and the message to show."""

    request: Request
    services: Services
    csrf: str
    message: Html | None
    cookie: str | None = field(default=None, repr=False)

    def finish(self, response: Response) -> Response:
        """Set the cookie that the form is bound to, and forget the message."""
        if self.cookie:
            put_cookie(response, FORM_COOKIE, self.cookie, _FORM_LIVES_S)
        if self.request.cookies.get(MESSAGE_COOKIE):
            drop_cookie(response, MESSAGE_COOKIE)
        return response


def shown(request: Request) -> Shown:
    """The beginnings of a page with forms."""
    services = services_of(request)
    held = request.cookies.get(FORM_COOKIE)
    made = None if held else secrets.token_urlsafe(32)
    text = unsealed(services, request.cookies.get(MESSAGE_COOKIE))
    message = said(text[1:], wrong=text[0] == "!") if text else _no_cookies(request, services)
    return Shown(request, services, form_token(services, held or made or ""), message, made)


def _no_cookies(request: Request, services: Services) -> Html | None:
    """Why logging in can't work, where browsers keep no Secure cookie; a message could not be kept either."""
    address = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if (
        request.url.scheme == "https"
        or services.settings.issuer.startswith("https://")
        or is_loopback(address)
    ):
        return None
    return said(
        "Browsers keep no session here: log in over HTTPS, or on the server's own machine at http://localhost.",
        wrong=True,
    )


def _is_form(request: Request) -> bool:
    return media_type(request.headers.get("content-type"))[0] == FORM_TYPE


async def _fields(request: Request, is_form: bool, known: Sequence[str]) -> dict[str, str]:
    body = await read_body(request, _LARGEST)
    given = _from_form(body) if is_form else _from_json(request, body)
    for name in given:
        if name not in (*known, "csrf"):
            raise Problem(
                "UNKNOWN_FIELD", f"{name!r} is no field here; there are {', '.join(known) or 'none'}"
            )
    return given


def _from_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Problem("BAD_REQUEST", f"the form can't be read: {error}") from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise Problem("BAD_REQUEST", "the form has a field twice")
    return dict(pairs)


def _from_json(request: Request, body: bytes) -> dict[str, str]:
    kind, charset = media_type(request.headers.get("content-type"))
    if not body and not kind:
        return {}
    if kind != JSON_TYPE or charset != "utf-8":
        told = f"the body is {kind}" if kind else "the body has no Content-Type"
        raise Problem("UNSUPPORTED_MEDIA_TYPE", f"{told}; {JSON_TYPE} or {FORM_TYPE} will do")
    try:
        document = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise Problem("BAD_REQUEST", f"the body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Problem("BAD_REQUEST", "the body is no JSON object")
    for name, value in document.items():
        if not isinstance(value, str):
            raise Problem("VALIDATION_ERROR", f"{name} is no text; every field here is one")
    return document


def put_cookie(response: Response, name: str, value: str, lives_s: int) -> None:
    """Set a cookie for this host alone, out of reach of scripts."""
    response.set_cookie(name, value, max_age=lives_s, path="/", secure=True, httponly=True, samesite="lax")


def sealed(services: Services, text: str, purpose: str = "message") -> str:
    """A text that goes through the browser and can't be made up or changed there; it can be read."""
    body = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    return f"{body}.{_mark(services, body, purpose)}"


def unsealed(services: Services, value: str | None, purpose: str = "message") -> str | None:
    """A text that was sealed for the purpose; None for anything else."""
    body, _, mark = (value or "").partition(".")
    if not body or not hmac.compare_digest(mark.encode(), _mark(services, body, purpose).encode()):
        return None
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode() or None


def _mark(services: Services, body: str, purpose: str) -> str:
    return hmac.new(purpose_secret(services.secret, f"sealed {purpose}"), body.encode(), "sha256").hexdigest()
