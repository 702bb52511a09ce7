"""API keys at the door: remembered for a few seconds, looked at on every request, their use noted later."""

import hashlib
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass

import structlog

from api.problems import Problem
from api.repeated import Repeated
from api.revocations import Revocations
from domain.access.addresses import Network, may_come_from, network_of
from domain.access.credentials import KeyMalformed, prefix_of
from domain.access.key_lookup import FoundKey, KeyRefused, find_key, note_uses
from domain.access.revocation import Revocable
from domain.access.viewer import Viewer
from domain.ports import SqlPool

# What is remembered of a key is asked of the rows again after this long, and at once when one of its names
# was revoked. The second covers a revocation that commits after the rows were read.
FRESH_S = 3.0
# While one request asks the rows again, the others go on with what is known, so that they don't all ask.
_MEANWHILE_S = 1.0
_NOTE_EVERY_S = 5.0

log = structlog.get_logger("api.keys")


@dataclass
class _Remembered:
    viewer: Viewer
    key_id: uuid.UUID
    networks: tuple[Network, ...]
    fresh_until: float


class ApiKeys:
    """Turns API keys into viewers."""

    def __init__(
        self,
        pool: SqlPool,
        revocations: Revocations,
        *,
        remembered: int = 4096,
        fresh_s: float = FRESH_S,
        note_every_s: float = _NOTE_EVERY_S,
    ) -> None:
        self._pool = pool
        self._revocations = revocations
        self._most = remembered
        self._fresh_s = fresh_s
        self._known: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._used: dict[uuid.UUID, float] = {}
        self._noting = Repeated(self._note, note_every_s, "key_uses_unwritten")

    async def __aenter__(self) -> "ApiKeys":
        self._noting.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._noting.stop()
        await self._note()

    def known(self, text: str, address: str) -> Viewer | None:
        """The viewer of a key that is remembered; None when the rows must be asked. Raises Problem 401."""
        name = _name(text)
        entry = self._known.get(name)
        if entry is None:
            return None
        viewer, now = entry.viewer, time.time()
        if viewer.expires_at <= now or self._revocations.refuses(viewer):
            del self._known[name]
            return None
        if entry.fresh_until <= (clock := time.monotonic()):
            entry.fresh_until = clock + _MEANWHILE_S
            return None
        return self._admit(entry, address, now, name)

    async def viewer(self, text: str, address: str) -> Viewer:
        """The viewer of a key. Raises Problem 401 INVALID_API_KEY."""
        if (viewer := self.known(text, address)) is not None:
            return viewer
        name = _name(text)
        try:
            prefix = prefix_of(text)
            async with self._pool.acquire() as connection:
                found = await find_key(connection, text, prefix)
        except (KeyMalformed, KeyRefused) as error:
            self._known.pop(name, None)
            raise invalid_key(str(error)) from None
        entry = _Remembered(
            _viewer(found),
            found.id,
            tuple(network_of(rule) for rule in found.addresses),
            time.monotonic() + self._fresh_s,
        )
        self._known[name] = entry
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return self._admit(entry, address, time.time(), name)

    def _admit(self, entry: _Remembered, address: str, now: float, name: bytes) -> Viewer:
        if entry.networks and not may_come_from(address, entry.networks):
            raise invalid_key(f"the API key may not be used from {address or 'an unknown address'}")
        self._known.move_to_end(name)
        self._used[entry.key_id] = now
        return entry.viewer

    async def _note(self) -> None:
        """Write down what was used since; a use that can't be written is noted with the next ones."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            async with self._pool.acquire() as connection:
                await note_uses(connection, used)
        except Exception as error:
            self._used = {**used, **self._used}
            log.warning("key_uses_unwritten", error=type(error).__name__)


def invalid_key(detail: str) -> Problem:
    """The problem of an API key that opens nothing."""
    return Problem(
        "INVALID_API_KEY",
        detail,
        headers={"WWW-Authenticate": 'Bearer realm="catalograph", error="invalid_token"'},
    )


def _name(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _viewer(found: FoundKey) -> Viewer:
    standing = found.standing
    return Viewer(
        organization_id=standing.organization_id,
        actor=str(found.client_id),
        role=standing.role,
        scopes=frozenset(scope for scope in standing.scopes if scope.value in found.scopes),
        tier=standing.tier,
        client_id=found.client_id,
        territories=standing.territories,
        names=frozenset(
            {
                Revocable.KEY.of(found.id),
                Revocable.CLIENT.of(found.client_id),
                Revocable.ORGANIZATION.of(standing.organization_id),
            }
        ),
        issued_at=found.read_at,
        **({"expires_at": found.expires_at.timestamp()} if found.expires_at else {}),
    )
