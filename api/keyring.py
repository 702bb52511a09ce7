"""The keys of a running server, and how they change: rotated, pruned, removed."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api.keys import PUBLISHED, SigningKey, ensure_keys, load_keys, locked, make_key
from api.repeated import Repeated

# How long a key is published before it signs: as long as others may keep our key set (Cache-Control).
ANNOUNCED = timedelta(minutes=5)
# The longest life of a token: 15 minutes from the authorization server, 30 days from the command line.
LONGEST_LIFE = timedelta(days=30)
_EVERY_S = 1.0

log = structlog.get_logger("api.keys")


class KeyRefused(ValueError):
    """The keys can't be changed in the way asked for; the text says why."""


class KeyRing:
    """The keys as the server knows them. Entered, it looks at the folder every second.

    generation: goes up with each change, so that whoever remembers what a key signed can forget it.
    """

    def __init__(
        self, keys: Sequence[SigningKey], folder: Path | None = None, every_s: float = _EVERY_S
    ) -> None:
        self._folder = folder
        self._seen = _state(folder) if folder else ()
        self._following = Repeated(partial(asyncio.to_thread, self.refresh), every_s, "keys_unread")
        self.generation = 0
        self._take(keys)

    def _take(self, keys: Sequence[SigningKey]) -> None:
        self.keys = tuple(keys)
        self._public = {key.kid: key.public for key in keys}
        self.generation += 1

    @property
    def signer(self) -> SigningKey:
        """The key that signs."""
        return self.keys[0]

    def find(self, kid: str) -> Ed25519PublicKey | None:
        """The public half of a key of ours."""
        return self._public.get(kid)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public halves (RFC 7517 §5)."""
        return {"keys": [key.jwk for key in self.keys]}

    def refresh(self) -> None:
        """Read the folder again if it has changed; keeps what it has when that can't be read."""
        if self._folder is None or (state := _state(self._folder)) == self._seen:
            return
        keys = load_keys(self._folder)
        if not keys:
            raise KeyRefused(f"{self._folder} holds no key")
        self._seen = state
        if [key.kid for key in keys] != [key.kid for key in self.keys]:
            self._take(keys)
            log.info("keys_changed", signer=keys[0].kid, published=len(keys))

    async def __aenter__(self) -> "KeyRing":
        self._following.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._following.stop()


def open_ring(folder: Path) -> KeyRing:
    """The ring over a folder; makes the first keys. Raises KeyUnreadable, OSError."""
    return KeyRing(ensure_keys(folder), folder)


def rotate(folder: Path, *, announced: timedelta = ANNOUNCED) -> list[SigningKey]:
    """The next key signs from now on, and a new one is announced. Raises KeyRefused.

    announced: how long the next key must have been published; less, and somebody may not know it yet.
    """
    ensure_keys(folder)
    with locked(folder):
        age = time.time() - load_keys(folder)[1].made_at
        if age < announced.total_seconds():
            raise KeyRefused(
                f"the next key was made {age:.0f} s ago; it signs when it has been published for "
                f"{announced.total_seconds():.0f} s, so that whoever keeps our key set knows it (or --now)"
            )
        make_key(folder)
        return load_keys(folder)


def prune(folder: Path, *, longest_life: timedelta = LONGEST_LIFE) -> list[SigningKey]:
    """Remove former keys of which no token can live any more; gives them."""
    with locked(folder):
        keys = load_keys(folder)
        by_age = sorted(keys, key=lambda key: key.made_at)
        removed = []
        for place, key in enumerate(by_age[:-PUBLISHED]):
            # It signed until the second key after it was made.
            signed_until = by_age[place + PUBLISHED].made_at
            if signed_until + longest_life.total_seconds() < time.time() and key.file:
                key.file.unlink()
                removed.append(key)
        return removed


def remove(folder: Path, kid: str) -> SigningKey:
    """Take one key away at once: what it signed is refused from now on. Raises KeyRefused.

    In place of the one that signs, the next one signs; a new one is announced.
    """
    with locked(folder):
        keys = load_keys(folder)
        found = [key for key in keys if key.kid == kid]
        if not found:
            raise KeyRefused(f"there is no key {kid}; `keys list` names them")
        if found[0] in keys[:PUBLISHED]:
            make_key(folder)
        file = found[0].file
        assert file is not None, "keys of a folder have files"
        file.unlink()
        return found[0]


def _state(folder: Path) -> tuple[str, ...]:
    """What differs when a key was added or removed."""
    return tuple(sorted(file.name for file in folder.glob("*.pem")))
