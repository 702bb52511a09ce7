"""What clients and resource servers look up before they start: metadata and keys, under /.well-known."""

from collections.abc import Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.keyring import ANNOUNCED
from api.keys import ALGORITHM
from api.oauth.asked import ASSERTION, BASIC, NONE, POST
from api.oauth.clients import ASSERTION_ALGORITHMS, IDENTITY, SCOPES
from api.oauth.server import TOKEN_PATH
from api.services import services_of
from api.settings import Settings

_SECRET = [BASIC, POST, ASSERTION]
# Anybody may read these, from any page.
_HEADERS = {
    "Cache-Control": f"public, max-age={int(ANNOUNCED.total_seconds())}",
    "Access-Control-Allow-Origin": "*",
}


def server_metadata(issuer: str) -> dict[str, Any]:
    """What this authorization server can do (RFC 8414, and OpenID Connect Discovery)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": issuer + TOKEN_PATH,
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "scopes_supported": sorted({*SCOPES, *IDENTITY}),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": [*_SECRET, NONE],
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": [*_SECRET, NONE],
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": _SECRET,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": ["sub", "org", "name", "email", "auth_time", "nonce"],
        "prompt_values_supported": ["none", "login", "consent"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "claims_parameter_supported": False,
        "service_documentation": f"{issuer}/docs",
    }


def resource_metadata(issuer: str) -> dict[str, Any]:
    """What the API asks of its callers (RFC 9728)."""
    return {
        "resource": issuer,
        "authorization_servers": [issuer],
        "scopes_supported": sorted(SCOPES),
        "bearer_methods_supported": ["header"],
        "resource_name": "Catalograph",
        "resource_documentation": f"{issuer}/docs",
    }


def metadata_routes(settings: Settings) -> list[Route]:
    """The documents under /.well-known."""
    issuer = settings.issuer
    server, resource = server_metadata(issuer), resource_metadata(issuer)
    return [
        Route("/.well-known/oauth-authorization-server", _document(server), methods=["GET"]),
        Route("/.well-known/openid-configuration", _document(server), methods=["GET"]),
        Route("/.well-known/oauth-protected-resource", _document(resource), methods=["GET"]),
        Route("/.well-known/jwks.json", _keys, methods=["GET"]),
    ]


def _document(found: dict[str, Any]) -> Callable[[Request], Any]:
    body = orjson.dumps(found)

    async def document(request: Request) -> Response:
        return Response(body, 200, _HEADERS, "application/json")

    return document


async def _keys(request: Request) -> Response:
    body = orjson.dumps(services_of(request).keys.jwks())
    return Response(body, 200, _HEADERS, "application/jwk-set+json")
