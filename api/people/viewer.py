"""A person who is logged in, as the viewer of API requests that carry the session cookie."""

from starlette.requests import Request

from api.people.sessions import expect_csrf, logged_in
from api.services import services_of
from domain.access.revocation import Revocable
from domain.access.standing import standing_of_member
from domain.access.viewer import Viewer

# Methods that change nothing; every other one must show that our own page sent it.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def session_viewer(request: Request, alone: bool) -> Viewer | None:
    """The viewer of the session cookie, as the rows have it now; None without a session that holds.

    alone: whether the cookie is the request's only credential. A browser sends it by itself, so then what is
    no plain read needs the session's CSRF token as X-CSRF-Token. Raises Problem CSRF_FAILED.
    """
    found = await logged_in(request)
    if found is None:
        return None
    async with services_of(request).tools.pool.acquire() as connection:
        standing = await standing_of_member(connection, found.organization_id, found.user_id)
    if standing is None:
        return None
    if alone and request.method not in _SAFE:
        expect_csrf(request, found, None)
    return Viewer(
        organization_id=standing.organization_id,
        actor=str(found.user_id),
        role=standing.role,
        scopes=standing.scopes,
        tier=standing.tier,
        territories=standing.territories,
        names=frozenset(
            {
                Revocable.SESSION.of(found.session_id),
                Revocable.MEMBER.of(standing.organization_id, found.user_id),
                Revocable.ORGANIZATION.of(standing.organization_id),
            }
        ),
        expires_at=found.expires_at.timestamp(),
    )
