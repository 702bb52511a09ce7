"""What the front door works with, made once by `api/app.py` and found by every endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from api.auth import Authenticator
from api.counting import Requests
from api.floor import Floor
from api.keyring import KeyRing
from api.limits import Limiter
from api.live.hub import Hub
from api.people.passwords import Passwords
from api.people.provider import Provider
from api.revocations import Revocations
from api.settings import Settings
from api.shed import Places
from domain.access.viewer import Viewer
from domain.figures.pools import PoolFigures
from domain.files.verdict import Inspect
from graph.perform import Tools
from graph.run import Engine


@dataclass(frozen=True)
class Services:
    """The engine that reads, the tools that write, and who may ask.

    requests, pools: what this process counts. secret: what `api.keys.purpose_secret` makes a secret for one
    purpose of. body_limit: bytes of a JSON body. upload_limit: bytes of a delivered message. inspect: tells
    what files are.
    """

    authenticator: Authenticator
    engine: Engine
    tools: Tools
    keys: KeyRing
    revocations: Revocations
    settings: Settings
    secret: bytes
    passwords: Passwords
    limiter: Limiter
    floor: Floor
    places: Places
    hub: Hub
    inspect: Inspect
    requests: Requests
    pools: Mapping[str, PoolFigures]
    provider: Provider | None = None
    body_limit: int = 8 << 20
    upload_limit: int = 128 << 20

    async def viewer(self, request: Request) -> Viewer:
        """Who asks; from here on the log knows it, and what it costs is charged. Raises Problem 401."""
        viewer = await self.authenticator.admit(request)
        request.scope["actor"] = viewer.actor
        request.scope["bill"] = self.limiter.bill(viewer)
        return viewer


def services_of(request: Request) -> Services:
    """The services of the application that serves a request."""
    services: Services = request.app.state.services
    return services
