"""Passwords hashed with Argon2id, on a few threads, so that log-ins starve neither the loop nor memory."""

import asyncio
import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.problems import Problem

# Two passes over 46 MiB in one lane: twice what OWASP asks for at the least, a tenth of a second of one
# core. More lanes would only take the other cores from those who are logged in already.
HASHER = PasswordHasher(time_cost=2, memory_cost=46 << 10, parallelism=1)
# Half the cores: the event loop and its neighbours have the others.
_AT_ONCE = max(1, (os.cpu_count() or 2) // 2)
WAITING = 32

Result = TypeVar("Result")


class Passwords:
    """Hashes and verifies on half the cores at most; only so many more wait."""

    def __init__(self, hasher: PasswordHasher = HASHER) -> None:
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="argon2")
        self._under_way = 0

    @functools.cached_property
    def _nobody(self) -> str:
        """What a password is compared with where there is no account, so that it takes as long."""
        return self._hasher.hash(os.urandom(16).hex())

    def make_room(self) -> None:
        """Raise Problem OVERLOADED when too many wait already."""
        if self._under_way >= _AT_ONCE + WAITING:
            raise Problem(
                "OVERLOADED", "too many are logging in at the moment; try again", headers={"Retry-After": "2"}
            )

    async def hash(self, password: str) -> str:
        """The Argon2id hash of a password, with its salt and parameters. Raises Problem OVERLOADED."""
        return await self._run(lambda: self._hasher.hash(password))

    async def fits(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password of a hash; None is nobody's. Raises Problem OVERLOADED."""
        return await self._run(lambda: self._fits(password_hash, password))

    def is_old(self, password_hash: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _fits(self, password_hash: str | None, password: str) -> bool:
        try:
            self._hasher.verify(password_hash or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None

    async def _run(self, work: Callable[[], Result]) -> Result:
        self.make_room()
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1
