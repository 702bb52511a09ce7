"""What a client sends, read strictly: each parameter once, in the characters that it may have."""

import base64
import binascii
import re
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Payload, OAuth2Request
from starlette.requests import Request

from api.accept import media_type
from api.middleware import read_body
from api.tokens import TokenRefused, json_part

FORM_TYPE = "application/x-www-form-urlencoded"
BASIC, POST, ASSERTION, NONE = "client_secret_basic", "client_secret_post", "private_key_jwt", "none"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LARGEST_FORM = 32 << 10
LONGEST_QUERY = 3_500
_MOST_FIELDS = 40
# RFC 6749 appendix A: what may stand in a value; the first kind also goes into error texts.
_WORD = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]*")
_WORDS = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")
_VISIBLE = re.compile(r"[\x20-\x7e]*")
_ALPHABETS = {
    "response_type": _WORDS,
    "scope": _WORDS,
    "prompt": _WORDS,
    "grant_type": _WORD,
    "client_id": _WORD,
    "redirect_uri": _WORD,
    "code_challenge": _WORD,
    "code_challenge_method": _WORD,
    "client_assertion_type": _WORD,
    "token_type_hint": _WORD,
    "response_mode": _WORD,
    **dict.fromkeys(
        ("state", "nonce", "code", "token", "refresh_token", "code_verifier", "client_secret"), _VISIBLE
    ),
}


class Payload(OAuth2Payload):  # type: ignore[misc]
    """The parameters of one request; each stands once."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = dict(fields)

    @property
    def data(self) -> dict[str, str]:
        """The parameters."""
        return self._fields

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        """The parameters, as Authlib counts them."""
        return defaultdict(list, {name: [value] for name, value in self._fields.items()})


class Asked(OAuth2Request):  # type: ignore[misc]
    """A request as Authlib reads it."""

    def __init__(self, method: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> None:
        # Authlib insists on https here. Who speaks TLS is a matter of the deployment, not of this request.
        super().__init__(method, "https://authorization.invalid/", headers=headers)
        self.payload = Payload(fields)

    @property
    def form(self) -> dict[str, str]:
        """The parameters of the body."""
        return self.fields

    @property
    def fields(self) -> dict[str, str]:
        """The parameters."""
        found: dict[str, str] = self.payload.data
        return found


@dataclass(frozen=True)
class Presented:
    """As whom a client comes, before it is believed. method: the one way it tries to prove itself."""

    client_id: str
    method: str

    @property
    def id(self) -> uuid.UUID | None:
        """The client's id, where it can be one."""
        try:
            return uuid.UUID(self.client_id)
        except ValueError:
            return None


async def read_form(request: Request) -> Asked:
    """The form of a POST. Raises InvalidRequestError, Problem 413."""
    if media_type(request.headers.get("content-type"))[0] != FORM_TYPE:
        raise InvalidRequestError(f"The body must be {FORM_TYPE}")
    body = await read_body(request, LARGEST_FORM)
    return Asked("POST", _fields(body), _Headers(request.headers))


def read_query(request: Request) -> Asked:
    """The query of a GET. Raises InvalidRequestError."""
    raw: bytes = request.scope["query_string"]
    if len(raw) > LONGEST_QUERY:
        raise InvalidRequestError(f"The query has {len(raw)} bytes; at most {LONGEST_QUERY} will do")
    return Asked("GET", _fields(raw), _Headers(request.headers))


def presented(asked: Asked) -> Presented:
    """As whom the client comes. Raises InvalidClientError, InvalidRequestError when it tries two ways."""
    fields = asked.fields
    header = asked.headers.get("Authorization")
    ways = [
        *([BASIC] if header is not None else []),
        *([POST] if "client_secret" in fields else []),
        *([ASSERTION] if "client_assertion" in fields or "client_assertion_type" in fields else []),
    ]
    if len(ways) > 1:
        raise InvalidRequestError("A client proves itself in one way at a time (RFC 6749 2.3)")
    way = ways[0] if ways else NONE
    client_id = fields.get("client_id", "")
    if way == BASIC:
        named = _basic(header or "")
    elif way == ASSERTION:
        named = _subject(fields)
    else:
        named = client_id
    if not named:
        raise InvalidClientError("The client must say who it is", status_code=401)
    if client_id and client_id != named:
        raise InvalidClientError("client_id names another client than the credentials", status_code=401)
    if Presented(named, way).id is None:
        raise InvalidClientError(
            "client_id must be a UUID: the clientId that was told when the client was registered",
            status_code=401,
        )
    return Presented(named, way)


def unverified(fields: Mapping[str, str]) -> dict[str, Any]:
    """The claims of a client assertion nobody has checked yet. Raises InvalidClientError."""
    parts = fields.get("client_assertion", "").split(".")
    try:
        if len(parts) != 3:
            raise TokenRefused("no signed JWT")
        json_part(parts[0])
        return json_part(parts[1])
    except TokenRefused:
        raise InvalidClientError("The client assertion is no signed JWT", status_code=401) from None


def _fields(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise InvalidRequestError("The parameters can not be read as a form of UTF-8 text") from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise InvalidRequestError("A parameter stands twice (RFC 6749 3.1 and 3.2)")
    fields = {name: value for name, value in pairs if value}  # without a value: as if it were not there
    for name, alphabet in _ALPHABETS.items():
        if not alphabet.fullmatch(fields.get(name, "")):
            raise InvalidRequestError(f"{name} holds a character that it can not hold")
    return fields


def _basic(header: str) -> str:
    """The client id in an Authorization header, without looking at the secret."""
    scheme, _, given = header.partition(" ")
    try:
        text = base64.b64decode(given.strip(), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    name, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not (colon and name and secret):
        raise InvalidClientError("The Authorization header is not as RFC 6749 2.3.1 has it", status_code=401)
    return unquote_plus(name)


def _subject(fields: Mapping[str, str]) -> str:
    if fields.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClientError("client_assertion_type is not that of a JWT (RFC 7523)", status_code=401)
    subject = unverified(fields).get("sub")
    return subject if isinstance(subject, str) else ""


class _Headers(dict[str, str]):
    """Headers as Authlib asks for them, whatever the case."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)
