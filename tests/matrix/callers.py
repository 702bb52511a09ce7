"""The columns of the matrix: everybody who may come to the door, and what they bring."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import jwt
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from domain.access.scopes import Role, Scope
from domain.ids import decode_id
from tests.api.conftest import House
from tests.factories import OURS, THEIRS
from tests.matrix.planted import BOUND_TO, OPERATOR, PARTNER, Planted
from tests.matrix.rules import EVERY_SCOPE, ROLES, SYSTEM

# Whose credentials are good, of which organization, and what the role may there.
GOOD: dict[str, tuple[uuid.UUID, frozenset[str]]] = {
    **{role: (OURS, scopes) for role, scopes in ROLES.items()},
    "API key": (OURS, ROLES["api_user"]),
    "session": (OURS, ROLES["label_user"]),
    "operator's admin": (OPERATOR, ROLES["admin"] | SYSTEM),
    "other tenant": (THEIRS, ROLES["admin"]),
    "bound partner": (PARTNER, ROLES["api_user"]),
}
# Whose credentials are none, or good no longer; and how that is told.
REFUSED = {
    "anonymous": "AUTH_REQUIRED",
    "revoked API key": "INVALID_API_KEY",
    "revoked token": "INVALID_CREDENTIALS",
    "expired token": "INVALID_CREDENTIALS",
    "logged-out session": "AUTH_REQUIRED",
}
# Tokens of our administrator cut to fit the cell.
NARROW = ("all but the needed scope", "only the needed scope")
COLUMNS = (*GOOD, *REFUSED, *NARROW)
OWN = tuple(name for name, (organization, _) in GOOD.items() if organization == OURS)
FOREIGN = tuple(name for name in GOOD if name not in OWN)


@dataclass
class Crowd:
    """Everybody, at the door of one server.

    hidden: by organization, what must never stand in an answer to its people. told: how many answers were
    looked through for it. cost: what the latest GraphQL request was priced at, before and after.
    """

    house: House
    planted: Planted
    client: httpx2.Client
    revoked: str
    csrf: str = ""
    hidden: dict[uuid.UUID, dict[bytes, str]] = field(default_factory=dict)
    told: int = 0
    cost: Any = None
    _tokens: dict[Any, str] = field(default_factory=dict)

    def token(self, column: str) -> str:
        """The access token of a column."""
        organization, _ = GOOD[column]
        role = {"operator's admin": "admin", "other tenant": "admin", "bound partner": "api_user"}
        return self._minted(
            organization,
            Role(role.get(column, column)),
            operator=organization == OPERATOR,
            territories=BOUND_TO if organization == PARTNER else None,
        )

    def narrow(self, scopes: Iterable[str], operator: bool = False) -> dict[str, str]:
        """What an administrator's token with just these scopes brings."""
        token = self._minted(
            OPERATOR if operator else OURS,
            Role.ADMIN,
            operator=operator,
            scopes=tuple(sorted(Scope(scope) for scope in scopes)),
        )
        return {"Authorization": f"Bearer {token}"}

    def brings(self, column: str) -> dict[str, str]:
        """The headers of a column."""
        match column:
            case "anonymous":
                return {}
            case "API key":
                return {"X-API-Key": self.planted.good_key.text}
            case "revoked API key":
                return {"X-API-Key": self.planted.revoked_key.text}
            case "session":
                return {"Cookie": self.planted.session, "X-CSRF-Token": self.csrf}
            case "logged-out session":
                return {"Cookie": self.planted.ended_session, "X-CSRF-Token": self.csrf}
            case "revoked token":
                return {"Authorization": f"Bearer {self.revoked}"}
            case "expired token":
                old = self._minted(OURS, Role.ADMIN, lifetime=timedelta(seconds=-300))
                return {"Authorization": f"Bearer {old}"}
        return {"Authorization": f"Bearer {self.token(column)}"}

    def _minted(self, organization: uuid.UUID, role: Role, **more: Any) -> str:
        name = (organization, role, tuple(sorted(more.items(), key=lambda item: item[0])))
        if name not in self._tokens:
            self._tokens[name] = self.house.token(organization, role, **more)
        return self._tokens[name]

    def call(
        self, brought: Mapping[str, str], method: str, path: str, asked: str = "", /, **more: Any
    ) -> httpx2.Response:
        """One request. What is hidden from whoever asks must not be in the answer.

        asked: what the caller named itself, which may come back in the words of a refusal.
        """
        answer = self.client.request(method, path, headers={**brought, **more.pop("headers", {})}, **more)
        assert answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text}"
        organization = self.organization(brought)
        content = without_diffs(answer.content)
        for form in forms_of(asked) if asked else ():
            content = content.replace(form.encode(), b"")
        for secret, name in self.hidden.get(organization, {}).items():
            assert secret not in content, f"{method} {path} tells of {name}: {content[:2000]!r}"
        self.told += 1
        return answer

    @contextmanager
    def socket(self, brought: Mapping[str, str]) -> Iterator[ClientConnection]:
        """A socket for subscriptions, with the credential in its handshake; it has been asked for nothing."""
        address = self.house.url.replace("http", "ws", 1) + "/graphql"
        protocols = [Subprotocol("graphql-transport-ws")]
        with connect(address, subprotocols=protocols, additional_headers=dict(brought)) as opened:
            opened.send('{"type": "connection_init"}')
            yield opened

    def shake_hands(self, brought: Mapping[str, str]) -> tuple[int, str]:
        """Whether a caller is let in at the socket: 101, or the code of the closing and the problem's."""
        with self.socket(brought) as opened:
            try:
                assert json.loads(opened.recv(30)) == {"type": "connection_ack"}
            except ConnectionClosed:
                return opened.close_code or 0, (opened.close_reason or "").partition(":")[0]
        return 101, ""

    def ask(
        self, headers: Mapping[str, str], document: str, asked: str = "", **variables: Any
    ) -> tuple[int, dict[str, Any]]:
        """One GraphQL request: status and answer."""
        body = {"query": document, "variables": variables}
        answer = self.call(headers, "POST", "/graphql", asked, json=body)
        whole: dict[str, Any] = answer.json()
        # What it cost is no part of what was asked for; see `Crowd.cost`.
        cost = whole.pop("extensions", {}).get("cost", {})
        self.cost = (cost.get("requestedQueryCost"), cost.get("actualQueryCost"))
        return answer.status_code, whole

    def organization(self, headers: Mapping[str, str]) -> uuid.UUID:
        """Whose headers these are; nobody's is like ours, from whom the least is hidden."""
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            return OURS
        return uuid.UUID(jwt.decode(token, options={"verify_signature": False})["org"])


