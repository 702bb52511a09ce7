"""The paths of people: pages, and the endpoints that forms and scripts send to."""

from starlette.routing import BaseRoute, Route

from api.people.account import (
    account_page,
    change_organization,
    change_password,
    end_one_session,
    end_other_sessions,
    list_sessions,
)
from api.people.login import login, login_page, logout, session
from api.people.outside import outside_callback, outside_connect, outside_disconnect, outside_login
from api.people.registration import accept_invitation, invitation_page, register, register_page


def people_routes() -> list[BaseRoute]:
    """Pages at /login and its like, endpoints under /auth."""
    return [
        Route("/login", login_page, methods=["GET"]),
        Route("/account", account_page, methods=["GET"]),
        Route("/invitation", invitation_page, methods=["GET"]),
        Route("/register", register_page, methods=["GET"]),
        Route("/auth/login", login, methods=["POST"]),
        Route("/auth/logout", logout, methods=["POST"]),
        Route("/auth/session", session, methods=["GET"]),
        Route("/auth/sessions", list_sessions, methods=["GET"]),
        Route("/auth/sessions/end-others", end_other_sessions, methods=["POST"]),
        Route("/auth/sessions/{id}", end_one_session, methods=["DELETE"]),
        Route("/auth/sessions/{id}/end", end_one_session, methods=["POST"]),
        Route("/auth/password", change_password, methods=["POST"]),
        Route("/auth/organization", change_organization, methods=["POST"]),
        Route("/auth/invitations/accept", accept_invitation, methods=["POST"]),
        Route("/auth/register", register, methods=["POST"]),
        Route("/auth/oidc/login", outside_login, methods=["GET"]),
        Route("/auth/oidc/connect", outside_connect, methods=["POST"]),
        Route("/auth/oidc/disconnect", outside_disconnect, methods=["POST"]),
        Route("/auth/oidc/callback", outside_callback, methods=["GET"]),
    ]
