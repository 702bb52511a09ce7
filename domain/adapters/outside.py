"""Calls to what is not ours: each with an end to waiting, and a rest for what does not answer.

One `Outside` stands for one dependency in one process. Five failures in a row open its breaker: for half a
minute nobody waits for it, everybody is told at once that it is away. Then one call goes through to try it;
the others are told meanwhile. docs/outside.md says what each dependency's absence means to a caller.
"""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog

from domain.ports import OutsideAway, TryLater

T = TypeVar("T")
Clock = Callable[[], float]

FAULTS: tuple[type[Exception], ...] = (OSError, TimeoutError)
# However long an answer says to stay away; a date in its header may be any.
LONGEST_REST_S = 3600.0
_AGAIN_S = 1.0

log = structlog.get_logger("outside")


class Outside:
    """One dependency, as one process has found it. Safe to share between tasks and threads.

    timeout_s: for one try. tries: at most so many, of a call that may be repeated; between them a random part
    of backoff_s, then of twice that, up to longest_wait_s, so that many callers don't come back together.
    faults: what means that nobody sensible answered; another exception is an answer, and not counted.
    """

    def __init__(
        self,
        name: str,
        timeout_s: float,
        *,
        tries: int = 3,
        backoff_s: float = 0.2,
        longest_wait_s: float = 5.0,
        failures: int = 5,
        rest_s: float = 30.0,
        faults: tuple[type[Exception], ...] = FAULTS,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self._tries = tries
        self._backoff_s = backoff_s
        self._longest_wait_s = longest_wait_s
        self._most_failures = failures
        self._rest_s = rest_s
        self._faults: tuple[type[Exception], ...] = (*faults, TryLater)
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._turn = threading.Lock()
        self._failed = 0
        self._open = False
        self._trying = False
        self._not_before = 0.0
        # Counts openings and closings: what a call that began before one finds out is no longer news.
        self._era = 0
        self._why = ""

    @property
    def state(self) -> str:
        """closed (calls go out), open (none does), or half-open (one may go out, or is out, to try)."""
        with self._turn:
            if not self._open:
                return "closed"
            return "half-open" if self._clock() >= self._not_before else "open"

    async def call(self, work: Callable[[], Awaitable[T]], *, repeat: bool = False) -> T:
        """What `work` gives. Raises OutsideAway, at once while the dependency is left alone.

        repeat: whether doing it twice does no harm, so that it may be tried again. A cancelled call says
        nothing about the dependency: whoever limits its time as well must allow it more than timeout_s.
        """
        turn = 1
        while True:
            try:
                with self.watched():
                    async with asyncio.timeout(self.timeout_s):
                        return await work()
            except OutsideAway:
                wait = self._pause(turn) if repeat and turn < self._tries else None
                if wait is None:
                    raise
            await self._sleep(wait)
            turn += 1

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let the block call the dependency, and learn from how it ends; the block ends waiting itself.

        For calls in threads, whose library has timeouts and repeats of its own. Raises OutsideAway.
        """
        era = self._enter()
        try:
            yield
        except self._faults as error:
            raise self._fail(era, error) from error
        except Exception:
            self._answered(era)
            raise
        except BaseException:
            self._leave(era)
            raise
        self._answered(era)

    def _pause(self, turn: int) -> float | None:
        """Seconds until the next try, None when it would be too long."""
        wait = self._chance() * min(self._longest_wait_s, self._backoff_s * 2.0 ** (turn - 1))
        with self._turn:
            left = self._not_before - self._clock()
            if self._open or left > self._longest_wait_s:
                return None
        return max(0.0, left) + wait

    def _enter(self) -> int:
        with self._turn:
            left = self._not_before - self._clock()
            if left > 0:
                raise OutsideAway(self.name, self._why, left)
            if self._open:
                if self._trying:
                    raise OutsideAway(self.name, self._why, _AGAIN_S)
                self._trying = True
            return self._era

    def _answered(self, era: int) -> None:
        with self._turn:
            if era != self._era:
                return
            back, self._open, self._trying, self._failed = self._open, False, False, 0
            self._era += back
        if back:
            log.warning("outside_back", name=self.name)

    def _fail(self, era: int, error: Exception) -> OutsideAway:
        why = self._told(error)
        after_s = error.after_s if isinstance(error, TryLater) else None
        with self._turn:
            now = self._clock()
            opened = False
            if era == self._era:
                self._why = why
                self._failed += 1
                if after_s is not None:
                    self._not_before = max(self._not_before, now + min(after_s, LONGEST_REST_S))
                if self._open or self._failed >= self._most_failures:
                    opened = not self._open
                    self._open, self._trying = True, False
                    self._not_before = max(self._not_before, now + self._rest_s)
                    self._era += 1
            left = max(_AGAIN_S, self._not_before - now)
        if opened:
            log.warning(
                "outside_away", name=self.name, reason=why, failures=self._failed, rest_s=self._rest_s
            )
        return OutsideAway(self.name, why, left)

    def _leave(self, era: int) -> None:
        """Nothing was learnt: where this was the trial, the next call is."""
        with self._turn:
            if era == self._era:
                self._trying = False

    def _told(self, error: Exception) -> str:
        if isinstance(error, TimeoutError) and not str(error):
            return f"no answer within {self.timeout_s:g} s"
        return f"{type(error).__name__}: {error}" if not isinstance(error, TryLater) else str(error)
