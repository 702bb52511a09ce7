"""The paths of the authorization server."""

from starlette.routing import Route

from api.oauth.authorize import PATH, authorize, consent
from api.oauth.endpoints import introspect, revoke_token, token, userinfo
from api.oauth.metadata import metadata_routes
from api.oauth.server import TOKEN_PATH
from api.settings import Settings


def oauth_routes(settings: Settings) -> list[Route]:
    """Endpoints under /oauth, metadata and keys under /.well-known."""
    return [
        Route(PATH, authorize, methods=["GET"]),
        Route(PATH, consent, methods=["POST"]),
        Route(TOKEN_PATH, token, methods=["POST"]),
        Route("/oauth/revoke", revoke_token, methods=["POST"]),
        Route("/oauth/introspect", introspect, methods=["POST"]),
        Route("/oauth/userinfo", userinfo, methods=["GET", "POST"]),
        *metadata_routes(settings),
    ]