def without_diffs(content: bytes) -> bytes:
    """An answer without what its changes were.

    A row may refer to one that was public once; its own history goes on naming that one's id.
    """
    if b'"diff":' not in content:
        return content

    def pruned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: pruned(inner) for name, inner in value.items() if name != "diff"}
        return [pruned(inner) for inner in value] if isinstance(value, list) else value

    return json.dumps(pruned(json.loads(content)), ensure_ascii=False).encode()


def without(scope: str) -> frozenset[str]:
    """Every scope of an administrator of ours but one."""
    return EVERY_SCOPE - SYSTEM - {scope}


def code_of(answer: Mapping[str, Any]) -> str:
    """The code of the first error of an answer, of GraphQL or of REST."""
    if "code" in answer:
        return str(answer["code"])
    errors = answer.get("errors") or [{}]
    return str(errors[0].get("extensions", {}).get("code", ""))


def forms_of(id: str) -> tuple[str, ...]:
    """A global id as it may be spelt: itself, and as UUID."""
    _, found = decode_id(id)
    return id, str(found), found.hex


def replaced(answer: Any, given: str) -> str:
    """The text of an answer without the id that was asked for, and without what is each request's own."""
    if isinstance(answer, dict):
        answer = {name: value for name, value in answer.items() if name not in ("requestId",)}
    text = json.dumps(answer, sort_keys=True, default=str)
    for form in forms_of(given):
        text = text.replace(form, "…")
    return text
