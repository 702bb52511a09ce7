"""How verbs reach the running server: its address, and a token made for this call."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from api.cli.output import Fault, Refused
from api.embedded import read_running
from api.settings import Settings, load_settings

if TYPE_CHECKING:
    import httpx2

_PATIENCE_S = 60.0


def client(timeout_s: float = _PATIENCE_S) -> "httpx2.Client":
    """An HTTP client with base address and bearer token; close it, or use it as a context manager.

    CATALOGRAPH_URL and CATALOGRAPH_TOKEN name another server; else it is the one running from this folder.
    """
    import httpx2

    settings = load_settings()
    running = read_running(settings.state_folder)
    address = settings.url or running.get("address")
    if not address:
        raise Fault(
            "No server runs from this checkout. Start one with: python3 -m api\n"
            "Or name another one in CATALOGRAPH_URL, with a token for it in CATALOGRAPH_TOKEN."
        )
    token = settings.token.get_secret_value() or (development_token(settings) if not settings.url else "")
    if not token:
        raise Fault("CATALOGRAPH_URL names a server; put a token for it in CATALOGRAPH_TOKEN.")
    return httpx2.Client(
        base_url=address,
        headers={"Authorization": f"Bearer {token}", "User-Agent": "catalograph-cli"},
        timeout=timeout_s,
        trust_env=bool(settings.url),
        event_hooks={"request": [_named]},
    )


def answered(answer: "httpx2.Response") -> dict[str, Any]:
    """The JSON of an answer. Raises Refused, in the server's words, where one can mend it, and else Fault."""
    try:
        body: dict[str, Any] = answer.json()
    except ValueError:
        raise Fault(f"The server answered {answer.status_code} without JSON") from None
    errors = body.get("errors")
    if (errors and "data" in body) or (errors and "detail" not in body):
        code, text = (errors[0].get("extensions") or {}).get("code"), errors[0]["message"]
    elif answer.status_code >= 400:
        code, text = body.get("code"), body.get("detail") or body
    else:
        return body
    if code in ("INTERNAL_ERROR", "AUTH_REQUIRED") or answer.status_code == 401 or answer.status_code >= 500:
        raise Fault(f"The server answered {answer.status_code}: {text}")
    raise Refused(f"{code}: {text}" if code else str(text))


def _named(request: "httpx2.Request") -> None:
    """Give a write the key that lets it be repeated, unless the caller chose one."""
    if request.method not in ("GET", "HEAD"):
        request.headers.setdefault("Idempotency-Key", str(uuid.uuid4()))


def development_token(settings: Settings, lifetime: timedelta = timedelta(minutes=15)) -> str:
    """A token of the development administrator."""
    from api.development import read_identity
    from api.keys import ensure_keys, mint_token
    from domain.access.scopes import Role

    identity = read_identity(settings)
    if identity is None:
        raise Fault("There is no development organization yet. Start once with: python3 -m api")
    return mint_token(
        ensure_keys(settings.state_folder / "keys")[0],
        subject=identity.user_id,
        organization_id=uuid.UUID(identity.organization_id),
        role=Role.ADMIN,
        tier=identity.tier,
        operator=identity.operator,
        lifetime=lifetime,
    )


def settings_here() -> Settings:
    """The settings, with the servers of the running `up` filled in where the environment names none."""
    settings = load_settings()
    running = read_running(settings.state_folder)
    return settings.using(
        database_url=settings.database_url or running.get("database_url", ""),
        redis_url=settings.redis_url or running.get("redis_url", ""),
    )
