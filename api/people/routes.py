"""The paths of people: pages, and the endpoints that forms and scripts send to."""

from starlette.routing import BaseRoute, Route

from api.people.login import login, login_page, logout, session


def people_routes() -> list[BaseRoute]:
    """Pages at /login and its like, endpoints under /auth."""
    return [
        Route("/login", login_page, methods=["GET"]),
        Route("/auth/login", login, methods=["POST"]),
        Route("/auth/logout", logout, methods=["POST"]),
        Route("/auth/session", session, methods=["GET"]),
    ]
