"""What sending a notice asks of the outside world, as Protocols; `domain/adapters` answers them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.ports import Sealer


class NotSent(Exception):
    """The other side could not be reached or did not take it now; later it might.

    after_s: in how many seconds it asked to be tried again, if it did.
    """

    def __init__(self, text: str, after_s: float | None = None) -> None:
        super().__init__(text)
        self.after_s = after_s


class NeverSent(Exception):
    """The other side won't have it, or it may not be sent there; trying again would not help."""


@dataclass(frozen=True)
class Mail:
    """One message to one address. id: the same at each attempt, so that a copy can be known for one."""

    id: str
    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Hands mail to a server."""

    async def send(self, mail: Mail) -> None:
        """Return when the server has taken it. Raises NotSent, NeverSent."""
        ...


class Poster(Protocol):
    """Posts to addresses that users named."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Return when it was answered with 2xx. Raises NotSent, NeverSent."""
        ...


@dataclass(frozen=True)
class Outlets:
    """The ways out that the installation has; None where it was not given one."""

    mailer: Mailer | None = None
    poster: Poster | None = None
    sealer: Sealer | None = None
